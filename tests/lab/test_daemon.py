"""The service under a booted systemd: activation, kills, restarts, reboots and who comes after."""

from __future__ import annotations

import time

import pytest

from lab import agent
from lab.facts import is_alive, of_unit
from lab.hooks import (
    HANGS,
    TRAPS,
    WAITS,
    begin,
    hook_of,
    hookd,
    install,
    outcomes,
    shown,
    starts,
)

SLEEPS = "exec sleep 600' </dev/null >/dev/null 2>&1 &"


@pytest.fixture
def machine(served):
    """Every machine here has the service."""
    return served


def test_the_first_call_starts_the_service_and_it_answers_the_next_ones(either):
    install(either, "pre/10-check", "echo checked")
    install(either, "post/10-check")
    before = of_unit(either, "hookd.service", "ActiveState")

    codes = [hookd(either, phase).returncode for phase in ("pre", "post")]

    assert (before, codes) == ("inactive", [0, 0])
    assert of_unit(either, "hookd.service", "ActiveState") == "active"
    document = shown(either)
    # only below the service has a hook a cgroup of its own
    assert [hook_of(run, "10-check")["contained_by"] for run in _alone(document)] == ["cgroup"] * 2
    assert starts(either) == ["pre/10-check", "post/10-check"]


def _alone(document):
    return [{"phases": [run]} for run in document["phases"]]


