"""What a hook is given (folders, environment, context) and what it gives back (its outputs)."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import stat
from dataclasses import dataclass
from functools import lru_cache
from typing import Mapping

from hookd.core.fates import Fate
from hookd.core.model import Phase
from hookd.system.hooks.identity import Identity, NoIdentityError, identity_of
from hookd.system.process.command import PATH
from hookd.system.process.spawn import Start

_LARGEST_OUTPUT = 64 * 1024
_MOST_OUTPUTS = 200
_OUTPUT_LINE = re.compile(r"^([A-Za-z_][A-Za-z0-9_.-]{0,63})=(.*)$")
_LONGEST_FILE_NAME = 200
_DIGEST = 16
_UNSAFE = re.compile(rb"[^A-Za-z0-9._+=@,-]")

_CALLERS = re.compile(r"^(AWS_.*|SSM_COMMAND_ID|.*_proxy|.*_PROXY)$")
_REPLAYED = re.compile(
    r"^(AWS_REGION|AWS_DEFAULT_REGION|AWS_PROFILE|AWS_[A-Z0-9_]+_FILE|AWS_CA_BUNDLE"
    r"|AWS_ENDPOINT_URL.*|AWS_SSM_.*|SSM_COMMAND_ID|.*_proxy|.*_PROXY)$"
)


def of_caller(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what hooks of this phase get of the caller's environment, keys included."""
    return {name: value for name, value in environment.items() if _CALLERS.match(name)}


