"""How a boot ended, by what journalctl(1) prints of its end on systemd 219, 252 and others."""

from __future__ import annotations

import json

import pytest

from hookd.core.readings import Boot, Standing, WentDown
from hookd.system import journald
from hookd.system.process.command import Completed
from hookd.system.root import Root

ENDED = "6f1c2f0e-3f0c-4c9e-9c3b-1f8f6b1a7a11"
MACHINE = "ec2a1b9cd1a7d0d4b0f8c2e6a3f5b7d9"
T = 1795500000
NOW = Boot(boot_id="b", btime=T)
STARTED, STOPPED = "f77379a8490b408bbe5f6940505a777b", "d93fb3c9c24d451a97cea615ce59c00b"
SHUTDOWN = "98268866d1d54a499c4e98921d93bc40"
UNCLEAN = WentDown(clean=False)


def message(text, pid="1", identifier="systemd", message_id="", **more):
    entry = {
        "__CURSOR": "s=1",
        "__REALTIME_TIMESTAMP": str((T - 40) * 1_000_000 + 250_000),
        "_BOOT_ID": ENDED.replace("-", ""),
        "_PID": pid,
        "SYSLOG_IDENTIFIER": identifier,
        "MESSAGE": text,
        **({"MESSAGE_ID": message_id} if message_id else {}),
        **more,
    }
    return json.dumps(entry)


def daemon(text="GET / 200"):
    return message(text, "812", "nginx")


def journal(text, message_id=""):
    """Return a message of journald itself."""
    return message(text, "411", "systemd-journald", message_id)


@pytest.fixture
def machine(tmp_path):
    """A root whose journal is kept."""
    (tmp_path / "var/log/journal" / MACHINE).mkdir(parents=True)
    return tmp_path


def read(root, *lines, **more):
    def run(_argv, **_more):
        return Completed(("journalctl",), **{"exit_code": 0, "stdout": text, **more})

    text = "".join(line + "\n" for line in lines).encode()
    return journald.read(Root(str(root)), run, ENDED, NOW)


ENDS = {
    "219": (
        message("Stopped target Multi-User System."),
        daemon("bye"),
        message("Reached target Shutdown."),
        message("Starting Final Step."),
        message("Reached target Final Step."),
        message("Starting Reboot..."),
        message("Shutting down."),
        message("Sending SIGTERM to remaining processes...", "1", "systemd-shutdown"),
        journal("Journal stopped", STOPPED),
    ),
    "252": (
        message("Stopped target multi-user.target - Multi-User System."),
        message("Reached target shutdown.target - System Shutdown."),
        message("Reached target final.target - Late Shutdown Services."),
        message("Reached target reboot.target - System Reboot."),
        message("Shutting down."),
    ),
    "249": (message("Reached target System Power Off."), daemon("late")),
    "245, without its last messages": (message("Reached target Power-Off."),),
    "/var was unmounted before": (
        message("Stopped target Local File Systems."),
        message("Unmounting /var..."),
    ),
    "logind began it": (message("System is rebooting.", "500", "systemd-logind", SHUTDOWN),),
    "journald's last words alone": (daemon(), journal("Journal stopped", STOPPED)),
    "in no words that it knows": (message("x", "1", "systemd-shutdown"),),
}


@pytest.mark.parametrize("lines", ENDS.values(), ids=ENDS)
def test_a_boot_that_ends_with_a_shutdown_is_clean(machine, lines):
    assert read(machine, daemon(), *lines) == WentDown(clean=True, down_s=39.75)


CRASHES = {
    "in the middle of work": (daemon(),),
    "a unit was just started": (message("Started Session 9 of user root."),),
    "journald was upgraded a while ago": (
        journal("Journal stopped", STOPPED),
        journal("Journal started", STARTED),
        daemon(),
    ),
    "it had just left its initrd": (
        message("Stopped target Basic System."),
        journal("Journal stopped", STOPPED),
        journal("Journal started", STARTED),
    ),
    "a user had logged out": (message("Reached target Shutdown.", "4711"),),
    "a unit is named after a shutdown": (
        message("Starting Record System Boot/Shutdown in UTMP..."),
        message("Started Tell Plymouth To Write Out Runtime Data."),
    ),
    "somebody writes of a shutdown": (
        daemon("Reached target Shutdown."),
        message("x", "812", "systemd-shutdown"),
    ),
}


@pytest.mark.parametrize("lines", CRASHES.values(), ids=CRASHES)
def test_a_boot_that_just_ends_is_not(machine, lines):
    assert read(machine, daemon(), *lines) == UNCLEAN


HOSTILE = {
    "no JSON": ("-- Logs begin at", '{"MESSAGE": "Reached tar'),
    "JSON, but no object": ("[]", "1", "null", '"x"'),
    "of a strange shape": (message(None), message([82, 101]), message({"a": 1}), '{"_PID": 1}'),
    "too long": (message("x" * (64 << 10)),),
    "too deep": ("[" * 30000,),
    "no UTF-8": ("\udcff",),
}


@pytest.mark.parametrize("lines", HOSTILE.values(), ids=HOSTILE)
def test_lines_that_are_no_messages_are_passed_over(machine, lines):
    text = [line.encode("utf-8", "surrogateescape") for line in (daemon(), *lines)]
    said = Completed(("journalctl",), 0, b"\n".join(text))
    assert journald.read(Root(str(machine)), lambda *_a, **_m: said, ENDED, NOW) == UNCLEAN


@pytest.mark.parametrize("stamp", ["", "-1", "x", "1" * 30, None, 5, str((T + 9) * 1_000_000)])
def test_a_time_that_cannot_be_leaves_the_downtime_unknown(machine, stamp):
    last = message("Shutting down.", __REALTIME_TIMESTAMP=stamp)
    assert read(machine, last) == WentDown(clean=True)


SILENT = {
    "it fails": (
        {"exit_code": 1, "stderr": b"Failed to open files: Bad message\n"},
        "journalctl exited 1: Failed to open files: Bad message",
    ),
    "it is not there": (
        {"exit_code": None, "error": "journalctl: No such file or directory"},
        "journalctl: No such file or directory",
    ),
    "it knows nothing of that boot": ({}, "the journal has nothing of the boot before"),
}


@pytest.mark.parametrize(("said", "reason"), SILENT.values(), ids=SILENT)
def test_without_an_answer_it_is_not_known(machine, said, reason):
    assert read(machine, **said) == WentDown(Standing.UNKNOWN, reason)


def test_only_the_end_of_that_boot_is_asked_for(machine):
    asked = []

    def run(argv, **more):
        asked.append((argv, more))
        return Completed(tuple(argv), 0)

    journald.read(Root(str(machine)), run, ENDED, NOW)
    folder = f"{machine}/var/log/journal"
    words = ("journalctl", "--no-pager", "-q", "-o", "json", "-n", "60", "-D", folder)
    assert asked == [((*words, f"_BOOT_ID={ENDED.replace('-', '')}"), {"timeout_s": 5.0})]


def refuse(argv, **_more):
    raise AssertionError(f"nothing is there to be asked by {argv}")


@pytest.mark.parametrize("names", [(), ("var/log/journal",), ("var/log/journal/remote",)])
def test_a_journal_that_is_not_kept_is_not_asked(tmp_path, names):
    for name in names:
        (tmp_path / name).mkdir(parents=True)
    expected = WentDown(Standing.ABSENT, "the journal is not kept: nothing in /var/log/journal")
    assert journald.read(Root(str(tmp_path)), refuse, ENDED, NOW) == expected
