"""Each question of the doctor, on machines that answer it in every way."""

from __future__ import annotations

import os

import pytest
from support.agenttree import AgentTree

from hookd.core.model import Outcome
from hookd.core.readings import Boot as BootReading
from hookd.core.readings import Kernel, NextBoot, PackageSet, Standing
from hookd.core.snapshot import Snapshot
from hookd.doctor import agent, disks, grounds, packages, service
from hookd.doctor.examination import examine
from hookd.doctor.patient import Patient
from hookd.doctor.table import QUESTIONS
from hookd.system import hold
from hookd.system.machine import open_machine
from hookd.system.process.command import Completed

PASS, WARN, FAIL = Outcome.PASS, Outcome.WARN, Outcome.FAIL
UNKNOWN, SKIP = Outcome.UNKNOWN, Outcome.SKIP
MIB = 1 << 20
LEAST = {"/": 16 * MIB, "/boot": 16 * MIB, "/var/lib/hookd": 16 * MIB}


def _nobody(argv, **_more):
    return Completed(tuple(argv), None, error=f"{argv[0]}: No such file or directory")


def _machine(root, command=_nobody, environment=None):
    return open_machine(str(root), None, environment or {}, command)


NO_LOADER = NextBoot(standing=Standing.ABSENT)


def _look(*packages, next_boot=NO_LOADER):
    return Snapshot("doctor", "", BootReading(), Kernel(next_boot=next_boot), packages)


def _patient(root, look=None, **more):
    return Patient(_machine(root, **more), look or _look())


def _outcomes(checks):
    return {check.id: check.outcome for check in checks}


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ("SSM Agent version: 3.0.501.0", FAIL),
        ("SSM Agent version: 3.0.502.0", PASS),
        ("SSM Agent version: 3.3.987.0\n", PASS),
        ("2.3.1319.0-1", FAIL),
        ("10.0.0", PASS),
        ("who knows", UNKNOWN),
        ("", UNKNOWN),
    ],
)
def test_an_agent_below_3_0_502_fails(said, outcome):
    assert agent.version(said, "it was killed").outcome is outcome


def test_a_system_without_the_agents_program_fails(tmp_path):
    (tmp_path / "usr/bin").mkdir(parents=True)

    assert _outcomes(agent.examine(_patient(tmp_path))) == {
        "agent.present": FAIL,
        "agent.version": SKIP,
        "agent.files": WARN,
        "agent.environment": SKIP,
        "agent.executes": SKIP,
    }


def test_a_directory_without_a_system_is_not_known(tmp_path):
    assert _outcomes(agent.examine(_patient(tmp_path)))["agent.present"] is UNKNOWN


def test_the_package_database_tells_the_version_of_an_agent_that_does_not_run(tmp_path):
    installed = {"amazon-ssm-agent.x86_64": (("3.0.161.0-1.amzn2", 0),)}
    AgentTree(tmp_path)
    found = list(agent.examine(_patient(tmp_path, _look(PackageSet(installed=installed)))))

    assert [(c.id, c.outcome, c.found) for c in found[:3]] == [
        ("agent.present", PASS, "package amazon-ssm-agent"),
        ("agent.version", FAIL, "3.0.161.0"),
        ("agent.files", PASS, "/var/lib/amazon/ssm/i-0123456789abcdef0/document/state"),
    ]


@pytest.mark.parametrize(
    ("free", "outcome"),
    [({}, SKIP), ({"/boot": None}, UNKNOWN)]
    + [({"/boot": size * MIB}, seen) for size, seen in ((15, FAIL), (99, WARN), (100, PASS))],
)
def test_boot_needs_room_for_a_kernel(free, outcome):
    assert disks.boot(free, LEAST).outcome is outcome


@pytest.mark.parametrize(
    ("root", "state", "outcome"),
    [(16, 16, PASS), (15, 16, FAIL), (16, 15, FAIL), (16, None, UNKNOWN)],
)
def test_state_and_packages_need_room(root, state, outcome):
    free = {"/": root * MIB, "/var/lib/hookd": None if state is None else state * MIB}

    assert disks.state(free, LEAST).outcome is outcome


def test_a_held_machine_is_not_quiet(tmp_path):
    (tmp_path / "var/lib/hookd").mkdir(parents=True)
    before = _outcomes(disks.examine(_patient(tmp_path)))
    hold.write(_machine(tmp_path).state, "release", 3600.0)

    assert before["state.quiet"] is PASS
    assert _outcomes(disks.examine(_patient(tmp_path)))["state.quiet"] is WARN