def to_replay(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what may be journalled and replayed by recovery: no keys, no tokens."""
    return {name: value for name, value in environment.items() if _REPLAYED.match(name)}


@lru_cache(maxsize=256)
def file_name(name: str) -> str:
    """Return a hook's printable name as a file name: percent-encoded, at most 200 bytes.

    The end of a longer one gives way to a digest, so that no two names share their files.
    """
    data = name.encode("utf-8", "surrogateescape")
    safe = _UNSAFE.sub(lambda found: b"%%%02X" % found.group()[0], data).decode("ascii")
    if len(safe) > _LONGEST_FILE_NAME:
        digest = hashlib.sha256(data).hexdigest()[:_DIGEST]
        return f"{safe[: _LONGEST_FILE_NAME - _DIGEST - 1]}-{digest}"
    return safe if safe.strip(".") else "%2E"


@dataclass(frozen=True)
class Surroundings:
    """What all hooks of one phase share. `folder` is the operation's, `context` the JSON file.

    `spare` is a folder in /run for what `folder` does not take.
    """

    operation_id: str
    phase: Phase
    attempt: int
    folder: str
    root: str
    context: str
    path: str
    rebooted: str
    reboot_option: str
    caller_environment: Mapping[str, str]
    output_cap: int
    spare: str = ""

    @property
    def output_folder(self) -> str:
        return f"{self.folder}/hooks/{self.phase}-{self.attempt}"

    def scratch(self, fate: Fate) -> str:
        """Return the scratch folder: an undo gets the one of the pre hook it undoes."""
        owner = fate.undo_of or fate.hook.id
        phase, _, name = owner.partition("/")
        return f"{self.folder}/scratch/{phase}/{file_name(name)}"

    def spare_scratch(self, fate: Fate) -> str:
        return os.path.join(self.spare, os.path.relpath(self.scratch(fate), self.folder))

    def token(self, fate: Fate) -> str:
        where = f"{self.operation_id}/{self.phase}-{self.attempt}"
        return f"{where}/{file_name(fate.hook.name)}#{fate.try_}"


def prepare(around: Surroundings, fate: Fate, *, timeout_s: float, health: str) -> Start:
    """Make the hook's folders and return how to start it. Raises OSError, NoIdentityError.

    What must be new and cannot be made in the operation's folder (full, read-only) is made in the
    spare one.
    """
    hook, token, whom = fate.hook, around.token(fate), identity_of(fate.hook.spec)
    scratch = _made_scratch(around, fate, whom)
    folder = around.output_folder
    with contextlib.suppress(OSError):  # output that cannot be kept is counted as dropped
        _make_folder(folder)
    kept = f"{folder}/{file_name(hook.name)}"
    return Start(
        argv=whom.command(hook.path),
        cwd=scratch,
        environment={
            **_environment(around, fate, token, health, whom),
            "HOOKD_SCRATCH": scratch,
            "HOOKD_OUTPUT": _made_output(around, fate, scratch, whom),
        },
        token=token,
        timeout_s=timeout_s,
        grace_s=hook.spec.grace_s,
        stdout_path=kept + ".out",
        stderr_path=kept + ".err",
        output_cap=around.output_cap,
    )


def _make_folder(path: str) -> None:
    if not os.path.isdir(path):
        os.makedirs(path, mode=0o711)


def _made_scratch(around: Surroundings, fate: Fate, whom: Identity) -> str:
    scratch = around.scratch(fate)
    try:
        _make_private(scratch, whom)
    except OSError:
        if not around.spare:
            raise
        scratch = around.spare_scratch(fate)
        _make_private(scratch, whom)
    return scratch


def _made_output(around: Surroundings, fate: Fate, scratch: str, whom: Identity) -> str:
    """Return where the hook may write its outputs: in its scratch folder if that takes any."""
    path = _output_file(scratch)
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        if os.access(scratch, os.W_OK) or not around.spare:
            return path
    except OSError:
        if not around.spare:
            raise
    spare = around.spare_scratch(fate)
    try:
        _make_private(spare, whom)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(_output_file(spare))
    except OSError:
        return path  # nothing can be written anywhere: the hook runs without outputs
    return _output_file(spare)


def _make_private(path: str, whom: Identity) -> None:
    """Make a folder of `whom` unless it stands; it is never given to anybody else."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        _make_folder(os.path.dirname(path))
        _make_for(path, whom)
        return
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
    if found.st_uid != whom.uid:
        raise NoIdentityError(
            f"its scratch directory belongs to uid {found.st_uid}, not {whom.uid}"
        )


def _make_for(path: str, whom: Identity) -> None:
    if whom.is_self:
        os.mkdir(path, 0o700)
        return
    folder, name = os.path.split(path)
    unowned = os.path.join(folder, "." + name)  # no hook's: their names start with no dot
    with contextlib.suppress(FileExistsError):
        os.mkdir(unowned, 0o700)
    os.chown(unowned, whom.uid, whom.gid)
    os.rename(unowned, path)


def _output_file(scratch: str) -> str:
    return f"{scratch}/.hookd-output"


def _environment(
    around: Surroundings, fate: Fate, token: str, health: str, whom: Identity
) -> dict[str, str]:
    found = {
        **around.caller_environment,
        **fate.hook.spec.settings,
        "LANG": "C.UTF-8",
        "PATH": PATH,
        "HOME": whom.home,
        "HOOKD_PHASE": str(around.phase),
        "HOOKD_OPERATION": around.operation_id,
        "HOOKD_PATH": around.path,
        "HOOKD_HEALTH": health,
        "HOOKD_REBOOTED": around.rebooted,
        "HOOKD_REBOOT_OPTION": around.reboot_option,
        "HOOKD_CONTEXT": around.context,
        "HOOKD_ROOT": around.root,
        "HOOKD_HOOK": token,
    }
    if whom.uid != os.geteuid():
        del found["HOOKD_CONTEXT"]  # ours alone: it shows what other hooks have printed
    return found


def read_outputs(path: str) -> tuple[dict[str, str], str]:
    """Return the `name=value` lines of HOOKD_OUTPUT (at `path`) and what is wrong with it.

    The file is the hook's: no link is followed, only a regular file of its folder's owner is read,
    at most 64 kB of it.
    """
    try:
        owner = os.lstat(os.path.dirname(path)).st_uid
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return {}, ""
    except OSError as error:
        return {}, f"HOOKD_OUTPUT was not read: {error.strerror}"
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != owner:
            return {}, "HOOKD_OUTPUT was not read: it is no regular file of the hook's user"
        return _parse(os.read(fd, _LARGEST_OUTPUT), too_long=found.st_size > _LARGEST_OUTPUT)
    finally:
        os.close(fd)


def _parse(data: bytes, *, too_long: bool) -> tuple[dict[str, str], str]:
    outputs: dict[str, str] = {}
    ignored = 0
    for line in data.decode("utf-8", "backslashreplace").splitlines():
        found = _OUTPUT_LINE.match(line)
        if found and len(outputs) < _MOST_OUTPUTS:
            outputs[found.group(1)] = found.group(2)
        elif line.strip():
            ignored += 1
    if too_long:
        return outputs, "only the first 64 kB of HOOKD_OUTPUT were read"
    return outputs, f"{ignored} lines of HOOKD_OUTPUT are not `name=value`" if ignored else ""
