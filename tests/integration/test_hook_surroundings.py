"""A hook finds the same around it whoever executes it: the service, a caller or recovery."""

from __future__ import annotations

import pathlib
import subprocess

import pytest
from support.faults import FaultRoot, end_all, environment, wait_for
from support.service import Service

# What a shell can tell of itself; $0 is the hook's own file.
LOOKS = r"""
cd /
at=$HOOKD_ROOT/found
{
for name in cgroup ipc mnt net pid user uts; do readlink /proc/self/ns/$name; done
echo "umask $(umask)"
echo "oom_score_adj $(cat /proc/self/oom_score_adj)"
echo "nice $(nice)"
echo "priority $(chrt -p $$ 2>&1 | sed 's/pid [0-9]*//')"
grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp:|SigBlk|SigIgn|Cpus_allowed:)' /proc/self/status
cat /proc/self/limits
readlink /proc/$$/root
readlink /proc/self/fd/0
ls -x /proc/self/fd
ps -o sid= -p $$ | grep -qw $$ && echo "leads its session"
} >$at.of
env | sort >$at.env
"""
OF_THE_RUN = ("HOOKD_PATH=",)
OF_THE_C_LIBRARY = 0b11 << 31  # 32 and 33: its posix_spawn(3) leaves them ignored


@pytest.fixture(name="root")
def _root(tmp_path):
    root = FaultRoot(tmp_path / "root")
    root.hook("on-exit/10-look", LOOKS)
    yield root
    end_all(str(tmp_path))


# Each runs an on-exit and returns when it has ended. The caller's variables are the same.
CALLERS = {"AWS_REGION": "eu-west-1", "SSM_COMMAND_ID": "c", "AWS_SECRET_ACCESS_KEY": "k"}


def call(root, *words, before="", more=CALLERS):
    argv = ["sh", "-c", before + 'exec "$@"', "sh", *root.command(*words)]
    return subprocess.run(
        argv,
        env={**environment(), **more},
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )


def in_process(root, before):
    call(root, "run", "pre", "--no-daemon")
    call(root, "run", "on-exit", "--no-daemon", before=before)


def served(root, before):
    service = Service(root, environment()).start(before)
    call(root, "run", "pre")
    call(root, "run", "on-exit")
    assert "called" in [line["event"] for line in service.log()]
    service.stop()


def recovered(root, before):
    call(root, "run", "pre", "--no-daemon")
    call(root, "recover", before=before, more={})


def recovered_by_the_service(root, before):
    root.configure("[recovery]\nabandon_after = '1s'\n")
    call(root, "run", "pre", "--no-daemon")
    service = Service(root, environment()).start(before)
    wait_for((root.path / "found.env").exists, 30)
    wait_for(lambda: "operation-closed" in [line["event"] for line in service.log()], 30)
    service.stop()


def found_by(root, run, before=""):
    """Return what the hook of a new operation finds, names of the operation left out."""
    for path in root.path.glob("found.*"):
        path.unlink()
    root.configure("")
    run(root, before)
    name = root.operations()[-1]
    process = (root.path / "found.of").read_text().replace(name, "OPERATION").splitlines()
    variables = (root.path / "found.env").read_text().replace(name, "OPERATION").splitlines()
    return process, [line for line in variables if not line.startswith(OF_THE_RUN)]


HARD = "trap '' HUP INT QUIT PIPE TERM USR1 USR2 CHLD ALRM TSTP TTIN TTOU; umask 077; "
WAYS = [in_process, served, recovered, recovered_by_the_service]


def test_a_hook_finds_the_same_whoever_executes_it_and_whoever_started_that(root):
    found = {way.__name__: found_by(root, way) for way in WAYS}
    hard = {way.__name__ + ", hard": found_by(root, way, HARD) for way in WAYS}
    process, variables = found["in_process"]
    for name, (other, _) in {**found, **hard}.items():
        assert other == process, name
    kept = [line for line in variables if not line.startswith("AWS_SECRET")]
    assert len(kept) == len(variables) - 1
    for name in ("served", "served, hard", "in_process, hard"):
        assert {**found, **hard}[name][1] == variables, name
    for name in found:
        if name.startswith("recovered"):  # keys and tokens are not kept for it
            assert found[name][1] == hard[f"{name}, hard"][1] == kept, name


def test_what_it_finds_is_what_a_shell_of_the_starter_has_but_for_the_signals_and_the_umask(root):
    """Hookd hardens nothing: hooks are root's own scripts."""
    process, _ = found_by(root, served)
    mine = pathlib.Path("/proc/self/status").read_text().splitlines()
    wanted = ("Uid", "Gid", "Groups", "Cap", "NoNewPrivs", "Seccomp:", "Cpus_allowed:")
    assert [line for line in mine if line.startswith(wanted) and line not in process] == []
    signals = [line.split() for line in process if line.startswith("Sig")]
    assert [(name, int(mask, 16) & ~OF_THE_C_LIBRARY) for name, mask in signals] == [
        ("SigBlk:", 0),
        ("SigIgn:", 0),
    ]
    assert "umask 0022" in process
    assert {"/dev/null", "0  1  2  3"} <= set(process)  # 3 is that of ls itself
    assert "leads its session" in process
    limits = pathlib.Path("/proc/self/limits").read_text().splitlines()
    assert [line for line in limits if line not in process] == []
