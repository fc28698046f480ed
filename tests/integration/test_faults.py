"""Faults of the ground hookd stands on: full and read-only disks, damaged journals, two calls."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
from support.faults import FaultRoot, end_all, living, wait_for

from hookd.core.model import Phase
from hookd.core.undo import outstanding

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount")

RUN = ("--operation-id", "run-1")
UNDO = 'cat "$HOOKD_SCRATCH/found" > "$HOOKD_ROOT/undone"\necho b=2 > "$HOOKD_OUTPUT"\necho said\n'
LEAVE = 'echo was-in > "$HOOKD_SCRATCH/found"\n'


@pytest.fixture(name="mounts")
def _mounts():
    """Return `mount(path, *arguments)`; everything is unmounted in the end."""
    mounted = []

    def mount(path, *arguments):
        path.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            ["mount", *arguments, str(path)], check=False, stderr=subprocess.PIPE, text=True
        )
        if done.returncode:
            pytest.skip(f"mount is not allowed here: {done.stderr}")
        mounted.append(path)

    yield mount
    for path in reversed(mounted):
        subprocess.run(["umount", "-l", str(path)], check=True)


@pytest.fixture(name="root")
def _root(tmp_path):
    root = FaultRoot(tmp_path / "root")
    yield root
    end_all(str(tmp_path))


@pytest.fixture(name="owing")
def _owing(root):
    """Return a root whose on-exit owes an undo once pre has run."""
    root.hook("pre/30-leave", LEAVE)
    root.hook("on-exit/70-join", UNDO, undoes="pre/30-leave")
    return root


def make_disk(root, mounts, kind):
    """Put a small disk of `kind` under the root's /var/lib, and return how to fill it."""
    if kind == "tmpfs":
        mounts(root.path / "var/lib", "-t", "tmpfs", "-o", "size=48m,mode=755", "none")
        return
    image = root.path.parent / "image"
    with open(image, "wb") as file:
        file.truncate(64 << 20)
    done = subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=False)
    if done.returncode:
        pytest.skip("there is no mkfs.ext4")
    mounts(root.path / "var/lib", "-o", "loop", str(image))


