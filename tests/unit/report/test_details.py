"""What `hookd show` tells of changes and checks."""

from __future__ import annotations

from support.documents import result

from hookd.core.codec import encode
from hookd.core.differences import UnitChange
from hookd.core.model import Check, Outcome
from hookd.report.details import details


def shown(**more):
    found, _, _ = result(phase="on-exit", outcome="passed")
    return list(details({**found, **more}))


def test_changes_of_the_running_node_are_told_where_there_are_any():
    found, _, _ = result(phase="on-exit", outcome="passed")
    change = encode(UnitChange("a.service", "active (running)", "", "ready..installed"))
    lines = shown(changes={**found["changes"], "units": [change]})
    at = lines.index("units: 1 changes")
    assert lines[at + 1] == "  a.service active (running) -> not loaded (ready..installed)"
    nouns = ("units", "sockets", "mounts", "settings")
    assert [one for one in shown() if one.startswith(nouns)] == []


def test_a_check_that_is_not_met_tells_how_it_was_before():
    bad = Check("units.failed-since-pre", Outcome.FAIL, found="a is failed", before="a active")
    good = Check("selinux.mode-kept", Outcome.PASS, found="enforcing", before="enforcing")
    lines = shown(checks=[encode(bad), encode(good)])
    at = lines.index("fail    units.failed-since-pre (fail): found a is failed")
    assert lines[at + 1] == "        before: a active"
    assert lines[at + 2] == "pass    selinux.mode-kept (fail): found enforcing"
