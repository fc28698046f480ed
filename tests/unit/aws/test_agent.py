"""Whether a run lives, by the SSM agent's files and processes: alive, gone or unknown."""

from __future__ import annotations

import os

import pytest
from support.agenttree import ASSOCIATION, COMMAND, RUN, AgentTree
from support.journals import BOOT_1, folded, opened, started

from hookd.aws.agent import Agent, Watch
from hookd.core.journal import Observed
from hookd.core.liveness import Look, Seen, Sight
from hookd.core.model import Liveness
from hookd.core.runid import canonical
from hookd.system.root import Root

STATE = "/var/lib/amazon/ssm/i-0123456789abcdef0/document/state"
NOTHING = "the agent has neither a file nor a process of it"
OF_ASSOCIATION = f"{ASSOCIATION}.{RUN}"


def look(tree, root, run_id=COMMAND):
    return Agent(Root(str(root)), lambda: frozenset(tree.workers)).look(run_id)


@pytest.fixture
def tree(tmp_path):
    return AgentTree(tmp_path)


def test_a_command_lives_from_its_submission_to_its_end(tree, tmp_path):
    seen = [look(tree, tmp_path)]
    for step in (tree.submit, tree.start, tree.end):
        step(COMMAND)
        seen.append(look(tree, tmp_path))

    gone = Look(Sight.GONE, NOTHING)
    assert seen == [
        gone,
        Look(Sight.ALIVE, f"{STATE}/pending/{COMMAND} is there", run_count=0),
        Look(Sight.ALIVE, "a ssm-document-worker has it", has_worker=True, run_count=0),
        gone,
    ]


@pytest.mark.parametrize("spelled", [f"{ASSOCIATION}.{RUN}", f"{ASSOCIATION}/{RUN}"])
def test_the_run_of_an_association_is_one_in_both_spellings(tree, tmp_path, spelled):
    tree.submit(OF_ASSOCIATION)
    waiting = look(tree, tmp_path, spelled)
    tree.start(OF_ASSOCIATION)
    running = look(tree, tmp_path, spelled)
    tree.end(OF_ASSOCIATION)

    assert (waiting.sight, running.sight) == (Sight.ALIVE, Sight.ALIVE)
    assert running.has_worker
    assert look(tree, tmp_path, spelled) == Look(Sight.GONE, NOTHING)
    assert canonical(spelled) == OF_ASSOCIATION


def test_another_run_of_the_same_association_is_another(tree, tmp_path):
    tree.submit(f"{ASSOCIATION}.2026-11-24T04-35-02.420Z")
    assert look(tree, tmp_path, OF_ASSOCIATION) == Look(Sight.GONE, NOTHING)


def test_a_run_outlives_a_reboot_in_its_file_and_is_counted_when_taken_up(tree, tmp_path):
    tree.submit(COMMAND)
    tree.start(COMMAND)
    tree.go_down()
    before = look(tree, tmp_path)
    tree.come_up()

    assert before == Look(Sight.ALIVE, f"{STATE}/current/{COMMAND} is there", run_count=0)
    assert look(tree, tmp_path) == Look(
        Sight.ALIVE, "a ssm-document-worker has it", has_worker=True, run_count=1
    )


def test_a_worker_without_a_file_is_alive(tree, tmp_path):
    tree.workers.add(COMMAND)
    assert look(tree, tmp_path) == Look(
        Sight.ALIVE, "a ssm-document-worker has it", has_worker=True
    )


@pytest.mark.parametrize(
    "run_id", ["run-a", "", "7f3a9c1e-run-42", f"{COMMAND}.now", f"{COMMAND}x", "../" + COMMAND]
)
def test_an_id_that_is_none_of_ssm_is_unknown(tree, tmp_path, run_id):
    assert look(tree, tmp_path, run_id) == Look(Sight.UNKNOWN, f"{run_id!r} is no run id of SSM")


def test_without_an_agent_nothing_is_known(tmp_path):
    found = Agent(Root(str(tmp_path)), frozenset).look(COMMAND)
    assert found == Look(Sight.UNKNOWN, "no SSM agent has left files in /var/lib/amazon/ssm")


def test_an_agent_that_never_started_tells_nothing(tmp_path):
    (tmp_path / "var/lib/amazon/ssm/ipc").mkdir(parents=True)
    found = Agent(Root(str(tmp_path)), frozenset).look(COMMAND)
    assert found == Look(Sight.UNKNOWN, "no SSM agent has left files in /var/lib/amazon/ssm")


@pytest.mark.parametrize("state", ["pending", "current"])
def test_a_folder_that_is_missing_makes_it_unknown(tree, tmp_path, state):
    tree.folder(state).rmdir()
    assert look(tree, tmp_path) == Look(
        Sight.UNKNOWN, f"{STATE}/{state}: No such file or directory"
    )


