"""What the service does when nobody comes back: early and late callers, undos, crashes, cancels."""

from __future__ import annotations

import pytest

from lab import agent
from lab.facts import next_act, of_unit
from lab.hooks import WAITS, begin, check_of, events, hookd, install, outcomes, shown, starts
from lab.later import let_pass

RETRY_MINUTES = (1, 2, 4, 8, 16)
# More than a service needs to start and to act.
SOON_S = 30


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

    call = agent.call(machine, "hookd", "run", "on-exit", f"--operation-id={agent.RUN_ID}")
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
    machine.wait_until(f"! hookd status | grep -q running")
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
        let_pass(machine, minutes * 60 - 10)
        waits = next_act(machine)
        assert (waits["act"], 0 < waits["in_s"] <= 10) == ("retry-undos", True)
        let_pass(machine, 10)
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
    machine.wait_until("hookd show --json | grep -q '\"state\": \"closed\"'")

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
    machine.execute(["systemctl", "restart", "hookd"]).check()
    gone_at = float(machine.read("/proc/uptime").split()[0])
    machine.execute("sleep 50").check()
    assert starts(machine) == ["pre/30-leave"]
    wait_closed(machine)

    assert (alive["act"], alive["reason"]) == (
        "on-exit",
        "unless on-exit is called before: its run is alive",
    )
    document = shown(machine)
    assert document["operation"]["path"] == "interrupted"
    assert document["operation"]["outstanding_undos"] == []
    assert starts(machine) == ["pre/30-leave", "on-exit/50-warm", "on-exit/70-join"]
    [liveness] = [e for e in events(machine, "observed") if e["subject"] == "liveness"]
    assert liveness["value"] == {"reason": "its run is dead"}
    ahead_s = machine.clock_offsets[0]
    assert gone_at


@pytest.mark.waits
def test_three_crashes_in_a_row_and_nothing_is_put_into_service(machine):
    machine.write("/etc/hookd/hookd.toml", "[recovery]\ngrace = '90s'\n")
    files = agent.files(machine)
    files.submit(agent.RUN_ID)
    files.start(agent.RUN_ID)
    take_out(machine)
    install(machine, "on-exit/80-serve", only_if_healthy=True, required=False)
    patched(machine)
    files.end(agent.RUN_ID)

    for _ in range(3):
        machine.power_off_hard()
        machine.boot()
    machine.wait_until("grep -q join /srv/ran", 120)
    wait_closed(machine)

    document = shown(machine)
    check = check_of(document, "boot.loop")
    assert (check["outcome"], check["found"]) == ("fail", "3 boots")
    [arrived] = [e for e in events(machine, "phase-started") if e["phase"] == "on-exit"]
    assert 90 <= arrived["up_s"] < 90 + SOON_S
    assert outcomes(document)[-3:] == [
        ("on-exit", 1, "50-warm", "passed"),
        ("on-exit", 1, "70-join", "passed"),
        ("on-exit", 1, "80-serve", "outstanding"),
    ]
    assert starts(machine) == ["pre/30-leave", "on-exit/50-warm", "on-exit/70-join"]
