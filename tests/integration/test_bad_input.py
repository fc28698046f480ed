"""Configuration, hooks and files that are not what they should be: a clear line, nothing lost."""

from __future__ import annotations

import json
import os
import subprocess
import time

import pytest
from support.faults import FaultRoot, end_all

BROKEN = "[run\nphases = 3\n"
NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount")


@pytest.fixture(name="root")
def _root(tmp_path):
    root = FaultRoot(tmp_path)
    yield root
    end_all(str(tmp_path))


@pytest.fixture(name="mounted")
def _mounted():
    """Return a function that mounts a tmpfs with options; all are unmounted in the end."""
    mounts = []

    def mount(path, options):
        path.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "none", str(path)], check=False
        )
        if done.returncode:
            pytest.skip("mount is not allowed here")
        mounts.append(path)

    yield mount
    for path in reversed(mounts):
        subprocess.run(["umount", "-l", str(path)], check=True)


# -- configuration -----------------------------------------------------------------------------


def test_pre_ends_78_with_every_problem_its_file_and_line(root):
    root.write("etc/hookd/hookd.toml", '[run]\ndeadline = "soon"\nmax_parallel = 0\n')
    root.write("etc/hookd/conf.d/10-x.toml", "[run]\n\nphases = \n")
    root.write("etc/hookd/conf.d/20-x.toml", b"[hooks]\n\xff\n")
    root.hook("pre/10-x", "echo no > $HOOKD_ROOT/ran\n")
    done = root.hookd("run", "pre")
    assert done.code == 78, done
    lines = done.err.splitlines()
    assert lines[0] == "hookd: the configuration does not load:"
    for text in ("hookd.toml", "run.deadline", "run.max_parallel", "10-x.toml:3", "20-x.toml:2"):
        assert any(text in line for line in lines[1:]), (text, lines)
    assert not (root.path / "ran").exists()
    assert root.operations() == []


@pytest.mark.parametrize("phase", ["post", "on-exit"])
def test_post_and_on_exit_go_on_with_the_configuration_of_pre(root, phase):
    root.configure(
        '[hooks."post/10-x".settings]\nA = "1"\n[hooks."on-exit/10-x".settings]\nA = "1"\n'
    )
    for name in ("post/10-x", "on-exit/10-x"):
        root.hook(name, 'echo "a=$A" > "$HOOKD_OUTPUT"\n')
    assert root.hookd("run", "pre").code == 0
    root.configure(BROKEN)
    done = root.hookd("run", phase)
    assert root.hook_result(f"{phase}/10-x")["outputs"] == {"a": "1"}
    (check,) = [c for c in root.result()["checks"] if c["id"] == "config.loads"]
    assert check["outcome"] == "fail"
    assert "hookd.toml" in check["found"]
    assert done.code == (1 if phase == "on-exit" else 0), done


def test_unknown_keys_are_warnings_to_run_and_errors_to_check(root):
    root.configure("[run]\ncolour = 3\n[nonsense]\na = 1\n")
    done = root.hookd("run", "pre")
    assert done.code == 0, done
    assert [line.split(":")[0] for line in done.err.splitlines()] == ["warning", "warning"]
    checked = root.hookd("check")
    assert checked.code == 1
    assert [line.split(":")[0] for line in checked.out.splitlines()[:2]] == ["error", "error"]


def test_a_configuration_that_others_may_write_is_not_read(root):
    root.configure("[run]\n")
    (root.path / "etc/hookd/hookd.toml").chmod(0o666)
    done = root.hookd("run", "pre")
    assert done.code == 78, done
    assert "can be written by others" in done.err


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["FIFO", "directory"])
def test_a_configuration_that_is_no_file_does_not_hang(root, make):
    make(root.path / "etc/hookd/hookd.toml")
    done = root.hookd("run", "pre", timeout=20)
    assert done.code == 78, done


# -- hooks -------------------------------------------------------------------------------------


def refused(root, name):
    """Run pre, in which `name` is refused and nothing starts; return the reason."""
    root.hook("pre/90-last", "echo no > $HOOKD_ROOT/ran\n")
    done = root.hookd("run", "pre", timeout=30)
    hook = root.hook_result(name)
    assert (done.code, hook["outcome"]) == (1, "refused"), done
    assert not (root.path / "ran").exists()
    assert hook["reason"][:200] in done.out  # a longer one is cut off in the summary
    return hook["reason"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"#!/bin/sh\r\nexit 0\r\n", "carriage return"),
        (b"#!/no/such/interpreter\nexit 0\n", "/no/such/interpreter"),
        (b"", "is empty"),
        (b"#!/bin/sh\n# /// hookd\n# timeout = soon\n# ///\n", "line 3"),
        (b"#!/bin/sh\n# /// hookd\n# timeout = 5\n", "///"),
    ],
)
def test_a_hook_that_cannot_run_is_refused_before_any_starts(root, content, said):
    root.hook("pre/10-x", content)
    assert said in refused(root, "pre/10-x")


