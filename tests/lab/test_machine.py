"""The lab itself: a boot is a boot, and nothing stays behind."""

from __future__ import annotations

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from lab import agent, facts, later, layers

BOOT_ID = "/proc/sys/kernel/random/boot_id"

# What this test process would do itself if nobody could kill it in between.
MAKER = """\
import sys, time
from lab import layers
from lab.ground import Ground
from lab.machine import Machine
machine = Machine(Ground(layers.new_directory(), [layers.root()], var="64M"))
machine.boot()
print(machine.ground.directory, *machine.processes(), flush=True)
time.sleep(600)
"""


def clocks(machine):
    """Return uptime, CLOCK_BOOTTIME and CLOCK_MONOTONIC of the machine, in seconds."""
    asks = "import time as t; print(*map(t.clock_gettime, (t.CLOCK_BOOTTIME, t.CLOCK_MONOTONIC)))"
    uptime = machine.read("/proc/uptime").split()[0]
    said = machine.execute(["python3", "-c", asks]).check().stdout
    return [float(number) for number in (uptime, *said.split())]


def boot_time(machine):
    return int(re.search(r"^btime (\d+)$", machine.read("/proc/stat"), re.MULTILINE).group(1))


def test_every_boot_has_an_id_of_its_own_and_an_uptime_that_begins_anew(machine):
    ids = [machine.read(BOOT_ID)]
    machine.reboot()
    ids.append(machine.read(BOOT_ID))
    after_reboot = clocks(machine)
    machine.power_off_hard()
    machine.boot()
    ids.append(machine.read(BOOT_ID))

    assert len({pathlib.Path(BOOT_ID).read_text("ascii"), *ids}) == 4
    assert max(*after_reboot, *clocks(machine)) < 30
    assert abs(boot_time(machine) - time.time()) < 30


def test_a_machine_can_have_been_up_for_hours_already(machine):
    machine.reboot(up_s=5 * 3600)

    assert all(5 * 3600 <= clock < 5 * 3600 + 30 for clock in clocks(machine))