def fill(folder):
    """Write zeros until nothing fits, the last bytes too."""
    with open(folder / "filling", "wb", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue


FILL = f"""\
exec {sys.executable} - <<END
import os
with open(os.environ["HOOKD_ROOT"] + "/var/lib/filling", "wb", buffering=0) as file:
    for size in (1 << 20, 4096, 1):
        try:
            while True:
                file.write(b"\\\\0" * size)
        except OSError:
            pass
END
"""


# -- full disk ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["tmpfs", "ext4"])
def test_on_a_full_disk_pre_fails_with_a_clear_line(root, mounts, kind):
    make_disk(root, mounts, kind)
    fill(root.path / "var/lib")
    root.hook("pre/10-x", "echo no > $HOOKD_ROOT/ran\n")
    done = root.hookd("run", "pre")
    assert done.code == 1, done
    assert re.search("cannot be written|disk.low", done.out + done.err), done
    assert "No space left" in done.err or "disk.low" in done.out
    assert not (root.path / "ran").exists()


@pytest.mark.parametrize("kind", ["tmpfs", "ext4"])
def test_a_hook_that_fills_the_disk_silences_no_journal(owing, mounts, kind):
    root = owing
    make_disk(root, mounts, kind)
    root.hook("pre/40-fill", FILL)
    for number in range(50, 90):
        root.hook(f"pre/{number}-x", 'echo much\necho "a=1" > "$HOOKD_OUTPUT" || :\n')
    done = root.hookd("run", "pre", *RUN)
    assert (done.code, "check disk.low" in done.out) == (1, True), done  # nothing is installed now
    operation = root.operation()
    outcomes = {hook.name: hook.outcome.value for hook in operation.last(Phase.PRE).hooks.values()}
    assert set(outcomes.values()) == {"passed"}
    assert len(outcomes) == 42
    assert operation.snapshots["ready"].inline or operation.snapshots["ready"].file
    assert "results.lost" in {note.code for note in operation.notes}
    assert operation.observed.get("journal.lost") is None

    assert root.hookd("run", "on-exit", *RUN).code == 1
    assert (root.path / "undone").read_text() == "was-in\n"
    operation = root.operation()
    assert not operation.is_open
    assert outstanding(operation) == ()
    (root.path / "var/lib/filling").unlink()
    root.hookd("run", "on-exit", *RUN)
    found = root.result()["operation"]
    assert (found["path"], found["verdict"]) == ("pre-failed", "failed")
    assert [line["event"] for line in root.lines()].count("operation-closed") >= 1


def test_the_reserve_is_given_back_when_the_operation_closes(root, mounts):
    make_disk(root, mounts, "ext4")
    assert root.hookd("run", "pre").code == 0
    assert root.journal().stat().st_blocks * 512 > 8 << 20
    assert root.journal().stat().st_size < 1 << 20
    root.hookd("run", "on-exit")
    assert root.journal().stat().st_blocks * 512 < 1 << 20


# -- read-only ---------------------------------------------------------------------------------


@pytest.fixture(name="frozen")
def _frozen(owing, mounts):
    """Return a root that owes an undo and whose /var/lib/hookd is read-only after pre."""
    root = owing
    mounts(root.state, "-t", "tmpfs", "-o", "size=48m,mode=711", "none")
    assert root.hookd("run", "pre", *RUN).code == 0
    remount(root, "ro")
    return root


def remount(root, how):
    subprocess.run(["mount", "-o", f"remount,{how}", str(root.state)], check=True)


def test_with_read_only_state_pre_starts_nothing_and_fails(frozen):
    root = frozen
    root.hook("pre/10-x", "echo no > $HOOKD_ROOT/ran\n")
    for more in ((), ("--operation-id", "run-2")):
        done = root.hookd("run", "pre", *more)
        assert done.code in (1, 75), done
        assert done.err.startswith("hookd: ")
    assert not (root.path / "ran").exists()


def test_on_a_fresh_machine_with_a_read_only_disk_pre_fails_with_a_clear_line(root, mounts):
    mounts(root.path / "var/lib", "-t", "tmpfs", "-o", "ro", "none")
    root.hook("pre/10-x", "echo no > $HOOKD_ROOT/ran\n")
    done = root.hookd("run", "pre")
    assert done.code == 1, done
    assert "pre failed: state cannot be written" in done.err
    assert "Read-only file system" in done.err
    assert not (root.path / "ran").exists()


def test_with_read_only_state_post_runs_nothing_and_tells_a_person(frozen):
    root = frozen
    root.hook("post/10-x", "echo no > $HOOKD_ROOT/ran\n")
    done = root.hookd("run", "post", *RUN)
    assert done.code == 1, done
    assert "post failed: state cannot be written" in done.err
    assert not (root.path / "ran").exists()


def test_with_read_only_state_on_exit_runs_the_undo_and_journals_to_run(frozen):
    root = frozen
    root.hook("on-exit/10-other", 'echo a=1 > "$HOOKD_OUTPUT"\n')
    done = root.hookd("run", "on-exit", *RUN)
    assert done.code == 1, done
    assert done.machine["verdict"] == "failed"  # post never came
    assert (root.path / "undone").read_text() == "was-in\n"
    spill = root.path / "run/hookd" / (root.operations()[0] + ".journal.jsonl")
    assert spill.exists()
    assert {line["event"] for line in map(json.loads, spill.read_text().splitlines())} >= {
        "hook-ended",
        "operation-closed",
    }
    again = root.hookd("run", "on-exit", *RUN)
    assert again.code == 1, again
    remount(root, "rw")
    assert root.hookd("run", "on-exit", *RUN).code == 1
    assert not spill.exists()
    hooks = root.operation().last(Phase.ON_EXIT).hooks
    assert {name: hook.outcome.value for name, hook in hooks.items()} == {
        "10-other": "passed",
        "70-join": "passed",
    }
    assert [dict(hook.outputs) for _, hook in sorted(hooks.items())] == [{"a": "1"}, {"b": "2"}]
    assert root.phase("on-exit")["hooks"][0]["stdout"]["path"] == ""
    assert outstanding(root.operation()) == ()


def test_an_operation_whose_journal_went_to_run_is_incomplete_at_best(frozen):
    root = frozen
    remount(root, "rw")
    assert root.hookd("run", "post", *RUN).code == 0
    remount(root, "ro")
    done = root.hookd("run", "on-exit", *RUN)
    assert (done.code, done.machine["verdict"]) == (1, "incomplete"), done
    remount(root, "rw")
    assert root.hookd("run", "pre").code == 0  # another operation merges what it finds
    first = root.hookd("show", root.operations()[0], "--json")
    assert json.loads(first.out)["operation"]["verdict"] == "incomplete"
    assert os.listdir(root.path / "run/hookd") in ([], [root.operations()[0]])


@pytest.mark.parametrize("kind", ["read-only", "full"])
@pytest.mark.parametrize("again", [0, 1], ids=["it ends well", "it fails again"])
def test_an_on_exit_that_can_open_nothing_still_runs_what_older_operations_owe(
    root, mounts, kind, again
):
    root.configure("[recovery]\nenabled = false\n")
    mounts(root.state, "-t", "tmpfs", "-o", "size=48m,mode=711", "none")
    root.hook("pre/30-leave", LEAVE)
    undo = 'echo x >> "$HOOKD_ROOT/tries"\nexit $(cat "$HOOKD_ROOT/code")\n'
    root.hook("on-exit/70-join", undo, undoes="pre/30-leave")
    root.write("code", "1")
    for phase in ("pre", "post", "on-exit"):
        root.hookd("run", phase, *RUN)
    (name,) = root.operations()
    assert [undo.hook for undo in outstanding(root.operation())] == ["70-join"]
    if kind == "full":
        fill(root.state)
    else:
        remount(root, "ro")
    root.write("code", str(again))

    done = root.hookd("run", "on-exit", "--operation-id", "run-2")

    end = "outstanding" if again else "done"
    assert done.code == 1, done
    assert "on-exit failed: state cannot be written" in done.err
    assert f"\nthe undos that operation {name} owed: {end}\n" in done.err
    assert (root.path / "tries").read_text() == "x\nx\n"
    if kind == "full":
        (root.state / "filling").unlink()
    else:
        remount(root, "rw")
    root.write("code", "0")
    assert root.hookd("run", "on-exit", "--operation-id", "run-3").code in (0, 1)
    assert outstanding(root.operation_of(name)) == ()
    assert (root.path / "tries").read_text() == "x\n" * (2 + again)


def test_with_read_only_state_two_on_exits_never_execute_at_once(frozen):
    root = frozen
    root.hook("on-exit/10-slow", "echo x >> $HOOKD_ROOT/slow\nsleep 1\n")
    processes = [root.start("run", "on-exit", *RUN) for _ in range(3)]
    assert [process.wait(30) for process in processes] == [1, 1, 1]
    assert (root.path / "slow").read_text() == "x\n"


def test_with_everything_read_only_the_undo_still_runs(owing, mounts, tmp_path):
    root = owing
    assert root.hookd("run", "pre", *RUN).code == 0
    root.hook("on-exit/70-join", f"echo done > {tmp_path}/undone\n", undoes="pre/30-leave")
    mounts(root.path, "--bind", str(root.path))
    subprocess.run(["mount", "-o", "remount,bind,ro", str(root.path)], check=True)
    done = root.hookd("run", "on-exit", *RUN)
    assert done.code == 1, done
    assert (tmp_path / "undone").read_text() == "done\n"
    assert done.machine["verdict"] == "failed"


@pytest.mark.parametrize("phase", ["pre", "post", "on-exit"])
@pytest.mark.parametrize("where", ["var/lib/hookd", "var/lib/hookd/operations", "var/lib"])
def test_a_file_where_the_state_belongs_is_told(root, phase, where):
    root.hook(f"{phase}/10-x", "echo no > $HOOKD_ROOT/ran\n")
    root.write(where, "a file\n")
    done = root.hookd("run", phase)
    assert done.code == 1, done
    assert f"{phase} failed: state cannot be written" in done.err
    assert "Traceback" not in done.err
    assert not (root.path / "ran").exists()
    assert root.hookd("status").code in (0, 1)


def test_an_on_exit_whose_journal_is_deleted_under_it_goes_on_in_run(owing):
    owing.hook("on-exit/10-delete", "rm -rf $HOOKD_ROOT/var/lib/hookd/operations/*/journal.jsonl\n")
    assert owing.hookd("run", "pre", *RUN).code == 0
    assert owing.hookd("run", "post", *RUN).code == 0
    done = owing.hookd("run", "on-exit", *RUN)
    assert (done.code, done.machine["verdict"]) == (1, "incomplete"), done
    assert (owing.path / "undone").read_text() == "was-in\n"


# -- damaged journals --------------------------------------------------------------------------


def after_pre(root):
    assert root.hookd("run", "pre", *RUN).code == 0
    return root.journal(), root.journal().read_bytes().splitlines(keepends=True)


@pytest.mark.parametrize(
    "torn", [b'{"n": 99, "at": "2', b"\0" * 700, b"x" * 100_000, b'{"n":99}'], ids=len
)
def test_a_torn_last_line_is_set_aside_and_nothing_else_is_lost(owing, torn):
    journal, lines = after_pre(owing)
    journal.write_bytes(b"".join(lines) + torn)
    assert owing.hookd("run", "post", *RUN).code == 0
    assert (owing.folder() / "journal.torn").read_bytes() == torn + b"\n"
    done = owing.hookd("run", "on-exit", *RUN)
    assert (done.code, done.machine["verdict"]) == (0, "passed"), done
    assert (owing.path / "undone").read_text() == "was-in\n"
    assert "journal.torn" in [note["code"] for note in owing.result()["notes"]]
    numbers = [json.loads(line)["n"] for line in journal.read_text().splitlines()]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize(
    "garbage", [b"\xff\xfe\n", b"null\n", b"[" * 100_000 + b"\n", b"{}\n"], ids=len
)
def test_garbage_in_the_middle_makes_the_operation_incomplete(owing, garbage):
    journal, lines = after_pre(owing)
    journal.write_bytes(b"".join([*lines[:-2], garbage, *lines[-1:]]))
    assert owing.hookd("run", "post", *RUN).code in (0, 1)
    done = owing.hookd("run", "on-exit", *RUN)
    assert done.code == 1, done
    assert done.machine["verdict"] in ("incomplete", "failed")
    assert (owing.path / "undone").read_text() == "was-in\n"
    assert owing.hookd("show").code == 0


def test_a_line_that_is_gone_makes_the_operation_incomplete(owing):
    journal, lines = after_pre(owing)
    (index,) = [i for i, line in enumerate(lines) if b'"hook-spawned"' in line]
    journal.write_bytes(b"".join([*lines[:index], *lines[index + 1 :]]))
    assert owing.hookd("run", "post", *RUN).code == 0
    done = owing.hookd("run", "on-exit", *RUN)
    assert (done.code, done.machine["verdict"]) == (1, "incomplete"), done


@pytest.mark.parametrize("first", [b"", b"garbage\n"])
def test_without_its_first_line_an_operation_still_owes_its_undo(owing, first):
    journal, lines = after_pre(owing)
    journal.write_bytes(first + b"".join(lines[1:]))
    assert owing.hookd("status").code == 1
    done = owing.hookd("recover")
    assert done.code == 1, done
    assert (owing.path / "undone").read_text() == "was-in\n"
    assert outstanding(owing.operation_of(owing.operations()[0])) == ()


def all_garbage(journal):
    journal.write_bytes(bytes(range(256)) * 100)


def a_directory(journal):
    journal.unlink()
    journal.mkdir()


def a_fifo(journal):
    journal.unlink()
    os.mkfifo(journal)


@pytest.mark.parametrize("damage", [all_garbage, a_directory, a_fifo])
def test_a_journal_that_tells_nothing_is_never_forgotten(owing, damage):
    """Nobody knows what its hooks took away, so nothing may pass beside it."""
    journal, _ = after_pre(owing)
    name = owing.operations()[0]
    damage(journal)
    owing.hook("pre/10-x", "echo no > $HOOKD_ROOT/ran\n")
    done = owing.hookd("run", "pre", "--operation-id", "run-2", timeout=20)
    assert done.code == 1, done
    assert f"operation {name}" in done.out
    assert not (owing.path / "ran").exists()
    on_exit = owing.hookd("run", "on-exit", *RUN, timeout=20)
    assert (on_exit.code, on_exit.machine["verdict"]) == (1, "failed"), on_exit
    status = owing.hookd("status", timeout=20)
    assert status.code == 1
    assert name in status.out


def test_an_unknown_event_of_a_newer_hookd_is_kept(owing):
    journal, lines = after_pre(owing)
    number = len(lines) + 1
    line = {"n": number, "at": "x", "boot_id": "", "up_s": 1.0, "event": "from-the-future", "a": 1}
    journal.write_bytes(b"".join(lines) + json.dumps(line).encode() + b"\n")
    assert owing.hookd("run", "post", *RUN).code == 0
    done = owing.hookd("run", "on-exit", *RUN)
    assert (done.code, done.machine["verdict"]) == (0, "passed"), done


def test_damaged_side_files_cost_no_phase(owing):
    after_pre(owing)
    for path in (owing.folder() / "snapshots").iterdir():
        path.write_bytes(b"garbage")
    (owing.folder() / "result.json").write_bytes(b"garbage")
    (owing.state / "counter").write_bytes(b"garbage")
    done = owing.hookd("run", "on-exit", *RUN)
    assert done.code == 1, done
    assert done.machine["verdict"] in ("failed", "incomplete")
    assert (owing.path / "undone").read_text() == "was-in\n"
    assert owing.hookd("run", "pre", "--operation-id", "run-2").code == 0
    assert len(owing.operations()) == 2


# -- two calls ---------------------------------------------------------------------------------


def test_a_second_call_of_the_same_phase_joins_and_gets_its_result(root):
    root.hook("pre/10-x", "echo x >> $HOOKD_ROOT/ran\nsleep 1\nexit 3\n")
    first = root.start("run", "pre", *RUN)
    wait_for((root.path / "ran").exists)
    second = root.hookd("run", "pre", *RUN)
    assert (first.wait(20), second.code) == (1, 1), second
    assert second.machine["outcome"] == "failed"
    assert (root.path / "ran").read_text() == "x\n"


def test_another_call_that_cannot_wait_ends_75_with_who_and_since_when(root):
    root.hook("pre/10-x", "echo x >> $HOOKD_ROOT/ran\nsleep 30\n", grace="1s")
    first = root.start("run", "pre", *RUN)
    wait_for((root.path / "ran").exists)
    name = root.operations()[0]
    busy = root.hookd("run", "pre", "--operation-id", "run-2", "--deadline", "1s")
    assert busy.code == 75, busy
    assert name in busy.err
    other = root.hookd("run", "on-exit", "--operation-id", "run-2", "--deadline", "1s")
    assert other.code == 75, other
    found = rf"pre of operation {name} \(pid {first.pid}\) since \d{{4}}-\d\d-\d\dT"
    assert re.search(found, other.err), other
    status = root.hookd("status")
    assert status.code == 75
    assert str(first.pid) in status.out
    assert root.hookd("cancel").code == 0
    assert first.wait(20) == 130
    assert (root.path / "ran").read_text() == "x\n"
    assert living(str(root.path)) == []


def test_two_first_calls_at_once_open_one_operation(root):
    root.hook("pre/10-x", "echo x >> $HOOKD_ROOT/ran\nsleep 0.3\n")
    processes = [root.start("run", "pre", *RUN) for _ in range(5)]
    assert [process.wait(30) for process in processes] == [0] * 5
    assert (root.path / "ran").read_text() == "x\n"
    assert len(root.operations()) == 1


def test_a_post_ends_the_pre_of_its_own_run(root):
    root.hook("pre/10-x", "echo x >> $HOOKD_ROOT/ran\nsleep 30\n", grace="1s")
    first = root.start("run", "pre", *RUN)
    wait_for((root.path / "ran").exists)
    done = root.hookd("run", "post", *RUN)
    assert done.code == 0, done
    assert first.wait(20) == 130
    assert root.operation().last(Phase.PRE).outcome.value == "interrupted"


def test_a_stopped_holder_makes_the_next_call_busy_not_endless(root):
    root.hook("pre/10-x", "echo x >> $HOOKD_ROOT/ran\nkill -STOP $PPID\nsleep 5\n")
    first = root.start("run", "pre", *RUN)
    wait_for((root.path / "ran").exists)
    done = root.hookd("run", "pre", *RUN, "--deadline", "1s", timeout=20)
    assert done.code == 3, done
    first.kill()
    first.wait()


# -- clocks ------------------------------------------------------------------------------------


def test_order_is_by_counter_when_the_clock_has_jumped_back(root):
    """The first operation's journal, id and times lie in the future of the second's."""
    assert root.hookd("run", "pre", *RUN).code == 0
    (first,) = root.operations()
    future = "2036" + first[4:]
    text = root.journal().read_text().replace(first, future)
    text = re.sub(r'"at":"\d{4}', '"at":"2036', text)
    root.journal().write_text(text)
    (root.state / "operations" / first).rename(root.state / "operations" / future)
    (root.state / "open" / first).rename(root.state / "open" / future)
    root.hook("post/10-x", "exit 0\n")
    assert root.hookd("run", "post", *RUN).code == 0
    assert root.hookd("run", "on-exit", *RUN).code == 0
    assert root.result()["operation"]["id"] == future
    assert 0 <= root.phase("post")["hooks"][0]["duration_s"] < 10
    assert root.result()["cost"]["wall_s"] >= 0

    assert root.hookd("run", "pre", "--operation-id", "run-2").code == 0
    newest = json.loads(root.hookd("show", "--json").out)["operation"]
    assert (newest["run_id"], newest["number"]) == ("run-2", 2)
    assert newest["id"] < future
    listed = root.hookd("history").out
    assert listed.index(newest["id"]) < listed.index(future)
    assert root.operations() == [future, newest["id"]]


def test_an_uptime_from_the_future_does_not_make_a_run_dead_or_immortal(root):
    """A journal of this boot whose newest event is later than now: an hour of CLOCK_BOOTTIME."""
    assert root.hookd("run", "pre", *RUN).code == 0
    text = re.sub(
        r'"up_s":([0-9.]+)',
        lambda m: f'"up_s":{float(m.group(1)) + 3600}',
        root.journal().read_text(),
    )
    root.journal().write_text(text)
    done = root.hookd("run", "pre", "--operation-id", "run-2")
    assert done.code == 75, done
    assert root.hookd("run", "on-exit", *RUN).code == 1
    assert not root.operation().is_open


# -- results -----------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", ["pre", "on-exit"])
def test_what_a_dead_engine_did_not_tell_is_told_by_the_next_call(root, phase):
    """As after a kill -9 between the event that ends a phase and its line in results.jsonl."""
    assert root.hookd("run", "pre", *RUN).code == 0
    if phase == "on-exit":
        assert root.hookd("run", "post", *RUN).code == 0
        assert root.hookd("run", "on-exit", *RUN).code == 0
    told = root.lines()
    lines = root.journal().read_bytes().splitlines(keepends=True)
    marks = 1 if phase == "pre" else 2  # of the phase, and of the operation that closed
    assert all(b'"published"' in line for line in lines[-marks:])
    root.journal().write_bytes(b"".join(lines[:-marks]))
    (root.state / "open" / root.operations()[0]).touch()
    (root.folder() / "result.json").unlink()
    (root.path / "var/log/hookd/results.jsonl").unlink()
    assert root.hookd("run", phase, *RUN).code == 0
    of_phase = [line for line in told if line["n"] >= told[-1]["n"] - 1]
    assert [untimed(line) for line in root.lines()] == [untimed(line) for line in of_phase]
    assert root.phase(phase)["outcome"] == "passed"
    assert os.listdir(root.state / "open") == ([] if phase == "on-exit" else root.operations())
    assert root.hookd("run", phase, *RUN).code == 0
    assert len(root.lines()) == len(of_phase)


def untimed(line):
    return {name: value for name, value in line.items() if name != "ts"}


def test_a_line_that_cannot_be_written_is_told_later(root):
    log = root.path / "var/log/hookd"
    log.write_text("a file in the way")
    assert root.hookd("run", "pre", *RUN).code == 0
    assert "results.lost" in [note.code for note in root.operation().notes]
    log.unlink()
    assert root.hookd("run", "post", *RUN).code == 0
    ended = [line["phase"] for line in root.lines() if line["event"] == "phase-ended"]
    assert ended == ["pre", "post"]
