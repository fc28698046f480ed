"""What the SSM agent makes of steps: statuses, which are skipped, and what its console shows.

Source: amazon-ssm-agent 3.3, agent/plugins/pluginutil/pluginutil_unix.go (GetStatus),
agent/framework/runpluginutil/runplugins.go (getShouldPluginSkipBasedOnControlFlow),
agent/contracts/aggregator.go and .../iohandler/iohandler.go (TruncateOutput).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable, Mapping, Sequence

from hookd.core.model import Name

SUCCESS_AND_EXIT = 168
FAIL_AND_EXIT = 169
REBOOT = 194
KILLED = 137

MOST_MERGED = 2500
MOST_OF_A_STREAM = 24000

_ERROR = "\n----------ERROR-------\n"
_OUTPUT_CUT = "\n---Output truncated---"
_ERROR_CUT = "\n---Error truncated----"
_STREAM_CUT = "--output truncated--"
_DEFAULT_TIMEOUT_S = 3600
_TIMEOUTS_S = range(5, 172801)


class Status(Name):
    """The agent's ResultStatus."""

    NOT_STARTED = "NotStarted"
    IN_PROGRESS = "InProgress"
    SUCCESS = "Success"
    SUCCESS_AND_REBOOT = "SuccessAndReboot"
    FAILED = "Failed"
    TIMED_OUT = "TimedOut"
    CANCELLED = "Cancelled"
    SKIPPED = "Skipped"

    @property
    def is_final(self) -> bool:
        """Whether a step with this status is not executed again by a resumed document."""
        return self not in (Status.NOT_STARTED, Status.IN_PROGRESS, Status.SUCCESS_AND_REBOOT)


@dataclass(frozen=True)
class Step:
    """One step of a document.

    `precondition` are the two operands of StringEquals, parameters resolved. `document` and
    `parameters` are of aws:runDocument, `commands` and `timeout` (as the document spells it) of
    aws:runShellScript.
    """

    name: str
    document: str = ""
    parameters: tuple[tuple[str, str], ...] = ()
    commands: tuple[str, ...] = ()
    timeout: str = ""
    on_failure: str = ""
    on_success: str = ""
    is_finally: bool = False
    precondition: tuple[str, ...] = ()

    @property
    def action(self) -> str:
        return "aws:runDocument" if self.document else "aws:runShellScript"


@dataclass(frozen=True)
class StepResult:
    """What the agent keeps of a step. `code` is that of the step, not always of its script."""

    status: Status
    code: int = 0
    stdout: str = ""
    stderr: str = ""


def status_of(code: int, *, cancelled: bool = False) -> Status:
    """Return what the exit code of a script means."""
    if code in (0, SUCCESS_AND_EXIT):
        return Status.SUCCESS
    if code == REBOOT:
        return Status.SUCCESS_AND_REBOOT
    if code == KILLED:
        return Status.CANCELLED if cancelled else Status.TIMED_OUT
    return Status.FAILED


def result_of(code: int, stdout: str, stderr: str) -> StepResult:
    """Return what becomes of a step whose script ended with `code` (minus a signal: -1)."""
    code = -1 if code < 0 else code
    status = status_of(code)
    if status is Status.FAILED:
        why = "signal: killed" if code < 0 else f"exit status {code}"
        stderr = "\n".join(filter(None, (stderr, f"failed to run commands: {why}")))
    if code == SUCCESS_AND_EXIT:
        stdout += _addition(code, "succeeded")
        stderr = ""
    if code == FAIL_AND_EXIT:
        stdout, stderr = (text + _addition(code, "Failed") for text in (stdout, stderr))
    return StepResult(status, code, stdout, stderr)


def _addition(code: int, how: str) -> str:
    return (
        f"\nStep exited with code {code}. Therefore, marking step as {how}. "
        "Further document steps will be skipped."
    )


