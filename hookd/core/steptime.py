"""How long the SSM agent lets a step run: its `timeoutSeconds`, as the agent reads it.

amazon-ssm-agent 3.3, agent/plugins/pluginutil/pluginutil.go ValidateExecutionTimeout: text, whole
and broken numbers are taken; everything else, and what is out of bounds, counts as 3600.
"""

from __future__ import annotations

import math
import re
from typing import Any, Dict, Iterator, Mapping, Optional, Tuple

from hookd.core.model import Json

DEFAULT_S = 3600
_LEAST_S, _MOST_S = 5, 172800
_MARGIN_S, _MARGIN = 30.0, 0.05
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
_PARAMETER = re.compile(r"\{\{\s*([A-Za-z0-9_]+)\s*\}\}")
_SHELL = "aws:runShellScript"


def allowed_s(timeout_s: float) -> float:
    """Return what hookd may take of a step of `timeout_s`: less 30 s or 5 %, whichever is more.

    A step that has no more than the margin is halved.
    """
    left = timeout_s - max(_MARGIN_S, timeout_s * _MARGIN)
    return left if left > 0 else timeout_s / 2


def effective(value: Json) -> int:
    """Return the seconds that the agent makes of `timeoutSeconds`."""
    seconds = _seconds(value)
    return seconds if seconds is not None and _LEAST_S <= seconds <= _MOST_S else DEFAULT_S


def _seconds(value: Json) -> Optional[int]:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value)
    if isinstance(value, float):
        return int(value) if math.isfinite(value) else None
    return value if type(value) is int else None


def of_document(document: Json, step: str) -> Tuple[int, str]:
    """Return the seconds that step `step` of `document` has, and where they come from.

    `step` is the name of its folder, empty when not known: then it is the only shell step. Nested
    documents get no parameters, so that a reference stands for the parameter's default.
    """
    steps = list(_shell_steps(document))
    named = [inputs for name, inputs in steps if _is_folder_of(name, step)] if step else []
    found = named or [inputs for _, inputs in steps]
    if len(found) != 1:
        return DEFAULT_S, "default: the step is not found in the document"
    value = _resolved(found[0].get("timeoutSeconds"), document)
    return of_inputs({"timeoutSeconds": value}, "the document")


def of_inputs(inputs: Mapping[str, Json], source: str) -> Tuple[int, str]:
    """Return the seconds of a step by its inputs, parameters resolved, as found in `source`."""
    value = inputs.get("timeoutSeconds")
    if value is None:
        return DEFAULT_S, f"default: {source} has no timeoutSeconds"
    seconds = effective(value)
    if _seconds(value) == seconds:
        return seconds, f"timeoutSeconds of {source}"
    return seconds, f"default: the agent does not take the timeoutSeconds of {source}"


def _shell_steps(document: Json) -> Iterator[Tuple[str, Dict[str, Any]]]:
    """Yield (name, inputs) of the shell steps: of mainSteps (2.x), of runtimeConfig (1.2)."""
    if not isinstance(document, dict):
        return
    for step in _list(document.get("mainSteps")):
        if isinstance(step, dict) and step.get("action") == _SHELL:
            inputs = step.get("inputs")
            yield str(step.get("name", "")), inputs if isinstance(inputs, dict) else {}
    runtime = document.get("runtimeConfig")
    shell = runtime.get(_SHELL) if isinstance(runtime, dict) else None
    for inputs in _list(shell.get("properties") if isinstance(shell, dict) else None):
        if isinstance(inputs, dict):
            yield str(inputs.get("id", "")), inputs


def _list(value: Json) -> Tuple[Json, ...]:
    return tuple(value) if isinstance(value, list) else ()


def _is_folder_of(name: str, folder: str) -> bool:
    """Whether the agent calls the folder of step `name` so (agent/fileutil RemoveInvalidChars)."""
    return name.replace(":", "") == folder


def _resolved(value: Json, document: Json) -> Json:
    found = _PARAMETER.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return value
    parameters = document.get("parameters")
    parameter = parameters.get(found.group(1)) if isinstance(parameters, dict) else None
    return parameter.get("default") if isinstance(parameter, dict) else None
