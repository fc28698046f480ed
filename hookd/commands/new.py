"""`hookd new`: a template of a hook, with its metadata, that does nothing until it is written."""

from __future__ import annotations

import errno
import os
import re

from hookd.commands.context import Context, print_json, say
from hookd.core.model import Phase
from hookd.errors import Exit, HookdError
from hookd.system import durable
from hookd.system.hooks import discovery
from hookd.system.root import Root

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_TEMPLATE = """\
#!/bin/bash
# /// hookd
# description = "{what}"
# timeout = "5m"
# required = {required}
# retries = 0              # further tries after exit code 75
{undo}# ///
#
# What it does, in a sentence or two.
#
# Settings, from [hooks."{id}".settings]:
#   NAME   what it is for. Needed
#
# Exit codes:
#   0   done
#   75  try again (`retries`), then failed
#   77  not configured: skipped
#   else failed; the last line of stderr is told as the reason
set -euo pipefail
if [[ -z ${{NAME-}} ]]; then
  echo "not configured: set NAME" >&2
  exit 77
fi
# HOOKD_SCRATCH is this hook's directory for the length of the operation, across reboots{scratch}.
# HOOKD_OPERATION, HOOKD_ROOT, HOOKD_PHASE, HOOKD_CONTEXT (JSON): see the hook contract.
{more}echo "name=$NAME" >>"$HOOKD_OUTPUT"   # stands in the result
"""
_UNDO = """\
# # undoes = "pre/NAME"    # owed from the start of that pre hook until this has ended well
# # only_if_healthy = true # waits while a check fails
# # when = ["patched-rebooted", "patched-no-reboot"]   # all paths without it
"""
_MORE = {
    Phase.PRE: "# What it takes away it writes down first, for the hook that undoes it.\n",
    Phase.POST: "# It runs before the reboot: were it required, its failure would cost that.\n",
    Phase.ON_EXIT: "# HOOKD_PATH tells what happened, HOOKD_HEALTH how the machine is.\n",
}


def new(context: Context, hook: str) -> int:
    """Write the template of a hook below /etc/hookd/hooks.d, where nothing of that name is."""
    root = Root(context.root)
    phase, name = _parts(hook)
    directory = root.join(f"{discovery.ADMIN}/{phase}")
    path = os.path.join(directory, name)
    vendor = f"{discovery.VENDOR}/{phase}/{name}"
    # yours first: who copies over it loses it, and a mask is a link to /dev/null
    if os.path.lexists(path):
        raise _is_there(path)
    if os.path.lexists(root.join_nofollow(vendor)):
        hint = f"a file of yours stands in for it: cp -p {vendor} {discovery.ADMIN}/{phase}/"
        raise HookdError(f"{vendor} is there already", hint=hint, code=Exit.USAGE)
    try:
        _make_directory(directory)
        durable.new_file(path, _text(phase, name).encode("ascii"), mode=0o755)
    except FileExistsError:
        raise _is_there(path) from None
    except OSError as error:
        raise HookdError(f"{path}: {error.strerror}") from error
    if context.as_json:
        print_json({"hook": f"{phase}/{name}", "path": path})
        return Exit.OK
    say(f"{path} is there and does nothing until it is configured: write it, then `hookd check`")
    return Exit.OK


def _is_there(path: str) -> HookdError:
    hint = "choose another name, or edit it"
    return HookdError(f"{path} is there already", hint=hint, code=Exit.USAGE)


def _make_directory(path: str) -> None:
    try:
        durable.make_directory(path, mode=0o755)
    except FileExistsError as error:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path) from error


def _parts(hook: str) -> tuple[Phase, str]:
    """Return phase and file name of `hook`. Raises HookdError for what would never run."""
    phase, _, name = hook.partition("/")
    usage = "write PHASE/NAME, like pre/20-back-up-database"
    if phase not in [one.value for one in Phase] or not _NAME.fullmatch(name):
        reason = "letters, digits, `.`, `_` and `-` only, with a letter or digit first"
        raise HookdError(f"{hook!r} is no name for a hook: {reason}", hint=usage, code=Exit.USAGE)
    why = discovery.why_left_out(name.encode("ascii"))
    if why:
        raise HookdError(f"{hook} would never run: its name {why}", hint=usage, code=Exit.USAGE)
    return Phase(phase), name


def _text(phase: Phase, name: str) -> str:
    is_on_exit = phase is Phase.ON_EXIT
    return _TEMPLATE.format(
        id=f"{phase}/{name}",
        what=f"What {name} does, in a few words",
        required="false" if phase is Phase.POST else "true",
        undo=_UNDO if is_on_exit else "",
        scratch=";\n# an undo gets that of its pre hook" if is_on_exit else "",
        more=_MORE[phase],
    )
