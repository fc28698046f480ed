"""Which processes belong to a hook, decided on made-up process tables; nothing is signalled."""

from __future__ import annotations

import os

import pytest

from hookd.system.process.family import Family
from hookd.system.process.table import Process

ME = os.getpid()  # the made-up pids are above the kernel's limit, so that none is ours
INIT = Process(1, 0, 1, "S", 0.1)
ENGINE = Process(ME, 1, ME, "S", 50.0)
HOOK = Process(20000000, ME, 20000000, "S", 100.0)
TOKEN = "op/pre/10-x#1"


class MadeUp:
    """A process table of our own making: the processes, and the tokens of some."""

    def __init__(self, *processes, **tokens):
        self.processes = {process.pid: process for process in (INIT, ENGINE, *processes)}
        self._tokens = {int(name[1:]): token for name, token in tokens.items()}

    def token(self, pid):
        return self._tokens.get(pid, "")


def family(*, token=TOKEN, pid=HOOK.pid, started=HOOK.started, session=HOOK.session, **more):
    return Family(token, pid, started, session=session, **more)


def pids(members):
    return [process.pid for process in members]


CHILD = Process(20010000, 20000000, 20000000, "S", 100.1)
DETACHED = Process(20020000, 20000000, 20020000, "S", 100.2)
ORPHAN = Process(20030000, 1, 20030000, "S", 100.3)
LEFT_IN_SESSION = Process(20040000, 1, 20000000, "S", 100.4)
STRANGER = Process(30000000, 1, 30000000, "S", 200.0)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (MadeUp(HOOK, CHILD, DETACHED, STRANGER), [20000000, 20010000, 20020000]),
        (MadeUp(HOOK, CHILD, ORPHAN, p20030000=TOKEN), [20000000, 20010000, 20030000]),
        (MadeUp(ORPHAN, STRANGER, p20030000=TOKEN), [20030000]),
        (MadeUp(ORPHAN, LEFT_IN_SESSION, p20030000=TOKEN), [20030000]),
        (MadeUp(CHILD, LEFT_IN_SESSION, p20010000=TOKEN), [20010000, 20040000]),
        (MadeUp(HOOK, CHILD, p20010000="op/pre/20-y#1"), [20000000]),
        (MadeUp(HOOK._replace(state="Z"), LEFT_IN_SESSION), [20040000]),
        (MadeUp(HOOK._replace(started=140.0), CHILD), []),
        (MadeUp(LEFT_IN_SESSION), []),
        (MadeUp(STRANGER), []),
        (MadeUp(), []),
    ],
    ids=[
        "the hook, its child and what left its session",
        "an orphan with the token",
        "an orphan with the token, the hook is gone",
        "a session without anybody known is not proof",
        "a session with somebody known is",
        "another token",
        "the dead are not members, their session is known",
        "the pid and the session belong to somebody else now",
        "the session alone",
        "a stranger",
        "nobody",
    ],
)
def test_members_of_a_hook_of_another_engine(table, expected):
    assert pids(family().members(table)) == expected


@pytest.mark.parametrize("started", [HOOK.started, 0.0])
@pytest.mark.parametrize("session", [0, 77770000])
def test_without_a_token_nobody_else_without_a_token_belongs_to_us(started, session):
    kernel_thread = Process(2, 0, 0, "S", 0.2)
    table = MadeUp(kernel_thread, STRANGER, ORPHAN, DETACHED)
    nobody = family(token="", pid=77770000, started=started, session=session)
    assert nobody.members(table) == []


def test_we_ourselves_and_process_1_are_never_members():
    table = MadeUp(HOOK, **{f"p{ME}": TOKEN, "p1": TOKEN})
    assert pids(family().members(table)) == [20000000]
    me = family(pid=ME, started=ENGINE.started, session=ME)
    assert pids(me.members(MadeUp())) == []


BARE_ORPHAN = Process(20050000, ME, 20050000, "S", 100.5)


@pytest.mark.parametrize(
    ("is_sole", "expected"), [(True, [20000000, 20050000]), (False, [20000000])]
)
def test_an_orphan_without_a_token_is_of_the_only_hook(is_sole, expected):
    hook = family(is_ours=True)
    hook.is_sole = is_sole
    assert pids(hook.members(MadeUp(HOOK, BARE_ORPHAN))) == expected


def test_an_orphan_in_the_session_of_our_own_hook_is_known():
    orphan = LEFT_IN_SESSION._replace(parent=ME)
    assert pids(family(is_ours=True).members(MadeUp(orphan))) == [20040000]
    assert family().members(MadeUp(orphan)) == []


def test_who_was_found_once_stays_a_member_when_its_parent_is_gone():
    hook = family()
    assert pids(hook.members(MadeUp(HOOK, DETACHED))) == [20000000, 20020000]
    assert pids(hook.members(MadeUp(DETACHED._replace(parent=1)))) == [20020000]
    assert hook.members(MadeUp(DETACHED._replace(parent=1, started=300.0))) == []


def test_a_chain_of_thousands_is_walked():
    numbers = range(HOOK.pid + 1, HOOK.pid + 5001)
    chain = [Process(pid, pid - 1, pid, "S", 100.0) for pid in numbers]
    assert len(family().members(MadeUp(HOOK, *chain))) == 5001


def cgroup_of(tmp_path, *processes):
    """Return a directory that reads like a hook's cgroup with `processes` in it."""
    path = tmp_path / "hookd.service" / "op.pre-1.10-x.1"
    path.mkdir(parents=True)
    (path / "cgroup.procs").write_text("".join(f"{process.pid}\n" for process in processes))
    return str(path)


def test_who_is_in_the_cgroup_belongs_whatever_its_token_says_unless_it_is_older(tmp_path):
    older = STRANGER._replace(pid=30010000, started=99.0)
    inside = (INIT, ENGINE, ORPHAN, STRANGER, older)
    table = MadeUp(*inside[2:], p30000000="op/pre/20-y#1")
    found = family(cgroup=cgroup_of(tmp_path, *inside)).members(table)
    assert pids(found) == [ORPHAN.pid, STRANGER.pid]


def test_whose_number_is_in_the_cgroup_but_who_is_gone_does_not_belong(tmp_path):
    assert family(cgroup=cgroup_of(tmp_path, ORPHAN)).members(MadeUp()) == []
