"""Which lines of rpm -V and dpkg --verify are damage, and what a bounded verification knows."""

from __future__ import annotations

import time

import pytest

from hookd.system.packages.verification import Damage, Verified, damages, verify
from hookd.system.process.command import Completed


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("S.5....T.    /usr/bin/app", "it differs in size and contents"),
        ("S.5....T    /usr/bin/app", "it differs in size and contents"),  # rpm 4.4: 8 flags
        ("..5......    /usr/bin/app", "it differs in contents"),
        ("..5....T.  p /usr/bin/app", "it differs in contents"),
        ("....L....    /usr/bin/app", "it differs in target"),
        ("...D.....    /usr/bin/app", "it differs in device number"),
        ("??5??????   /usr/bin/app", "it differs in contents"),  # dpkg --verify
        ("missing     /usr/bin/app", "it is missing"),
        ("missing     /usr/bin/app (Permission denied)", "it is missing"),
    ],
)
def test_contents_and_what_is_missing_are_damage(line, why):
    assert damages([line]) == [Damage("/usr/bin/app", why)]


@pytest.mark.parametrize(
    "line",
    [
        "S.5....T.  c /etc/app.conf",
        "??5?????? c /etc/app.conf",
        "missing   c /etc/app.conf",
        "missing   d /usr/share/app/README",
        "S.5....T.  g /usr/lib/app/cache",
        "missing   l /usr/share/licenses/app/COPYING",
        ".......T.    /usr/bin/app",
        ".M...UG..    /usr/bin/app",
        "........P    /usr/bin/ping",
        "S.5....T.    /usr/lib/python2.7/app.pyc",
        "S.5....T.    /var/lib/app/state",
        "missing     /run/app",
        "missing     /usr/share/doc/app/changelog.gz",
        "missing     /usr/share/locale/de/LC_MESSAGES/app.mo",
        "Unsatisfied dependencies for app-1.0-1.noarch:",
        "app = 2 is needed by app-1.0-1.noarch",
        "package app-1.0-1.noarch is not installed",
        "S.5....T.    relative/path",
        "S.5....T.    /usr/bin/\x1b[2J",
        "",
    ],
)
def test_what_admins_scriptlets_and_programs_change_is_none(line):
    assert damages([line]) == []


class Tool:
    """Answers one command after the other; each takes `takes_s`."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def __call__(self, argv, *, timeout_s, environment):
        self.asked.append(tuple(argv))
        assert environment == {"LC_ALL": "C"}
        assert timeout_s > 0
        exit_code, stdout, stderr, error = self.answers.pop(0)
        return Completed(tuple(argv), exit_code, stdout, stderr, error)


def said(answer):
    return answer.stderr.decode()


LABELS = [f"p{number}" for number in range(45)]
WHOLE = (0, b"", b"", "")
BROKEN = (1, b"missing     /usr/bin/a\n", b"", "")


def test_packages_are_verified_in_batches_and_the_exit_code_only_counts():
    tool = Tool(WHOLE, BROKEN, WHOLE)
    got = verify(tool, ["rpm", "-V", "--"], LABELS, time.monotonic() + 60, said)
    assert got == Verified((Damage("/usr/bin/a", "it is missing"),))
    assert tool.asked == [
        ("rpm", "-V", "--", *LABELS[:20]),
        ("rpm", "-V", "--", *LABELS[20:40]),
        ("rpm", "-V", "--", *LABELS[40:]),
    ]


def test_when_the_time_is_over_nothing_more_is_asked():
    tool = Tool()
    assert verify(tool, ["rpm"], LABELS, time.monotonic() - 1, said) == Verified((), 45)


def test_a_tool_that_cannot_tell_is_an_error_and_what_it_told_before_is_kept():
    tool = Tool(BROKEN, (1, b"", b"the database is torn", ""))
    got = verify(tool, ["rpm"], LABELS, time.monotonic() + 60, said)
    assert got == Verified((Damage("/usr/bin/a", "it is missing"),), 25, "the database is torn")


def test_a_tool_that_is_not_there_is_an_error():
    tool = Tool((None, b"", b"", "rpm: No such file or directory"))
    got = verify(tool, ["rpm"], LABELS, time.monotonic() + 60, said)
    assert got == Verified((), 45, "rpm: No such file or directory")
