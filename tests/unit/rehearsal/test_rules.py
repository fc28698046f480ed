"""What the agent makes of exit codes, of steps before a step, and of long outputs."""

from __future__ import annotations

import pytest

from hookd.rehearsal.rules import (
    Status,
    Step,
    StepResult,
    aggregate,
    is_met,
    is_skipped,
    of_document,
    result_of,
    shown,
    timeout_s,
    with_modifiers,
)

OK, FAILED = Status.SUCCESS, Status.FAILED
EXITS = Step("first", on_failure="exit")


@pytest.mark.parametrize(
    ("code", "status", "kept"),
    [
        (0, OK, 0),
        (1, FAILED, 1),
        (137, Status.TIMED_OUT, 137),
        (168, OK, 168),
        (169, FAILED, 169),
        (194, Status.SUCCESS_AND_REBOOT, 194),
        (195, FAILED, 195),
        (255, FAILED, 255),
        (-9, FAILED, -1),
    ],
)
def test_an_exit_code_means_what_the_agent_makes_of_it(code, status, kept):
    found = result_of(code, "", "")

    assert (found.status, found.code) == (status, kept)


def test_the_code_of_a_failure_stands_behind_its_standard_error():
    assert result_of(7, "said", "no").stderr == "no\nfailed to run commands: exit status 7"
    assert result_of(7, "said", "").stderr == "failed to run commands: exit status 7"


def test_168_drops_the_standard_error():
    found = result_of(168, "said", "no")

    assert (found.stdout.splitlines()[0], found.stderr) == ("said", "")


@pytest.mark.parametrize(
    ("step", "result", "skips"),
    [
        (EXITS, StepResult(FAILED, 1), True),
        (EXITS, StepResult(Status.TIMED_OUT, 137), False),
        (EXITS, StepResult(Status.CANCELLED, 1), False),
        (EXITS, StepResult(OK), False),
        (Step("first"), StepResult(FAILED, 1), False),
        (Step("first"), StepResult(OK, 168), True),
        (Step("first"), StepResult(FAILED, 169), True),
        (Step("first", on_success="exit"), StepResult(OK), True),
        (Step("first", on_success="exit"), StepResult(FAILED, 1), False),
    ],
)
def test_only_a_failure_honours_on_failure(step, result, skips):
    steps = (step, Step("between"), Step("last", is_finally=True))
    results = {"first": result, "between": StepResult(OK)}

    assert is_skipped(steps, 1, results) is skips
    assert is_skipped(steps, 2, results) is False


def test_a_finally_step_that_is_not_the_last_is_skipped_like_any_other():
    steps = (EXITS, Step("finally", is_finally=True), Step("last"))

    assert is_skipped(steps, 1, {"first": StepResult(FAILED, 1)})


def test_what_keeps_a_step_from_running_need_not_stand_right_before_it():
    steps = (EXITS, Step("between"), Step("last"))
    results = {"first": StepResult(FAILED, 1), "between": StepResult(Status.SKIPPED)}

    assert is_skipped(steps, 2, results)


@pytest.mark.parametrize(
    ("statuses", "status"),
    [
        ((OK, OK), OK),
        ((OK, Status.SKIPPED), OK),
        ((OK, Status.CANCELLED), Status.CANCELLED),
        ((Status.TIMED_OUT, Status.CANCELLED), Status.TIMED_OUT),
        ((Status.TIMED_OUT, FAILED, OK), FAILED),
        ((FAILED, Status.SUCCESS_AND_REBOOT), Status.SUCCESS_AND_REBOOT),
        ((OK, Status.IN_PROGRESS), Status.IN_PROGRESS),
    ],
)
def test_the_worst_step_gives_the_status_of_a_document(statuses, status):
    assert aggregate(statuses) is status


def test_the_step_that_ran_a_document_gets_its_status_and_no_code_of_it():
    results = [result_of(168, "out", "err"), StepResult(Status.SKIPPED)]
    found = of_document(results)

    assert (found.status, found.code, found.stderr) == (OK, 0, "")
    assert [of_document([result_of(c, "", "")]).code for c in (169, 137, 194)] == [1, 1, 0]


def test_a_failed_step_with_on_failure_says_so_in_both_outputs():
    more = "\nStep was found to have onFailure property. Further document steps will be skipped."

    assert with_modifiers(EXITS, StepResult(FAILED, 1, "a", "b")) == StepResult(
        FAILED, 1, "a" + more, "b" + more
    )
    timed_out = StepResult(Status.TIMED_OUT, 1, "a", "b")
    assert with_modifiers(EXITS, timed_out) == timed_out


@pytest.mark.parametrize(
    ("precondition", "met"),
    [
        ((), True),
        (("platformType", "Linux"), True),
        (("platformType", "Windows"), False),
        (("Install", "Install"), True),
        (("Scan", "Install"), False),
    ],
)
def test_a_precondition_compares_two_texts(precondition, met):
    assert is_met(Step("step", precondition=precondition)) is met


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("600", 600),
        (600.9, 600),
        (5, 5),
        (172800, 172800),
        ("", 3600),
        ("10m", 3600),
        (4, 3600),
        (172801, 3600),
        (-1, 3600),
        ("nan", 3600),
        ("1e999", 3600),
    ],
)
def test_a_time_limit_out_of_bounds_is_an_hour(said, seconds):
    assert timeout_s(said) == seconds


TITLE = "\n----------ERROR-------\n"
OUT_CUT, ERROR_CUT = "\n---Output truncated---", "\n---Error truncated----"


@pytest.mark.parametrize(
    ("stdout", "stderr", "merged"),
    [
        ("out", "", "out"),
        ("out", "err", f"out{TITLE}err"),
        ("o" * 2499, "", "o" * 2499),
        ("o" * 3000, "", "o" * (2500 - len(OUT_CUT)) + OUT_CUT),
        (
            "o" * 3000,
            "err",
            "o" * (2500 - len(TITLE) - len(OUT_CUT) - 3) + OUT_CUT + TITLE + "err",
        ),
        (
            "out",
            "e" * 3000,
            "out" + TITLE + "e" * (2500 - len(TITLE) - len(ERROR_CUT) - 3) + ERROR_CUT,
        ),
        (
            "o" * 3000,
            "e" * 3000,
            "o" * ((2500 - len(TITLE) - len(OUT_CUT) - len(ERROR_CUT)) // 2)
            + OUT_CUT
            + TITLE
            + "e" * ((2500 - len(TITLE) - len(OUT_CUT) - len(ERROR_CUT)) // 2)
            + ERROR_CUT,
        ),
    ],
)
def test_the_console_has_the_heads_of_both_outputs(stdout, stderr, merged):
    assert shown(StepResult(OK, 0, stdout, stderr))["output"] == merged


def test_of_each_output_24000_bytes_are_kept():
    found = shown(StepResult(OK, 0, "o" * 24000, "e" * 24001))
    cut = "--output truncated--"

    assert found["standard_output"] == "o" * 24000
    assert found["standard_error"] == "e" * (24000 - len(cut)) + cut


def test_a_character_that_is_cut_is_left_out():
    assert shown(StepResult(OK, 0, "é" * 2000, ""))["output"] == (
        "é" * ((2500 - len(OUT_CUT)) // 2) + OUT_CUT
    )
