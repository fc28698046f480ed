"""How long the agent lets a step run, and what hookd may take of it."""

from __future__ import annotations

import pytest

from hookd.core.steptime import allowed_s, effective, of_document, of_inputs


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (600, 600),
        ("600", 600),
        (600.9, 600),
        ("600.9", 600),
        ("6e2", 600),
        ("+600", 600),
        (5, 5),
        (172800, 172800),
        (4, 3600),
        (4.99, 3600),
        (172801, 3600),
        (0, 3600),
        (-600, 3600),
        ("", 3600),
        (" 600", 3600),
        ("600s", 3600),
        ("1_000", 3600),
        ("inf", 3600),
        (float("inf"), 3600),
        (float("nan"), 3600),
        (10**400, 3600),
        (True, 3600),
        (None, 3600),
        ([600], 3600),
        ({}, 3600),
        ("{{ Timeout }}", 3600),
    ],
)
def test_the_agent_takes_numbers_and_their_text_within_bounds(value, seconds):
    assert effective(value) == seconds


@pytest.mark.parametrize(
    ("timeout_s", "allowed"),
    [(172800, 164160), (3600, 3420), (600, 570), (400, 370), (60, 30), (31, 1), (30, 15), (5, 2.5)],
)
def test_the_margin_is_30_s_or_5_percent_and_never_all(timeout_s, allowed):
    assert allowed_s(timeout_s) == allowed


def shell(name, **inputs):
    return {"action": "aws:runShellScript", "name": name, "inputs": {"runCommand": [], **inputs}}


def document(*steps, **more):
    return {"schemaVersion": "2.2", "mainSteps": list(steps), **more}


OURS, NO_LIMIT = "timeoutSeconds of the document", "default: the document has no timeoutSeconds"
NOT_FOUND = "default: the step is not found in the document"
NOT_TAKEN = "default: the agent does not take the timeoutSeconds of the document"
PARAMETER = {"Limit": {"type": "String", "default": "900"}}


@pytest.mark.parametrize(
    ("found", "step", "expected"),
    [
        (document(shell("a", timeoutSeconds=600)), "a", (600, OURS)),
        (document(shell("a", timeoutSeconds="600"), shell("b")), "a", (600, OURS)),
        (document(shell("a", timeoutSeconds=600), shell("b")), "b", (3600, NO_LIMIT)),
        # the agent drops colons from folder names
        (document(shell("step two:2", timeoutSeconds=7), shell("b")), "step two2", (7, OURS)),
        # the folder tells no step, and there is but one
        (document(shell("a", timeoutSeconds=600)), "", (600, OURS)),
        (document(shell("a", timeoutSeconds=600), shell("b")), "", (3600, NOT_FOUND)),
        (document(shell("a", timeoutSeconds=600), shell("a")), "a", (3600, NOT_FOUND)),
        (document(shell("a", timeoutSeconds=2)), "a", (3600, NOT_TAKEN)),
        # a nested document gets no parameters
        (document(shell("a", timeoutSeconds="{{Limit}}"), parameters=PARAMETER), "a", (900, OURS)),
        (document(shell("a", timeoutSeconds="{{ Limit }}")), "a", (3600, NO_LIMIT)),
        (document({"action": "aws:runDocument", "name": "a"}), "a", (3600, NOT_FOUND)),
        (
            {
                "schemaVersion": "1.2",
                "runtimeConfig": {
                    "aws:runShellScript": {
                        "properties": [{"id": "0.aws:runShellScript", "timeoutSeconds": "60"}]
                    }
                },
            },
            "0.awsrunShellScript",
            (60, OURS),
        ),
        (document(shell("a"), 7, None), "a", (3600, NO_LIMIT)),
        ({"mainSteps": {}}, "a", (3600, NOT_FOUND)),
        ({"runtimeConfig": {"aws:runShellScript": []}}, "a", (3600, NOT_FOUND)),
        ([], "a", (3600, NOT_FOUND)),
        (None, "a", (3600, NOT_FOUND)),
    ],
)
def test_the_step_that_calls_is_found_in_its_document(found, step, expected):
    assert of_document(found, step) == expected


def test_inputs_of_a_resolved_step_name_their_source():
    assert of_inputs({"timeoutSeconds": 60}, "/state") == (60, "timeoutSeconds of /state")
