"""What counts as foretold, and what is told of a performance."""

from __future__ import annotations

import pytest

from hookd.core.model import Path, Phase, Verdict
from hookd.rehearsal import picture
from hookd.rehearsal.files import Run
from hookd.rehearsal.ground import Ground
from hookd.rehearsal.performance import Happening, Performance
from hookd.rehearsal.rules import Status, StepResult
from hookd.rehearsal.scenario import NOTHING_RECORDED, Extra, Scenario, ends

RUN = Run("AWS-RunPatchBaselineWithHooks", {}, "0f1e2d3c-4b5a-4697-8877-665544332211")
FORETOLD = ends(Status.FAILED, Path.INTERRUPTED, Verdict.FAILED, "pre-failed")
SCENARIO = Scenario(
    "one", "it goes down", "that it goes on", FORETOLD, extra=(Extra(Phase.PRE, 1),)
)


def _document(*hooks, run_id=RUN.id, path="interrupted", verdict="failed", so_far="pre-failed"):
    named = {"run_id": run_id, "path": path, "verdict": verdict, "path_so_far": so_far}
    listed = [{"name": name, "outcome": outcome, "reason": why} for name, outcome, why in hooks]
    return {"operation": named, "phases": [{"phase": "pre", "hooks": listed}]}


def _performance(*results, scenario=SCENARIO, status=Status.FAILED):
    return Performance(scenario, "/r", RUN, statuses={RUN.id: status}, results=list(results))


def test_a_run_that_fails_as_foretold_has_no_problems():
    own = ("zz-rehearsal", "failed", "exit 1")

    assert _performance(_document(own)).problems() == []


@pytest.mark.parametrize(
    ("performance", "problems"),
    [
        (
            _performance(_document(), status=Status.SUCCESS),
            ["status is 'Success', not 'Failed'"],
        ),
        (
            _performance(_document(path="unclear", verdict="incomplete")),
            ["path is 'unclear', not 'interrupted'", "verdict is 'incomplete', not 'failed'"],
        ),
        (
            _performance(_document(so_far="install-failed")),
            ["path_so_far is 'install-failed', not 'pre-failed'"],
        ),
        (
            _performance(_document(("30-leave", "timed-out", "10 s"))),
            ["hook pre/30-leave timed-out: 10 s"],
        ),
        (_performance(_document(("30-leave", "skipped", "exit 77"))), []),
        (
            _performance(_document(run_id="another")),
            [
                "path is '', not 'interrupted'",
                "verdict is '', not 'failed'",
                "path_so_far is '', not 'pre-failed'",
            ],
        ),
    ],
)
def test_whatever_differs_is_a_problem(performance, problems):
    assert performance.problems() == problems


def test_where_no_hook_is_called_hookd_has_nothing_to_say():
    scenario = Scenario("scan", "a scan", "nothing", NOTHING_RECORDED)
    found = _performance(scenario=scenario, status=Status.SUCCESS)

    assert found.problems() == []
    assert list(picture.closing(found)) == [
        "  SSM: command status Success",
        "  hookd: was not called",
        "  as foretold",
    ]


def test_what_waits_for_a_healthy_machine_may_be_outstanding_on_a_sick_one():
    waiting = ("70-join", "outstanding", "waits")
    sick = Scenario("old", "t", "s", FORETOLD, is_sick=True)

    assert _performance(_document(waiting), scenario=sick).problems() == []
    assert _performance(_document(waiting)).problems() == ["hook pre/70-join outstanding: waits"]


def test_the_picture_shows_each_step_with_what_the_console_has_of_it():
    happenings = (
        Happening("the machine goes down"),
        Happening("", RUN.id, "Pre", StepResult(Status.FAILED, 1, "out\n", "err")),
        Happening("", RUN.id, "Install", StepResult(Status.SKIPPED, 0, "skipped because")),
        Happening("", RUN.id, "Reboot", StepResult(Status.SUCCESS_AND_REBOOT)),
    )

    assert [line for one in happenings for line in picture.line_of(one)] == [
        "  * the machine goes down",
        "  [Pre] Failed (exit 1)",
        "      | out",
        "      |",
        "      | ----------ERROR-------",
        "      | err",
        "  [Install] Skipped",
        "  [Reboot] SuccessAndReboot (exit 194)",
    ]


def test_the_end_tells_every_run_and_what_is_not_as_foretold():
    found = _performance(_document(path="unclear"))
    found.statuses["another"] = Status.SUCCESS

    assert list(picture.closing(found)) == [
        "  SSM: command status Failed",
        "  SSM: command status of another Success",
        "  hookd: path unclear, so far pre-failed, verdict failed",
        "  not as foretold: path is 'unclear', not 'interrupted'",
    ]


def test_the_opening_says_that_hooks_really_run():
    assert list(picture.opening(SCENARIO, Ground("/r", is_ours=True, notes=("a note",)))) == [
        "one: it goes down",
        "  to see: that it goes on",
        "  played in /r, a made-up machine with copies of this one's hooks; the hooks really run",
        "  a note",
    ]
