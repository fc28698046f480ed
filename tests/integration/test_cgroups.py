"""Hooks in control groups of their own, in the kernel's real hierarchies."""

from __future__ import annotations

import os
import signal

import pytest
from support.cgroups import VERSIONS, Service
from support.hooks import Bench, collect_children, is_alive, until_is, wait_for
from support.node import Node

from hookd.core.model import HookOutcome, Leftover
from hookd.system.process.cgroup import pids
from hookd.system.process.children import Children
from hookd.system.process.family import end_leftovers

# leaves the session, the environment and, once its parent is gone, the line of descent
ESCAPE = "(env -i setsid sh -c 'echo $$ >{0}; exec sleep {1}' >/dev/null 2>&1 &);"
UNTIL = until_is("sleep", "$(cat {0})")

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may make cgroups")


@pytest.fixture(name="service", params=VERSIONS)
def _service(request):
    service = Service(request.param)
    service.make()
    yield service
    service.clean()


@pytest.fixture(name="bench")
def _bench(service, tmp_path):
    service.enter()
    with Children() as children:
        bench = Bench(tmp_path, children)
        yield bench
        bench.clean()
    collect_children()


def escaping(name, seconds=66):
    return ESCAPE.format(name, seconds) + UNTIL.format(name)


def pid_in(path) -> int:
    return int(path.read_text())


def test_each_hook_has_a_cgroup_of_its_own_that_goes_when_it_is_empty(service, bench, tmp_path):
    cgroups = []
    starts = [bench.start(f"cat /proc/self/cgroup >{name}") for name in "ab"]
    ended = bench.group(
        starts, on_spawned=lambda _index, _pid, _started, cgroup: cgroups.append(cgroup)
    )
    assert [one.outcome for one in ended] == [HookOutcome.PASSED] * 2
    assert cgroups == [str(service.directory / start.token.replace("/", ".")) for start in starts]
    for name, cgroup in zip("ab", cgroups):
        seen = (tmp_path / name).read_text()
        assert (
            f":/{service.directory.parent.name}/hookd.service/{os.path.basename(cgroup)}\n" in seen
        )
    assert service.hooks() == []
    assert os.getpid() in map(int, (service.directory / "cgroup.procs").read_text().split())


def test_a_cgroup_that_empties_does_not_start_the_agent_of_systemd(service, bench, tmp_path):
    if service.version != "version 1":
        pytest.skip("only version 1 starts an agent")
    (service.directory / "notify_on_release").write_text("1")
    bench.run(f"cat {service.directory}/*/notify_on_release >said")
    assert (tmp_path / "said").read_text() == "0\n"


def test_who_left_session_environment_and_descent_ends_with_its_own_hook_only(bench, tmp_path):
    slow = bench.start(escaping("slow") + "exec sleep 30", timeout_s=1.5, grace_s=0.3)
    quick = bench.start(escaping("quick") + "while [ ! -e go ]; do sleep 0.01; done")
    told = []

    def on_ended(index, ended):
        told.append((index, is_alive(pid_in(tmp_path / "slow")), ended.outcome))
        (tmp_path / "go").touch()

    ended = bench.group([slow, quick], max_parallel=2, on_ended=on_ended)
    left = pid_in(tmp_path / "quick")
    assert told == [(0, False, HookOutcome.TIMED_OUT), (1, False, HookOutcome.PASSED)]
    assert ended[0].left_running == ()
    assert ended[1].left_running == (Leftover(left, "sleep 66"),)
    assert is_alive(left)


def test_what_a_stop_cannot_find_by_session_it_finds_by_cgroup(bench, tmp_path):
    starts = [bench.start(escaping(name) + "exec sleep 30", grace_s=0.3) for name in "ab"]
    children = [tmp_path / name for name in "ab"]

    def stop():
        there = all(path.exists() and path.read_text() for path in children)
        return "cancelled" if there else None

    ended = bench.group(starts, max_parallel=2, stop=stop)
    assert [one.outcome for one in ended] == [HookOutcome.INTERRUPTED] * 2
    assert [is_alive(pid_in(path)) for path in children] == [False, False]


