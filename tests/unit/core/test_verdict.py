"""From checks, hooks and path to the verdict, the health and the exit codes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookd.core.model import (
    Check,
    Health,
    HookOutcome,
    Outcome,
    Path,
    Phase,
    PhaseOutcome,
    Severity,
    Verdict,
)
from hookd.core.operation import HookRun
from hookd.core.verdict import deserved_exit, given_exit, health, verdict, vetoes
from hookd.errors import Exit

PASSED, WARNINGS = Verdict.PASSED, Verdict.PASSED_WITH_WARNINGS
FAILED, INCOMPLETE = Verdict.FAILED, Verdict.INCOMPLETE
PRE, POST, ON_EXIT = Phase.PRE, Phase.POST, Phase.ON_EXIT


def hook(outcome, *, required=True):
    return HookRun(PRE, "10-a", required, HookOutcome(outcome) if outcome else None)


def check(outcome, severity="fail", check_id="disk.low"):
    return Check(check_id, Outcome(outcome), Severity(severity))


@pytest.mark.parametrize(
    ("outcome", "required", "wanted"),
    [
        ("passed", PASSED, PASSED),
        ("skipped", PASSED, PASSED),
        (None, PASSED, PASSED),
        ("failed", FAILED, WARNINGS),
        ("timed-out", FAILED, WARNINGS),
        ("refused", FAILED, WARNINGS),
        ("interrupted", FAILED, WARNINGS),
        ("outstanding", FAILED, WARNINGS),
    ],
)
def test_how_a_hook_ended_counts_by_whether_it_is_required(outcome, required, wanted):
    good = [hook("passed"), hook("skipped", required=False)]
    path = Path.PATCHED_REBOOTED
    assert verdict(path, [], [*good, hook(outcome)]) is required
    assert verdict(path, [], [*good, hook(outcome, required=False)]) is wanted


@pytest.mark.parametrize(
    ("outcome", "severity", "expected", "healthy"),
    [
        ("pass", "fail", PASSED, Health.PASSED),
        ("pass", "warn", PASSED, Health.PASSED),
        ("pass", "ignore", PASSED, Health.PASSED),
        ("warn", "fail", WARNINGS, Health.PASSED_WITH_WARNINGS),
        ("warn", "warn", WARNINGS, Health.PASSED_WITH_WARNINGS),
        ("warn", "ignore", PASSED, Health.PASSED),
        ("fail", "fail", FAILED, Health.FAILED),
        ("fail", "warn", WARNINGS, Health.PASSED_WITH_WARNINGS),
        ("fail", "ignore", PASSED, Health.PASSED),
        ("unknown", "fail", INCOMPLETE, Health.UNKNOWN),
        ("unknown", "warn", WARNINGS, Health.PASSED_WITH_WARNINGS),
        ("unknown", "ignore", PASSED, Health.PASSED),
        ("skip", "fail", PASSED, Health.PASSED),
        ("skip", "warn", PASSED, Health.PASSED),
        ("skip", "ignore", PASSED, Health.PASSED),
    ],
)
def test_a_check_counts_by_its_severity(outcome, severity, expected, healthy):
    checks = [check("pass"), check(outcome, severity)]
    assert verdict(Path.PATCHED_REBOOTED, checks, []) is expected
    assert health(checks) is healthy


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (Path.NOTHING_TO_DO, PASSED),
        (Path.PATCHED_NO_REBOOT, PASSED),
        (Path.PATCHED_REBOOT_PENDING, PASSED),
        (Path.PATCHED_REBOOTED, PASSED),
        (Path.PRE_FAILED, FAILED),
        (Path.INSTALL_FAILED, FAILED),
        (Path.POST_FAILED, FAILED),
        (Path.INTERRUPTED, FAILED),
        (Path.PRE_MISSING, FAILED),
        (Path.UNCLEAR, INCOMPLETE),
        (None, PASSED),
    ],
)
def test_the_path_counts(path, expected):
    assert verdict(path, [], []) is expected


def test_every_path_has_a_verdict():
    assert {verdict(path, [], []) for path in Path} == {PASSED, FAILED, INCOMPLETE}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"outstanding": 1}, FAILED),
        ({"recovered_first": True}, WARNINGS),
        ({"overridden": True}, WARNINGS),
        ({"recovered_first": True, "outstanding": 2}, FAILED),
        ({}, PASSED),
    ],
)
def test_an_owed_undo_a_recovery_and_an_override_count(more, expected):
    assert verdict(Path.PATCHED_REBOOTED, [check("pass")], [hook("passed")], **more) is expected


@pytest.mark.parametrize(
    ("path", "checks", "hooks", "expected"),
    [
        (Path.UNCLEAR, [check("fail")], [], FAILED),
        (Path.UNCLEAR, [], [hook("failed")], FAILED),
        (Path.UNCLEAR, [check("warn")], [hook("failed", required=False)], INCOMPLETE),
        (Path.PRE_FAILED, [check("unknown")], [], FAILED),
        (Path.NOTHING_TO_DO, [check("unknown"), check("warn", "warn")], [], INCOMPLETE),
        (Path.NOTHING_TO_DO, [check("unknown"), check("fail")], [], FAILED),
    ],
)
def test_the_worst_wins(path, checks, hooks, expected):
    assert verdict(path, checks, hooks) is expected


@pytest.mark.parametrize(
    "check_id",
    ["config.loads", "hooks.changed-since-pre", "run.held", "state.writable", "undo.outstanding"],
)
def test_health_leaves_out_what_is_hookds_own(check_id):
    assert health([check("fail", check_id=check_id)]) is Health.PASSED
    assert health([check("unknown", check_id=check_id)]) is Health.PASSED


def test_without_any_check_the_machine_is_healthy():
    assert health([]) is Health.PASSED


ENDED = PhaseOutcome.PASSED
BROKEN = PhaseOutcome.FAILED
CUT = PhaseOutcome.INTERRUPTED
LATE = PhaseOutcome.TIMED_OUT


@pytest.mark.parametrize(
    ("phase", "outcome", "found", "expected"),
    [
        (PRE, ENDED, PASSED, Exit.OK),
        (PRE, ENDED, WARNINGS, Exit.OK),
        (PRE, BROKEN, FAILED, Exit.FAILED),
        (PRE, CUT, FAILED, Exit.FAILED),
        (PRE, LATE, FAILED, Exit.DEADLINE),
        (POST, ENDED, PASSED, Exit.OK),
        (POST, ENDED, FAILED, Exit.OK),
        (POST, ENDED, INCOMPLETE, Exit.OK),
        (POST, BROKEN, FAILED, Exit.FAILED),
        (POST, CUT, FAILED, Exit.FAILED),
        (POST, LATE, FAILED, Exit.DEADLINE),
        (ON_EXIT, ENDED, PASSED, Exit.OK),
        (ON_EXIT, ENDED, WARNINGS, Exit.OK),
        (ON_EXIT, ENDED, FAILED, Exit.FAILED),
        (ON_EXIT, ENDED, INCOMPLETE, Exit.FAILED),
        (ON_EXIT, BROKEN, FAILED, Exit.FAILED),
        (ON_EXIT, CUT, INCOMPLETE, Exit.FAILED),
        (ON_EXIT, LATE, INCOMPLETE, Exit.DEADLINE),
        (ON_EXIT, LATE, FAILED, Exit.DEADLINE),
    ],
)
def test_the_exit_code_a_phase_deserves(phase, outcome, found, expected):
    assert deserved_exit(phase, outcome, found) is expected


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("outcome", [CUT, LATE])
def test_a_cancelled_phase_deserves_130(phase, outcome):
    assert deserved_exit(phase, outcome, FAILED, cancelled=True) is Exit.INTERRUPTED


@pytest.mark.parametrize(
    ("phase", "deserved", "failed", "to_a_person", "to_ssm"),
    [
        (PRE, Exit.OK, False, Exit.OK, Exit.OK),
        (PRE, Exit.FAILED, True, Exit.FAILED, Exit.FAILED),
        (PRE, Exit.DEADLINE, False, Exit.DEADLINE, Exit.DEADLINE),
        (PRE, Exit.INTERRUPTED, False, Exit.INTERRUPTED, Exit.INTERRUPTED),
        (POST, Exit.OK, False, Exit.OK, Exit.OK),
        (POST, Exit.FAILED, True, Exit.FAILED, Exit.FAILED),
        (POST, Exit.FAILED, False, Exit.FAILED, Exit.OK),
        (POST, Exit.DEADLINE, False, Exit.DEADLINE, Exit.OK),
        (POST, Exit.DEADLINE, True, Exit.DEADLINE, Exit.FAILED),
        (POST, Exit.INTERRUPTED, False, Exit.INTERRUPTED, Exit.OK),
        (POST, Exit.INTERRUPTED, True, Exit.INTERRUPTED, Exit.FAILED),
        (ON_EXIT, Exit.OK, False, Exit.OK, Exit.OK),
        (ON_EXIT, Exit.FAILED, True, Exit.FAILED, Exit.FAILED),
        (ON_EXIT, Exit.DEADLINE, False, Exit.DEADLINE, Exit.DEADLINE),
    ],
)
def test_the_exit_code_the_caller_is_given(phase, deserved, failed, to_a_person, to_ssm):
    assert given_exit(phase, deserved, by_ssm=False, failed=failed) is to_a_person
    assert given_exit(phase, deserved, by_ssm=True, failed=failed) is to_ssm


NEXT_BOOT = "kernel.next-boot-files"


@pytest.mark.parametrize(
    ("found", "veto", "expected"),
    [
        (check("fail", check_id=NEXT_BOOT), (NEXT_BOOT,), True),
        (check("fail", check_id=NEXT_BOOT), (), False),
        (check("fail"), (NEXT_BOOT,), False),
        (check("unknown", check_id=NEXT_BOOT), (NEXT_BOOT,), False),
        (check("warn", "warn", check_id=NEXT_BOOT), (NEXT_BOOT,), False),
        (check("pass", check_id=NEXT_BOOT), (NEXT_BOOT,), False),
        (check("skip", check_id=NEXT_BOOT), (NEXT_BOOT,), False),
    ],
)
def test_only_a_named_check_that_failed_vetoes_the_reboot(found, veto, expected):
    assert vetoes([check("pass"), found], veto) == ((found,) if expected else ())


ORDER = [PASSED, WARNINGS, INCOMPLETE, FAILED]
checks = st.lists(st.builds(check, st.sampled_from(Outcome), st.sampled_from(Severity)))
hooks = st.lists(
    st.builds(lambda o, r: hook(o, required=r), st.sampled_from(HookOutcome), st.booleans())
)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(Path), checks, hooks, st.data())
def test_more_evidence_never_betters_the_verdict(path, found, ran, data):
    less = data.draw(st.integers(0, len(found))), data.draw(st.integers(0, len(ran)))
    some = verdict(path, found[: less[0]], ran[: less[1]])
    assert ORDER.index(verdict(path, found, ran)) >= ORDER.index(some)


@settings(max_examples=50, deadline=None)
@given(checks)
def test_health_is_the_verdict_over_the_machines_checks(found):
    expected = {INCOMPLETE: Health.UNKNOWN}
    got = verdict(None, found, ())
    assert health(found) is expected.get(got, Health(got.value) if got is not INCOMPLETE else None)
    own = [replace(one, id="run.held") for one in found]
    assert health([*found, *own]) is health(found)
