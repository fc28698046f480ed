"""Killed, shut down and full: what a machine tells when the next call comes."""

from __future__ import annotations

import pytest

from lab.facts import is_alive
from lab.hooks import HANGS, TRAPS, begin, hookd, install, outcomes, shown, starts
from lab.patching import noticed


def fill_var(machine):
    """Leave no room on /var, not even for a small file."""
    for size in ("64k", "4k", "1k"):
        machine.execute(f"dd if=/dev/zero of=/var/fill.{size} bs={size}; sync")
    small = machine.execute("head -c 5000 /dev/zero >/var/small; sync; rm /var/small")
    assert "No space left on device" in small.stderr


def test_the_agent_kills_hookd_in_a_pre_hook_and_calls_again(machine):
    install(machine, "pre/30-leave", HANGS)
    install(machine, "pre/50-later")
    install(machine, "on-exit/70-join", undoes="pre/30-leave")
    killed = begin(machine, "pre")

    killed.kill()

    assert killed.wait().returncode == -9
    # hooks have a session of their own: the agent's kill does not reach them
    assert is_alive(machine, "/srv/hanging")
    assert hookd(machine, "pre").returncode == 1
    assert not is_alive(machine, "/srv/hanging")
    assert hookd(machine, "on-exit").returncode == 1
    document = shown(machine)
    assert outcomes(document) == [
        ("pre", 1, "30-leave", "interrupted"),
        ("pre", 1, "50-later", "skipped"),
        ("on-exit", 1, "70-join", "passed"),
    ]
    assert starts(machine) == ["pre/30-leave", "on-exit/70-join"]


def test_the_agent_kills_hookd_in_an_undo_and_the_next_call_ends_the_hook_before_it_starts_another(
    machine,
):
    install(machine, "pre/30-leave")
    once = f"test -e /srv/hanging && exec test ! -e /proc/$(cat /srv/hanging); {HANGS}"
    install(machine, "on-exit/70-join", once, undoes="pre/30-leave")
    codes = [hookd(machine, phase).returncode for phase in ("pre", "post")]
    killed = begin(machine, "on-exit")
    killed.kill()
    killed.wait()

    ended = hookd(machine, "on-exit")

    assert [*codes, ended.returncode] == [0, 0, 0], ended.stdout
    assert starts(machine) == ["pre/30-leave", "on-exit/70-join", "on-exit/70-join"]
    operation = shown(machine)["operation"]
    assert (operation["state"], operation["outstanding_undos"]) == ("closed", [])


def test_the_machine_shuts_down_in_a_pre_hook_that_traps_term(machine):
    install(machine, "pre/30-leave", TRAPS)
    install(machine, "pre/50-later")
    install(machine, "on-exit/70-join", undoes="pre/30-leave")
    begin(machine, "pre")

    machine.reboot()

    assert machine.read("/srv/trapped") == "TERM\n"
    codes = [hookd(machine, phase).returncode for phase in ("pre", "on-exit")]
    assert codes == [130, 1]
    document = shown(machine)
    (leave, *others) = outcomes(document)
    # everybody gets TERM at once: hookd may see the hook's end before its own signal
    assert leave in [("pre", 1, "30-leave", "interrupted"), ("pre", 1, "30-leave", "failed")]
    assert others == [("pre", 1, "50-later", "skipped"), ("on-exit", 1, "70-join", "passed")]
    assert document["operation"]["path"] == "pre-failed"
    assert starts(machine) == ["pre/30-leave", "on-exit/70-join"]


def test_the_machine_shuts_down_in_an_undo_and_the_next_call_runs_it_again(machine):
    install(machine, "pre/30-leave")
    once = f"test -e /srv/hanging && exit 0; {TRAPS}"
    install(machine, "on-exit/70-join", once, undoes="pre/30-leave")
    codes = [hookd(machine, phase).returncode for phase in ("pre", "post")]
    begin(machine, "on-exit")

    machine.reboot()

    assert codes == [0, 0]
    ended = hookd(machine, "on-exit")
    assert starts(machine) == ["pre/30-leave", "on-exit/70-join", "on-exit/70-join"], ended.stdout
    assert shown(machine)["operation"]["outstanding_undos"] == []


@pytest.fixture(params=[False, True], ids=["", "service"])
def small(request, new_machine):
    """A machine that is up, whose /var is a file system of its own of 128 MiB."""
    made = new_machine(var="128M", service=request.param)
    made.boot()
    return made


def test_var_is_full_before_pre_which_says_so_and_starts_nothing(small):
    install(small, "pre/30-leave")
    fill_var(small)

    refused = hookd(small, "pre")

    assert refused.returncode == 1
    assert "No space left on device" in refused.stdout + refused.stderr
    assert starts(small) == []


def test_var_is_full_after_pre_and_what_pre_took_away_is_put_back_all_the_same(small):
    install(small, "pre/30-leave")
    install(small, "post/20-note")
    install(small, "on-exit/70-join", 'test -d "$HOOKD_SCRATCH"', undoes="pre/30-leave")
    codes = [hookd(small, "pre").returncode]
    fill_var(small)

    codes += [hookd(small, phase).returncode for phase in ("post", "on-exit")]

    assert codes == [0, 0, 1]
    assert starts(small) == ["pre/30-leave", "post/20-note", "on-exit/70-join"]
    # what pre reserved for the journal was enough: after a boot everything is still known
    small.execute("rm /var/fill.*").check()
    small.reboot()
    document = shown(small)
    assert outcomes(document) == [
        ("pre", 1, "30-leave", "passed"),
        ("post", 1, "20-note", "passed"),
        ("on-exit", 1, "70-join", "passed"),
    ]
    assert document["operation"]["state"] == "closed"
    # nobody has told whether a reboot was wanted
    assert noticed(document) == {"boot.rebooted-as-expected": "unknown", "disk.low": "fail"}
