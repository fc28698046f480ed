"""The hook that compares the errors in logs since pre with those of as long before."""

from __future__ import annotations

import gzip
import json
import os
import time
from datetime import datetime, timezone

import pytest
from support.shipped import Alone, executable

IMPACT = "on-exit/60-impact"
SINCE_PRE_S = 600
MINUTES = (-19, -11, -9, -1)  # from now; pre began ten minutes ago
FORMS = {
    "iso": lambda at: datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.123Z"),
    "offset": lambda at: datetime.fromtimestamp(at, timezone.utc).strftime(
        "%Y-%m-%d %H:%M:%S,5 +0000"
    ),
    "local": lambda at: datetime.fromtimestamp(at).strftime("%Y-%m-%d %H:%M:%S"),  # noqa: DTZ006
    "nginx": lambda at: datetime.fromtimestamp(at).strftime("%Y/%m/%d %H:%M:%S"),  # noqa: DTZ006
    "syslog": lambda at: time.strftime("%b %e %H:%M:%S", time.localtime(at)),
    "apache-errors": lambda at: time.strftime("[%a %b %d %H:%M:%S.123456 %Y]", time.localtime(at)),
    "apache": lambda at: datetime.fromtimestamp(at, timezone.utc).strftime(
        "127.0.0.1 - - [%d/%b/%Y:%H:%M:%S +0000]"
    ),
}


class Machine(Alone):
    """A machine whose pre began ten minutes ago; `log` writes one of its logs."""

    def __init__(self, tmp_path):
        super().__init__(tmp_path)
        self.now = time.time()
        began = FORMS["iso"](self.now - SINCE_PRE_S)
        phases = [{"phase": "pre", "started_at": began}]
        self.context.write_text(json.dumps({"phases": phases}))
        self.place = tmp_path

    def lines(self, form, counts, word="ERROR"):
        """Return lines of `counts` entries at each of MINUTES, in between a harmless one."""
        stamp = FORMS[form]
        made = [f"{stamp(self.now - 1300)} started"]
        for minute, count in zip(MINUTES, counts):
            at = stamp(self.now + 60 * minute)
            made += [f"{at} {word} it broke\n  error in a line without a time"] * count
            made.append(f"{at} all is well")
        return "\n".join(made) + "\n"

    def log(self, text, name="app.log", age_s=0):
        path = self.place / name
        data = text.encode()
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        os.utime(str(path), (self.now - age_s, self.now - age_s))
        return path


@pytest.mark.parametrize("form", FORMS)
def test_more_errors_than_before_fail_whatever_the_form_of_time(tmp_path, form):
    machine = Machine(tmp_path)
    path = machine.log(machine.lines(form, (1, 1, 2, 1)))

    done = machine.run(IMPACT, LOGS=path)
    allowed = machine.run(IMPACT, LOGS=path, ALLOW=1)

    assert (done.code, done.reason) == (1, f"{path}: 3 since pre, 2 before")
    assert (allowed.code, allowed.stdout) == (0, f"{path}: 3 since pre, 2 before\n")


def test_fewer_or_as_many_are_well_and_what_is_older_is_not_counted(tmp_path):
    machine = Machine(tmp_path)
    old = f"{FORMS['iso'](machine.now - 7200)} error\n" * 50
    path = machine.log(old + machine.lines("iso", (0, 2, 2, 0), word="Panic"))

    done = machine.run(IMPACT, LOGS=path)

    assert (done.code, done.stdout) == (0, f"{path}: 2 since pre, 2 before\n")


def test_what_was_rotated_in_between_is_read_too(tmp_path):
    machine = Machine(tmp_path)
    first, second = machine.lines("iso", (1, 1, 1, 1)).split(FORMS["iso"](machine.now - 540), 1)
    machine.log("nothing of interest\n", "app.log.2", age_s=9000)
    machine.log(first, "app.log.1.gz", age_s=570)
    path = machine.log(FORMS["iso"](machine.now - 540) + second)
    machine.log(f"{FORMS['iso'](machine.now)} error\n", "app.log.backup")

    done = machine.run(IMPACT, LOGS=path)

    assert (done.code, done.stdout) == (0, f"{path}: 2 since pre, 2 before\n")