@pytest.mark.parametrize(
    ("databases", "outcome"),
    [
        ((), SKIP),
        ((PackageSet(),), PASS),
        ((PackageSet(standing=Standing.UNKNOWN, reason="rpm: error: damaged"),), FAIL),
    ],
)
def test_a_database_that_cannot_be_read_fails(tmp_path, databases, outcome):
    found = _outcomes(packages.examine(_patient(tmp_path, _look(*databases))))

    assert found["packages.readable"] is outcome


SOUND = "LoadState=loaded\nUnitFileState=enabled\nActiveState=active\nDelegate=yes\n"


def _systemctl(said):
    """Return a command that stands for systemctl and shows `said` of every unit."""
    return lambda argv, **_more: Completed(tuple(argv), 0, said.encode())


@pytest.mark.parametrize(
    ("said", "outcomes"),
    [
        (SOUND, (PASS, PASS, PASS)),
        (SOUND.replace("=enabled", "=disabled"), (FAIL, FAIL, PASS)),
        (SOUND.replace("=active", "=inactive"), (FAIL, PASS, PASS)),
        (SOUND.replace("Delegate=yes", "Delegate=no"), (PASS, PASS, WARN)),
        (SOUND.replace("=loaded", "=not-found"), (FAIL, FAIL, WARN)),
        ("", (UNKNOWN, UNKNOWN, UNKNOWN)),
    ],
)
def test_the_units_have_to_be_enabled_and_to_listen(tmp_path, said, outcomes):
    found = _outcomes(service.units(_patient(tmp_path, command=_systemctl(said))))

    assert tuple(found.values()) == outcomes


def test_units_are_skipped_where_nothing_runs(tmp_path):
    assert set(_outcomes(service.examine(_patient(tmp_path))).values()) == {SKIP}


@pytest.mark.parametrize(
    ("next_boot", "outcome"),
    [
        (NO_LOADER, SKIP),
        (NextBoot(standing=Standing.UNKNOWN, reason="grubenv is a FIFO"), UNKNOWN),
        (NextBoot(release="5.10", missing=("/boot/initramfs-5.10.img",)), FAIL),
        (NextBoot(release="5.10"), PASS),
    ],
)
def test_what_boots_next_needs_its_files(tmp_path, next_boot, outcome):
    found = _outcomes(grounds.examine(_patient(tmp_path, _look(next_boot=next_boot))))

    assert found["boot.next-entry"] is outcome


def test_a_hook_with_a_problem_fails_and_one_with_a_warning_warns(tmp_path):
    def sound():
        return _outcomes(grounds.examine(_patient(tmp_path)))["hooks.sound"]

    assert sound() is PASS
    hook = tmp_path / "etc/hookd/hooks.d/pre/10-a"
    hook.parent.mkdir(parents=True)
    hook.write_text("#!/bin/sh\n")
    hook.chmod(0o644)
    assert sound() is WARN
    hook.chmod(0o777)
    assert sound() is FAIL


def test_every_question_is_answered_once_and_in_the_order_of_the_table(tmp_path):
    assert [check.id for check in examine(_machine(tmp_path))] == list(QUESTIONS)


def test_an_examination_that_breaks_costs_no_other(tmp_path):
    def broken(_patient):
        raise ZeroDivisionError("a bug")

    found = {check.id: check for check in examine(_machine(tmp_path), (broken, grounds.examine))}

    assert found["agent.present"].outcome is UNKNOWN
    assert found["agent.present"].reason == "the examination broke: ZeroDivisionError: a bug"
    assert found["python.version"].outcome is PASS


def test_whatever_is_not_passed_says_what_to_do(tmp_path):
    found = examine(_machine(tmp_path))

    assert [c.id for c in found if c.outcome not in (PASS, SKIP) and not c.remedy] == []
    assert [c.id for c in found if c.outcome in (UNKNOWN, SKIP) and not c.reason] == []


def test_the_instance_is_known_from_a_call_of_ssm_or_the_board(tmp_path):
    def known(**environment):
        patient = _patient(tmp_path, environment=environment)
        return _outcomes(grounds.examine(patient))["instance.known"]

    assert known() is UNKNOWN
    assert known(AWS_SSM_INSTANCE_ID="i-0123456789abcdef0") is PASS
    board = tmp_path / "sys/devices/virtual/dmi/id/board_asset_tag"
    board.parent.mkdir(parents=True)
    board.write_text("i-0123456789abcdef0\n")
    assert known() is PASS


def test_an_examination_changes_nothing(tmp_path):
    (tmp_path / "var/lib/hookd").mkdir(parents=True)
    (tmp_path / "etc/hookd").mkdir(parents=True)

    def everything():
        return {str(p): os.lstat(str(p)).st_mtime_ns for p in (tmp_path, *tmp_path.rglob("*"))}

    before = everything()
    examine(_machine(tmp_path))

    assert everything() == before
