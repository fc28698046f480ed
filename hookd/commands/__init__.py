"""One small file per verb; VERBS names them all."""

from __future__ import annotations

from typing import Callable

from hookd.commands.boot import boot
from hookd.commands.cancel import cancel
from hookd.commands.check import check
from hookd.commands.daemon import daemon
from hookd.commands.history import history
from hookd.commands.hold import hold
from hookd.commands.hooks import hooks
from hookd.commands.recover import recover
from hookd.commands.run import run
from hookd.commands.show import show
from hookd.commands.status import status

VERBS: dict[str, Callable[..., int]] = {
    "run": run,
    "status": status,
    "show": show,
    "history": history,
    "hooks": hooks,
    "check": check,
    "hold": hold,
    "recover": recover,
    "cancel": cancel,
    "daemon": daemon,
    "boot": boot,
}
