"""Every line of a yum.log becomes an entry, known noise or a line that is shown as unread."""

from __future__ import annotations

import os
import pathlib
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookd.core.readings import LogAction, LogEntry, PackageLog, Standing
from hookd.system.packages import yumlog
from hookd.system.packages.tail import NOWHERE
from hookd.system.root import Root

SAMPLE = pathlib.Path(__file__).parents[2] / "data/packages/yum.log"
NOON = 12 * 3600


def local(*parts):
    """Return a local time without a zone, as the log has it."""
    return datetime(*parts)  # noqa: DTZ001


def at_noon(year, month, day):
    return local(year, month, day, 12).timestamp()


@pytest.fixture
def root(tmp_path):
    (tmp_path / "var/log").mkdir(parents=True)
    return Root(str(tmp_path))


def grow(root, text, when=None):
    path = root.join(yumlog.PATH)
    with open(path, "ab") as file:
        file.write(text)
    if when is not None:
        os.utime(path, (when, when))


def test_a_log_that_grew_is_read_whole(root):
    now = at_noon(2021, 1, 2)
    cursor = yumlog.read(root, None, now).cursor
    assert cursor == NOWHERE
    grow(root, SAMPLE.read_bytes(), now)
    found = yumlog.read(root, cursor, now + 9)
    assert found == PackageLog(
        source="yum.log",
        cursor=found.cursor,
        entries=(
            LogEntry(
                LogAction.INSTALLED, "tree", "1.6.0-10.amzn2", "x86_64", "2020-12-30T23:59:58"
            ),
            LogEntry(
                LogAction.UPDATED,
                "openssl-libs",
                "1:1.0.2k-24.amzn2",
                "x86_64",
                "2021-01-02T03:04:05",
            ),
            LogEntry(
                LogAction.INSTALLED,
                "kernel",
                "4.14.214-160.339.amzn2",
                "x86_64",
                "2021-01-02T03:04:06",
            ),
            LogEntry(LogAction.REMOVED, "oldtool", "1.0-1", "noarch", "2021-01-02T03:04:06"),
            LogEntry(
                LogAction.REMOVED,
                "kernel-livepatch-4.14.165-133.209",
                at="2021-01-02T03:04:07",
            ),
            LogEntry(LogAction.FAILED, "halfway", "1.1-1", "noarch", "2021-01-02T03:04:07"),
        ),
        unread=("Jan 02 03:04:09 odd-1.1-1.noarch: 77", "a line of something else"),
        unread_count=2,
    )
    assert found.cursor.offset == SAMPLE.stat().st_size


@pytest.mark.parametrize(
    ("message", "entry"),
    [
        ("Installed: a-1-2.noarch", LogEntry(LogAction.INSTALLED, "a", "1-2", "noarch")),
        ("Updated: 0:a-1-2.noarch", LogEntry(LogAction.UPDATED, "a", "1-2", "noarch")),
        ("Erased: 32:a-1-2.noarch", LogEntry(LogAction.REMOVED, "a", "32:1-2", "noarch")),
        ("Erased: java-1.7.0-openjdk", LogEntry(LogAction.REMOVED, "java-1.7.0-openjdk")),
        ("Obsoleted: a-1-2.noarch", LogEntry(LogAction.OBSOLETED, "a", "1-2", "noarch")),
        ("Cleanup: a-1-2.noarch", LogEntry(LogAction.REPLACED, "a", "1-2", "noarch")),
        ("a-1-2.noarch: 100", LogEntry(LogAction.FAILED, "a", "1-2", "noarch")),
        ("a: 100", LogEntry(LogAction.FAILED, "a")),
        # yum of RHEL 4 and 5
        (
            "Updated: openssl.i686 0.9.8e-12",
            LogEntry(LogAction.UPDATED, "openssl", "0.9.8e-12", "i686"),
        ),
        (
            "Dep Installed: a.b.noarch 1:1.0-2",
            LogEntry(LogAction.INSTALLED, "a.b", "1:1.0-2", "noarch"),
        ),
        ("Installed: mc.x86_64 0:4.6-1", LogEntry(LogAction.INSTALLED, "mc", "4.6-1", "x86_64")),
        ("Installed: mc - 1:4.6-1.i386", LogEntry(LogAction.INSTALLED, "mc", "1:4.6-1", "i386")),
    ],
)
def test_every_form_of_a_line_is_read(message, entry):
    assert yumlog.parse_line("Feb 05 01:53:11 " + message) == entry
    assert yumlog.parse_line("fév. 5 01:53:11 " + message) == entry


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Installed: a-1-2.noarch",
        "Feb 05 Installed: a-1-2.noarch",
        "Feb 05 01:53:11 Installed: ",
        "Feb 05 01:53:11 Installed: a",
        "Feb 05 01:53:11 Installed: a-1-2.noarch extra",
        "Feb 05 01:53:11 Exploded: a-1-2.noarch",
        "Feb 05 01:53:11 a-1-2.noarch: 77",
        "Feb 05 01:53:11 Erased: two words",
        "Feb 05 01:53:11 Installed: a-1-2.noarch\x00",
    ],
)
def test_what_is_no_package_line_is_none(text):
    assert yumlog.parse_line(text) is None


