"""Real dnf transactions inside patch operations: the result names every package change, no other.

What is expected is written down from the packages of the lab, never from what hookd printed.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
BOOT_ID = "6f1c2f0e-3f0c-4c9e-9c3b-1f8f6b1a7a11"
RUNNING = "4.14.103-93.76.amzn2.x86_64"

BY_DNF = ["rpmdb", "dnf.rpm.log", "history"]
BY_RPM = ["rpmdb"]
INSTALL = "ready..installed"
SECOND_INSTALL = "leaving..arrived"


class Machine:
    """A root of the lab that pretends to be up, and the hookd of this checkout working on it."""

    def __init__(self, root):
        self.root = root
        self.dnf = root.dnf
        self.rpm = root.rpm
        self.dnf_killed_in_the_middle = root.dnf_killed_in_the_middle
        self._write("proc/sys/kernel/osrelease", f"{RUNNING}\n")
        self._write("proc/sys/kernel/random/boot_id", f"{BOOT_ID}\n")
        self._write("proc/stat", "cpu  0 0 0 0\nbtime 1795420000\n")
        self._write("proc/uptime", "5400.00 10000.00\n")

    def run(self, phase):
        """Run one phase and return hookd's exit code."""
        return self._hookd("run", phase, "--json").returncode

    def result(self):
        """Return the result document of the operation."""
        shown = self._hookd("show", "--json")
        assert shown.returncode == 0, shown
        return json.loads(shown.stdout)

    def aftermath(self, look):
        """Return what look `look` of the only operation learned of changed packages."""
        (path,) = self.root.path.glob(f"var/lib/hookd/operations/*/snapshots/{look}.json")
        return json.loads(path.read_text())["aftermath"]

    def _hookd(self, *words):
        done = subprocess.run(
            [sys.executable, "-B", "-m", "hookd", "--root", str(self.root.path), *words],
            cwd=str(self.root.lab.directory),
            # Neither HOOKD_* nor AWS_* of whoever runs the tests.
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(CHECKOUT), "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        print(words, done.returncode, done.stderr)  # pytest shows it when the test fails
        return done

    def _write(self, place, text):
        path = self.root.path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def machine(lab):
    return Machine(lab.new_root())


def operation(machine, install, second_install=None):
    """Run a patch operation whose Install step is `install`; return exit codes and the result."""
    codes = [machine.run("pre")]
    install(machine)
    codes.append(machine.run("post"))
    if second_install:
        second_install(machine)
    codes.append(machine.run("on-exit"))
    return codes, machine.result()


def change(
    name,
    action,
    before,
    after,
    *,
    arch="noarch",
    between=INSTALL,
    seen_in=BY_DNF,
    by="dnf-history 2",
):
    """Return a change; transaction 1 of the history made the root of the lab."""
    return {
        "name": name,
        "arch": arch,
        "action": action,
        "before": before,
        "after": after,
        "between": between,
        "seen_in": seen_in,
        "by": by,
    }


def dnf(*words):
    """Return an Install step that runs `dnf WORDS` and believes in it."""

    def step(machine):
        done = machine.dnf(*words)
        assert done.returncode == 0, done.stdout

    return step


def prepared_by_dnf(machine, *words):
    """Run `dnf WORDS` before the operation begins."""
    dnf(*words)(machine)


def outcomes(result):
    """Return the outcomes of unfinished-transaction, duplicates, log-agrees, history-agrees."""
    found = {check["id"]: check["outcome"] for check in result["checks"]}
    names = ("unfinished-transaction", "duplicates", "log-agrees", "history-agrees")
    return tuple(found.get(f"packages.{name}") for name in names)


def found_by(result, check_id):
    """Return what check `check_id` found."""
    return next(check["found"] for check in result["checks"] if check["id"] == check_id)


UPDATE = [
    change("hello", "updated", ["1.0-1.amzn2"], ["1.1-1.amzn2"]),
    change(
        "openssl-libs",
        "updated",
        ["1:1.0.2k-19.amzn2.0.3"],
        ["1:1.0.2k-19.amzn2.0.4"],
        arch="x86_64",
    ),
    change("tilde", "updated", ["2.0~rc1-1.amzn2"], ["2.0-1.amzn2"]),
]
INSTALLED = [
    change("app", "installed", [], ["1.0-1.amzn2"]),
    change("dep", "installed", [], ["1.0-1.amzn2"]),
]
REMOVED = [change("hello", "removed", ["1.0-1.amzn2"], [])]
OBSOLETED = [
    change("newfoo", "installed", [], ["1.0-1.amzn2"]),
    change("oldfoo", "obsoleted", ["1.0-1.amzn2"], []),
]
REINSTALLED = [change("hello", "reinstalled", ["1.0-1.amzn2"], ["1.0-1.amzn2"])]
# installonly_limit is 3: the fourth kernel pushes 4.14.101 out in the same transaction.
KERNEL = [
    change(
        "kernel",
        "installed",
        ["4.14.101-91.76.amzn2", "4.14.102-92.76.amzn2", "4.14.103-93.76.amzn2"],
        ["4.14.102-92.76.amzn2", "4.14.103-93.76.amzn2", "4.14.104-94.76.amzn2"],
        arch="x86_64",
    )
]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param(("upgrade", "hello", "openssl-libs", "tilde"), UPDATE, id="update"),
        pytest.param(("install", "app"), INSTALLED, id="install"),
        pytest.param(("remove", "hello"), REMOVED, id="remove"),
        pytest.param(("upgrade", "oldfoo"), OBSOLETED, id="obsolete"),
        pytest.param(("reinstall", "hello"), REINSTALLED, id="reinstall"),
        pytest.param(("upgrade", "kernel"), KERNEL, id="kernel"),
        pytest.param(("upgrade", "busybox"), [], id="nothing to do"),
    ],
)
def test_a_transaction_is_told_whole(machine, words, expected):
    codes, result = operation(machine, dnf(*words))
    assert (codes[:2], result["changes"]["packages"]) == ([0, 0], expected)
    assert outcomes(result) == ("pass", "pass", "pass", "pass")


