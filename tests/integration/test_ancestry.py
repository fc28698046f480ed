"""The ancestors of real processes, also of those that tell nothing or are gone."""

from __future__ import annotations

import os
import subprocess
import time

from support.hooks import wait_for

from hookd.aws.ancestry import environment, lineage
from hookd.system.process.table import read_process


def started(pid):
    return read_process(pid).started


def test_the_line_begins_with_the_process_and_goes_up():
    child = subprocess.Popen(["sleep", "60"], cwd="/usr/bin", env={"A": "1"})
    try:
        wait_for(lambda: lineage(child.pid)[0].argv)  # Popen returns before the kernel set it
        line = lineage(child.pid)
        found = environment(child.pid)
    finally:
        child.kill()
        child.wait()
    assert (line[0].argv, line[0].cwd) == (("sleep", "60"), "/usr/bin")
    assert [one.pid for one in line[1:3]] == [os.getpid(), os.getppid()]
    assert line[1].started == started(os.getpid())
    assert found == {"A": "1"}


def test_a_zombie_tells_nothing_but_its_parents():
    child = subprocess.Popen(["true"])
    while read_process(child.pid).state != "Z":
        time.sleep(0.01)
    line, variables = lineage(child.pid), environment(child.pid)
    child.wait()
    assert (line[0].argv, line[0].cwd, variables) == ((), "", {})
    assert line[1].pid == os.getpid()


def test_a_process_that_is_gone_has_no_line():
    child = subprocess.Popen(["true"])
    child.wait()
    assert (lineage(child.pid), environment(child.pid)) == ((), {})
    assert lineage(0) == ()


def test_a_long_line_has_an_end():
    """Eighty shells, each the child of the one before; the last says its process id."""
    script = 'n=$1; if [ "$n" -gt 1 ]; then sh -c "$2" sh $((n - 1)) "$2"; else echo $$; read x; fi'
    script += "; exit 0"  # so that no shell becomes its child
    first = subprocess.Popen(
        ["sh", "-c", script, "sh", "80", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        line = lineage(int(first.stdout.readline()))
    finally:
        first.communicate(b"\n", 10)
    assert len(line) == 64
    assert first.pid not in [one.pid for one in line]
