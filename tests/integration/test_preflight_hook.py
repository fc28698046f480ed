"""The hook that looks whether packages can be installed: real locks of real processes."""

from __future__ import annotations

import sys

import pytest
from support.fakeroot import FakeRoot, is_root
from support.shipped import Alone, Done, as_vendor, configure, executable

PREFLIGHT = "pre/10-preflight"
# Package managers of this machine are none of the test's: it sees its own processes only.
SECLUDED = ("unshare", "--pid", "--fork", "--mount-proc", "sh", "-euc")
HOLD_LOCK = """
import fcntl, sys, time
with open(sys.argv[1], "w") as file:
    fcntl.lockf(file, fcntl.LOCK_EX)
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""
LOCKS = (
    "var/lib/rpm/.rpm.lock",
    "usr/lib/sysimage/rpm/.rpm.lock",
    "var/lib/dpkg/lock-frontend",
    "var/cache/apt/archives/lock",
)

root_only = pytest.mark.skipif(not is_root(), reason="a pid namespace is made by root")


@pytest.fixture
def alone(tmp_path):
    return Alone(tmp_path)


def beside(alone, script, **settings):
    """Run the hook beside what `script` starts, in a pid namespace of their own."""
    within = (*SECLUDED, f'{script}\nstatus=0; "$@" || status=$?; exit $status', "sh")
    return alone.run(PREFLIGHT, within=within, **settings)


def holding(alone, lock, seconds):
    """Return the script that starts a process holding `lock` for a while."""
    path = alone.root / lock
    path.parent.mkdir(parents=True, exist_ok=True)
    program = alone.bin / "holder"
    executable(program, f"#!{sys.executable}\n{HOLD_LOCK}")
    said = alone.bin / "said"
    return f"mkfifo {said}; {program} {path} {seconds} >{said} & read held <{said}"


@root_only
@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_that_is_held_is_waited_for_and_then_named(alone, lock):
    done = beside(alone, holding(alone, lock, 60), CHECKS="locks", LOCK_WAIT_S=0)

    assert (done.code, done.reason) == (1, f"/{lock} is locked by holder (3), after 0 s")


@root_only
def test_a_lock_that_is_given_back_in_time_is_none(alone):
    done = beside(alone, holding(alone, LOCKS[0], 1.0), CHECKS="locks", LOCK_WAIT_S=30)

    assert done == Done(0, "", {}, "looked at: locks\n")


@root_only
def test_a_lock_on_another_file_of_that_number_is_none(alone):
    for folder in ("var/lib/rpm", "elsewhere"):
        (alone.root / folder).mkdir(parents=True)
    script = f"""
cd {alone.root}
mount -t tmpfs none var/lib/rpm
mount -t tmpfs none elsewhere
: >var/lib/rpm/.rpm.lock
{holding(alone, "elsewhere/file", 60)}
test "$(stat -c %i elsewhere/file)" = "$(stat -c %i var/lib/rpm/.rpm.lock)"
cd -
"""

    assert beside(alone, script, CHECKS="locks", LOCK_WAIT_S=0).code == 0


@root_only
@pytest.mark.parametrize("name", ["yum", "dnf", "apt-get", "unattended-upgrade"])
def test_another_package_manager_is_waited_for_and_then_named(alone, name):
    program = executable(alone.bin / name, "#!/bin/sh\nwhile :; do sleep 1; done\n")

    done = beside(alone, f"{program} & sleep 0.2", CHECKS="locks", LOCK_WAIT_S=0)

    # the kernel keeps fifteen characters of a name
    assert (done.code, done.reason) == (1, f"{name[:15]} runs (2), after 0 s")


@root_only
def test_a_package_manager_that_is_dead_or_forgot_its_pid_is_none(alone):
    executable(alone.bin / "yum", "#!/bin/sh\n")
    for name, pid in (("var/run/yum.pid", "4000000"), ("var/lib/dnf/rpmdb_lock.pid", "?")):
        (alone.root / name).parent.mkdir(parents=True)
        (alone.root / name).write_text(pid)

    done = beside(alone, f"{alone.bin}/yum & sleep 0.2", CHECKS="locks", LOCK_WAIT_S=0)

    assert done.code == 0


@root_only
def test_a_lock_of_a_process_that_may_not_be_looked_into_is_one(alone):
    gives_up = "os.set_inheritable(file.fileno(), True); os.setgid(1); os.setuid(1)"
    executed = HOLD_LOCK.replace(
        "time.sleep(float(sys.argv[2]))",
        f"import os; {gives_up}; os.execv('/bin/sleep', ['sleep', sys.argv[2]])",
    )
    script = holding(alone, LOCKS[0], 60)
    executable(alone.bin / "holder", f"#!{sys.executable}\n{executed}")
    weaker = "setpriv --bounding-set -dac_override,-dac_read_search,-sys_ptrace"
    script += f'; until grep -q sleep /proc/3/comm; do sleep 0.1; done; set -- {weaker} "$@"'

    done = beside(alone, script, CHECKS="locks", LOCK_WAIT_S=0)

    assert (done.code, done.reason) == (1, f"/{LOCKS[0]} is locked by sleep (3), after 0 s")


@root_only
def test_what_waits_for_the_shutdown_is_not_at_work(alone):
    """unattended-upgrades.service; the kernel keeps fifteen characters of a name."""
    name = "unattended-upgrade-shutdown"
    program = executable(alone.bin / name, "#!/bin/sh\nwhile :; do sleep 1; done\n")

    done = beside(alone, f"{program} --wait & sleep 0.2", CHECKS="locks", LOCK_WAIT_S=0)

    assert (done.code, done.reason) == (0, "")


@root_only
def test_a_package_manager_of_a_container_is_none(alone):
    executable(alone.bin / "yum", "#!/bin/sh\nwhile :; do sleep 1; done\n")
    script = f"""
