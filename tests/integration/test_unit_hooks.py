"""The hooks that stop and start units: a real systemd has them in the lab, here one is played."""

from __future__ import annotations

import signal
import time

import pytest
from support.fakeroot import is_root
from support.shipped import Alone, Done, executable

STOP, START = "pre/30-stop-units", "on-exit/40-start-units"
# A unit is a file with its load and active state, then further properties (systemctl(1)), one a
# line; what is done to it goes to `done`. What requires it, or is part of it, stops along.
FAKE = """#!/bin/bash
cd "${0%/*}/../units"
verb=$1 unit=${*: -1}
read -r load active <"$unit" || load=not-found active=inactive
case $verb in
show)
  echo "LoadState=$load"
  echo "ActiveState=$active"
  sed 1d "$unit" 2>/dev/null || true
  ;;
is-active) [[ $active == active ]] ;;
stop | start)
  [[ $* != *=ignore-dependencies* ]] && how='' || how=' alone'
  echo "$verb$how $unit" >>done
  ! [[ -e $unit.hangs-at-$verb ]] || sleep 60
  ! [[ -e $unit.fails-to-$verb ]] || exit 1
  [[ $verb == stop ]] && active=inactive || active=active
  ! [[ -e $unit.does-not-$verb ]] || exit 0
  sed -i "1s/.*/$load $active/" "$unit"
  [[ $verb == stop ]] || exit 0
  for along in $(sed -nE 's/^(RequiredBy|BoundBy|ConsistsOf)=//p' "$unit"); do
    sed -i '1s/ .*/ inactive/' "$along"
  done
  ;;
*) exit 64 ;;
esac
"""
# A running systemd is known by a directory (sd_booted(3)); only the hook sees this one.
BOOTED = (
    *("unshare", "--mount", "--propagation", "private", "sh", "-euc"),
    'mkdir -p /run/systemd; mount -t tmpfs none /run/systemd; mkdir /run/systemd/system; exec "$@"',
    "sh",
)

pytestmark = pytest.mark.skipif(not is_root(), reason="a mount namespace is made by root")


class Node(Alone):
    """A machine with units: their files hold a load and an active state."""

    def __init__(self, tmp_path, **units):
        super().__init__(tmp_path, root="/")
        executable(self.bin / "systemctl", FAKE)
        self.units = tmp_path / "units"
        self.units.mkdir()
        for name, state in units.items():
            self.set(f"{name}.service", state)

    def set(self, name, state="", *properties):
        (self.units / name).write_text("".join(f"{line}\n" for line in (state, *properties)))

    def stop(self, units, **settings):
        return self.run(STOP, within=BOOTED, UNITS=units, **settings)

    def restart(self, **settings):
        return self.run(START, within=BOOTED, STEADY_S=0, **settings)

    def done(self):
        path = self.units / "done"
        return path.read_text().split("\n")[:-1] if path.exists() else []


def test_what_ran_is_stopped_in_order_and_started_in_reverse(tmp_path):
    node = Node(tmp_path, web="loaded active", db="loaded active", old="loaded inactive")

    stopped = node.stop("web.service old.service db.service")
    started = node.restart()

    assert stopped == Done(
        0,
        "",
        {"stopped": "web.service active, db.service active"},
        "stopped 2 of 3 units\n",
    )
    assert started == Done(0, "", {"started": "web.service db.service "}, "2 units run as before\n")
    assert node.done() == [
        *("stop web.service", "stop db.service", "start db.service", "start web.service")
    ]


def test_what_did_not_run_stays_as_it_was(tmp_path):
    node = Node(tmp_path, old="loaded inactive", bad="loaded failed")

    codes = [node.stop("old.service bad.service").code, node.restart().code]

    assert (codes, node.done()) == ([0, 0], [])


def test_a_pre_that_never_ran_leaves_everything_alone(tmp_path):
    node = Node(tmp_path, web="loaded inactive")

    assert (node.restart().code, node.done()) == (0, [])


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_pre_that_was_ended_half_way_is_put_back(tmp_path, how):
    node = Node(tmp_path, web="loaded active", db="loaded active")
    node.set("db.service.hangs-at-stop")
    stopping = node.start(STOP, within=BOOTED, UNITS="web.service db.service")
    until = time.monotonic() + 20
    while "stop db.service" not in node.done() and time.monotonic() < until:
        time.sleep(0.01)

    node.end(stopping, how)
    started = node.restart()

    assert started.code == 0
    assert node.done()[2:] == ["start db.service", "start web.service"]


def test_called_again_it_keeps_what_it_found_first(tmp_path):
    node = Node(tmp_path, web="loaded active", db="loaded active")
    node.set("db.service.fails-to-stop")
    first = node.stop("web.service db.service")
    (node.units / "db.service.fails-to-stop").unlink()

    second = node.stop("web.service db.service")
    node.restart()

    assert (first.code, first.reason, second.code) == (1, "db.service did not stop", 0)
    assert node.done()[-2:] == ["start db.service", "start web.service"]


def test_putting_back_twice_is_putting_back_once(tmp_path):
    node = Node(tmp_path, web="loaded active")
    node.stop("web.service")

    codes = [node.restart().code for _ in range(2)]

    assert (codes, (node.units / "web.service").read_text()) == ([0, 0], "loaded active\n")


def test_what_is_started_is_not_owed_because_the_disk_takes_no_output(tmp_path):
    node = Node(tmp_path, web="loaded active")
    node.stop("web.service")

    done = node.run(START, within=("env", "HOOKD_OUTPUT=/dev/full"), STEADY_S=0)

    assert (done.code, done.stdout) == (0, "1 units run as before\n")