def test_the_cgroup_of_a_leftover_stays_and_goes_with_a_later_engine(service, bench, tmp_path):
    ended = bench.run(escaping("left"))
    left = pid_in(tmp_path / "left")
    (cgroup,) = service.hooks()
    assert ended.left_running == (Leftover(left, "sleep 66"),)
    assert pids(str(cgroup)) == {left}
    bench.run("exit 0")
    assert service.hooks() == [cgroup]
    os.kill(left, signal.SIGKILL)
    wait_for(lambda: not pids(str(cgroup)))
    with Children() as children:
        Bench(tmp_path, children).run("exit 0")
    assert service.hooks() == []


def test_a_child_cgroup_that_a_hook_makes_is_part_of_it(service, bench, tmp_path):
    script = (
        escaping("child")
        + f"d=$(echo {service.directory}/*/); mkdir -p $d/nested/deeper;"
        + " cat child >$d/nested/deeper/cgroup.procs; echo x >moved; exec sleep 30"
    )
    ended = bench.run(script, timeout_s=1.5, grace_s=0.3)
    assert (ended.outcome, (tmp_path / "moved").exists()) == (HookOutcome.TIMED_OUT, True)
    assert not is_alive(pid_in(tmp_path / "child"))
    assert service.hooks() == []


def test_where_no_more_cgroups_can_be_made_the_session_must_do(service, bench):
    if service.version != "version 2":
        pytest.skip("only version 2 can be limited")
    (service.directory / "cgroup.max.descendants").write_text("0")
    told = []
    ended = bench.group([bench.start("exit 0")], on_spawned=lambda *what: told.append(what[3]))
    assert ([one.outcome for one in ended], told) == ([HookOutcome.PASSED], [""])
    assert "hookd.service" in bench.children.cgroups.reason


def test_a_hook_that_cannot_be_started_leaves_no_cgroup(service, bench):
    start = bench.start("", argv=("/nowhere/hook",))
    (ended,) = bench.group([start])
    assert (ended.outcome, ended.reason) == (HookOutcome.FAILED, "the file is gone")
    assert service.hooks() == []


def test_a_dead_engines_hook_is_ended_by_its_cgroup_alone(service, bench, tmp_path):
    bench.run(escaping("left"))
    (cgroup,) = service.hooks()
    left = pid_in(tmp_path / "left")
    assert end_leftovers("", -1, 0.0, -1, 0.2) == ()
    assert end_leftovers("", -1, 0.0, -1, 0.2, str(cgroup)) == (Leftover(left, "sleep 66"),)
    wait_for(lambda: not is_alive(left))
    collect_children()
    assert end_leftovers("", -1, 0.0, -1, 0.2, str(cgroup)) == ()
    assert service.hooks() == []


# -- the whole program -------------------------------------------------------------------------


@pytest.fixture(name="node")
def _node(tmp_path):
    return Node(tmp_path / "root")


def inside(service) -> str:
    return f"echo 0 >{service.directory}/cgroup.procs && "


@pytest.mark.parametrize("container", ["cgroup", "session"])
def test_the_result_says_by_what_a_hook_was_contained(service, node, container):
    node.hook("pre/10-x", "exit 0")
    before = inside(service) if container == "cgroup" else ""
    code, _ = node.run("run", "pre", before=before)
    assert (code, node.hooks_of("pre")["10-x"]["contained_by"]) == (0, container)


def test_the_next_engine_ends_by_cgroup_what_a_killed_engine_left(service, node):
    left = node.path / "left"
    node.hook("pre/10-x", f"{escaping(left, 67)}\necho x >{node.path}/ready\nexec sleep 68")
    process = node.start("run", "pre", before=inside(service))
    wait_for((node.path / "ready").exists)
    process.kill()
    process.communicate()
    (cgroup,) = service.hooks()
    assert pid_in(left) in pids(str(cgroup))
    code, _ = node.run("run", "pre")
    hook = node.hooks_of("pre")["10-x"]
    assert (code, hook["outcome"]) == (1, "interrupted")
    assert {one["command"] for one in hook["left_running"]} == {"sleep 67", "sleep 68"}
    assert not is_alive(pid_in(left))
    assert service.hooks() == []
