"""Which files of an operation become parts, whatever lies in its folder."""

from __future__ import annotations

import os
import socket

from hookd.bundle import files
from hookd.bundle.part import Part
from hookd.core.bundle import LeftOut
from hookd.system.root import Root
from hookd.system.state import State

ID = "20261125T202304Z-467d"
FOLDER = f"/var/lib/hookd/operations/{ID}"


def _operation(tmp_path, *names):
    folder = tmp_path / FOLDER.lstrip("/")
    folder.mkdir(parents=True)
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{name}\n")
    return State(Root(str(tmp_path))), folder


def _told(found):
    """Return (name, reason) of each; parts have no reason."""
    return [(one.name, getattr(one, "reason", "")) for one in found]


def test_the_journal_comes_before_the_output_and_what_is_kept_back_says_why(tmp_path):
    state, _ = _operation(
        tmp_path,
        *("journal.jsonl", "result.json", "lock", "snapshots/before.json"),
        *("hooks/pre-1/10-a.out", "scratch/precious", "undo/70-b"),
    )

    assert _told(files.operation(state, ID)) == [
        (f"operations/{ID}/journal.jsonl", ""),
        (f"operations/{ID}/lock", "a lock"),
        (f"operations/{ID}/result.json", ""),
        (f"operations/{ID}/hooks/pre-1/10-a.out", ""),
        (f"operations/{ID}/scratch", "hooks keep there what they like"),
        (f"operations/{ID}/snapshots/before.json", ""),
        (
            f"operations/{ID}/undo",
            "copies of hooks: hooks.json and the journal have their digests",
        ),
    ]


def test_what_is_no_regular_file_of_a_sane_size_is_refused_by_name(tmp_path):
    state, folder = _operation(tmp_path)
    (folder / "hooks").symlink_to("/etc")
    (folder / "journal.jsonl").symlink_to("/etc/shadow")
    os.mkfifo(str(folder / "result.json"))
    with open(folder / "context-pre.json", "wb") as file:
        file.truncate((16 << 20) + 1)
    listening = socket.socket(socket.AF_UNIX)
    here = os.open(str(folder), os.O_RDONLY)
    listening.bind(f"/proc/self/fd/{here}/sock")
    os.close(here)
    listening.close()
    (folder / "a/b/c/d").mkdir(parents=True)

    link = "a symbolic link, which is not followed"
    assert _told(files.operation(state, ID)) == [
        (f"operations/{ID}/context-pre.json", "16777217 bytes, more than 16777216"),
        (f"operations/{ID}/hooks", link),
        (f"operations/{ID}/journal.jsonl", link),
        (f"operations/{ID}/result.json", "a FIFO"),
        (f"operations/{ID}/sock", "a socket"),
        (f"operations/{ID}/a/b/c/d", "too deep"),
    ]


def test_names_of_any_bytes_are_shown_and_a_crowd_of_them_is_bounded(tmp_path):
    state, folder = _operation(tmp_path)
    with open(os.path.join(os.fsencode(folder), b"\xff\n.out"), "wb"):
        pass
    assert _told(files.operation(state, ID)) == [(f"operations/{ID}/\\xff\\x0a.out", "")]
    for number in range(2000):
        (folder / f"{number}.out").touch()

    found = _told(files.operation(state, ID))

    assert found[0] == (
        f"operations/{ID}",
        "it has 2000 names or more; the others are not here",
    )
    assert len(found) == 2001


def test_events_in_run_come_along(tmp_path):
    state, _ = _operation(tmp_path, "journal.jsonl")
    (tmp_path / "run/hookd").mkdir(parents=True)
    (tmp_path / f"run/hookd/{ID}.journal.jsonl").write_text('{"n":7}\n')

    assert [(one.name, one.source) for one in files.operation(state, ID)] == [
        (f"operations/{ID}/journal.jsonl", f"{FOLDER}/journal.jsonl"),
        (
            f"operations/{ID}/journal.spilled.jsonl",
            f"/run/hookd/{ID}.journal.jsonl",
        ),
    ]


def test_a_folder_that_is_not_there_is_one_thing_left_out(tmp_path):
    found = list(files.operation(State(Root(str(tmp_path))), ID))

    assert found == [LeftOut(f"operations/{ID}", FOLDER, "No such file or directory")]


def test_of_the_results_the_last_whole_lines_are_taken(tmp_path):
    path = tmp_path / "var/log/hookd/results.jsonl"
    path.parent.mkdir(parents=True)
    root = Root(str(tmp_path))
    path.write_text('{"n": 1}\n')
    (short,) = files.results(root)
    assert isinstance(short, Part)
    assert (short.note, b"".join(short.pieces(1.0))) == ("", b'{"n": 1}\n')

    line = '{"text": "' + "x" * 88 + '"}\n'
    path.write_text(line * 20_000)
    (long,) = files.results(root)

    whole = (1 << 20) // len(line)
    assert isinstance(long, Part)
    assert long.note == f"the last 1048576 of {20_000 * len(line)} bytes"
    assert b"".join(long.pieces(1.0)) == line.encode() * whole
