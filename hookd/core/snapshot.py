"""A snapshot: what the machine is at one moment, as its probes read it.

Annotations use `Optional`, `Tuple` and `Dict` because core/codec.py evaluates them on Python 3.7.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

from hookd.core.node import Aftermath, Expectations, Node
from hookd.core.readings import Boot, History, Kernel, PackageLog, PackageSet, Standing

SNAPSHOT_FORMAT = 1

_NOT_ASKED = "not looked at"


@dataclass(frozen=True)
class Snapshot:
    """What the machine is at one moment (lifecycle.md 4).

    `aftermath` speaks of the packages that changed since the look before; `expectations` are what
    the configuration expects. Looks of earlier versions lack these and `node`: they are absent.
    """

    name: str
    taken_at: str
    boot: Boot
    kernel: Kernel
    packages: Tuple[PackageSet, ...] = ()
    logs: Tuple[PackageLog, ...] = ()
    histories: Tuple[History, ...] = ()
    os: str = ""
    took_s: float = 0.0
    format: int = SNAPSHOT_FORMAT
    node: Node = Node()
    aftermath: Aftermath = Aftermath(Standing.ABSENT, _NOT_ASKED)
    expectations: Expectations = Expectations(Standing.ABSENT, _NOT_ASKED)
