"""The life of the service on a machine: what is installed, idle, wedged, stopped, upgraded."""

from __future__ import annotations

import json
import shutil
import time

import pytest

from lab import facts, layers, packages
from lab.facts import is_alive, of_unit
from lab.hooks import WAITS, begin, hook_of, hookd, install, outcomes, shown, starts

STARTS_APP = (
    "setsid sh -c 'echo $$ >/srv/app; exec sleep 600' </dev/null >/dev/null 2>&1 &",
    "until test -s /srv/app; do sleep 0.1; done",
)
IDLE_S = 60
# What happens at once takes no longer, on a machine that others use as well.
AT_ONCE_S = 30
NEW = "9.9.9"


@pytest.fixture
def machine(served):
    """Every machine here has the service."""
    return served


@pytest.fixture
def new_hookd(tmp_path):
    """The files of a newer hookd."""
    tree = layers.hookd(tmp_path / "new")
    (tree / "usr/lib/hookd/hookd/__init__.py").write_text(f'__version__ = "{NEW}"\n', "ascii")
    return tree


def other_than(pid):
    """Return a condition: the service runs, and its main process is another one than `pid`."""
    asks = "systemctl show --value --property=MainPID hookd"
    return f"systemctl --quiet is-active hookd && {asks} | grep -qvxE '0|{pid}'"


def pid_of_service(host):
    """Return the main process of the service, which runs; a signal to 0 is one to all of us."""
    pid = of_unit(host, "hookd", "MainPID")
    assert pid != "0", host.journal("--unit=hookd.service")
    return pid


def test_units_socket_and_files_are_as_they_should_be(either):
    host = facts.host(either)
    for unit in ("hookd.socket", "hookd-boot.service"):
        assert host.service(unit).is_enabled
    assert of_unit(either, "hookd.service", "UnitFileState") == "static"
    assert host.service("hookd.socket").is_running
    assert not host.service("hookd").is_running
    assert host.socket("unix:///run/hookd/hookd.sock").is_listening
    assert host.process.filter(comm="hookd") == []

    install(either, "pre/30-leave", "echo said", 'echo a=b >"$HOOKD_OUTPUT"', *STARTS_APP)
    install(either, "on-exit/70-join", undoes="pre/30-leave")
    codes = [hookd(either, phase).returncode for phase in ("pre", "post")]

    assert codes == [0, 0]
    [service] = host.process.filter(comm="hookd")
    assert (service.user, str(service.pid)) == ("root", of_unit(either, "hookd", "MainPID"))
    assert host.service("hookd").is_running
    operation = shown(either)["operation"]["id"]
    kept = f"/var/lib/hookd/operations/{operation}"
    for path in ("/run/hookd", "/var/lib/hookd", "/var/lib/hookd/operations", kept):
        assert of_file(host, path) == ("directory", "root", "root", 0o711)
    assert of_file(host, "/run/hookd/hookd.sock") == ("socket", "root", "root", 0o600)
    assert of_file(host, f"{kept}/scratch/pre/30-leave") == ("directory", "root", "root", 0o700)
    for path in ("journal.jsonl", "result.json", "snapshots/before.json"):
        assert of_file(host, f"{kept}/{path}") == ("file", "root", "root", 0o600)
    assert of_file(host, f"{kept}/hooks/pre-1/30-leave.out") == ("file", "root", "root", 0o600)
    assert of_file(host, f"{kept}/undo/70-join") == ("file", "root", "root", 0o700)
    # wherever hookd will put more: what is a hook's own is in a directory of its own
    places = "/var/lib/hookd /run/hookd -name scratch -prune"
    open_to_others = either.execute(f"find {places} -o -perm /066 -print").check()
    assert (open_to_others.stdout, open_to_others.stderr) == ("", "")


def of_file(host, path):
    file = host.file(path)
    kind = "socket" if file.is_socket else "directory" if file.is_directory else "file"
    return kind, file.user, file.group, file.mode


