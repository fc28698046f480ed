"""Which time a log's line was written at, by the hook that compares the errors since pre."""

from __future__ import annotations

import json
import os
import time

import pytest
from test_impact_hook import FORMS, IMPACT, UNREADABLE, Machine


@pytest.mark.parametrize("form", ["apache", "syslog", "local", "nginx"])
def test_the_first_time_of_a_line_is_the_one_it_was_written_at(tmp_path, form):
    """What comes after it may be of somebody who asks for /?day=2020-01-01T00:00:00."""
    machine = Machine(tmp_path)
    stamp = FORMS[form]
    old, new = stamp(machine.now - 1300), stamp(machine.now - 1)
    hidden = [f"{new} error of {day} 00:00:00Z" for day in ("2020-01-01", "2099-01-01")]
    path = machine.log("\n".join([f"{old} started", *hidden, f"{new} well"]) + "\n")

    done = machine.run(IMPACT, LOGS=path)

    assert (done.code, done.reason) == (1, f"{path}: 2 since pre, 0 before")


def test_a_word_behind_a_time_is_no_zone(tmp_path):
    """With a zone of its own the times of these lines would be of hours ago."""
    machine = Machine(tmp_path)
    stamps = [
        time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(machine.now + 5 * 3600 - age))
        for age in (1300, 1)
    ]
    path = machine.log("".join(f"{stamp} Zookeeper error\n" for stamp in stamps))

    done = machine.run(IMPACT, LOGS=path, TZ="XXX-5")

    assert (done.code, done.reason) == (1, f"{path}: 1 since pre, 0 before")


def test_an_old_date_in_a_log_does_not_make_it_reach_back(tmp_path):
    machine = Machine(tmp_path)
    at = FORMS["iso"](machine.now - 60)
    path = machine.log(f"{at} well\n  valid from 2020-01-01 00:00:00\n{at} well\n")

    done = machine.run(IMPACT, LOGS=path)

    assert (done.code, done.reason) == (1, f"{path}: {UNREADABLE}")


@pytest.mark.parametrize("minutes", [-301, 61])
def test_times_far_from_when_they_were_written_are_not_known_though_they_are_late(
    tmp_path, minutes
):
    """Of another zone, and written a minute after they were made."""
    machine = Machine(tmp_path)
    at = machine.now + 60 * minutes
    stamp = FORMS["local"]
    path = machine.log(f"{stamp(at - 1300)} started\n{stamp(at)} error\n")
    os.utime(str(path), (machine.now - 20, machine.now - 20))

    done = machine.run(IMPACT, LOGS=path)

    assert (done.code, "another time zone?" in done.reason) == (1, True)


def test_what_was_written_late_and_without_times_is_of_no_other_zone(tmp_path):
    machine = Machine(tmp_path)
    path = machine.log(machine.lines("iso", (1, 0, 1, 0)))
    os.utime(str(path), (machine.now + 400, machine.now + 400))

    done = machine.run(IMPACT, LOGS=path)

    assert (done.code, done.stdout) == (0, f"{path}: 1 since pre, 1 before\n")


@pytest.mark.parametrize("hours", [-5.5, 2])
def test_times_of_another_zone_are_not_known(tmp_path, hours):
    machine = Machine(tmp_path)
    stamp = FORMS["local"]
    old, last = (stamp(machine.now + 3600 * hours - age_s) for age_s in (1300, 0))
    path = machine.log(f"{old} started\n{last} error\n")

    done = machine.run(IMPACT, LOGS=path)

    shift = f"{60 * hours:+.0f} minutes from its last change: another time zone?"
    assert (done.code, done.reason) == (1, f"{path}: not known: its last time is {shift}")


def test_a_log_that_was_silent_for_an_hour_is_of_no_other_zone(tmp_path):
    machine = Machine(tmp_path)
    at = FORMS["local"](machine.now - 3600)
    machine.log(f"{at} started\n", "app.log.1", age_s=3600)
    path = machine.log("", age_s=0)

    done = machine.run(IMPACT, LOGS=path)

    assert (done.code, done.stdout) == (0, f"{path}: 0 since pre, 0 before\n")


@pytest.mark.parametrize(
    "stamp", ["2026-99-01 10:00:00", "Foo 12 10:00:00", "9999-99-99T99:99:99Z"]
)
def test_what_only_looks_like_a_time_is_none(tmp_path, stamp):
    machine = Machine(tmp_path)
    odd = f"{stamp} error\n"  # of the entry before it
    path = machine.log(odd + machine.lines("iso", (1, 1, 1, 0)) + odd)

    done = machine.run(IMPACT, LOGS=path)

    assert (done.code, done.stdout) == (0, f"{path}: 2 since pre, 2 before\n")


def test_a_clock_that_went_back_compares_nothing(tmp_path):
    machine = Machine(tmp_path)
    path = machine.log(machine.lines("iso", (0, 0, 9, 9)))
    phases = [{"phase": "pre", "started_at": FORMS["iso"](machine.now + 3600)}]
    machine.context.write_text(json.dumps({"phases": phases}))

    done = machine.run(IMPACT, LOGS=path)

    assert (done.code, done.reason) == (1, "not known: by the clock pre is still to come")
