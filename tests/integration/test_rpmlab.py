"""The lab itself: what its dnf and rpm do is what the tests that lean on it take for granted."""

from __future__ import annotations

import contextlib
import os
import sqlite3

import pytest
from support.rpmlab import Lab

SEED = {
    "aaa.noarch": ["1.0-1.amzn2"],
    "busybox.x86_64": ["1.35.0-1.amzn2"],
    "failpre.noarch": ["1.0-1.amzn2"],
    "hello.noarch": ["1.0-1.amzn2"],
    "kernel.x86_64": ["4.14.101-91.76.amzn2", "4.14.102-92.76.amzn2", "4.14.103-93.76.amzn2"],
    "oldfoo.noarch": ["1.0-1.amzn2"],
    "openssl-libs.x86_64": ["1:1.0.2k-19.amzn2.0.3"],
    "slow.noarch": ["1.0-1.amzn2"],
    "tilde.noarch": ["2.0~rc1-1.amzn2"],
    "zzz.noarch": ["1.0-1.amzn2"],
}


def log_of(root):
    """Return the package lines of dnf's log since the seed was installed, without their times."""
    lines = (root.path / "var/log/dnf.rpm.log").read_text().splitlines()
    seeded = sum(map(len, SEED.values()))
    return [line.split(" ", 2)[2] for line in lines if " SUBDEBUG " in line][seeded:]


def transactions_of(root):
    """Return (id, state) of each transaction in dnf's history database."""
    database = f"file:{root.path}/var/lib/dnf/history.sqlite?mode=ro"
    with contextlib.closing(sqlite3.connect(database, uri=True)) as connection:
        return connection.execute("select id, state from trans order by id").fetchall()


def with_changes(changes):
    """Return the seed with `changes` laid over it; a package without EVRs is gone."""
    return {name: evrs for name, evrs in sorted({**SEED, **changes}.items()) if evrs}


def test_a_new_root_has_last_months_packages_and_one_transaction(lab):
    root = lab.new_root()
    assert (root.evrs(), transactions_of(root)) == (SEED, [(1, 1)])


def test_database_log_and_history_lie_inside_the_root(lab):
    root = lab.new_root()
    places = ("var/lib/rpm/rpmdb.sqlite", "var/log/dnf.rpm.log", "var/lib/dnf/history.sqlite")
    assert [place for place in places if not (root.path / place).is_file()] == []


def test_a_kernel_brings_the_files_a_boot_needs(lab):
    root = lab.new_root()
    release = "4.14.103-93.76.amzn2.x86_64"
    places = (f"boot/vmlinuz-{release}", f"boot/initramfs-{release}.img")
    modules = f"lib/modules/{release}/modules.dep"
    assert [p for p in (*places, modules) if (root.path / p).stat().st_size == 0] == []


def test_roots_do_not_share_their_packages(lab):
    one, other = lab.new_root(), lab.new_root()
    one.rpm("-e", "hello")
    assert (one.evrs(), other.evrs()) == (with_changes({"hello.noarch": []}), SEED)


