"""What the service does when nobody comes back: early and late callers, undos, crashes, cancels."""

from __future__ import annotations

import time

import pytest

from lab import agent
from lab.facts import next_act
from lab.hooks import WAITS, check_of, events, hookd, install, outcomes, shown, starts
from lab.later import let_pass

RETRY_MINUTES = (1, 2, 4, 8, 16)
# More than a service needs to start and to act, on a machine that others use as well.
SOON_S = 60


@pytest.fixture
def machine(served):
    """Every machine here has the service."""
    return served


def take_out(machine, *undo):
    """Install a pre hook with its undo, and a hook of on-exit that is none."""
    install(machine, "pre/30-leave", 'echo was-in >"$HOOKD_SCRATCH/was"')
    install(machine, "on-exit/50-warm")
    lines = ('test -s "$HOOKD_SCRATCH/was" || exit 1', *undo)
    install(machine, "on-exit/70-join", *lines, undoes="pre/30-leave")


def patched(machine):
    """Let the agent run pre and post, and what it installs in between."""
    assert [hookd(machine, phase).returncode for phase in ("pre", "post")] == [0, 0]


def wait_closed(machine, timeout=60):
    machine.wait_until("hookd status >/dev/null", timeout)


def up_s(machine):
    """Return CLOCK_BOOTTIME as hookd sees it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) + machine.clock_offsets[0]


def tries(machine, hook):
    """Return for each start of `hook` how long after the last end of its phase it came, in s."""
    waited, ended_s = [], None
    for event in events(machine, "phase-ended", "hook-started"):
        if event["event"] == "phase-ended":
            ended_s = event["up_s"]
        elif event["hook"] == hook:
            waited.append(event["up_s"] - ended_s)
    return waited


def test_the_agent_calls_on_exit_before_recovery_would(machine):
    machine.write("/etc/hookd/hookd.toml", "[recovery]\ngrace = '60s'\n")
    take_out(machine)
    patched(machine)
    machine.reboot()

    planned = next_act(machine)
    ended = hookd(machine, "on-exit")

    assert planned["act"] == "on-exit"
    assert 30 < planned["in_s"] <= 60
    assert ended.returncode == 0, ended.stdout
    assert "recovery had run" not in ended.stdout
    let_pass(machine, 120)
    wait_closed(machine)
    operation = shown(machine)["operation"]
    assert (operation["path"], operation["verdict"]) == ("patched-rebooted", "passed")
    assert starts(machine) == ["pre/30-leave", "on-exit/50-warm", "on-exit/70-join"]


def test_the_agent_calls_on_exit_while_recovery_runs_it(machine):
    machine.write("/etc/hookd/hookd.toml", "[recovery]\ngrace = '1s'\n")
    take_out(machine, WAITS)
    patched(machine)
    machine.reboot()
    machine.wait_until("test -s /srv/hanging")

    call = agent.call(machine, "hookd", "run", "on-exit")
    machine.execute("sleep 1; touch /srv/go").check()
    ended = call.wait()

    assert starts(machine) == ["pre/30-leave", "on-exit/50-warm", "on-exit/70-join"]
    assert ended.returncode == 0, ended
    assert ", recovery had run it at " in ended.stdout.splitlines()[0]
    operation = shown(machine)["operation"]
    assert (operation["state"], operation["path"]) == ("closed", "patched-rebooted")
    assert operation["verdict"] == "passed-with-warnings"


def test_the_agent_calls_on_exit_after_recovery_has_run_it(machine):
    machine.write("/etc/hookd/hookd.toml", "[recovery]\ngrace = '1s'\n")
    take_out(machine)
    patched(machine)
    machine.reboot()
    wait_closed(machine)
    before = shown(machine)["operation"]

    ended = hookd(machine, "on-exit")

    assert (before["path"], before["verdict"]) == ("interrupted", "failed")
    assert ended.returncode == 0, ended
    first = ended.stdout.splitlines()[0]
    assert first.startswith(f"passed-with-warnings: on-exit of operation {before['id']}, ")
    assert f", recovery had run it at {before['recovered_at']}, path patched-rebooted" in first
    assert starts(machine) == ["pre/30-leave", "on-exit/50-warm", "on-exit/70-join"]
    operation = shown(machine)["operation"]
    assert (operation["path"], operation["verdict"]) == ("patched-rebooted", "passed-with-warnings")


def test_the_agent_calls_on_exit_after_the_undo_of_recovery_has_failed(machine):
    machine.write("/etc/hookd/hookd.toml", "[recovery]\ngrace = '1s'\n")
    take_out(machine, "test -e /srv/works")
    patched(machine)
    machine.reboot()
    machine.wait_until("grep -q join /srv/ran")
    machine.wait_until("! hookd status | grep -q running")
    machine.write("/srv/works", "")

    ended = hookd(machine, "on-exit")

    assert ended.returncode == 0, ended
    assert starts(machine) == ["pre/30-leave", "on-exit/50-warm", *["on-exit/70-join"] * 2]
    wait_closed(machine)


def test_an_undo_that_fails_three_times_is_tried_until_it_works(machine):
    take_out(machine, "test $(grep -c join /srv/ran) -gt 3")
    patched(machine)
    assert hookd(machine, "on-exit").returncode == 1

    for number, minutes in enumerate(RETRY_MINUTES[:3], start=2):
        # not a moment too early
        let_pass(machine, minutes * 60 - SOON_S // 2)
        waits = next_act(machine)
        assert (waits["act"], 0 < waits["in_s"] <= SOON_S // 2) == ("retry-undos", True)
        let_pass(machine, SOON_S // 2)
        machine.wait_until(f"test $(grep -c join /srv/ran) -eq {number}")

    wait_closed(machine)
    document = shown(machine)
    assert outcomes(document)[-1] == ("on-exit", 1, "70-join", "passed")
    assert document["operation"]["outstanding_undos"] == []
    assert check_of(document, "undo.outstanding")["outcome"] == "pass"
    _, *waited = tries(machine, "70-join")
    soon = [minutes * 60 + SOON_S for minutes in RETRY_MINUTES]
    assert [60 * n <= s < late for n, s, late in zip(RETRY_MINUTES, waited, soon)] == [True] * 3
    # what had ended well is not started again
    assert starts(machine) == ["pre/30-leave", "on-exit/50-warm", *["on-exit/70-join"] * 4]


def test_an_undo_that_never_works_closes_the_operation_and_is_tried_at_the_next_boot(machine):
    take_out(machine, "test -e /srv/works")
    patched(machine)
    assert hookd(machine, "on-exit").returncode == 1

    for number, minutes in enumerate(RETRY_MINUTES, start=2):
        let_pass(machine, minutes * 60)
        machine.wait_until(f"test $(grep -c join /srv/ran) -eq {number}")
    machine.wait_until('hookd show --json | grep -q \'"state": "closed"\'')

    document = shown(machine)
    operation = document["operation"]
    assert (operation["state"], operation["verdict"]) == ("closed", "failed")
    [owed] = operation["outstanding_undos"]
    assert (owed["hook"], owed["pre_hook"]) == ("70-join", "pre/30-leave")
    check = check_of(document, "undo.outstanding")
    assert (check["outcome"], check["severity"]) == ("fail", "fail")
    assert "70-join" in check["found"]
    assert "hookd recover" in check["remedy"]
    let_pass(machine, 24 * 3600)
    assert next_act(machine)["in_s"] is None

    machine.reboot()
    machine.wait_until("test $(grep -c join /srv/ran) -eq 7")
    machine.write("/srv/works", "")
    machine.reboot()
    wait_closed(machine)

    assert starts(machine) == ["pre/30-leave", "on-exit/50-warm", *["on-exit/70-join"] * 8]
    assert shown(machine)["operation"]["outstanding_undos"] == []


@pytest.mark.waits
def test_the_patching_is_cancelled_after_pre_and_nobody_calls_again(machine):
    files = agent.files(machine)
    files.submit(agent.RUN_ID)
    files.start(agent.RUN_ID)
    take_out(machine)
    assert hookd(machine, "pre").returncode == 0
    let_pass(machine, 3600)
    alive = next_act(machine)

    files.end(agent.RUN_ID)
    let_pass(machine, 1)  # the service that looks from now on has not seen the run
    gone_s = up_s(machine)
    wait_closed(machine, 120)

    assert (alive["act"], alive["reason"]) == (
        "on-exit",
        "unless on-exit is called before: its run is alive",
    )
    [on_exit] = [e for e in events(machine, "phase-started") if e["phase"] == "on-exit"]
    # by a second look a minute after the first one
    assert 59 <= on_exit["up_s"] - gone_s < 60 + SOON_S
    [liveness] = [e for e in events(machine, "observed") if e["subject"] == "liveness"]
    assert liveness["value"] == {"reason": "its run is dead"}
    operation = shown(machine)["operation"]
    assert (operation["state"], operation["path"]) == ("closed", "interrupted")
    assert (operation["verdict"], operation["outstanding_undos"]) == ("failed", [])
    assert starts(machine) == ["pre/30-leave", "on-exit/50-warm", "on-exit/70-join"]


@pytest.mark.waits
def test_three_crashes_in_a_row_and_only_what_was_taken_is_put_back(machine):
    machine.write("/etc/hookd/hookd.toml", "[recovery]\ngrace = '80s'\n")
    files = agent.files(machine)
    files.submit(agent.RUN_ID)
    files.start(agent.RUN_ID)
    take_out(machine)
    install(machine, "pre/40-stop")
    install(machine, "on-exit/80-start", undoes="pre/40-stop", only_if_healthy=True)
    install(machine, "on-exit/90-serve", only_if_healthy=True)
    patched(machine)
    files.end(agent.RUN_ID)

    for _ in range(3):
        machine.power_off_hard()
        machine.boot()
    planned = next_act(machine)
    machine.wait_until("grep -q join /srv/ran", 120)
    machine.wait_until("! hookd status | grep -q running")

    assert planned["act"] == "on-exit"
    [on_exit] = [e for e in events(machine, "phase-started") if e["phase"] == "on-exit"]
    # dead after a minute, but three boots have it wait for the whole grace
    assert 80 <= on_exit["up_s"] < 80 + SOON_S
    document = shown(machine)
    check = check_of(document, "boot.loop")
    assert (check["outcome"], check["found"]) == (
        "fail",
        "3 boots, the last without a shutdown before",
    )
    assert outcomes(document)[-4:] == [
        ("on-exit", 1, "50-warm", "passed"),
        ("on-exit", 1, "70-join", "passed"),
        ("on-exit", 1, "80-start", "outstanding"),
        ("on-exit", 1, "90-serve", "skipped"),
    ]
    [owed] = document["operation"]["outstanding_undos"]
    assert owed["hook"] == "80-start"

    ended = hookd(machine, "on-exit")  # the agent is there: the machine stays up

    assert ended.returncode == 0, ended
    assert starts(machine) == [
        *("pre/30-leave", "pre/40-stop", "on-exit/50-warm", "on-exit/70-join"),
        *("on-exit/80-start", "on-exit/90-serve"),
    ]
