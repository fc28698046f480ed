"""The steps of AWS's wrappers, and what is read of a hook document."""

from __future__ import annotations

import json

from hookd.rehearsal.documents import (
    REBOOT_WITH_HOOKS,
    WITH_HOOKS,
    steps_of,
    steps_of_hook_document,
)
from hookd.rehearsal.rules import Step, is_met

GIVEN = {
    "Operation": "Install",
    "RebootOption": "RebootIfNeeded",
    "PreInstallHookDocName": "before",
    "PostInstallHookDocName": "AWS-Noop",
    "OnExitHookDocName": "after",
}


def test_the_eight_steps_have_the_names_the_order_and_the_modifiers_of_the_wrapper():
    steps = steps_of(WITH_HOOKS, GIVEN, "/r")

    assert [(s.name, s.document, s.on_failure, s.is_finally) for s in steps] == [
        ("PreInstallScan", "AWS-RunPatchBaseline", "exit", False),
        ("VerifyLocalPatchStatesLinux", "", "", False),
        ("CustomerProvidedPrePatchHook", "before", "exit", False),
        ("InstallNoReboot", "AWS-RunPatchBaseline", "exit", False),
        ("CustomerProvidedPostInstallHook", "AWS-Noop", "exit", False),
        ("VerifyIfShouldRebootLinux", "", "", False),
        ("RebootHandlingAndReporting", "AWS-RunPatchBaseline", "exit", False),
        ("CustomerProvidedOnExitHook", "after", "", True),
    ]
    assert [dict(step.parameters) for step in steps if step.parameters] == [
        {"Operation": "Scan", "RebootOption": "NoReboot"},
        {"Operation": "Install", "RebootOption": "NoReboot"},
        {"Operation": "Install", "RebootOption": "RebootIfNeeded"},
    ]


def test_on_exit_does_not_run_for_a_scan():
    met = [is_met(s) for s in steps_of(WITH_HOOKS, {**GIVEN, "Operation": "Scan"}, "/r")]

    assert met == [True] * 7 + [False]


def test_the_parameters_stand_in_the_scripts_as_the_wrapper_puts_them_there():
    verify = steps_of(WITH_HOOKS, GIVEN, "/r")[1].commands

    assert 'if [ Install = "Scan" ]; then' in verify
    assert '     elif [ RebootIfNeeded = "NoReboot" ]; then' in verify


def test_the_later_reboot_has_three_steps_and_the_hook_is_its_last():
    steps = steps_of(REBOOT_WITH_HOOKS, {"PostRebootHookDocName": "after"}, "/r")

    assert [(s.name, s.document, s.is_finally) for s in steps] == [
        ("VerifyPendingRebootPatchesAndRebootLinux", "", False),
        ("PostRebootScan", "AWS-RunPatchBaseline", False),
        ("CustomerProvidedPostRebootHook", "after", True),
    ]


def test_a_hook_document_gets_the_defaults_of_its_parameters():
    document = {
        "schemaVersion": "2.2",
        "parameters": {"Deadline": {"type": "String", "default": "50m"}, "Time": {"default": 900}},
        "mainSteps": [
            {
                "action": "aws:runShellScript",
                "name": "hookd",
                "precondition": {"StringEquals": ["platformType", "Linux"]},
                "inputs": {
                    "onFailure": "exit",
                    "finallyStep": True,
                    "timeoutSeconds": "{{ Time }}",
                    "runCommand": ["#!/bin/bash", "hookd run pre --deadline {{Deadline}} {{x}}"],
                },
            }
        ],
    }

    assert steps_of_hook_document(json.dumps(document)) == (
        Step(
            "hookd",
            commands=("#!/bin/bash", "hookd run pre --deadline 50m {{x}}"),
            timeout="900",
            on_failure="exit",
            is_finally=True,
            precondition=("platformType", "Linux"),
        ),
    )