mkdir {alone.root}/container
cd {alone.root}/container
mount -t tmpfs none .
cd ../container
mkdir usr
mount --bind /usr usr
ln -s usr/bin usr/lib usr/lib64 .
cp {alone.bin}/yum .
cd -
chroot {alone.root}/container /yum & sleep 0.5
grep -q yum /proc/$!/comm
"""

    done = beside(alone, script, CHECKS="locks", LOCK_WAIT_S=0)

    assert (done.code, done.reason) == (0, "")


@root_only
def test_the_process_of_a_pid_file_is_waited_for_and_then_named(alone):
    (alone.root / "var/run").mkdir(parents=True)
    script = f"sleep 60 & echo $! >{alone.root}/var/run/yum.pid"

    done = beside(alone, script, CHECKS="locks", LOCK_WAIT_S=0)

    assert (done.code, done.reason) == (1, "/var/run/yum.pid is that of sleep (2), after 0 s")


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (
            "var/lib/yum/transaction-all.2026-11-25.12:00.00",
            "unfinished: /var/lib/yum/transaction-all.2026-11-25.12:00.00",
        ),
        ("var/lib/yum/transaction-all.2026-11-25.12:00.00.disabled", ""),
        ("var/lib/yum/transaction-done.2026-11-25.12:00.00", ""),
        ("var/lib/dpkg/updates/0001", "unfinished: /var/lib/dpkg/updates/0001"),
    ],
)
def test_an_unfinished_transaction_is_told(alone, made, reason):
    (alone.root / made).parent.mkdir(parents=True)
    (alone.root / made).write_text("")

    done = alone.run(PREFLIGHT, CHECKS="unfinished")

    assert (done.code, done.reason) == (1 if reason else 0, reason)


@pytest.mark.parametrize(
    ("state", "code"), [("installed", 0), ("half-configured", 1), ("unpacked", 1)]
)
def test_a_package_that_dpkg_did_not_complete_is_told(alone, state, code):
    status = alone.root / "var/lib/dpkg/status"
    status.parent.mkdir(parents=True)
    status.write_text(f"Package: app\nStatus: install ok {state}\n")

    assert alone.run(PREFLIGHT, CHECKS="unfinished").code == code


@pytest.mark.parametrize(
    ("settings", "code", "reason"),
    [
        ({"MIN_FREE_MB": "/ 1"}, 0, ""),
        ({"MIN_FREE_MB": "/ 999999999 /boot 1"}, 1, "/ has N MB free, not 999999999"),
        ({"MIN_FREE_MB": "/boot 1 /gone 1"}, 1, "df tells nothing of /gone"),
        ({"MIN_FREE_MB": "/ lots"}, 1, "not a directory and a number: / lots"),
        ({"MIN_FREE_MB": "/ 1 /boot"}, 1, "not pairs of directory and number: / 1 /boot"),
        ({"CHECKS": "inodes", "MIN_FREE_INODES": "/ 1"}, 0, ""),
        (
            {"CHECKS": "inodes", "MIN_FREE_INODES": "/ 99999999999999"},
            1,
            "/ has N inodes free, not 99999999999999",
        ),
        ({"MIN_FREE_MB": " "}, 1, "not pairs of directory and number:"),
        ({"MIN_FREE_MB": "/ 1\n/boot x\n"}, 1, "not a directory and a number: / 1 /boot x"),
        ({"CHECKS": "disc"}, 1, "CHECKS: there is no disc"),
        ({"CHECKS": "disk *"}, 1, "CHECKS: not names separated by blanks: disk *"),
    ],
)
def test_room_is_compared_with_what_there_must_be(alone, settings, code, reason):
    (alone.root / "boot").mkdir()

    done = alone.run(PREFLIGHT, **{"CHECKS": "disk", **settings})

    said = done.reason
    if " has " in said:
        words = said.split()
        said = said.replace(words[2], "N", 1)
        assert int(words[2]) >= 0
    assert (done.code, said) == (code, reason)


@pytest.mark.parametrize(
    ("checks", "code", "reason"), [("disk", 1, "df tells nothing of /"), ("inodes", 0, "")]
)
def test_a_size_that_is_not_told_is_not_enough(alone, checks, code, reason):
    executable(alone.bin / "df", "#!/bin/sh\nprintf 'Avail Size\\n    - -\\n'\n")
    settings = {"MIN_FREE_MB": "/ 1", "MIN_FREE_INODES": "/ 1"}

    done = alone.run(PREFLIGHT, CHECKS=checks, **settings)

    assert (done.code, done.reason) == (code, reason)


def test_all_that_is_wrong_is_told_together(alone):
    (alone.root / "var/lib/yum").mkdir(parents=True)
    (alone.root / "var/lib/yum/transaction-all.1").write_text("")

    done = alone.run(PREFLIGHT, CHECKS="unfinished disk", MIN_FREE_MB="/gone 1")

    assert done.reason == "unfinished: /var/lib/yum/transaction-all.1; df tells nothing of /gone"


@pytest.mark.parametrize(
    ("packages", "reason"),
    [
        ("app.x86_64 app.i686 kernel.x86_64 kernel.x86_64 gpg-pubkey.(none) gpg-pubkey.(none)", ""),
        ("app.x86_64 app.x86_64 lib.noarch", "twice: app.x86_64"),
    ],
)
def test_packages_in_two_versions_are_told(alone, packages, reason):
    lines = "\\n".join(packages.split())
    asked = f"--root {alone.root} --dbpath /usr/lib/sysimage/rpm -qa"
    executable(
        alone.bin / "rpm",
        f"#!/bin/sh\n[ \"$1 $2 $3 $4 $5\" = '{asked}' ] && printf '{lines}\\n'\n",
    )
    database = alone.root / "usr/lib/sysimage/rpm/rpmdb.sqlite"
    database.parent.mkdir(parents=True)
    database.write_text("")

    done = alone.run(PREFLIGHT, CHECKS="duplicates")

    assert (done.code, done.reason) == (1 if reason else 0, reason)


def test_rpm_is_not_asked_where_it_has_no_database(alone):
    executable(alone.bin / "rpm", f"#!/bin/sh\n: >{alone.root}/asked\n")
    (alone.root / "var/lib/rpm").mkdir(parents=True)

    done = alone.run(PREFLIGHT, CHECKS="duplicates")

    assert (done.code, (alone.root / "asked").exists()) == (0, False)


def test_hookd_stops_pre_by_it(tmp_path):
    root = as_vendor(FakeRoot(tmp_path))
    root.write("var/lib/yum/transaction-all.1", "")
    configure(root, **{PREFLIGHT: {"CHECKS": "unfinished"}})

    assert root.run("run", "pre")[0] == 1


def test_checks_of_blanks_look_at_nothing_and_say_so(alone):
    done = alone.run(PREFLIGHT, CHECKS=" ")

    assert (done.code, done.reason) == (1, "CHECKS names nothing")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"CHECKS": "disk", "MIN_FREE_MB": "/ 0100"}, "not a directory and a number: / 0100"),
        ({"CHECKS": "locks", "LOCK_WAIT_S": "010"}, "LOCK_WAIT_S is no number: 010"),
        ({"CHECKS": "locks", "LOCK_WAIT_S": "5m"}, "LOCK_WAIT_S is no number: 5m"),
    ],
)
def test_a_number_that_the_shell_would_take_for_another_is_refused(alone, settings, reason):
    done = alone.run(PREFLIGHT, **settings)

    assert (done.code, done.reason) == (1, reason)