UNREADABLE = "not known: its times cannot be read, or do not reach back so far"


def test_what_cannot_be_known_is_no_success_and_all_of_it_is_named(tmp_path):
    machine = Machine(tmp_path)
    short = machine.log(f"{FORMS['iso'](machine.now - 60)} well\n", "short.log")
    odd = machine.log("no time at all\n", "odd.log")
    cut = machine.log(machine.lines("iso", (0, 0, 0, 0)) + "x" * (2 << 20) + "\n", "cut.log")

    done = machine.run(IMPACT, LOGS=f"{short} {odd} {cut} {tmp_path}/none", LIMIT_MB=1)

    assert (done.code, done.reason.split("; ")) == (
        1,
        [
            *(f"{path}: {UNREADABLE}" for path in (short, odd, cut)),
            f"{tmp_path}/none: not known: [Errno 2] No such file or directory: '{tmp_path}/none'",
        ],
    )


def test_a_log_without_times_is_not_known_even_where_an_older_one_lies_beside_it(tmp_path):
    machine = Machine(tmp_path)
    machine.log("error without a time\n", "app.log.1", age_s=9000)
    path = machine.log("error without a time\n" * 50)

    done = machine.run(IMPACT, LOGS=path)

    assert (done.code, done.reason) == (1, f"{path}: {UNREADABLE}")


@pytest.mark.parametrize("kind", ["mkdir", "mkfifo"])
def test_only_a_file_is_a_log_however_old(tmp_path, kind):
    machine = Machine(tmp_path)
    path = tmp_path / "app.log"
    getattr(os, kind)(str(path))
    os.utime(str(path), (machine.now - 9000, machine.now - 9000))

    done = machine.run(IMPACT, LOGS=path)

    assert (done.code, done.reason) == (1, f"{path}: not known: it is no file")


def test_an_older_log_that_cannot_be_unpacked_is_not_known_and_others_are(tmp_path):
    machine = Machine(tmp_path)
    machine.log("old\n", "app.log.2.gz", age_s=9000)
    packed = machine.log(machine.lines("iso", (0, 0, 9, 9)), "app.log.1.xz", age_s=30)
    path = machine.log(f"{FORMS['iso'](machine.now - 20)} well\n")
    machine.log(machine.lines("iso", (0, 0, 0, 0)), "b.log")
    broken = machine.log("", "b.log.1.gz", age_s=30)
    broken.write_bytes(b"\x1f\x8b\x08\0\0\0\0\0\0\3" + b"\xff" * 20)

    done = machine.run(IMPACT, LOGS=f"{path} {tmp_path}/b.log {path}")

    other, bad, _ = done.reason.split("; ")
    assert (done.code, other) == (1, f"{path}: not known: {packed} can only be read when unpacked")
    assert bad.startswith(f"{tmp_path}/b.log: not known: Error -3 while decompressing")


def test_logs_of_another_name_are_not_counted(tmp_path):
    machine = Machine(tmp_path)
    path = machine.log(machine.lines("iso", (1, 0, 1, 0)))
    for name in ("app.log-debug.1", "app.log.old-1"):
        machine.log(machine.lines("iso", (0, 0, 9, 9)), name)
    machine.log(machine.lines("iso", (1, 0, 0, 0)), "app.log-2026-01-31.1", age_s=1000)

    done = machine.run(IMPACT, LOGS=path)

    assert (done.code, done.stdout) == (0, f"{path}: 1 since pre, 2 before\n")


JOURNAL = """#!/bin/bash
# -q --no-pager -o cat, then -r -n 1 --until @TIME or -u UNIT --since @TIME --until @TIME
case $* in
*"-r -n 1 --until @"*) printf '%s' "${{JOURNAL_BEGINS-}}" ;;
*"-u app.service --since @"*" --until @{began}") printf 'error\\nwell\\n' ;;
*"-u app.service --since @{began} --until @"*) printf 'Error\\nwell\\nFATAL\\n' ;;
*) exit 1 ;;
esac
"""


