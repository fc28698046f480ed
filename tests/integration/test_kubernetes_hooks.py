"""The hooks that drain and uncordon a Kubernetes node: real kubectl, a small API server."""

from __future__ import annotations

import shutil
import signal
import threading
import time

import pytest
from support.fakeroot import PATH, FakeRoot
from support.kubeserver import NAME, NODE, KubeServer, pod, pod_path, with_directory
from support.shipped import Alone, Done, as_vendor, configure, executable

DRAIN, UNCORDON = "pre/30-drain-kubernetes", "on-exit/70-uncordon-kubernetes"
KUBECTL = shutil.which("kubectl", path=PATH)
BOOT = "00000001-2222-3333-4444-555555555555"
CORDONED = ("PATCH", NODE, {"spec": {"unschedulable": True}})
UNCORDONED = ("PATCH", NODE, {"spec": {"unschedulable": None}})

pytestmark = pytest.mark.skipif(not KUBECTL, reason="no kubectl: Debian's kubernetes-client")


def evicted(name, **options):
    metadata = {"name": name, "namespace": "shop"}
    path = pod_path({"metadata": metadata}) + "/eviction"
    return ("POST", path, {"kind": "Eviction", "metadata": metadata, "deleteOptions": options})


@pytest.fixture(scope="module")
def server():
    made = KubeServer()
    yield made
    made.close()


@pytest.fixture
def kube(server):
    server.reset()
    server.boot_id = BOOT
    server.pods = [pod("web-1"), pod("log", "DaemonSet")]
    return server


def write_kernel(root, boot_id=BOOT, host=NAME):
    for name, text in (("random/boot_id", boot_id), ("hostname", host)):
        path = root / "proc/sys/kernel" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="ascii")


class Node(Alone):
    """A node of the cluster on which one hook runs alone; both settings are those of pre."""

    def __init__(self, tmp_path, kube):
        super().__init__(tmp_path)
        write_kernel(self.root)
        self.config = kube.kubeconfig(tmp_path / "kubeconfig")

    def drain(self, **settings):
        return self.run(DRAIN, KUBECONFIG=self.config, **settings)

    def uncordon(self, **settings):
        return self.run(UNCORDON, **{"POLL_S": 0, **settings})


@pytest.fixture
def node(tmp_path, kube):
    return Node(tmp_path, kube)


# -- by hookd --------------------------------------------------------------------------------


@pytest.fixture
def root(tmp_path, kube):
    made = as_vendor(FakeRoot(tmp_path))
    write_kernel(made.path, host=NAME.upper())
    configure(
        made,
        f'[run]\nphases = ["pre", "on-exit"]\n[hooks."{UNCORDON}"]\nretry_delay = "0s"\n',
        **{
            DRAIN: {"KUBECONFIG": kube.kubeconfig(tmp_path / "kubeconfig")},
            UNCORDON: {"POLL_S": 0, "READY_TIMEOUT_S": 20},
        },
    )
    yield made
    made.end()


def ended(root):
    """Return how the two hooks ended, what drain told, and what is still owed."""
    result = root.result()
    hooks = {hook["name"]: hook for phase in result["phases"] for hook in phase["hooks"]}
    drain, uncordon = hooks.get("30-drain-kubernetes", {}), hooks["70-uncordon-kubernetes"]
    owed = result["operation"]["outstanding_undos"]
    return drain.get("outcome"), uncordon["outcome"], drain.get("outputs"), owed


def test_a_node_is_drained_and_comes_back_when_its_kubelet_has_after_the_reboot(root, kube):
    assert root.run("run", "pre")[0] == 0
    while_out = kube.unschedulable
    root.boot()
    rebooted = "00000002-2222-3333-4444-555555555555"
    # Ready is the last boot's until the kubelet reports
    kube.reports = [{}, {"boot_id": rebooted, "ready": "False"}, {"ready": "True"}]
    seen = []
    kube.after = lambda *_: seen.append((kube.boot_id, kube.ready))

    assert root.run("run", "on-exit")[0] == 0

    assert while_out
    assert kube.changes == [CORDONED, evicted("web-1"), UNCORDONED]
    assert seen == [(rebooted, "True")]
    outputs = {"node": NAME, "was": "schedulable"}
    assert ended(root) == ("passed", "passed", outputs, [])