def test_a_service_that_is_started_again_and_again_meets_no_start_limit(new_machine):
    machine = new_machine(service=True)
    # systemd's own is five starts in ten seconds, which is for quick machines
    limit = "[Manager]\nDefaultStartLimitIntervalSec=1h\n"
    machine.write("/etc/systemd/system.conf.d/lab.conf", limit)
    machine.boot()
    call = f"hookd run pre --operation-id={agent.RUN_ID} >/dev/null"

    done = machine.execute(
        f"for n in 1 2 3 4 5 6 7 8 9 10; do {call} || exit; systemctl stop hookd 2>&1; done"
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert of_unit(machine, "hookd.socket", "ActiveState") == "active"
    assert machine.journal("--unit=hookd.service").count("Started hookd.service") == 10


def test_the_service_is_killed_in_a_hook_and_nobody_notices(machine):
    install(machine, "pre/30-leave", WAITS)
    call = begin(machine, "pre")
    killed = of_unit(machine, "hookd.service", "MainPID")

    machine.execute("systemctl kill --kill-who=main --signal=KILL hookd").check()
    other = f"systemctl show --value --property=MainPID hookd | grep -qvxE '0|{killed}'"
    machine.wait_until(f"systemctl --quiet is-active hookd && {other}")
    assert is_alive(machine, "/srv/hanging")
    machine.execute("touch /srv/go")

    answered = call.wait()
    assert answered.returncode == 0, answered
    assert answered.stdout.startswith("passed: pre of operation ")
    assert outcomes(shown(machine)) == [("pre", 1, "30-leave", "passed")]
    assert hookd(machine, "post").returncode == 0
    assert starts(machine) == ["pre/30-leave"]


def test_the_caller_of_pre_is_killed_and_the_hook_is_ended(machine):
    install(machine, "pre/30-leave", TRAPS)
    install(machine, "pre/50-later")
    install(machine, "on-exit/70-join", undoes="pre/30-leave")
    killed = begin(machine, "pre")

    killed.kill()

    machine.wait_until("test -s /srv/trapped", 15)
    assert hookd(machine, "pre").returncode == 130
    assert hookd(machine, "on-exit").returncode == 1
    document = shown(machine)
    assert outcomes(document) == [
        ("pre", 1, "30-leave", "interrupted"),
        ("pre", 1, "50-later", "skipped"),
        ("on-exit", 1, "70-join", "passed"),
    ]
    assert hook_of(document, "30-leave")["reason"] == "its caller is gone"


@pytest.mark.parametrize("phase", ["post", "on-exit"])
def test_the_caller_of_another_phase_is_killed_and_the_phase_finishes(machine, phase):
    install(machine, f"{phase}/50-warm", WAITS)
    for earlier in ("pre", "post")[: 1 if phase == "post" else 2]:
        assert hookd(machine, earlier).returncode == 0
    killed = begin(machine, phase)

    killed.kill()
    time.sleep(3)  # the engine looks once a second
    assert is_alive(machine, "/srv/hanging")
    machine.execute("touch /srv/go")

    assert hookd(machine, phase).returncode == 0
    assert outcomes(shown(machine)) == [(phase, 1, "50-warm", "passed")]
    assert starts(machine) == [f"{phase}/50-warm"]


def test_what_a_hook_left_running_outlives_the_service(either):
    leaves = ("setsid sh -c 'echo $$ >/srv/left", SLEEPS)
    install(
        either, "pre/30-start", "; ".join(leaves), "until test -s /srv/left; do sleep 0.1; done"
    )
    assert hookd(either, "pre").returncode == 0

    for what in ("restart", "stop"):
        either.execute(["systemctl", what, "hookd"]).check()
        assert is_alive(either, "/srv/left")

    assert hookd(either, "post").returncode == 0
    assert is_alive(either, "/srv/left")


def test_what_a_hook_that_timed_out_had_hidden_is_ended(either):
    hides = ("env -i PATH=/usr/bin:/bin setsid sh -c 'echo $$ >/srv/hidden", SLEEPS)
    install(either, "pre/30-hangs", "; ".join(hides), "sleep 600", timeout="3s", grace="1s")

    failed = hookd(either, "pre")

    assert failed.returncode == 1
    hook = hook_of(shown(either), "30-hangs")
    assert (hook["outcome"], hook["contained_by"]) == ("timed-out", "cgroup")
    assert not is_alive(either, "/srv/hidden")


# Says what it knows of the open operation when the agent would start.
AGENT = """\
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'cat /var/lib/hookd/operations/*/journal.jsonl >/srv/known'
[Install]
WantedBy=multi-user.target
"""


def test_nobody_calls_on_exit_after_a_reboot_and_the_service_does(either):
    either.write("/etc/hookd/hookd.toml", "[recovery]\ngrace = '2s'\n")
    either.write("/etc/systemd/system/amazon-ssm-agent.service", AGENT)
    either.execute("systemctl enable amazon-ssm-agent").check()
    install(either, "pre/30-leave", 'echo was-in >"$HOOKD_SCRATCH/was"')
    install(either, "on-exit/70-join", 'test -s "$HOOKD_SCRATCH/was"', undoes="pre/30-leave")
    codes = [hookd(either, phase).returncode for phase in ("pre", "post")]

    either.reboot()

    either.wait_until("hookd status >/dev/null", 60)
    assert codes == [0, 0]
    document = shown(either)
    assert outcomes(document) == [
        ("pre", 1, "30-leave", "passed"),
        ("on-exit", 1, "70-join", "passed"),
    ]
    operation = document["operation"]
    assert (operation["state"], operation["path"]) == ("closed", "interrupted")
    assert operation["path_so_far"] == "patched-rebooted"
    assert (operation["verdict"], operation["outstanding_undos"]) == ("failed", [])
    assert '"booted-1"' in either.read("/srv/known")
    assert starts(either) == ["pre/30-leave", "on-exit/70-join"]


def test_the_power_is_lost_in_a_pre_hook_and_the_service_ends_the_operation(machine):
    machine.write("/etc/hookd/hookd.toml", "[recovery]\ngrace = '2s'\n")
    install(machine, "pre/30-leave", HANGS)
    install(machine, "pre/50-later")
    install(machine, "on-exit/70-join", undoes="pre/30-leave")
    begin(machine, "pre")

    machine.power_off_hard()
    machine.boot()

    machine.wait_until("hookd status >/dev/null", 60)
    document = shown(machine)
    assert document["phases"][0]["outcome"] == "interrupted"
    assert ("pre", 1, "30-leave", "interrupted") in outcomes(document)
    assert outcomes(document)[-1] == ("on-exit", 1, "70-join", "passed")
    operation = document["operation"]
    assert (operation["state"], operation["verdict"]) == ("closed", "failed")
    assert operation["outstanding_undos"] == []
    assert starts(machine) == ["pre/30-leave", "on-exit/70-join"]


def test_a_boot_with_nothing_open_starts_no_python(machine):
    assert of_unit(machine, "hookd-boot.service", "ConditionResult") == "no"
    assert of_unit(machine, "hookd-boot.service", "ExecMainPID") == "0"
    assert of_unit(machine, "hookd.service", "ExecMainPID") == "0"
    assert of_unit(machine, "hookd.socket", "ActiveState") == "active"

    codes = [hookd(machine, phase).returncode for phase in ("pre", "post", "on-exit")]
    machine.reboot()

    assert codes == [0, 0, 0]
    closed = of_unit(machine, "hookd-boot.service", "ConditionResult")
    assert closed == "no", machine.execute("ls /var/lib/hookd/open; hookd status").stdout


@pytest.mark.parametrize("restarted", [False, True], ids=["", "after a restart of the service"])
def test_the_machine_shuts_down_in_a_hook_which_is_ended_and_recorded(machine, restarted):
    install(machine, "pre/30-leave", TRAPS)
    install(machine, "pre/50-later")
    install(machine, "on-exit/70-join", undoes="pre/30-leave")
    begin(machine, "pre")
    if restarted:
        machine.execute(["systemctl", "restart", "hookd"]).check()

    began = time.monotonic()
    machine.execute(["systemctl", "--no-block", "reboot"]).check()
    assert machine.wait_off() == "reboot"
    took = time.monotonic() - began
    machine.boot()

    assert took < 20
    assert machine.read("/srv/trapped") == "TERM\n"
    codes = [hookd(machine, phase).returncode for phase in ("pre", "on-exit")]
    assert codes == [130, 1]
    document = shown(machine)
    assert outcomes(document) == [
        ("pre", 1, "30-leave", "interrupted"),
        ("pre", 1, "50-later", "skipped"),
        ("on-exit", 1, "70-join", "passed"),
    ]
    assert hook_of(document, "30-leave")["reason"] == "shutdown"
