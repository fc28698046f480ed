"""The state directory: ids in the order of a counter, marks of what is open, damaged journals."""

from __future__ import annotations

import os
import stat

import pytest
from support.journals import ended, events, opened, started

from hookd.core.journal import Noted, OperationOpened, to_line
from hookd.core.model import CallerKind, Phase
from hookd.system.root import Root
from hookd.system.state import State, is_operation_id

A, B, C = "20261105T041807Z-0001", "20251105T041807Z-0002", "20271105T041807Z-0003"


@pytest.fixture
def state(tmp_path):
    one = State(Root(str(tmp_path)))
    one.prepare()
    return one


def make(state, name, number, *more):
    """An operation on disk, with its journal."""
    state.make_operation(name)
    lines = map(to_line, events(opened(id=name, number=number, run_id=f"run-{number}"), *more))
    put(state, name, *lines)


def put(state, name, *lines):
    with open(state.journal_path(name), "wb") as file:
        file.write(b"".join(lines))


def mode_of(path):
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20261105T041807Z-7f3a", True),
        ("20261105T041807Z-7F3A", False),
        ("20261105T041807Z-7f3a\n", False),
        (" 20261105T041807Z-7f3a", False),
        ("20261105T041807Z-7f3", False),
        ("20261105T041807Z-7f3ab", False),
        ("\u0662\u0660261105T041807Z-7f3a", False),
        ("../20261105T041807Z-7f3a", False),
        ("7f3a9c1e-run-42", False),
        ("", False),
    ],
)
def test_what_an_operation_id_looks_like(text, expected):
    assert is_operation_id(text) is expected


def test_the_folders_let_a_hook_of_another_user_through(state, tmp_path):
    old = os.umask(0o077)
    try:
        state.make_operation(A)
    finally:
        os.umask(old)
    folder = tmp_path / "var/lib/hookd/operations" / A
    assert sorted(os.listdir(folder)) == ["hooks", "scratch", "snapshots", "undo"]
    paths = [tmp_path / "var/lib/hookd", folder, folder / "scratch"]
    assert [mode_of(path) for path in paths] == [0o711] * 3


def test_everything_lies_under_the_root(tmp_path):
    os.makedirs(tmp_path / "elsewhere")
    os.makedirs(tmp_path / "var")
    os.symlink("/elsewhere", tmp_path / "var" / "lib")
    state = State(Root(str(tmp_path)))
    assert state.directory == str(tmp_path / "elsewhere/hookd")
    assert state.spill_path(A) == str(tmp_path / f"run/hookd/{A}.journal.jsonl")


def test_operations_are_in_the_order_of_their_counter_not_of_their_clock(state):
    for number, name in enumerate((A, B, C), 1):
        make(state, name, number)
    assert state.ids() == (A, B, C)
    assert [state.head(name).number for name in state.ids()] == [1, 2, 3]


def test_other_names_are_no_operations(state, tmp_path):
    make(state, A, 1)
    folder = tmp_path / "var/lib/hookd/operations"
    (folder / "lost+found").mkdir()
    (folder / B).write_bytes(b"a file")
    assert state.ids() == (A,)


def test_the_counter_goes_on(state):
    first, second = state.new_id(), state.new_id()
    assert [first[1], second[1]] == [1, 2]
    assert is_operation_id(first[0])
    assert State(state.root).new_id()[1] == 3


@pytest.mark.parametrize("text", [b"", b"many\n", b"\0\0\0\0", b"\xff"])
def test_a_lost_counter_is_found_in_the_journals(state, text):
    make(state, A, 7)
    with open(state.path("counter"), "wb") as file:
        file.write(text)
    assert state.new_id()[1] == 8


def test_a_counter_that_fell_back_does_not_number_twice(state):
    make(state, A, 7)
    with open(state.path("counter"), "wb") as file:
        file.write(b"3\n")
    assert state.new_id()[1] == 8


def test_without_state_there_are_no_operations(tmp_path):
    state = State(Root(str(tmp_path)))
    assert (state.ids(), state.marked(), state.load(A), state.head(A)) == ((), (), None, None)
    assert (state.read_text("counter"), state.spilled(), state.unreadable()) == ("", (), {})


def test_what_is_open_is_marked_from_its_beginning(state):
    for number, name in enumerate((A, B), 1):
        make(state, name, number)
    assert state.marked() == (A, B)
    assert stat.S_IMODE(os.stat(state.path("open", A)).st_mode) == 0o600
    state.unmark(A)
    state.unmark(A)
    assert state.marked() == (B,)
    state.mark(A)
    assert state.marked() == (A, B)


def test_a_mark_without_an_operation_is_passed_over(state):
    state.mark(A)
    assert state.marked() == ()


def test_an_operation_is_what_its_journal_tells(state):
    make(state, A, 1, started("pre"), ended("pre"))
    found = state.load(A)
    assert (found.id, found.opened.run_id, found.last(Phase.PRE).ended_n) == (A, "run-1", 3)


def test_what_was_spilled_belongs_to_it(state, tmp_path):
    make(state, A, 1)
    os.makedirs(tmp_path / "run/hookd")
    with open(state.spill_path(A), "wb") as file:
        file.write(b"".join(map(to_line, events(opened(id=A), Noted("a", "b")))))
    assert state.load(A).notes == (Noted("a", "b"),)
    assert state.spilled() == (A,)


def test_an_operation_whose_first_line_is_damaged_is_not_overlooked(state):
    make(state, A, 1)
    lines = list(map(to_line, events(opened(id=A), started("pre"))))
    put(state, A, b"\0" * 40 + b"\n", lines[1])
    unknown = OperationOpened(A, 0, "", CallerKind.PERSON, "", None, "", tuple(Phase))
    assert (state.ids(), state.head(A), state.load(A).opened) == ((A,), unknown, unknown)
    assert state.unreadable() == {}


def test_a_journal_that_tells_nothing_is_named(state):
    for name in (A, B, C):
        state.make_operation(name)
    put(state, A, b"\0\0\0\0\n")
    put(state, B)
    assert state.unreadable() == {A: "no line of its journal is an event"}


def test_a_journal_that_is_no_file_is_named(state):
    state.make_operation(A)
    os.mkfifo(state.journal_path(A))
    assert state.load(A) is None
    assert state.head(A) is None
    assert state.unreadable() == {A: "its journal cannot be read: it is no regular file"}


def test_what_died_before_its_first_event_is_cleared_away(state):
    make(state, A, 1)
    state.make_operation(B)
    state.make_operation(C)
    put(state, C)
    state.remove_unopened()
    assert sorted(os.listdir(state.path("operations"))) == [A]
    assert os.listdir(state.path("open")) == [A]


def test_an_operation_is_removed_with_all_it_has(state):
    make(state, A, 1)
    os.symlink("/etc", os.path.join(state.folder(A), "scratch", "link"))
    state.remove(A)
    assert os.listdir(state.path("operations")) == []
    assert os.path.isdir("/etc")


def test_a_file_where_the_state_belongs_raises(tmp_path):
    (tmp_path / "var").write_bytes(b"")
    with pytest.raises(OSError, match=r"exists|Not a directory"):
        State(Root(str(tmp_path))).prepare()


def test_an_operation_is_never_made_twice(state):
    state.make_operation(A)
    with pytest.raises(FileExistsError):
        state.make_operation(A)