@pytest.mark.waits
def test_the_service_leaves_when_it_is_idle_and_the_next_call_starts_it(machine):
    install(machine, "pre/30-start", *STARTS_APP)
    codes = [hookd(machine, phase).returncode for phase in ("pre", "post", "on-exit")]
    was = of_unit(machine, "hookd", "MainPID")

    time.sleep(IDLE_S - 10)
    assert of_unit(machine, "hookd", "ActiveState") == "active"
    machine.wait_until("! systemctl --quiet is-active hookd", 10 + AT_ONCE_S)

    assert codes == [0, 0, 0]
    assert of_unit(machine, "hookd", "Result") == "success"
    host = facts.host(machine)
    assert host.process.filter(comm="hookd") == []
    assert host.service("hookd.socket").is_running
    assert host.socket("unix:///run/hookd/hookd.sock").is_listening
    assert is_alive(machine, "/srv/app")
    # in the log of a machine: it left by itself, and was not started again meanwhile
    assert machine.journal("--unit=hookd.service").count("Started hookd.service") == 1

    assert hookd(machine, "pre").returncode == 0
    now = of_unit(machine, "hookd", "MainPID")
    assert now not in ("0", was)
    assert is_alive(machine, "/srv/app")


@pytest.mark.waits
def test_the_service_stays_while_an_operation_is_open(machine):
    assert hookd(machine, "pre").returncode == 0
    was = of_unit(machine, "hookd", "MainPID")

    time.sleep(IDLE_S + 15)

    assert of_unit(machine, "hookd", "ActiveState") == "active"
    assert of_unit(machine, "hookd", "MainPID") == was


def test_a_wedged_service_is_killed_by_systemd_and_the_running_phase_is_not(either):
    drop_in = "[Service]\nWatchdogSec=4s\nTimeoutAbortSec=2s\n"
    either.write("/etc/systemd/system/hookd.service.d/lab.conf", drop_in)
    either.execute("systemctl daemon-reload").check()
    install(either, "pre/30-leave", WAITS)
    call = begin(either, "pre")
    wedged = pid_of_service(either)
    time.sleep(6)  # a service that is well is left alone
    assert of_unit(either, "hookd", "MainPID") == wedged

    either.execute(["kill", "-STOP", wedged]).check()
    either.wait_until(other_than(wedged), 60)

    assert "Watchdog timeout" in either.journal("--unit=hookd.service")
    assert of_unit(either, "hookd", "NRestarts") == "1"
    assert is_alive(either, "/srv/hanging")
    either.execute("touch /srv/go").check()
    answered = call.wait()
    assert answered.returncode == 0, answered
    assert outcomes(shown(either)) == [("pre", 1, "30-leave", "passed")]
    assert hookd(either, "post").returncode == 0
    assert starts(either) == ["pre/30-leave"]


def test_a_call_that_finds_the_service_wedged_is_executed_all_the_same(machine):
    assert hookd(machine, "pre").returncode == 0
    install(machine, "post/20-note")
    wedged = pid_of_service(machine)

    machine.execute(["kill", "-STOP", wedged]).check()
    answered = hookd(machine, "post")
    machine.execute(["kill", "-CONT", wedged]).check()

    assert answered.returncode == 0, answered
    assert hookd(machine, "on-exit").returncode == 0
    # by the service, once it was awake, and not by it again
    assert of_unit(machine, "hookd", "MainPID") == wedged
    assert outcomes(shown(machine)) == [("post", 1, "20-note", "passed")]
    assert starts(machine) == ["post/20-note"]


@pytest.mark.parametrize("how", ["stop", "restart"])
def test_the_service_is_stopped_or_restarted_in_a_hook_and_the_phase_goes_on(either, how):
    install(either, "pre/30-leave", WAITS)
    install(either, "pre/50-later")
    call = begin(either, "pre")
    was = of_unit(either, "hookd", "MainPID")

    began = time.monotonic()
    either.execute(["systemctl", how, "hookd"]).check()
    took = time.monotonic() - began

    assert took < AT_ONCE_S
    expected = {"stop": "inactive", "restart": "active"}[how]
    assert of_unit(either, "hookd", "ActiveState") == expected
    assert is_alive(either, "/srv/hanging")
    either.execute("touch /srv/go").check()
    answered = call.wait()
    assert answered.returncode == 0, answered
    assert answered.stdout.startswith("passed: pre of operation ")
    assert outcomes(shown(either)) == [
        ("pre", 1, "30-leave", "passed"),
        ("pre", 1, "50-later", "passed"),
    ]
    assert hookd(either, "post").returncode == 0
    assert of_unit(either, "hookd", "MainPID") not in ("0", was)
    assert starts(either) == ["pre/30-leave", "pre/50-later"]


