"""How a boot ended, by the last messages that the journal (journalctl(1)) has kept of it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Iterator

from hookd.core.readings import Boot, Standing, WentDown
from hookd.system.textfile import names_in

if TYPE_CHECKING:
    from hookd.system.process.command import Run
    from hookd.system.root import Root

FOLDER = "/var/log/journal"

_ANSWERS_WITHIN_S = 5.0
_MESSAGES = 60
_LONGEST = 64 << 10
_MACHINE = re.compile(r"[0-9a-f]{32}")
_STARTED = "f77379a8490b408bbe5f6940505a777b"
_ENDING = ("d93fb3c9c24d451a97cea615ce59c00b", "98268866d1d54a499c4e98921d93bc40")
"""SD_MESSAGE_JOURNAL_START; SD_MESSAGE_JOURNAL_STOP and SD_MESSAGE_SHUTDOWN (sd-messages.h)."""
_GOES_DOWN = re.compile(
    r"Reached target .*(?:Shutdown|Reboot|Power-?\s?Off|Halt|Final Step|Unmount All)"
    r"|Stopped target .*(?:Multi-User System|Basic System|Local File Systems)"
    r"|Shutting down\.",
    re.IGNORECASE,
)
"""What systemd says as pid 1 since 219; a user's manager reaches its own shutdown.target."""


def read(root: Root, run: Run, ended: str, now: Boot) -> WentDown:
    """Return how boot `ended` (a boot id) ended, before boot `now`. Never raises.

    Asked by a match on the boot and not by `-b`, which first looks up all boots there are.
    """
    try:
        is_kept = any(map(_MACHINE.fullmatch, names_in(root, FOLDER)))
    except OSError as error:
        return WentDown(Standing.UNKNOWN, f"{FOLDER}: {error.strerror}")
    if not is_kept:
        return WentDown(Standing.ABSENT, f"the journal is not kept: nothing in {FOLDER}")
    asked = ("journalctl", "--no-pager", "-q", "-o", "json", "-n", str(_MESSAGES))
    match = "_BOOT_ID=" + ended.replace("-", "")
    said = run((*asked, "-D", root.join(FOLDER), match), timeout_s=_ANSWERS_WITHIN_S)
    if not said.is_ok:
        return WentDown(Standing.UNKNOWN, said.why())
    entries = list(_entries(said.stdout))
    if not entries:
        return WentDown(Standing.UNKNOWN, "the journal has nothing of the boot before")
    if not _is_clean(entries):
        return WentDown(clean=False)
    return WentDown(clean=True, down_s=_down_s(entries[-1], now))


def _entries(output: bytes) -> Iterator[dict[str, Any]]:
    """Yield what each line tells. A journal that was cut off may give a line that is none."""
    for line in output.splitlines():
        try:
            entry = json.loads(line) if len(line) <= _LONGEST else None
        except (ValueError, RecursionError):
            continue
        if isinstance(entry, dict):
            yield entry


def _is_clean(entries: list[dict[str, Any]]) -> bool:
    """Whether the last thing that began was a shutdown.

    journald stops and starts in the middle of a boot as well (it leaves the initrd, is upgraded).
    """
    is_ending = False
    for entry in entries:
        if entry.get("MESSAGE_ID") == _STARTED:
            is_ending = False
        elif _tells_of_end(entry):
            is_ending = True
    return is_ending


def _tells_of_end(entry: dict[str, Any]) -> bool:
    if entry.get("MESSAGE_ID") in _ENDING:
        return True
    if entry.get("_PID") != "1":
        return False
    message = entry.get("MESSAGE")
    said = isinstance(message, str) and bool(_GOES_DOWN.match(message))
    return said or entry.get("SYSLOG_IDENTIFIER") == "systemd-shutdown"


def _down_s(last: dict[str, Any], now: Boot) -> float | None:
    """Return the seconds between the last message and the boot, None when that is not known."""
    at = last.get("__REALTIME_TIMESTAMP")
    if not now.btime or not isinstance(at, str) or not re.fullmatch("[0-9]{1,18}", at):
        return None
    down_s = now.btime - int(at) / 1e6
    return round(down_s, 3) if down_s >= 0 else None
