"""The documents that are played: AWS's two wrappers as steps, and a hook document's own steps.

The steps, their order and their modifiers are those of AWS-RunPatchBaselineWithHooks and
AWS-InstanceRebootWithHooks; the scripts do what theirs do, below another root.
"""

from __future__ import annotations

import json
import re
from shlex import quote
from typing import Any, Mapping

from hookd.rehearsal.rules import Step

WITH_HOOKS = "AWS-RunPatchBaselineWithHooks"
REBOOT_WITH_HOOKS = "AWS-InstanceRebootWithHooks"
PATCH = "AWS-RunPatchBaseline"
NOOP = "AWS-Noop"

PRE_SLOT = "CustomerProvidedPrePatchHook"
POST_SLOT = "CustomerProvidedPostInstallHook"
ON_EXIT_SLOT = "CustomerProvidedOnExitHook"
POST_REBOOT_SLOT = "CustomerProvidedPostRebootHook"

LOGS = "/var/log/amazon/ssm"
SUMMARY = f"{LOGS}/patch-configuration/patch-inventory-from-last-operation.json"
_ASKED_TO_REBOOT = f"{LOGS}/patch-instance-reboot-with-hooks"
_LINUX = ("platformType", "Linux")
_PARAMETER = re.compile(r"\{\{ *([A-Za-z0-9_-]+) *\}\}")

_VERIFY_STATES = """\
if [ {operation} = "Scan" ]; then
        echo "Selected operation was Scan. Exiting document execution"
        exit 168
fi
localFile={summary}
[ ! -f "$localFile" ] && exit 169
missing=$(cat "$localFile" | grep 'MissingCount' | sed 's/[^0-9]*//g')
pending=$(cat "$localFile" | grep 'InstalledPendingRebootCount' | sed 's/[^0-9]*//g')
if [ "$missing" -eq 0 ]; then
     if [ "$pending" -eq 0 ]; then
         echo "No missing patches were detected. Exiting document execution"
         exit 168
     elif [ {reboot_option} = "NoReboot" ]; then
         echo "Pending Reboot patches were detected with NoReboot setting. Exiting"
         exit 168
     fi
fi
echo "Proceeding with installation next."
"""
_VERIFY_REBOOT = """\
if [ {reboot_option} = "NoReboot" ]; then
        echo "Selected reboot option was NoReboot. Exiting document execution"
        exit 168
fi
localFile={summary}
[ ! -f "$localFile" ] && exit 169
pending=$(cat "$localFile" | grep 'InstalledPendingRebootCount' | sed 's/[^0-9]*//g')
if [ "$pending" -eq 0 ]; then
    echo "No installed Pending Reboot patches were detected. Exiting document execution"
    exit 168
fi
echo "Proceeding with the reboot next."
"""
_REBOOT = """\
localFile={summary}
[ ! -f "$localFile" ] && exit 169
pending=$(cat "$localFile" | grep 'InstalledPendingRebootCount' | sed 's/[^0-9]*//g')
if [ "$pending" -eq 0 ]; then
     echo "No pending reboot patches were found. Exiting document execution."
     exit 168
fi
rebootFile={asked}
if [ ! -f "$rebootFile" ]; then
  touch "$rebootFile"
  exit 194
fi
rm -f "$rebootFile"
echo "Reboot is done, proceed to next step."
"""


def steps_of(document: str, parameters: Mapping[str, str], root: str) -> tuple[Step, ...]:
    """Return the Linux steps of wrapper `document`; its scripts look below `root`."""
    return _WRAPPERS[document](parameters, root)


def _with_hooks(given: Mapping[str, str], root: str) -> tuple[Step, ...]:
    operation, option = given["Operation"], given["RebootOption"]
    verify, reboot = (
        text.format(operation=operation, reboot_option=option, summary=quote(root + SUMMARY))
        for text in (_VERIFY_STATES, _VERIFY_REBOOT)
    )
    return (
        _patch("PreInstallScan", "Scan", "NoReboot"),
        _script("VerifyLocalPatchStatesLinux", verify),
        Step(PRE_SLOT, given["PreInstallHookDocName"], on_failure="exit"),
        _patch("InstallNoReboot", "Install", "NoReboot"),
        Step(POST_SLOT, given["PostInstallHookDocName"], on_failure="exit"),
        _script("VerifyIfShouldRebootLinux", reboot),
        _patch("RebootHandlingAndReporting", "Install", "RebootIfNeeded"),
        Step(
            ON_EXIT_SLOT,
            given["OnExitHookDocName"],
            is_finally=True,
            precondition=(operation, "Install"),
        ),
    )


def _reboot_with_hooks(given: Mapping[str, str], root: str) -> tuple[Step, ...]:
    script = _REBOOT.format(summary=quote(root + SUMMARY), asked=quote(root + _ASKED_TO_REBOOT))
    scan = (("Operation", "Scan"), ("RebootOption", "NoReboot"))
    return (
        _script("VerifyPendingRebootPatchesAndRebootLinux", script),
        Step("PostRebootScan", PATCH, scan),
        Step(POST_REBOOT_SLOT, given["PostRebootHookDocName"], is_finally=True),
    )


def _patch(name: str, operation: str, option: str) -> Step:
    parameters = (("Operation", operation), ("RebootOption", option))
    return Step(name, PATCH, parameters, on_failure="exit")


def _script(name: str, text: str) -> Step:
    return Step(name, commands=tuple(text.splitlines()), precondition=_LINUX)


_WRAPPERS = {WITH_HOOKS: _with_hooks, REBOOT_WITH_HOOKS: _reboot_with_hooks}


def steps_of_hook_document(text: str) -> tuple[Step, ...]:
    """Return the steps of a hook document of schema 2.2; the wrappers pass it no parameters."""
    document: dict[str, Any] = json.loads(text)
    given = {name: one.get("default", "") for name, one in document.get("parameters", {}).items()}
    return tuple(_hook_step(one, given) for one in document["mainSteps"])


def _hook_step(step: Mapping[str, Any], given: Mapping[str, Any]) -> Step:
    inputs = step["inputs"]
    return Step(
        step["name"],
        commands=tuple(_resolved(line, given) for line in inputs["runCommand"]),
        timeout=_resolved(str(inputs.get("timeoutSeconds", "")), given),
        on_failure=str(inputs.get("onFailure", "")),
        on_success=str(inputs.get("onSuccess", "")),
        is_finally=str(inputs.get("finallyStep", "")).lower() == "true",
        precondition=tuple(step.get("precondition", {}).get("StringEquals", ())),
    )


def _resolved(text: str, given: Mapping[str, Any]) -> str:
    return _PARAMETER.sub(lambda found: str(given.get(found.group(1), found.group())), text)