def test_one_that_does_not_start_keeps_no_other_down_and_is_owed(tmp_path):
    node = Node(tmp_path, web="loaded active", db="loaded active")
    node.stop("web.service db.service")
    node.set("db.service.fails-to-start")

    done = node.restart()

    assert (done.code, done.reason) == (75, "not up: db.service")
    assert node.done()[2:] == ["start db.service", "start web.service"]


def test_one_that_went_down_again_is_not_up(tmp_path):
    node = Node(tmp_path, web="loaded active")
    node.stop("web.service")
    node.set("web.service.does-not-start")

    assert (node.restart().code, node.done()[1:]) == (75, ["start web.service"])


def test_one_that_was_starting_is_started_and_not_waited_for(tmp_path):
    node = Node(tmp_path, web="loaded activating")
    node.stop("web.service")
    node.set("web.service.does-not-start")

    assert (node.restart().code, node.done()[1:]) == (0, ["start web.service"])


def test_what_stops_along_is_started_again_too_and_nothing_else(tmp_path):
    node = Node(tmp_path, worker="loaded active", old="loaded inactive")
    node.set("app.service", "loaded active", "PropagatesStopTo=worker.service")
    node.set("multi-user.target", "loaded active")
    along = "RequiredBy=app.service old.service multi-user.target"
    node.set("db.service", "loaded active", along, "ConsistsOf=app.service")

    stopped = node.stop("db.service")
    started = node.restart()

    order = ["worker.service active", "app.service active", "multi-user.target along"]
    assert stopped.outputs == {"stopped": ", ".join([*order, "db.service active"])}
    assert (started.code, started.reason) == (0, "")
    assert node.done() == [
        "stop db.service",
        "start db.service",
        "start alone multi-user.target",
        "start app.service",
        "start worker.service",
    ]


def test_a_target_that_is_named_is_started_with_what_it_wants(tmp_path):
    node = Node(tmp_path, web="loaded active")
    node.set("app.target", "loaded active", "ConsistsOf=web.service")

    codes = [node.stop("web.service\n\tapp.target").code, node.restart().code]

    assert codes == [0, 0]
    assert node.done()[2:] == ["start app.target", "start web.service"]


@pytest.mark.parametrize(
    ("unit", "state", "properties", "reason"),
    [
        ("run-1.service", "active", ("Transient=yes",), "could not be started again"),
        ("once.service", "active", ("CanStart=no",), "could not be started again"),
        ("amazon-ssm-agent.service", "active", (), "carries this operation"),
        ("run-1.service", "inactive", ("Transient=yes",), ""),
    ],
)
@pytest.mark.parametrize("is_named", [True, False])
def test_what_could_not_be_put_back_is_not_stopped(
    tmp_path, unit, state, properties, reason, is_named
):
    node = Node(tmp_path)
    node.set(unit, f"loaded {state}", *properties)
    node.set("db.service", "loaded active", f"RequiredBy={unit}")

    done = node.stop(f"db.service {unit if is_named else ''}")

    assert (done.code, done.reason[-len(reason) :] if reason else "") == (int(bool(reason)), reason)
    assert node.done() == ([] if reason else ["stop db.service"])


@pytest.mark.parametrize(
    ("units", "reason"),
    [
        ("web.service gone.service", "UNITS: gone.service is not-found"),
        ("web.service hidden.service", "UNITS: hidden.service is masked"),
        (" ", "UNITS names nothing"),
        ("web.service --all", "UNITS: no name of a unit: --all"),
        ("web.service *", "UNITS: no name of a unit: *"),
        ("web.service $(reboot).service", "UNITS: no name of a unit: $(reboot).service"),
    ],
)
def test_what_cannot_be_stopped_or_started_stops_pre_before_anything_is_stopped(
    tmp_path, units, reason
):
    node = Node(tmp_path, web="loaded active", hidden="masked active")

    done = node.stop(units)

    assert (done.code, done.reason, node.done()) == (1, reason, [])


def test_a_unit_that_may_be_missing_is_passed_over(tmp_path):
    node = Node(tmp_path, web="loaded active")

    assert node.stop("gone.service web.service", ALLOW_MISSING="true").code == 0


def test_a_unit_that_runs_without_its_file_is_not_missing(tmp_path):
    node = Node(tmp_path, ghost="not-found active")

    done = node.stop("ghost.service", ALLOW_MISSING="true")

    assert (done.code, done.reason) == (1, "UNITS: ghost.service is not-found")


def test_one_that_somebody_starts_again_is_told(tmp_path):
    node = Node(tmp_path, web="loaded active")
    node.set("web.service.does-not-stop")

    done = node.stop("web.service")

    assert (done.code, done.reason) == (1, "web.service was stopped and is active: who starts it?")


def test_it_does_not_wait_for_ever(tmp_path):
    node = Node(tmp_path, web="loaded active")
    node.set("web.service.hangs-at-stop")

    done = node.stop("web.service", STOP_TIMEOUT_S=4)

    assert (done.code, done.reason) == (1, "web.service did not stop")


@pytest.mark.parametrize("root", ["", "somewhere"])
def test_where_no_systemd_runs_it_does_not_apply(tmp_path, root):
    alone = Alone(tmp_path, root=str(tmp_path / root) if root else "/")
    within = (*BOOTED[:-2], 'mount -t tmpfs tmpfs /run; exec "$@"', "sh")

    done = alone.run(STOP, within=within if not root else BOOTED, UNITS="web.service")

    assert (done.code, done.reason) == (
        77,
        f"systemd does not run {tmp_path / root if root else ''}/",
    )