def test_a_node_that_was_cordoned_is_drained_and_stays_cordoned(root, kube):
    kube.unschedulable, kube.managers = True, [("kubectl-cordon", "2026-11-25T08:00:00Z")]

    assert (root.run("run", "pre")[0], root.run("run", "on-exit")[0]) == (0, 0)

    assert kube.changes == [evicted("web-1")]
    was = "cordoned by kubectl-cordon at 2026-11-25T08:00:00Z"
    assert ended(root) == ("passed", "passed", {"node": NAME, "was": was}, [])


def test_a_node_whose_pre_never_ran_is_left_alone(root, kube):
    kube.unschedulable = True

    root.run("run", "on-exit")

    assert (kube.asked, ended(root)) == (0, (None, "skipped", None, []))


def test_a_pre_that_was_killed_half_way_is_put_back(root, kube):
    kube.lingers, evicting = True, threading.Event()
    kube.after = lambda method, _: evicting.set() if method == "POST" else None
    pre = root.start("run", "pre", "--no-daemon")
    assert evicting.wait(30)

    pre.kill()
    pre.communicate(timeout=60)
    root.run("run", "on-exit")

    assert kube.changes == [CORDONED, evicted("web-1"), UNCORDONED]
    assert ended(root)[1:] == ("passed", {}, [])


# -- one hook alone --------------------------------------------------------------------------


def test_a_pre_that_was_killed_before_the_cordon_has_nothing_to_put_back(node, kube, tmp_path):
    slow = executable(
        tmp_path / "slow",
        f"""#!/bin/sh
case "$*" in *--timeout*) : >{tmp_path}/there; sleep 60 ;; esac
exec {KUBECTL} "$@"
""",
    )
    drain = node.start(DRAIN, KUBECONFIG=node.config, KUBECTL=slow)
    while not (tmp_path / "there").exists():
        assert drain.poll() is None
        time.sleep(0.01)

    killed = node.end(drain, signal.SIGKILL)
    done = node.uncordon(KUBECTL=KUBECTL)

    assert (killed.code, done.code, kube.changes) == (-signal.SIGKILL, 0, [])
    assert done.stdout == f"node {NAME} is schedulable, as before\n"


def test_a_record_that_a_power_cut_has_emptied_is_none(node, kube):
    """The name of a new file may reach the disk before what is in it; nothing was changed then."""
    (node.scratch / "node").touch()

    codes = [node.drain().code, node.uncordon().code]

    assert (codes, kube.changes) == ([0, 0], [CORDONED, evicted("web-1"), UNCORDONED])


def test_a_disruption_budget_holds_and_what_was_found_first_is_put_back_once(node, kube):
    kube.guarded = 1

    first = node.drain(DRAIN_TIMEOUT_S=1)
    second = node.drain()
    codes = [node.uncordon().code for _ in range(2)]

    assert (first.code, second.code, codes) == (1, 0, [0, 0])
    assert first.reason.endswith('evicting pods/"web-1" -n "shop": global timeout reached: 1s')
    assert second.outputs == {"node": NAME, "was": "schedulable"}
    assert kube.changes == [CORDONED, evicted("web-1"), evicted("web-1"), UNCORDONED]


def test_what_drain_would_refuse_is_told_before_the_cordon(node, kube):
    kube.pods += [with_directory("cache"), pod("alone", None)]

    done = node.drain()

    assert (done.code, kube.changes) == (1, [])
    assert done.reason.startswith(f"node {NAME} cannot be drained: cannot delete ")
    for why in ("(use --delete-emptydir-data to override): shop/cache", "--force", "shop/alone"):
        assert why in done.reason
    assert node.uncordon().stdout == "nothing was taken away\n"


def test_what_may_be_lost_goes_when_that_is_set_and_within_the_grace(node, kube):
    kube.pods += [with_directory("cache"), pod("alone", None)]

    done = node.drain(DELETE_EMPTYDIR="true", FORCE="true", GRACE_S=7)

    assert done.code == 0
    names = ("alone", "cache", "web-1")
    expected = [evicted(name, gracePeriodSeconds=7) for name in names]
    assert [kube.changes[0], *sorted(kube.changes[1:], key=str)] == [CORDONED, *expected]