def test_a_binary_of_another_machine_fails_with_the_reason(root):
    root.hook("pre/10-x", b"\x7fELF\x02\x01\x01" + bytes(range(256)))
    done = root.hookd("run", "pre")
    hook = root.hook_result("pre/10-x")
    assert done.code == 1, done
    assert hook["outcome"] in ("refused", "failed")
    assert "neither a program for this machine" in hook["reason"]


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["FIFO", "directory"])
def test_a_directory_or_fifo_named_like_a_hook_is_refused(root, make):
    make(root.path / "etc/hookd/hooks.d/pre/10-x")
    assert "move it away" in refused(root, "pre/10-x")


@NEEDS_ROOT
def test_a_hook_of_another_user_or_below_a_writable_directory_is_refused(root):
    os.chown(root.hook("pre/10-x"), 12345, 12345)
    assert "is owned by uid 12345" in refused(root, "pre/10-x")
    os.chown(root.hook("pre/10-x"), 0, 0)
    (root.path / "etc/hookd/hooks.d").chmod(0o777)
    assert "can be written by others" in refused(root, "pre/10-x")


@NEEDS_ROOT
def test_hooks_on_a_noexec_mount_are_refused(root, mounted):
    mounted(root.path / "etc/hookd/hooks.d/pre", "noexec,size=1m,mode=755")
    root.hook("pre/10-x")
    assert "noexec" in refused(root, "pre/10-x")


def test_without_the_x_bit_a_hook_is_left_out_and_check_warns(root):
    root.hook("pre/10-x", "exit 3\n").chmod(0o644)
    assert root.hookd("run", "pre").code == 0
    assert "is not executable" in root.hookd("check").out


NAMES = [
    b"10-with space",
    b"11-new\nline",
    b"12-\xff\xfe",
    b"13-\xc3\xa4",
    b"14-$(touch x);`id`'\"",
    b"15-\x1b[31mred",
    b"-rf",
    b"16-back\\slash",
    b"17-" + b"x" * 252,
    b"17-" + b"x" * 251 + b"y",
]


@pytest.mark.parametrize("locale", ["C", "C.UTF-8", "POSIX"])
def test_hooks_of_any_name_run_and_are_told_apart(root, locale, monkeypatch):
    monkeypatch.setenv("LC_ALL", locale)
    folder = os.fsencode(root.path / "etc/hookd/hooks.d/pre")
    for number, name in enumerate(NAMES):
        path = os.path.join(folder, name)
        with open(path, "wb") as file:
            file.write(b'#!/bin/sh\necho "n=%d" > "$HOOKD_OUTPUT"; echo out\n' % number)
        os.chmod(path, 0o755)
    done = root.executed("run", "pre")
    assert done.code == 0, done
    hooks = root.phase("pre")["hooks"]
    assert len({hook["name"] for hook in hooks}) == len(NAMES)
    found = [int(hook["outputs"]["n"]) for hook in hooks]
    assert found == [NAMES.index(name) for name in sorted(NAMES)]
    assert len({hook["stdout"]["path"] for hook in hooks}) == len(NAMES)
    for verb in ("hooks", "check", "show", "status", "history"):
        listed = root.executed(verb)
        assert listed.code in (0, 1), (verb, listed)
        assert "\x1b" not in listed.out
    assert root.executed("run", "on-exit").code == 1  # post never came
    assert [json.loads(line) for line in root.journal().read_text().splitlines()]


def test_a_thousand_hooks_take_little_more_than_their_processes(root):
    for number in range(1000):
        root.hook(f"pre/{number:04}-x", "#!/bin/sh\n")
    listed = root.hookd("hooks")
    assert (listed.code, len(listed.out.splitlines())) == (0, 1000)
    done = root.hookd("run", "pre")
    assert done.code == 0, done
    assert done.machine["hooks"] == 1000
    assert done.cpu_s < 10
    assert len(done.out) <= 2400


