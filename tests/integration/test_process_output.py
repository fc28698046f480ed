"""Output of any size and kind: taken in at full speed, in little memory, never a failure."""

from __future__ import annotations

import os
import subprocess
import time

import pytest
from support.hooks import Bench, collect_children, until_is

from hookd.core.model import HookOutcome, Stream
from hookd.system.process.capture import SHOWN
from hookd.system.process.children import Children


@pytest.fixture(name="bench")
def _bench(tmp_path):
    with Children() as children:
        bench = Bench(tmp_path, children)
        yield bench
        bench.clean()
    collect_children()


def resident_kb() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


def test_200_mb_take_no_memory_and_little_disk(bench, tmp_path):
    size, cap = 200 << 20, 1 << 20
    bench.run("head -c 5M /dev/zero")
    before, most = resident_kb(), [0]

    def watch(_index, _stream, _data):
        most[0] = max(most[0], resident_kb())

    start = bench.start(
        f"head -c {size} /dev/zero", output_cap=cap, stdout_path=str(tmp_path / "big")
    )
    (ended,) = bench.group([start], on_output=watch)
    zeros = "\\x00" * SHOWN
    hidden = cap - 2 * SHOWN
    expected = Stream(str(tmp_path / "big"), size, zeros, zeros, hidden, size - cap)
    assert (ended.outcome, ended.stdout) == (HookOutcome.PASSED, expected)
    assert most[0] - before < 8 << 10
    marker = f"\n[hookd: {size - cap} bytes hidden]\n"
    assert (tmp_path / "big").stat().st_size == cap + len(marker)
    assert sorted(os.listdir(str(tmp_path))) == ["big", "hook.out"]


def test_endless_output_is_ended_by_the_timeout(bench, tmp_path):
    ended = bench.run("exec yes", timeout_s=1.5, output_cap=4096)
    assert (ended.outcome, ended.signal) == (HookOutcome.TIMED_OUT, "SIGTERM")
    assert ended.stdout.bytes > 1 << 20
    assert (tmp_path / "hook.out").stat().st_size < 8192


def test_endless_output_of_a_leftover_holds_nothing_up(bench):
    began = time.monotonic()
    ended = bench.run("yes &" + until_is("yes", "$!"), output_cap=4096)
    assert time.monotonic() - began < 15
    assert ended.outcome is HookOutcome.PASSED
    assert [(one.command, one.holds_stdout) for one in ended.left_running] == [("yes", True)]


def test_binary_output_is_kept_as_it_is_and_shown_escaped(bench, tmp_path):
    ended = bench.run(r"printf '\377\000\033[1mX\n'; printf 'err\n' >&2; exit 9")
    assert ended.stdout == Stream(str(tmp_path / "hook.out"), 8, "\\xff\\x00\\x1b[1mX\n")
    assert ended.stderr == Stream(str(tmp_path / "hook.err"), 4, "err\n")
    assert (tmp_path / "hook.out").read_bytes() == b"\xff\x00\x1b[1mX\n"
    assert ended.exit_code == 9


def test_output_is_told_as_it_comes(bench):
    said = []
    starts = [bench.start("echo out; echo err >&2"), bench.start("echo two")]
    bench.group(starts, on_output=lambda *what: said.append(what))
    assert sorted(said) == [
        (0, "stderr", b"err\n"),
        (0, "stdout", b"out\n"),
        (1, "stdout", b"two\n"),
    ]


def test_a_full_disk_drops_output_and_fails_no_hook(bench, tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)]
    if os.geteuid() != 0 or subprocess.call(command, stderr=subprocess.DEVNULL) != 0:
        pytest.skip("needs root and mount(8) to have a small file system")
    try:
        path = str(folder / "out")
        ended = bench.run("head -c 300000 /dev/zero; echo end", stdout_path=path)
        size = os.path.getsize(path)
    finally:
        subprocess.check_call(["umount", str(folder)])
    assert (ended.outcome, ended.stdout.path) == (HookOutcome.PASSED, path)
    assert size == 64 << 10
    assert (ended.stdout.bytes, ended.stdout.dropped) == (300004, 300004 - size)
    assert ended.stdout.tail.endswith("end\n")


def test_a_missing_folder_drops_output_and_fails_no_hook(bench):
    ended = bench.run("echo hello", stdout_path="/nowhere/out")
    assert ended.outcome is HookOutcome.PASSED
    assert ended.stdout == Stream("", 6, "hello\n", dropped=6)


def test_a_killed_engine_leaves_the_end_of_the_output_on_disk(tmp_path):
    pid = os.fork()
    if pid == 0:
        try:
            with Children() as children:
                there = "until grep -aq 'the end' hook.out.tail; do sleep 0.01; done 2>/dev/null;"
                script = "head -c 9000 /dev/zero; echo the end;" + there + "kill -KILL $PPID"
                Bench(tmp_path, children).run(script, output_cap=4096)
        finally:
            os._exit(1)
    assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == 9
    collect_children()
    assert (tmp_path / "hook.out").stat().st_size == 2048
    assert (tmp_path / "hook.out.tail").read_bytes().endswith(b"the end\n")