def test_the_flag_for_local_data_is_that_of_the_kubectl(node, kube, tmp_path):
    """Before 1.20 it was --delete-local-data (Kubernetes' CHANGELOG-1.20)."""
    kube.pods += [with_directory("cache")]
    old = executable(
        tmp_path / "old",
        f"""#!/bin/bash
case "$*" in
*--help*) {KUBECTL} drain --help | sed s/delete-emptydir-data/delete-local-data/ ;;
*--delete-emptydir-data*) echo "Error: unknown flag: --delete-emptydir-data" >&2; exit 1 ;;
*) exec {KUBECTL} "${{@/--delete-local-data/--delete-emptydir-data}}" ;;
esac
""",
    )

    done = node.drain(DELETE_EMPTYDIR="true", KUBECTL=old)

    assert (done.code, kube.unschedulable, kube.pods) == (0, True, [pod("log", "DaemonSet")])


@pytest.mark.parametrize("settings", [{}, {"NODE_NAME": "other"}])
def test_a_node_that_is_not_this_machine_is_left_alone(node, kube, settings):
    if not settings:
        kube.boot_id = "another"

    done = node.drain(**settings)

    reasons = {
        (): f"node {NAME} is not this machine: set NODE_NAME, or see to its kubelet",
        ("NODE_NAME",): "cannot tell what the cluster knows of node other",
    }
    assert (done.code, done.reason, kube.changes) == (1, reasons[tuple(settings)], [])
    assert node.uncordon().stdout == "nothing was taken away\n"


def test_it_stays_cordoned_and_owed_until_it_can_be_told_to_be_ready(node, kube):
    assert node.drain().code == 0
    said = []

    for name, value in (("ready", "Unknown"), ("boot_id", "older"), ("is_down", True)):
        setattr(kube, name, value)
        done = node.uncordon(READY_TIMEOUT_S=1, POLL_S=1)
        said.append((done.code, done.reason.replace(f"after 1 s node {NAME} is ", "")))

    assert said == [
        (75, "not Ready (Unknown)"),
        (75, "of another boot: its kubelet has not reported since this one"),
        (75, "not to be told of: the API server does not answer, or does not know it"),
    ]
    assert kube.changes == [CORDONED, evicted("web-1")]


def test_a_node_that_was_not_ready_is_not_waited_for(node, kube):
    kube.ready = "False"

    codes = [node.drain().code, node.uncordon().code]

    assert (codes, kube.changes[-1]) == ([0, 0], UNCORDONED)


def test_who_uncordons_and_cordons_it_meanwhile_is_asked_for(node, kube):
    kube.after = lambda method, _: setattr(kube, "unschedulable", method != "POST")

    drained, done = node.drain(), node.uncordon()
    kube.unschedulable = True
    back = node.uncordon()

    assert (drained.code, done.code, back.code) == (1, 0, 75)
    assert drained.reason == (f"node {NAME} was cordoned and is schedulable: who uncordons it?")
    assert back.reason == f"node {NAME} was uncordoned and is unschedulable: who cordons it?"


@pytest.mark.parametrize("setting", ["READY_TIMEOUT_S", "POLL_S"])
def test_a_wait_that_is_no_number_is_refused(node, setting):
    node.drain()

    done = node.uncordon(**{setting: "5s"})

    assert done == Done(1, f"{setting} is no number: 5s")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"KUBECONFIG": "kubeconfig"}, "KUBECONFIG: no file to read: kubeconfig"),
        ({"KUBECONFIG": "/gone"}, "KUBECONFIG: no file to read: /gone"),
        ({"NODE_NAME": "--all"}, "NODE_NAME: no name of a node: --all"),
        ({"NODE_NAME": "a$(reboot)"}, "NODE_NAME: no name of a node: a$(reboot)"),
        ({"DRAIN_TIMEOUT_S": "10m"}, "DRAIN_TIMEOUT_S is no number: 10m"),
        ({"GRACE_S": "-2"}, "GRACE_S is no number: -2"),
        ({"FORCE": "yes"}, "FORCE is neither true nor false: yes"),
        ({"DELETE_EMPTYDIR": "1"}, "DELETE_EMPTYDIR is neither true nor false: 1"),
    ],
)
def test_a_setting_that_makes_no_sense_stops_pre(node, kube, settings, reason):
    done = node.run(DRAIN, **{"KUBECONFIG": node.config, **settings})

    assert (done, kube.asked) == (Done(1, reason), 0)
