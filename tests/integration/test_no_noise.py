"""Nothing is told of the machine that the tests run on while nothing is done to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from support.node import CHECKOUT

TIMES = 10
PHASES = ("pre", "post", "on-exit")
# hookd works on `/` in namespaces of its own. What it writes goes to a file system in memory that
# lies over its folders; the network is without anybody, since other tests listen and go.
QUIET = """\
set -eu
mount -t tmpfs tmpfs "$1"
for name in etc var/lib var/log; do
    mkdir -p "$1/$name/upper" "$1/$name/work"
    mount -t overlay overlay \\
        -o "lowerdir=/$name,upperdir=$1/$name/upper,workdir=$1/$name/work" "/$name"
done
# each entry of its own: sockets below an overlay answer nobody
mkdir "$1/run"
for path in /run/* /run/.[!.]*; do
    [ -e "$path" ] && [ ! -L "$path" ] || continue
    if [ -d "$path" ]; then mkdir "$1$path"; else : >"$1$path"; fi
    mount --rbind "$path" "$1$path"
done
mount --rbind "$1/run" /run
mkdir -p /run/hookd /etc/hookd
shift
for round in $(seq {times}); do
    for phase in {phases}; do
        "$@" run "$phase" >&2 || echo "$phase of round $round: exit $?" >&2
    done
    "$@" show --json
done
"""


def why_not():
    if os.geteuid() != 0:
        return "only root can make a mount namespace"
    over = 'mount -t tmpfs tmpfs "$1" && mkdir "$1/u" "$1/w" && mount -t overlay overlay -o'
    over += ' "lowerdir=/etc,upperdir=$1/u,workdir=$1/w" /etc'
    done = subprocess.run(
        ["unshare", "--mount", "--net", "sh", "-c", over, "sh", "/tmp"],
        stderr=subprocess.PIPE,
        check=False,
    )
    return "no overlay can be mounted here" if done.returncode else ""


def test_nothing_in_between_ten_times_on_this_machine(tmp_path):
    if why_not():
        pytest.skip(why_not())
    script = QUIET.format(times=TIMES, phases=" ".join(PHASES))
    hookd = [sys.executable, "-m", "hookd"]
    names = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        ["unshare", "--mount", "--net", "sh", "-c", script, "sh", str(tmp_path), *hookd],
        cwd=str(CHECKOUT),
        env={**names, "PYTHONPATH": str(CHECKOUT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    told = done.stderr.decode("utf-8")
    assert done.returncode == 0, told

    found = [told_of(document) for document in documents(done.stdout.decode("utf-8"))]

    assert found == [QUIETLY] * TIMES, told


QUIETLY = {
    "path": "nothing-to-do",
    "verdict": "passed",
    "exits": [0, 0, 0],
    "checks": {},
    "changes": {},
}


def documents(text):
    """Return the JSON documents that stand in `text` one after the other."""
    decoder, found = json.JSONDecoder(), []
    while text.strip():
        text = text.lstrip()
        document, end = decoder.raw_decode(text)
        found.append(document)
        text = text[end:]
    return found


def told_of(document):
    """Return what a person is told of an operation, whole."""
    operation, changes = document["operation"], document["changes"]
    kinds = ("packages", "units", "sockets", "mounts", "settings")
    return {
        "path": operation["path"],
        "verdict": operation["verdict"],
        "exits": [run["process_exit"] for run in document["phases"]],
        "checks": {
            check["id"]: check["found"] or check["reason"]
            for check in document["checks"]
            if check["outcome"] not in ("pass", "skip")
        },
        "changes": {kind: changes[kind] for kind in kinds if changes[kind]},
    }