def test_ten_thousand_hooks_are_listed_and_planned_in_bounded_time(root):
    for number in range(10_000):
        root.hook(f"pre/{number:05}-x", "#!/bin/sh\n")
    listed = root.hookd("hooks")
    assert (listed.code, len(listed.out.splitlines())) == (0, 10_000)
    assert listed.cpu_s < 5
    planned = root.hookd("run", "pre", "--dry-run")
    assert len(planned.out.splitlines()) > 10_000
    assert planned.cpu_s < 5


def test_ten_thousand_hooks_after_a_refused_one_are_skipped_in_bounded_time(root):
    root.hook("pre/00000", "exit 1\n")
    for number in range(1, 10_000):
        root.hook(f"pre/{number:05}-x", "#!/bin/sh\n")
    done = root.hookd("run", "pre")
    assert done.code == 1, done
    assert done.cpu_s < 10
    assert len(root.phase("pre")["hooks"]) == 10_000
    line = root.lines()[-1]
    assert (len(json.dumps(line)) < 210_000, line["hooks_total"]) == (True, 10_000)


# -- files that hookd looks at -----------------------------------------------------------------


def fifo(path):
    os.mkfifo(path)


def directory(path):
    os.mkdir(path)


def sparse(path):
    with open(path, "wb") as file:
        file.truncate(1 << 30)


def garbage(path):
    path.write_bytes(bytes(range(256)) * 64)


def endless(path):
    os.symlink("/dev/zero", path)


def loop(path):
    os.symlink(path.name, path)


LOOKED_AT = (
    "var/log/yum.log",
    "var/log/dnf.rpm.log",
    "proc/sys/kernel/osrelease",
    "proc/sys/kernel/random/boot_id",
    "proc/stat",
    "proc/uptime",
    "etc/os-release",
    "var/lib/rpm/Packages",
    "var/lib/rpm/rpmdb.sqlite",
    "var/lib/dpkg/status",
    "var/lib/yum/history/history-2021-02-05.sqlite",
    "var/lib/dnf/history.sqlite",
    "boot/grub2/grubenv",
    "boot/grub2/grub.cfg",
    "boot/loader/entries/x.conf",
    "var/lib/hookd/last-known.json",
    "var/lib/hookd/counter",
    "var/lib/hookd/hold.json",
)


@pytest.mark.parametrize("make", [fifo, directory, sparse, garbage, endless, loop])
def test_hostile_files_neither_hang_nor_crash_nor_eat_memory(root, make):
    for name in LOOKED_AT:
        if (make, name) == (sparse, "var/lib/dpkg/status"):
            continue  # dpkg-query itself reads it to its end, for seconds
        path = root.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            path.unlink()
        make(path)
    (root.path / "boot").chmod(0o755)
    began = time.monotonic()
    for words in (("run", "pre"), ("status",), ("run", "post"), ("run", "on-exit"), ("show",)):
        done = root.executed(*words, timeout=60)
        assert done.code in ((0, 1) if root.operations() else (1, 2)), (words, done)
        assert "Traceback" not in done.err
    assert time.monotonic() - began < 40
    if root.operations():
        assert root.result()["operation"]["verdict"] in ("failed", "incomplete")
        assert root.result()["cost"]["max_rss_kb"] < 128 * 1024


def test_a_log_that_becomes_hostile_in_mid_run_is_unknown_not_unchanged(root):
    assert root.executed("run", "pre").code == 0
    (root.path / "var/log/yum.log").unlink()
    sparse(root.path / "var/log/yum.log")
    assert root.executed("run", "post").code == 0
    done = root.executed("run", "on-exit", timeout=60)
    assert done.code == 1, done
    assert root.result()["operation"]["verdict"] != "passed"
    assert root.result()["cost"]["max_rss_kb"] < 128 * 1024


def test_a_root_that_does_not_exist_is_a_usage_error(root):
    root.path = root.path / "nowhere"
    assert root.hookd("run", "pre").code == 2


@pytest.mark.parametrize("make", [fifo, directory, garbage])
@pytest.mark.parametrize("name", ["lock", "phase.lock"])
def test_a_hostile_lock_file_does_not_hang(root, name, make):
    assert root.hookd("run", "pre", "--operation-id", "run-1").code == 0
    path = root.state / name
    path.unlink()
    make(path)
    done = root.hookd("run", "post", "--operation-id", "run-1", timeout=20)
    assert done.code == (1 if make is directory else 0), done
    assert "Traceback" not in done.err
