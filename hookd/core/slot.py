"""The steps of AWS-RunPatchBaselineWithHooks, and its slots, in which it runs hook documents.

AWS-InstanceRebootWithHooks, for a scheduled reboot, has a slot of its own.
"""

from __future__ import annotations

from typing import Iterable, Tuple

from hookd.core.model import Name, Phase

SCAN = "PreInstallScan"
VERIFY = "VerifyLocalPatchStatesLinux"
INSTALL = "InstallNoReboot"
SHOULD_REBOOT = "VerifyIfShouldRebootLinux"
REBOOT = "RebootHandlingAndReporting"


class Slot(Name):
    """The names of the slots. `POST_REBOOT` follows a scheduled reboot, as a run of its own."""

    PRE = "CustomerProvidedPrePatchHook"
    POST = "CustomerProvidedPostInstallHook"
    ON_EXIT = "CustomerProvidedOnExitHook"
    POST_REBOOT = "CustomerProvidedPostRebootHook"

    @property
    def phase(self) -> Phase:
        return _PHASES[self]


_PHASES = {
    Slot.PRE: Phase.PRE,
    Slot.POST: Phase.POST,
    Slot.ON_EXIT: Phase.ON_EXIT,
    Slot.POST_REBOOT: Phase.ON_EXIT,
}


def expected_phases(
    configured: Iterable[Phase], noop: Iterable[str], slot: str = ""
) -> Tuple[Phase, ...]:
    """Return the phases that a run will call: those configured without the slots that are AWS-Noop.

    The run of a scheduled reboot (`slot`) has no slot for another phase than on-exit.
    """
    if slot == Slot.POST_REBOOT:
        return (Phase.ON_EXIT,)
    empty = {_PHASES[one] for one in Slot if one.value in set(noop) and one is not Slot.POST_REBOOT}
    return tuple(phase for phase in configured if phase not in empty)