def test_a_downgrade_is_no_update(machine):
    prepared_by_dnf(machine, "upgrade", "hello")
    codes, result = operation(machine, dnf("downgrade", "hello"))
    assert (codes[:2], result["changes"]["packages"]) == (
        [0, 0],
        [change("hello", "downgraded", ["1.1-1.amzn2"], ["1.0-1.amzn2"], by="dnf-history 3")],
    )


def test_a_dependency_that_goes_with_its_package_is_told_too(machine):
    prepared_by_dnf(machine, "install", "app")
    codes, result = operation(machine, dnf("remove", "app"))
    assert (codes[:2], result["changes"]["packages"]) == (
        [0, 0],
        [
            change("app", "removed", ["1.0-1.amzn2"], [], by="dnf-history 3"),
            change("dep", "removed", ["1.0-1.amzn2"], [], by="dnf-history 3"),
        ],
    )


def test_what_dnf_did_before_pre_is_not_of_this_operation(machine):
    prepared_by_dnf(machine, "upgrade", "tilde")
    codes, result = operation(machine, dnf("remove", "hello"))
    removed = change("hello", "removed", ["1.0-1.amzn2"], [], by="dnf-history 3")
    assert (codes[:2], result["changes"]["packages"]) == ([0, 0], [removed])


def test_a_package_whose_pre_scriptlet_fails_has_not_changed(machine):
    def install(machine):
        done = machine.dnf("upgrade", "failpre", "hello")
        assert done.returncode == 1, done.stdout

    codes, result = operation(machine, install)
    assert (codes[:2], result["changes"]["packages"]) == (
        [0, 0],
        [change("hello", "updated", ["1.0-1.amzn2"], ["1.1-1.amzn2"])],
    )
    assert found_by(result, "packages.history-agrees") == (
        "the same but for: dnf-history 2 failed for failpre"
    )


def test_a_dnf_killed_in_mid_transaction_is_told_as_far_as_it_got(machine):
    def install(machine):
        done = machine.dnf_killed_in_the_middle("upgrade", "aaa", "slow", "zzz")
        assert done.returncode == -9

    # aaa and slow came, nothing was cleaned up, zzz was not reached.
    old, both = ["1.0-1.amzn2"], ["1.0-1.amzn2", "1.1-1.amzn2"]
    codes, result = operation(machine, install)
    assert (codes[0], codes[2], result["changes"]["packages"]) == (
        0,
        1,
        [change("aaa", "updated", old, both), change("slow", "updated", old, both)],
    )
    assert outcomes(result)[:2] == ("fail", "fail")
    assert found_by(result, "packages.history-agrees") == (
        "the same but for: dnf-history 2 recorded no end, and left undone that "
        "zzz.noarch 1.1-1.amzn2 came"
    )