def test_hookds_clocks_can_be_put_forward_until_the_next_boot(new_machine):
    machine = new_machine(service=True)
    machine.boot()
    machine.execute("hookd run pre").check()
    journal = "/var/lib/hookd/operations/*/journal.jsonl"
    said = []
    for seconds in (0, 3600, 3600):
        if seconds:
            later.let_pass(machine, seconds)
        machine.execute("hookd run pre").check()
        said.append(json.loads(machine.execute(f"tail -n 1 {journal}").stdout)["up_s"])
    machine.reboot()
    machine.execute("hookd run pre").check()
    said.append(json.loads(machine.execute(f"tail -n 1 {journal}").stdout)["up_s"])

    assert [round(up_s) // 3600 for up_s in said] == [0, 1, 2, 0]
    assert clocks(machine)[0] < 60


def test_the_file_system_and_the_identity_outlive_boots(machine):
    identity = machine.read("/etc/machine-id")
    machine.write("/var/lib/note", "kept\n", 0o640)
    machine.reboot()
    machine.power_off_hard()

    assert machine.read("/var/lib/note") == "kept\n"
    machine.boot()
    assert machine.execute("stat -c %a /var/lib/note").stdout == "640\n"
    assert machine.read("/etc/machine-id") == identity


def test_a_machine_that_reboots_or_powers_off_by_itself_is_seen(machine):
    machine.execute(["systemctl", "--no-block", "reboot"]).check()
    first = machine.wait_off()
    machine.boot()
    machine.execute(["systemctl", "--no-block", "poweroff"]).check()

    assert (first, machine.wait_off(), machine.is_on) == ("reboot", "off", False)


def test_what_is_executed_while_the_machine_goes_down_does_not_hold_it_up(machine):
    """systemd-shutdown stops every process before it ends them."""
    with ThreadPoolExecutor() as aside:
        stopped = aside.submit(machine.execute, "touch /stops; kill -STOP $$")
        while machine.execute(["test", "-e", "/stops"]).returncode:
            time.sleep(0.05)
        machine.reboot()

    assert stopped.result().returncode == 128 + signal.SIGTERM


def test_what_is_executed_reaches_nothing_outside_of_the_machine(machine):
    """Of words that a shell has built in, too."""
    own = str(os.getpid())

    assert machine.execute(["kill", "-0", own]).stderr == f"kill: ({own}): No such process\n"


def test_the_journal_tells_of_this_boot_and_of_the_last(machine):
    machine.execute(["logger", "before the boot"]).check()
    machine.reboot()

    assert "before the boot" not in machine.journal()
    assert "before the boot" in machine.journal("--boot=-1")


def test_a_script_of_the_agent_gets_what_the_agent_gives(machine):
    done = agent.call(machine, "sh", "-c", "env; pwd; umask; cat /proc/self/cgroup").wait()

    names = {line.partition("=")[0] for line in done.stdout.splitlines() if "=" in line}
    assert names & {"HOME", "USER", "LOGNAME", "SHELL", "TERM"} == set()
    assert {"AWS_SSM_INSTANCE_ID", "SSM_COMMAND_ID", "INVOCATION_ID", "PATH"} <= names
    assert "/usr/bin\n0022\n" in done.stdout
    assert "/system.slice/amazon-ssm-agent-1-1.service\n" in done.stdout


@pytest.mark.parametrize("cgroups", ["v1", "v2"])
def test_the_cgroups_of_the_machine_are_as_asked_for(new_machine, cgroups):
    machine = new_machine(cgroups=cgroups)
    machine.boot()

    found = machine.execute("stat -fc %T /sys/fs/cgroup; ls -d /sys/fs/cgroup/init.scope")

    unified = (found.stdout, found.returncode) == ("cgroup2fs\n/sys/fs/cgroup/init.scope\n", 0)
    assert unified is (cgroups == "v2")
    assert machine.execute("systemctl is-system-running").stdout == "running\n"


def test_the_only_python_is_the_one_asked_for(new_machine):
    machine = new_machine(python="3.7")
    machine.boot()

    found = machine.execute(
        "ls /usr/bin /usr/local/bin | grep ^python; python3 -V; hookd --version"
    )

    assert re.fullmatch(r"python3\nPython 3\.7\.\d+\nhookd \S+\n", found.stdout), found


def test_hookd_is_installed_as_a_package_would_install_it(machine):
    host = facts.host(machine)

    for path, mode in (
        ("/usr/bin/hookd", 0o755),
        ("/usr/lib/hookd/hookd/cli.py", 0o644),
        ("/etc/hookd/hooks.d/pre", 0o755),
    ):
        file = host.file(path)
        assert (file.user, file.group, file.mode) == ("root", "root", mode)
    assert host.service("dbus").is_running
    assert host.process.get(pid=1).comm == "systemd"
    assert host.socket("unix:///run/dbus/system_bus_socket").is_listening


def test_nothing_is_left_of_a_machine_that_was_removed(new_machine):
    machine = new_machine(var="64M")
    machine.boot()
    directory, processes = machine.ground.directory, machine.processes()
    assert str(machine.leader) in processes

    machine.remove()
    new_machine.forget(machine)

    assert left(directory, processes) == []


def test_nothing_runs_on_when_the_maker_of_a_machine_is_killed(new_machine):
    new_machine()  # fails where there is no lab
    with subprocess.Popen(
        (sys.executable, "-c", MAKER),
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(layers.HERE.parent)},
        cwd=str(layers.REPO),
    ) as maker:
        directory, *processes = maker.stdout.readline().decode().split()
        maker.send_signal(signal.SIGKILL)
    assert len(processes) > 2

    until = time.monotonic() + 10
    while left(directory, processes) and time.monotonic() < until:
        time.sleep(0.05)
    assert left(directory, processes) == []


def left(directory, processes):
    """Return the directory, the processes and the loop devices that are still there."""
    # a zombie, which its reaper has not come to yet, has no program
    alive = [pid for pid in processes if os.path.exists(f"/proc/{pid}/exe")]
    backing = pathlib.Path("/sys/block").glob("loop*/loop/backing_file")
    loops = [path.read_text("utf-8").strip() for path in backing]
    mounted = pathlib.Path("/proc/self/mountinfo").read_text("utf-8")
    return [
        *([str(directory)] if os.path.exists(str(directory)) else []),
        *alive,
        *(file for file in loops if file.startswith(str(directory))),
        *(["a mount"] if str(directory) in mounted else []),
    ]
