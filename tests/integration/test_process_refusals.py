"""What cannot be started is a failed hook with a reason that a person can act on."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace

import pytest
from support.hooks import Bench, collect_children

from hookd.core.model import HookOutcome
from hookd.system.process.children import Children
from hookd.system.process.running import Ended


@pytest.fixture(name="bench")
def _bench(tmp_path):
    with Children() as children:
        bench = Bench(tmp_path, children)
        yield bench
        bench.clean()
    collect_children()


def hook(folder, content: bytes, mode: int = 0o755):
    path = folder / "10-hook"
    path.write_bytes(content)
    path.chmod(mode)
    return (str(path),)


def refused(reason: str) -> Ended:
    return Ended(HookOutcome.FAILED, reason=reason)


CARRIAGE_RETURN = (
    "its #! line ends in CR LF, so the kernel looks for '/bin/bash\\r'; "
    "save the file with Unix line ends"
)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"#!/no/such/sh\n", "its interpreter /no/such/sh does not exist"),
        (b"#! \t/no/such/sh -e\n", "its interpreter /no/such/sh does not exist"),
        (
            b"#!/bin/bash\r\nexit 0\r\n",
            CARRIAGE_RETURN,
        ),
        (
            b"exit 0\n",
            "neither a program for this machine nor a script with a #! line (Exec format error)",
        ),
        (
            b"",
            "neither a program for this machine nor a script with a #! line (Exec format error)",
        ),
    ],
)
def test_a_file_that_the_kernel_cannot_start(bench, tmp_path, content, reason):
    assert bench.run("", argv=hook(tmp_path, content)) == refused(reason)


def test_a_file_without_the_x_bit(bench, tmp_path):
    argv = hook(tmp_path, b"#!/bin/sh\n", 0o644)
    assert bench.run("", argv=argv) == refused("is not executable")


def test_a_file_that_is_gone(bench, tmp_path):
    assert bench.run("", argv=(str(tmp_path / "none"),)) == refused("the file is gone")


def test_an_interpreter_without_the_x_bit(bench, tmp_path):
    interpreter = tmp_path / "interpreter"
    interpreter.write_bytes(b"")
    argv = hook(tmp_path, f"#!{interpreter}\n".encode())
    reason = f"its interpreter {interpreter} is not executable"
    assert bench.run("", argv=argv) == refused(reason)


def test_a_file_on_a_noexec_file_system(bench, tmp_path):
    folder = tmp_path / "mounted"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "noexec", "none", str(folder)]
    if os.geteuid() != 0 or subprocess.call(command, stderr=subprocess.DEVNULL) != 0:
        pytest.skip("needs root and mount(8) to have a noexec file system")
    try:
        argv = hook(folder, b"#!/bin/sh\n")
        reason = "lies on a file system that is mounted noexec"
        assert bench.run("", argv=argv) == refused(reason)
    finally:
        subprocess.check_call(["umount", str(folder)])


def test_an_environment_that_is_too_large(bench):
    start = bench.start("exit 0")
    start = replace(start, environment={**start.environment, "BIG": "x" * (1 << 20)})
    reason = "its environment is too large (Argument list too long)"
    assert bench.group([start]) == [refused(reason)]


def test_a_working_directory_that_is_gone(bench):
    reason = "cannot start in /nowhere: No such file or directory"
    assert bench.run("exit 0", cwd="/nowhere") == refused(reason)


def test_a_zero_byte_in_the_environment(bench):
    start = bench.start("exit 0")
    start = replace(start, environment={**start.environment, "ZERO": "a\0b"})
    assert bench.group([start]) == [refused("cannot be started: embedded null byte")]


def test_the_next_hook_runs_all_the_same(bench):
    starts = [bench.start("", argv=("/none",)), bench.start("exit 0"), bench.start("exit 4")]
    ended = bench.group(starts)
    assert [one.exit_code for one in ended] == [None, 0, 4]


def test_no_descriptor_is_lost_by_hooks_that_do_not_start(bench):
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        bench.run("", argv=("/none",))
        bench.run("echo x; exit 1")
    assert len(os.listdir("/proc/self/fd")) == before