def of_document(results: Sequence[StepResult]) -> StepResult:
    """Return what becomes of the step that ran a document whose steps became `results`."""
    status = aggregate(result.status for result in results)
    stdout = "\n".join(result.stdout for result in results if result.stdout)
    stderr = "\n".join(result.stderr for result in results if result.stderr)
    return StepResult(status, int(status in (Status.FAILED, Status.TIMED_OUT)), stdout, stderr)


def with_modifiers(step: Step, result: StepResult) -> StepResult:
    """Return `result` with what a failed step with onFailure says in addition."""
    if result.status is not Status.FAILED or not step.on_failure:
        return result
    more = "\nStep was found to have onFailure property. Further document steps will be skipped."
    return StepResult(result.status, result.code, result.stdout + more, result.stderr + more)


def is_skipped(steps: Sequence[Step], index: int, results: Mapping[str, StepResult]) -> bool:
    """Whether a step before it keeps step `index` from running.

    Only Failed honours `onFailure: exit`: a step that timed out keeps nothing from running. The
    last step runs whatever happened when it is the finally step.
    """
    if steps[index].is_finally and index == len(steps) - 1:
        return False
    return any(_ends_document(step, results[step.name]) for step in steps[:index])


def _ends_document(step: Step, result: StepResult) -> bool:
    failed = result.status is Status.FAILED and step.on_failure == "exit"
    succeeded = result.status is Status.SUCCESS and step.on_success == "exit"
    return failed or succeeded or result.code in (SUCCESS_AND_EXIT, FAIL_AND_EXIT)


def is_met(step: Step) -> bool:
    """Whether the step's precondition holds on Linux."""
    operands = ["Linux" if word == "platformType" else word for word in step.precondition]
    return len(set(operands)) <= 1


_PRECEDENCE = (Status.SUCCESS_AND_REBOOT, Status.FAILED, Status.TIMED_OUT, Status.CANCELLED)


def aggregate(statuses: Iterable[Status]) -> Status:
    """Return the status of a document by those of its steps; Skipped is a form of success."""
    found = set(statuses)
    for status in _PRECEDENCE:
        if status in found:
            return status
    return Status.IN_PROGRESS if found - {Status.SUCCESS, Status.SKIPPED} else Status.SUCCESS


def timeout_s(said: object) -> int:
    """Return how long a step may take; what is outside 5..172800 silently becomes 3600."""
    try:
        seconds = int(float(str(said)))
    except (ValueError, OverflowError):
        return _DEFAULT_TIMEOUT_S
    return seconds if seconds in _TIMEOUTS_S else _DEFAULT_TIMEOUT_S


def shown(result: StepResult) -> dict[str, str]:
    """Return what the API has of a step: the heads of its outputs, merged and each by itself."""
    return {
        "output": _merged(result.stdout.encode("utf-8"), result.stderr.encode("utf-8")),
        "standard_output": _head(result.stdout),
        "standard_error": _head(result.stderr),
    }


def _head(text: str) -> str:
    data = text.encode("utf-8")
    if len(data) <= MOST_OF_A_STREAM:
        return text
    cut = data[: MOST_OF_A_STREAM - len(_STREAM_CUT)]
    return cut.decode("utf-8", "ignore") + _STREAM_CUT


def _merged(stdout: bytes, stderr: bytes) -> str:
    title = _ERROR.encode() if stderr else b""
    room = MOST_MERGED - len(title)
    out_cut, error_cut = _OUTPUT_CUT.encode(), _ERROR_CUT.encode()
    if len(stdout) + len(stderr) < room:
        parts = (stdout, title, stderr)
    elif len(stdout) > room // 2 and len(stderr) > room // 2:
        half = (room - len(out_cut) - len(error_cut)) // 2
        parts = (stdout[:half] + out_cut, title, stderr[:half] + error_cut)
    elif len(stdout) < room // 2:
        left = room - len(error_cut) - len(stdout)
        parts = (stdout, title, stderr[:left] + error_cut)
    else:
        left = room - len(out_cut) - len(stderr)
        parts = (stdout[:left] + out_cut, title, stderr)
    return b"".join(parts).decode("utf-8", "ignore")