@pytest.mark.parametrize(
    ("words", "changes", "log"),
    [
        pytest.param(
            ("upgrade", "openssl-libs"),
            {"openssl-libs.x86_64": ["1:1.0.2k-19.amzn2.0.4"]},
            [
                "Upgrade: openssl-libs-1:1.0.2k-19.amzn2.0.4.x86_64",
                "Upgraded: openssl-libs-1:1.0.2k-19.amzn2.0.3.x86_64",
            ],
            id="update with an epoch",
        ),
        pytest.param(
            ("upgrade", "tilde"),
            {"tilde.noarch": ["2.0-1.amzn2"]},
            ["Upgrade: tilde-2.0-1.amzn2.noarch", "Upgraded: tilde-2.0~rc1-1.amzn2.noarch"],
            id="a release is newer than its candidate",
        ),
        pytest.param(
            ("install", "app"),
            {"app.noarch": ["1.0-1.amzn2"], "dep.noarch": ["1.0-1.amzn2"]},
            ["Installed: dep-1.0-1.amzn2.noarch", "Installed: app-1.0-1.amzn2.noarch"],
            id="install with a dependency",
        ),
        pytest.param(
            ("remove", "hello"),
            {"hello.noarch": []},
            ["Erase: hello-1.0-1.amzn2.noarch"],
            id="remove",
        ),
        pytest.param(
            ("upgrade", "oldfoo"),
            {"oldfoo.noarch": [], "newfoo.noarch": ["1.0-1.amzn2"]},
            ["Installed: newfoo-1.0-1.amzn2.noarch", "Obsoleted: oldfoo-1.0-1.amzn2.noarch"],
            id="obsolete",
        ),
        pytest.param(
            ("reinstall", "hello"),
            {},
            ["Reinstall: hello-1.0-1.amzn2.noarch", "Reinstalled: hello-1.0-1.amzn2.noarch"],
            id="reinstall",
        ),
        pytest.param(
            ("upgrade", "kernel"),
            {
                "kernel.x86_64": [
                    "4.14.102-92.76.amzn2",
                    "4.14.103-93.76.amzn2",
                    "4.14.104-94.76.amzn2",
                ]
            },
            [
                "Installed: kernel-4.14.104-94.76.amzn2.x86_64",
                "Erase: kernel-4.14.101-91.76.amzn2.x86_64",
            ],
            id="the fourth kernel pushes the oldest out",
        ),
    ],
)
def test_a_transaction_does_and_logs_what_was_asked(lab, words, changes, log):
    root = lab.new_root()
    done = root.dnf(*words)
    assert done.returncode == 0, done.stdout
    assert (root.evrs(), log_of(root), transactions_of(root)) == (
        with_changes(changes),
        log,
        [(1, 1), (2, 1)],
    )


def test_a_downgrade_takes_the_version_of_last_month(lab):
    root = lab.new_root()
    root.dnf("upgrade", "hello")
    root.dnf("downgrade", "hello")
    assert (root.evrs(), log_of(root)[2:]) == (
        SEED,
        ["Downgrade: hello-1.0-1.amzn2.noarch", "Downgraded: hello-1.1-1.amzn2.noarch"],
    )


def test_only_the_named_repositories_are_seen(lab):
    root = lab.new_root()
    root.dnf("upgrade", "hello", repos=("r1",))
    assert root.evrs() == SEED


def test_a_failing_pre_scriptlet_keeps_its_package_and_no_other(lab):
    root = lab.new_root()
    done = root.dnf("upgrade", "failpre", "hello")
    assert (done.returncode, root.evrs(), transactions_of(root)) == (
        1,
        with_changes({"hello.noarch": ["1.1-1.amzn2"]}),
        [(1, 1), (2, 2)],
    )


def test_a_killed_dnf_leaves_duplicates_and_an_unfinished_transaction(lab):
    root = lab.new_root()
    done = root.dnf_killed_in_the_middle("upgrade", "aaa", "slow", "zzz")
    twice = ["1.0-1.amzn2", "1.1-1.amzn2"]
    assert (done.returncode, root.evrs(), log_of(root), transactions_of(root)) == (
        -9,
        with_changes({"aaa.noarch": twice, "slow.noarch": twice}),
        ["Upgrade: aaa-1.1-1.amzn2.noarch", "Upgrade: slow-1.1-1.amzn2.noarch"],
        [(1, 1), (2, 0)],
    )


def test_nothing_of_a_killed_dnf_runs_on(lab):
    root = lab.new_root()
    root.dnf_killed_in_the_middle("upgrade", "slow")
    inside = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/{pid}/root") == str(root.path):
                inside.append(pid)
    assert inside == []


@pytest.mark.usefixtures("lab")  # it skips where no lab can stand
def test_a_lab_leaves_the_hosts_databases_and_logs_alone(tmp_path):
    def host():
        places = ("/var/lib/rpm", "/var/lib/dnf", "/var/log", "/var/cache/dnf", "/root/.rpmdb")
        return {place: os.path.exists(place) and sorted(os.listdir(place)) for place in places}

    before = host()
    root = Lab(tmp_path / "lab").new_root()
    root.dnf("upgrade", "hello")
    root.rpm("-e", "hello")
    assert host() == before