def test_what_rpm_removes_behind_dnfs_back_is_seen_in_the_database_only(machine):
    def install(machine):
        dnf("upgrade", "tilde")(machine)
        done = machine.rpm("-e", "hello")
        assert done.returncode == 0, done.stdout

    codes, result = operation(machine, install)
    assert (codes[:2], result["changes"]["packages"]) == (
        [0, 0],
        [
            change("hello", "removed", ["1.0-1.amzn2"], [], seen_in=BY_RPM, by="rpm"),
            change("tilde", "updated", ["2.0~rc1-1.amzn2"], ["2.0-1.amzn2"]),
        ],
    )
    assert outcomes(result) == ("pass", "pass", "warn", "warn")
    assert found_by(result, "packages.history-agrees") == (
        "hello.noarch 1.0-1.amzn2 went by rpm alone, in no history (ready..installed)"
    )


def test_a_file_that_was_spoilt_and_a_package_that_rpm_put_over_are_seen(machine):
    def install(machine):
        dnf("upgrade", "tilde", "aaa")(machine)
        package = machine.root.lab.repos / "r2/hello-1.1-1.amzn2.noarch.rpm"
        done = machine.rpm("-U", "--nosignature", str(package))
        assert done.returncode == 0, done.stdout
        (machine.root.path / "usr/share/tilde/version").write_text("something else\n")
        (machine.root.path / "usr/share/hello/version").unlink()

    codes, result = operation(machine, install)
    assert (codes[:2], result["changes"]["packages"]) == (
        [0, 0],
        [
            change("aaa", "updated", ["1.0-1.amzn2"], ["1.1-1.amzn2"]),
            change("hello", "updated", ["1.0-1.amzn2"], ["1.1-1.amzn2"], seen_in=BY_RPM, by="rpm"),
            change("tilde", "updated", ["2.0~rc1-1.amzn2"], ["2.0-1.amzn2"]),
        ],
    )
    seen = machine.aftermath("installed")
    assert (seen["packages"], seen["damaged"]) == (
        ["aaa.noarch", "hello.noarch", "tilde.noarch"],
        [
            "hello.noarch: /usr/share/hello/version: it is missing",
            "tilde.noarch: /usr/share/tilde/version: it differs in size and contents",
        ],
    )
    began = machine.rpm("-q", "--qf", "%{NAME}.%{ARCH}=%{INSTALLTID}\n", "aaa", "hello", "tilde")
    assert [f"{key}={tid}" for key, tid in sorted(seen["transactions"].items())] == [
        line for line in began.stdout.splitlines() if "=" in line
    ]


def test_the_second_install_pass_has_a_span_of_its_own(machine):
    def second_install(machine):
        dnf("downgrade", "hello")(machine)
        dnf("upgrade", "openssl-libs")(machine)

    codes, result = operation(machine, dnf("upgrade", "hello"), second_install)
    assert (codes[:2], result["changes"]["packages"]) == (
        [0, 0],
        [
            change("hello", "updated", ["1.0-1.amzn2"], ["1.1-1.amzn2"]),
            change(
                "hello",
                "downgraded",
                ["1.1-1.amzn2"],
                ["1.0-1.amzn2"],
                between=SECOND_INSTALL,
                by="dnf-history 3",
            ),
            change(
                "openssl-libs",
                "updated",
                ["1:1.0.2k-19.amzn2.0.3"],
                ["1:1.0.2k-19.amzn2.0.4"],
                arch="x86_64",
                between=SECOND_INSTALL,
                by="dnf-history 4",
            ),
        ],
    )
    assert outcomes(result) == ("pass", "pass", "pass", "pass")


def test_a_month_of_updates_in_one_transaction_is_told_whole(machine):
    def install(machine):
        done = machine.dnf("upgrade", "--exclude=failpre")
        assert done.returncode == 0, done.stdout

    around_slow = [
        change(name, "updated", ["1.0-1.amzn2"], ["1.1-1.amzn2"]) for name in ("aaa", "slow", "zzz")
    ]
    expected = sorted(UPDATE + OBSOLETED + KERNEL + around_slow, key=lambda entry: entry["name"])
    codes, result = operation(machine, install)
    assert (codes[:2], result["changes"]["packages"]) == ([0, 0], expected)
    seen = machine.aftermath("installed")
    assert (seen["standing"], seen["damaged"], seen["packages"]) == (
        "ok",
        [],
        [f"{entry['name']}.{entry['arch']}" for entry in expected if entry["after"]],
    )