def test_a_hook_upgrades_hookd_and_the_next_phase_is_executed_by_the_new_one(either, new_hookd):
    # as its package does it: nobody waits for a phase, or the phase would wait for itself
    postinst = "#!/bin/sh\nset -e\nsystemctl daemon-reload\nsystemctl try-restart hookd.service\n"
    deb = packages.deb_of(new_hookd, "hookd", NEW, postinst)
    either.put("/srv/hookd.deb", deb.read_bytes())
    install(either, "pre/20-update-dependencies", "dpkg --install /srv/hookd.deb")
    install(either, "pre/30-leave")
    install(either, "on-exit/70-join", undoes="pre/30-leave")

    began = time.monotonic()
    answered = hookd(either, "pre")
    took = time.monotonic() - began

    assert answered.returncode == 0, answered
    assert took < AT_ONCE_S
    assert either.execute("hookd --version").stdout == f"hookd {NEW}\n"
    assert [change["name"] for change in shown(either)["changes"]["packages"]] == ["hookd"]
    assert [hookd(either, phase).returncode for phase in ("post", "on-exit")] == [0, 0]
    operation = shown(either)["operation"]
    written = either.read(f"/var/lib/hookd/operations/{operation['id']}/result.json")
    assert json.loads(written)["hookd"]["version"] == NEW
    assert operation["state"] == "closed"
    assert starts(either) == ["pre/20-update-dependencies", "pre/30-leave", "on-exit/70-join"]


@pytest.mark.parametrize("service", [True, False], ids=["service", "in-process"])
@pytest.mark.parametrize(("python", "cgroups"), [("3.11", "v2"), ("3.7", "v1")])
def test_hookd_its_libraries_and_python_are_gone_in_the_middle_of_a_phase(
    new_machine, new_hookd, python, cgroups, service
):
    machine = new_machine(python=python, cgroups=cgroups, service=service)
    machine.boot()
    where = "import sysconfig; print(sysconfig.get_path('stdlib'))"
    library = machine.execute(["python3", "-c", where]).check().stdout.strip()
    shutil.copytree(str(new_hookd), f"{machine.ground.seen}/srv/new")
    machine.execute("cp -a /usr/lib/hookd /srv/libraries && rm -r /srv/libraries/hookd").check()
    takes = f"rm -r /usr/lib/hookd /usr/bin/hookd && mv {library} /srv/python"
    gives = (
        f"mv /srv/python {library} && cp -a /srv/new/usr / && cp -a /srv/libraries/. /usr/lib/hookd"
    )
    install(machine, "pre/10-check")
    install(machine, "pre/20-replace", takes)
    # whatever may come of a hook has to be told without importing anything
    install(
        machine, "pre/30-fails", "echo no; exit 75", required=False, retries=1, retry_delay="1s"
    )
    install(machine, "pre/40-hangs", "sleep 600", required=False, timeout="2s", grace="1s")
    install(machine, "pre/50-leave", 'echo a=b >"$HOOKD_OUTPUT"', *STARTS_APP)
    install(machine, "on-exit/10-replace", takes)
    install(machine, "on-exit/70-join", "echo joined", undoes="pre/50-leave")

    codes = []
    for phase in ("pre", "post", "on-exit"):
        answered = hookd(machine, phase)
        assert (answered.returncode, answered.stderr) == (0, ""), answered
        codes.append(answered.stdout.splitlines()[0].split(":")[0])
        if phase != "post":
            machine.execute(gives).check()

    assert codes == ["passed-with-warnings", "passed", "passed-with-warnings"]
    assert machine.execute("hookd --version").stdout == f"hookd {NEW}\n"
    document = shown(machine)
    assert outcomes(document) == [
        ("pre", 1, "10-check", "passed"),
        ("pre", 1, "20-replace", "passed"),
        ("pre", 1, "30-fails", "failed"),
        ("pre", 1, "40-hangs", "timed-out"),
        ("pre", 1, "50-leave", "passed"),
        ("on-exit", 1, "10-replace", "passed"),
        ("on-exit", 1, "70-join", "passed"),
    ]
    assert hook_of(document, "50-leave")["outputs"] == {"a": "b"}
    assert document["operation"]["state"] == "closed"
    assert document["notes"] == []
    told = machine.read("/var/log/hookd/results.jsonl").splitlines()
    assert len(told) == 8  # the start and the end of three phases and of the operation
    machine.execute("hookd run pre").check()
