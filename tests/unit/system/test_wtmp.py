"""How the machine went down before its boot, by what wtmp holds, in both of its layouts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.wtmp import AARCH64, EMPTY, X86_64, booted, login, record, runlevel, shut_down

from hookd.core.readings import Boot, Standing, WentDown
from hookd.system import wtmp
from hookd.system.root import Root

T = 1612489000.0
BOOT = Boot(boot_id="b", btime=int(T))
CLEAN = WentDown(clean=True, down_s=41.25)
UNCLEAN = WentDown(clean=False)


def unknown(reason):
    return WentDown(Standing.UNKNOWN, reason)


@pytest.fixture
def read(read_whole):
    """Write the files and read how the machine went down."""
    return lambda *records, **more: replace(read_whole(*records, **more), boots=())


@pytest.fixture
def read_whole(tmp_path):
    """Write the files and read them."""

    def write_and_read(*records, boot=BOOT, **rotated):
        folder = tmp_path / "var/log"
        folder.mkdir(parents=True)
        (folder / "wtmp").write_bytes(b"".join(records))
        for name, data in rotated.items():
            (folder / name.replace("_", ".", 1).replace("wtmp.2", "wtmp-2")).write_bytes(data)
        return wtmp.read(Root(str(tmp_path)), boot)

    return write_and_read


def before(at, **layout):
    """An earlier boot with its logins."""
    return booted(at - 90000, **layout) + runlevel(at - 89990, **layout) + login(at, **layout)


@pytest.mark.parametrize("layout", [X86_64, AARCH64], ids=["x86_64", "aarch64"])
def test_a_shutdown_between_two_boots_is_clean_and_tells_how_long_it_was_down(read, layout):
    was = before(T - 100, layout=layout)
    found = read(was, shut_down(T - 41.25, layout=layout), booted(T, layout=layout))
    assert found == CLEAN


@pytest.mark.parametrize("layout", [X86_64, AARCH64], ids=["x86_64", "aarch64"])
def test_two_boots_without_a_shutdown_are_unclean(read, layout):
    now = booted(T, layout=layout) + login(T + 60, layout=layout)
    assert read(before(T - 100, layout=layout), now) == UNCLEAN


def test_what_comes_after_the_boot_says_nothing_of_what_was_before(read):
    assert read(before(T - 100), booted(T), shut_down(T + 500)) == UNCLEAN


def test_only_the_newest_boot_counts(read):
    crash = booted(T - 80000) + booted(T - 70000)
    assert read(crash, shut_down(T - 41.25), booted(T)) == CLEAN


OTHERS = {
    "systemd comes up after the kernel": (booted(T - 9) + booted(T + 12.5), UNCLEAN),
    "the clock was set back": (
        shut_down(T + 300) + booted(T),
        WentDown(clean=True),
    ),
    "of another boot": (
        before(T - 90000) + booted(T - 9000),
        unknown("the newest boot that wtmp tells of is not this one"),
    ),
    "it was rotated since": (booted(T), unknown("wtmp begins with this boot")),
    "it tells of logins alone": (
        login(T + 9),
        WentDown(Standing.ABSENT, "wtmp tells of no boot: none are recorded here"),
    ),
    "empty": (b"", WentDown(Standing.ABSENT, "wtmp tells of no boot: none are recorded here")),
    "garbage": (
        bytes(range(256)) * 30,
        WentDown(Standing.ABSENT, "wtmp tells of no boot: none are recorded here"),
    ),
    "garbage between": (shut_down(T - 41.25) + b"\xff" * 384 + booted(T), CLEAN),
    "records that were never written": (
        shut_down(T - 41.25) + record(EMPTY, "", 0.0) * 40 + booted(T),
        CLEAN,
    ),
    "torn": (shut_down(T - 41.25) + booted(T) + booted(T + 1)[:200], CLEAN),
}


@pytest.mark.parametrize(("data", "expected"), OTHERS.values(), ids=OTHERS)
def test_what_else_a_wtmp_may_hold(read, data, expected):
    assert read(data) == expected


def test_a_boot_of_unknown_time_is_none_that_wtmp_tells_of(read):
    found = read(shut_down(T - 41.25), booted(T), boot=Boot(boot_id="b"))
    assert found == unknown("the newest boot that wtmp tells of is not this one")


@pytest.mark.parametrize("name", ["wtmp_1", "wtmp_20210101"])
def test_what_was_rotated_away_is_read_as_well(read, name):
    assert read(booted(T), **{name: before(T - 100) + shut_down(T - 41.25)}) == CLEAN


def test_of_a_large_one_the_end_is_read(read):
    logins = login(T - 500) * 6000  # 4.6 MB
    assert read(before(T - 9000), shut_down(T - 800), logins, booted(T)) == unknown(
        "wtmp begins with this boot"
    )


def test_without_the_file_there_is_no_such_source(tmp_path):
    expected = WentDown(Standing.ABSENT, "/var/log/wtmp does not exist")
    assert wtmp.read(Root(str(tmp_path)), BOOT) == expected


def test_what_is_no_file_is_unknown(tmp_path):
    (tmp_path / "var/log/wtmp").mkdir(parents=True)
    assert wtmp.read(Root(str(tmp_path)), BOOT).standing is Standing.UNKNOWN


BOOTED = {
    "this one alone": (booted(T), (T,)),
    "with those before": (before(T - 100) + shut_down(T - 41.25) + booted(T), (T - 90100, T)),
    "at most sixteen": (
        b"".join(booted(T - 100 * n) for n in range(40, -1, -1)),
        tuple(T - 100 * n for n in range(15, -1, -1)),
    ),
    "none where this one is not told of": (before(T - 90000) + booted(T - 9000), ()),
}


@pytest.mark.parametrize(("data", "expected"), BOOTED.values(), ids=BOOTED)
def test_it_tells_when_the_machine_booted(read_whole, data, expected):
    assert read_whole(data).boots == expected