SYSTEMCTL = """#!/bin/bash
[[ $* == "show -p LoadState app.service" ]] && state=loaded
echo "LoadState=${state:-not-found}"
"""


def test_units_are_asked_of_the_journal_in_two_spans(tmp_path):
    machine = Machine(tmp_path)
    began = int(machine.now) - SINCE_PRE_S
    stamp = FORMS["iso"](began)
    machine.context.write_text(json.dumps({"phases": [{"phase": "pre", "started_at": stamp}]}))
    executable(machine.bin / "journalctl", JOURNAL.format(began=began))
    executable(machine.bin / "systemctl", SYSTEMCTL)

    unknown = machine.run(IMPACT, UNITS="app.service")
    known = machine.run(IMPACT, UNITS="app.service", JOURNAL_BEGINS="long ago")

    assert (unknown.code, unknown.reason) == (
        1,
        "app.service: not known: the journal does not reach back so far",
    )
    assert (known.code, known.reason) == (1, "app.service: 2 since pre, 1 before")


def test_a_unit_that_is_not_there_or_cannot_be_asked_for_is_not_known(tmp_path):
    machine = Machine(tmp_path)
    executable(machine.bin / "journalctl", "#!/bin/sh\necho long ago\nexit 1\n")
    executable(machine.bin / "systemctl", SYSTEMCTL)

    done = machine.run(IMPACT, UNITS="ap.service app.service")

    assert (done.code, done.reason.split("; ")) == (
        1,
        [
            "ap.service: not known: there is no such unit",
            "app.service: not known: journalctl ends with 1",
        ],
    )


def test_without_pre_or_settings_there_is_nothing_to_compare(tmp_path):
    machine = Machine(tmp_path)
    machine.context.write_text('{"phases": []}')

    assert machine.run(IMPACT).reason == "not configured: set LOGS or UNITS"
    assert machine.run(IMPACT, LOGS="/x").reason == "when pre began is not known"


def test_as_another_user_it_says_that_it_cannot_know(tmp_path):
    machine = Machine(tmp_path)
    machine.context = ""  # hook-contract.md: HOOKD_CONTEXT is not for a hook of another user

    done = machine.run(IMPACT, LOGS="/x")

    reason = "when pre began is told to no hook of another user: take its `user` away"
    assert (done.code, done.reason) == (1, reason)


def test_logs_that_take_too_long_are_not_known(tmp_path):
    machine = Machine(tmp_path)
    executable(machine.bin / "timeout", "#!/bin/sh\nexit 124\n")

    done = machine.run(IMPACT, LOGS="/x")

    reason = "not known: there is too much to read for 570 s; a lower LIMIT_MB may help"
    assert (done.code, done.reason) == (124, reason)


def test_settings_of_blanks_compare_nothing_and_say_so(tmp_path):
    done = Machine(tmp_path).run(IMPACT, LOGS=" ", UNITS=" ")

    assert (done.code, done.reason) == (1, "LOGS and UNITS name nothing")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"ALLOW": "-1"}, "ALLOW is no number: -1"),
        ({"LIMIT_MB": "2G"}, "LIMIT_MB is no number: 2G"),
        ({"ALLOW": "010"}, "ALLOW is no number: 010"),
        ({"PATTERN": "(x"}, "PATTERN is no regular expression: missing ), unterminated subpattern"),
        ({"PATTERN": "[[:space:]]x"}, "PATTERN is no regular expression: Possible nested set"),
    ],
)
def test_settings_that_make_no_sense_are_said(tmp_path, settings, reason):
    done = Machine(tmp_path).run(IMPACT, LOGS="/x", **settings)

    assert (done.code, done.reason.split(" at ", maxsplit=1)[0]) == (1, reason)
