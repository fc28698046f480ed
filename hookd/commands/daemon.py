"""`hookd daemon`: the service; systemd starts it on the first call and after a boot."""

from __future__ import annotations

import os
import sys

from hookd.commands.context import Context
from hookd.daemon.listen import listen
from hookd.daemon.server import Server
from hookd.errors import Exit
from hookd.report import log
from hookd.system import streams
from hookd.system.root import Root


def daemon(context: Context, *, recovers: bool) -> int:
    """Serve runs until told to end, or until idle when systemd holds the socket."""
    os.umask(0o022)
    logger = log.start(
        sys.stderr, is_journal=streams.is_journal(sys.stderr), verbose=context.verbose > 0
    )
    listening, may_leave = listen(Root(context.root))
    with listening:
        Server(context.root, context.config, listening, may_leave, logger, recovers).run()
    return Exit.OK
