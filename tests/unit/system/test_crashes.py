"""What a crash of the kernel has left, and what is no such thing."""

from __future__ import annotations

from hookd.core.node import Crashes
from hookd.core.readings import Standing
from hookd.system import crashes
from hookd.system.root import Root

NOWHERE = "neither /sys/fs/pstore nor /var/lib/systemd/pstore nor /var/crash exists"


def test_records_of_pstore_and_dumps_are_named(tmp_path):
    for place in ("sys/fs/pstore", "var/lib/systemd/pstore/1764080000", "var/crash"):
        (tmp_path / place).mkdir(parents=True)
    (tmp_path / "sys/fs/pstore/dmesg-efi-1").write_text("Oops")
    (tmp_path / "var/crash/127.0.0.1-2026-11-25-14:00:01").mkdir()
    assert crashes.read(Root(str(tmp_path))) == Crashes(
        files=(
            "/sys/fs/pstore/dmesg-efi-1",
            "/var/crash/127.0.0.1-2026-11-25-14:00:01",
            "/var/lib/systemd/pstore/1764080000",
        )
    )


def test_what_apport_and_kdump_keep_beside_dumps_is_no_crash(tmp_path):
    (tmp_path / "var/crash").mkdir(parents=True)
    (tmp_path / "var/crash/_usr_bin_app.0.crash").write_text("ProblemType: Crash")
    (tmp_path / "var/crash/kexec_cmd").write_text("/sbin/kexec -p")
    assert crashes.read(Root(str(tmp_path))) == Crashes()


def test_they_are_bounded_and_names_that_cannot_be_printed_are_left_out(tmp_path):
    (tmp_path / "sys/fs/pstore").mkdir(parents=True)
    (tmp_path / "sys/fs/pstore/dmesg\n-1").write_text("")
    for number in range(150):
        (tmp_path / f"sys/fs/pstore/dmesg-{number:03}").write_text("")
    found = crashes.read(Root(str(tmp_path))).files
    assert found == tuple(f"/sys/fs/pstore/dmesg-{number:03}" for number in range(100))


def test_where_nothing_could_be_left_there_is_no_such_source(tmp_path):
    (tmp_path / "var").mkdir()
    (tmp_path / "var/crash").write_text("no directory")
    assert crashes.read(Root(str(tmp_path))) == Crashes(Standing.ABSENT, NOWHERE)
