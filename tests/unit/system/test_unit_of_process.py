"""Which systemd unit a process belongs to, by the paths of its control groups."""

from __future__ import annotations

import pytest
from support.fakeproc import FakeProc

from hookd.system.process.unit import Units

FORMS = {
    "/system.slice/sshd.service": "sshd.service",
    "/system.slice/system-getty.slice/getty@tty1.service": "getty@tty1.service",
    r"/system.slice/mnt-a\x2db.mount": r"mnt-a\x2db.mount",
    r"/system.slice/system-fsck.slice/fsck@dev-disk-by\x2duuid-1.service": (
        r"fsck@dev-disk-by\x2duuid-1.service"
    ),
    "/init.scope": "init.scope",
    "/user.slice/user-1000.slice/session-3.scope": "session-3.scope",
    "/user.slice/user-1000.slice/user@1000.service/app.slice/web.service": "user@1000.service",
    "/system.slice/docker.service/child": "docker.service",
    "/machine.slice/libpod-0af1.scope/container": "libpod-0af1.scope",
    "/system.slice/_cpu.service": "cpu.service",  # escaped: it looks like the kernel's own file
    "/system.slice/gone.service (deleted)": "gone.service",
    "/system.slice/a\x1b[31m.service": "a\\x1b[31m.service",
    "/kubepods/pod1/0af1": "",
    "/docker/0af1": "",
    "/system.slice": "",
    "/": "",
    "": "",
}


@pytest.mark.parametrize("version", ["name=systemd", ""], ids=["version 1", "version 2"])
@pytest.mark.parametrize("path", FORMS)
def test_the_first_name_that_is_no_slice_is_the_unit(tmp_path, version, path):
    proc = FakeProc(tmp_path, version)
    proc.process(70, cgroup=path)
    assert Units(str(proc)).of(70) == FORMS[path]


def test_where_both_versions_are_mounted_either_tells(tmp_path):
    proc = FakeProc(tmp_path)
    proc.put("70/cgroup", "3:cpu:/elsewhere\n1:name=systemd:/\n0::/system.slice/a.service\n")
    proc.put("71/cgroup", "3:cpu:/x.service\n1:name=systemd:/system.slice/b.service\n0::/\n")
    assert [Units(str(proc)).of(pid) for pid in (70, 71)] == ["a.service", "b.service"]


def test_what_stands_before_the_init_of_a_container_is_not_its_unit(tmp_path):
    proc = FakeProc(tmp_path)
    above = "/machine.slice/machine-lab.scope"
    proc.put("1/cgroup", f"1:name=systemd:{above}/init.scope\n")
    proc.put("70/cgroup", f"1:name=systemd:{above}/system.slice/a.service\n")
    proc.put("71/cgroup", "1:name=systemd:/system.slice/of-the-host.service\n")
    assert [Units(str(proc)).of(pid) for pid in (70, 71)] == ["a.service", ""]


@pytest.mark.parametrize("text", [b"", b"\xff\0\xfe", b":::::\n\n:", b"1:name=systemd\n"])
def test_what_says_nothing_is_no_unit(tmp_path, text):
    proc = FakeProc(tmp_path)
    proc.put("70/cgroup", text)
    assert Units(str(proc)).of(70) == ""


def test_a_process_that_is_gone_has_none(tmp_path):
    assert Units(str(FakeProc(tmp_path))).of(70) == ""