@pytest.mark.parametrize(
    ("stamps", "newest", "expected"),
    [
        (["Feb 05 01:53:11"], local(2021, 2, 5, 1, 53, 11), ["2021-02-05T01:53:11"]),
        # over New Year, twice
        (
            ["Nov 30 10:00:00", "Mar 01 10:00:00", "Dec 31 23:59:59", "Jan 01 00:00:01"],
            local(2021, 1, 1, 0, 0, 1),
            [
                "2019-11-30T10:00:00",
                "2020-03-01T10:00:00",
                "2020-12-31T23:59:59",
                "2021-01-01T00:00:01",
            ],
        ),
        # Feb 29 is only in leap years
        (["Feb 29 10:00:00"], local(2023, 1, 1), ["2020-02-29T10:00:00"]),
        (["Feb 29 10:00:00"], local(2024, 2, 29, 11), ["2024-02-29T10:00:00"]),
        (["Feb 29 10:00:00"], local(1903, 1, 1), ["1896-02-29T10:00:00"]),
        # a log from a zone ahead of ours, and a clock that was set back
        (["Feb 05 09:53:11"], local(2021, 2, 5, 1, 53, 11), ["2021-02-05T09:53:11"]),
        (
            ["Feb 05 02:00:00", "Feb 05 01:30:00"],
            local(2021, 2, 5, 1, 30),
            ["2021-02-05T02:00:00", "2021-02-05T01:30:00"],
        ),
        # no date at all
        (["Feb 30 01:00:00", "Foo 01 01:00:00", "Feb 05 25:00:00"], local(2021, 2, 5), [""] * 3),
    ],
)
def test_the_year_is_the_latest_that_fits(stamps, newest, expected):
    lines = [f"{stamp} Installed: a-1-2.noarch".encode() for stamp in stamps]
    entries, unread = yumlog.parse(lines, newest)
    assert ([entry.at for entry in entries], unread) == (expected, [])


def test_the_last_write_tells_the_year_and_a_clock_ahead_does_not(root):
    text = b"Feb 05 01:53:11 Installed: a-1-2.noarch\n"
    grow(root, text, at_noon(2019, 3, 1))
    assert yumlog.read(root, NOWHERE, at_noon(2024, 1, 1)).entries[0].at == "2019-02-05T01:53:11"
    grow(root, b"", at_noon(2199, 3, 1))
    assert yumlog.read(root, NOWHERE, at_noon(2024, 3, 1)).entries[0].at == "2024-02-05T01:53:11"


def test_only_some_of_many_unread_lines_are_shown(root):
    grow(root, b"?" * 999 + b"\n" + b"junk\n" * 99)
    found = yumlog.read(root, NOWHERE, NOON)
    assert found.unread == ("?" * 200, *["junk"] * 19)
    assert found.unread_count == 100


def test_a_missing_log_is_absent(root):
    assert yumlog.read(root, None, NOON) == PackageLog(
        standing=Standing.ABSENT,
        reason=f"{root}/var/log/yum.log does not exist",
        source="yum.log",
        cursor=NOWHERE,
    )


@given(st.lists(st.binary(max_size=60)))
def test_no_bytes_make_it_raise_and_every_line_is_accounted_for(lines):
    entries, unread = yumlog.parse(lines, local(2021, 1, 1))
    assert len(entries) + len(unread) <= len(lines)
