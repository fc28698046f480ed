"""Every line of a dnf.rpm.log becomes an entry, known noise or a line that is shown as unread."""

from __future__ import annotations

import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookd.core.readings import LogAction, LogEntry, PackageLog
from hookd.system.packages import dnflog
from hookd.system.packages.tail import NOWHERE
from hookd.system.root import Root

SAMPLE = pathlib.Path(__file__).parents[2] / "data/packages/dnf.rpm.log"


def test_a_log_that_grew_is_read_whole(tmp_path):
    root = Root(str(tmp_path))
    assert dnflog.read(root, None).cursor == NOWHERE
    (tmp_path / "var/log").mkdir(parents=True)
    (tmp_path / "var/log/dnf.rpm.log").write_bytes(SAMPLE.read_bytes())
    found = dnflog.read(root, NOWHERE)
    kernel = ("kernel", "6.1.79-99.164.amzn2023", "x86_64", "2026-03-01T02:00:03Z")
    old_kernel = ("kernel", "6.1.61-85.141.amzn2023", "x86_64", "2026-03-01T02:00:03Z")
    ssl = ("openssl-libs", "1:3.0.8-1.amzn2023", "x86_64", "2026-03-01T02:00:01Z")
    old_ssl = ("openssl-libs", "1:3.0.7-1.amzn2023", "x86_64", "2026-03-01T02:00:04Z")
    at = "2026-03-01T02:00:02Z"
    assert found == PackageLog(
        source="dnf.rpm.log",
        cursor=found.cursor,
        entries=(
            LogEntry(LogAction.UPDATED, *ssl),
            LogEntry(LogAction.UPDATED, "halfway", "1.1-1", "noarch", at),
            LogEntry(LogAction.FAILED, "halfway", at=at),
            LogEntry(LogAction.FAILED, "halfway", "1.1-1", "noarch", at),
            LogEntry(LogAction.INSTALLED, *kernel),
            LogEntry(LogAction.REMOVED, *old_kernel),
            LogEntry(LogAction.REPLACED, *old_ssl),
            LogEntry(LogAction.OBSOLETED, "oldtool", "1.0-1", "noarch", "2026-03-01T02:00:05Z"),
        ),
        unread=(
            "2026-03-01T02:00:06+0000 SUBDEBUG Frobnicated: oldtool-1.0-1.noarch",
            "a line of something else",
        ),
        unread_count=2,
    )


@pytest.mark.parametrize(
    ("word", "action"),
    [
        ("Installed", LogAction.INSTALLED),
        ("Upgrade", LogAction.UPDATED),
        ("Upgraded", LogAction.REPLACED),
        ("Downgrade", LogAction.DOWNGRADED),
        ("Downgraded", LogAction.REPLACED),
        ("Reinstall", LogAction.REINSTALLED),
        ("Reinstalled", LogAction.REPLACED),
        ("Erase", LogAction.REMOVED),
        ("Obsoleted", LogAction.OBSOLETED),
        ("Obsolete", LogAction.OBSOLETED),
    ],
)
def test_every_word_has_its_action(word, action):
    line = f"2026-03-01T02:00:00Z SUBDEBUG {word}: a-1:2-3.noarch"
    expected = LogEntry(action, "a", "1:2-3", "noarch", "2026-03-01T02:00:00Z")
    assert dnflog.parse_line(line) == expected


@pytest.mark.parametrize(
    ("stamp", "at"),
    [
        ("2021-03-02T08:05:29Z", "2021-03-02T08:05:29Z"),
        ("2026-11-22T23:37:57-0500", "2026-11-23T04:37:57Z"),
        ("2024-08-26T01:00:00+0530", "2024-08-25T19:30:00Z"),
        ("2024-08-26T01:00:00+05:30", "2024-08-25T19:30:00Z"),
        ("2024-13-26T01:00:00Z", ""),
        ("0001-01-01T00:00:00+0100", ""),
    ],
)
def test_times_are_utc(stamp, at):
    expected = LogEntry(LogAction.INSTALLED, "a", "1-2", "noarch", at)
    assert dnflog.parse_line(f"{stamp} SUBDEBUG Installed: a-1-2.noarch") == expected


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("ERROR Error in PREIN scriptlet in rpm package a", ("a",)),
        ("ERROR Error in PREUN scriptlet in rpm package a-1-2.noarch", ("a", "1-2", "noarch")),
        ("ERROR Error unpacking rpm package a-1-2.noarch", ("a", "1-2", "noarch")),
        ("INFO error: a-1-2.noarch: install failed", ("a", "1-2", "noarch")),
        ("INFO error: a-1-2.noarch: erase failed", ("a", "1-2", "noarch")),
    ],
)
def test_what_was_not_processed_is_a_failure(text, entry):
    found = dnflog.parse_line(f"2026-03-01T02:00:00Z {text}")
    parts = dict(zip(("name", "evr", "arch"), entry))
    assert found == LogEntry(LogAction.FAILED, at="2026-03-01T02:00:00Z", **parts)


@pytest.mark.parametrize(
    "text",
    [
        "ERROR Error in POSTIN scriptlet in rpm package a",
        "ERROR Error in POSTTRANS scriptlet in rpm package a",
        "INFO --- logging initialized ---",
        "INFO Installed: a-1-2.noarch",
        "SUBDEBUG Installed: a",
        "SUBDEBUG Installed a-1-2.noarch",
    ],
)
def test_a_failed_post_scriptlet_and_chatter_are_no_entries(text):
    assert dnflog.parse_line(f"2026-03-01T02:00:00Z {text}") is None


@given(st.lists(st.binary(max_size=60)))
def test_no_bytes_make_it_raise(lines):
    dnflog.parse(lines)
    dnflog.parse([b"2026-03-01T02:00:00Z SUBDEBUG " + line for line in lines])