def test_a_folder_that_is_none_makes_it_unknown(tree, tmp_path):
    tree.folder("current").rmdir()
    tree.folder("current").write_text("")
    assert look(tree, tmp_path) == Look(Sight.UNKNOWN, f"{STATE}/current: Not a directory")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_folder_that_cannot_be_read_makes_it_unknown(tree, tmp_path):
    tree.folder("current").chmod(0)
    assert look(tree, tmp_path) == Look(Sight.UNKNOWN, f"{STATE}/current: Permission denied")


def test_a_file_of_any_node_id_is_the_runs(tree, tmp_path):
    other = AgentTree(tmp_path, "mi-0fedcba9876543210")
    other.submit(COMMAND)
    assert look(tree, tmp_path).sight is Sight.ALIVE


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[" * 100_000,
        "7",
        "{}",
        '{"DocumentInformation": []}',
        '{"DocumentInformation": {"RunCount": true}}',
        '{"DocumentInformation": {"RunCount": "3"}}',
        "\0\1\2",
    ],
)
def test_a_file_of_another_shape_is_alive_with_no_count(tree, tmp_path, text):
    (tree.folder("current") / COMMAND).write_text(text)
    assert look(tree, tmp_path) == Look(Sight.ALIVE, f"{STATE}/current/{COMMAND} is there")


def test_a_fifo_in_its_place_is_alive_and_not_read(tree, tmp_path):
    os.mkfifo(tree.folder("current") / COMMAND)
    assert look(tree, tmp_path) == Look(Sight.ALIVE, f"{STATE}/current/{COMMAND} is there")


def test_under_a_root_the_hosts_files_do_not_count(tmp_path):
    AgentTree(tmp_path).submit(COMMAND)
    inner = tmp_path / "root"
    AgentTree(inner)
    assert Agent(Root(str(inner)), frozenset).look(COMMAND) == Look(Sight.GONE, NOTHING)


class Times:
    """A clock that a test sets."""

    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def times():
    return Times()


@pytest.fixture
def watch(tree, tmp_path, times):
    return Watch(Agent(Root(str(tmp_path)), lambda: frozenset(tree.workers)), BOOT_1, times)


OPERATION = folded(opened(run_id=COMMAND), started("pre"))


def test_one_look_never_finds_a_run_dead(watch):
    assert watch.see(OPERATION) == (Liveness.UNKNOWN, Seen(False, 60.0, NOTHING))


def test_a_run_that_is_gone_at_two_looks_60_s_apart_is_dead(watch, times):
    found = []
    for seconds in (0.0, 59.5, 60.0, 600.0):
        times.now = 1000.0 + seconds
        found.append(watch.see(OPERATION))
    assert found == [
        (Liveness.UNKNOWN, Seen(False, 60.0, NOTHING)),
        (Liveness.UNKNOWN, Seen(False, 0.5, NOTHING)),
        (Liveness.DEAD, Seen(False, None, NOTHING)),
        (Liveness.DEAD, Seen(False, None, NOTHING)),
    ]


def test_a_look_that_finds_the_run_again_starts_anew(watch, tree, times):
    watch.see(OPERATION)
    tree.workers.add(COMMAND)
    times.now += 30
    again = watch.see(OPERATION)
    tree.workers.clear()
    times.now += 40
    gone = watch.see(OPERATION)

    assert again == (Liveness.ALIVE, Seen(True, None, "a ssm-document-worker has it"))
    assert gone == (Liveness.UNKNOWN, Seen(False, 60.0, NOTHING))


def test_a_look_that_tells_nothing_starts_anew(watch, tree, times):
    watch.see(OPERATION)
    tree.folder("pending").rmdir()
    times.now += 70
    unread = watch.see(OPERATION)
    tree.folder("pending").mkdir()

    assert unread[0] is Liveness.UNKNOWN
    assert watch.see(OPERATION) == (Liveness.UNKNOWN, Seen(False, 60.0, NOTHING))


def test_two_runs_are_watched_apart(watch, times):
    other = folded(opened(run_id=OF_ASSOCIATION), started("pre"))
    watch.see(OPERATION)
    times.now += 60
    assert [watch.see(other)[0], watch.see(OPERATION)[0]] == [Liveness.UNKNOWN, Liveness.DEAD]


def test_a_person_has_no_run_to_look_for(watch):
    assert watch.see(folded(opened(), started("pre"))) == (Liveness.NONE, Seen())


def test_a_file_that_the_agent_took_up_since_the_boot_is_resumed(watch, tree):
    tree.submit(COMMAND)
    tree.start(COMMAND)
    tree.go_down()
    noted = Observed("booted", {"boot_id": BOOT_1, "run_count": 0})
    operation = folded(opened(run_id=COMMAND), started("pre"), noted)
    before = watch.see(operation)
    tree.come_up()
    tree.workers.clear()  # the count alone tells

    current = f"{STATE}/current/{COMMAND} is there"
    assert before == (Liveness.ALIVE, Seen(False, None, current))
    assert watch.see(operation) == (Liveness.ALIVE, Seen(True, None, current))
