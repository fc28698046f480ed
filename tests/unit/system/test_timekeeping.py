"""The wall clock beside the one that nobody can set."""

from __future__ import annotations

import time

from hookd.core.node import Clock
from hookd.core.readings import Standing
from hookd.system import clock, timekeeping
from hookd.system.root import NOTHING_RUNS, Root


def test_the_boot_lies_as_long_ago_as_the_machine_is_up():
    booted_at = time.time() - clock.up_s()
    found = timekeeping.read(Root("/"))
    assert abs(found.booted_at - booted_at) < 1.0


def test_whether_the_clock_is_kept_is_as_the_kernel_says():
    found = timekeeping.read(Root("/"))
    said = timekeeping.is_synchronised()
    assert found.synchronised is said
    assert found.standing is Standing.OK  # also where the kernel may not be asked


def test_another_root_has_no_clock(tmp_path):
    assert timekeeping.read(Root(str(tmp_path))) == Clock(Standing.ABSENT, NOTHING_RUNS)
