"""Where hooks may get control groups, read from texts as the kernel writes them."""

from __future__ import annotations

import pytest

from hookd.system.process.cgroup import Cgroups, find, locate, pids, remove

AMAZON_LINUX_2 = """\
25 22 0:21 / /sys/fs/cgroup ro,nosuid,nodev,noexec shared:8 - tmpfs tmpfs ro,mode=755
26 25 0:22 / /sys/fs/cgroup/systemd rw,nosuid shared:9 - cgroup cgroup rw,xattr,name=systemd
29 25 0:25 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:11 - cgroup cgroup rw,cpu,cpuacct
"""
UNIFIED = "31 24 0:27 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
HYBRID = AMAZON_LINUX_2 + "27 25 0:23 / /sys/fs/cgroup/unified rw shared:2 - cgroup2 cgroup2 rw\n"
CONTAINER = (
    "90 80 0:22 /machine.slice/c1 /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n"
)
ODD = "31 24 0:27 / /sys/fs/my\\040groups rw - cgroup2 cgroup2 rw\n"
SERVICE = "/system.slice/hookd.service"


@pytest.mark.parametrize(
    ("cgroups", "mounts", "expected"),
    [
        (
            f"3:cpu,cpuacct:{SERVICE}\n1:name=systemd:{SERVICE}\n",
            AMAZON_LINUX_2,
            ["/sys/fs/cgroup/systemd/system.slice/hookd.service"],
        ),
        (f"0::{SERVICE}\n", UNIFIED, ["/sys/fs/cgroup/system.slice/hookd.service"]),
        (
            f"1:name=systemd:{SERVICE}\n0::{SERVICE}\n",
            HYBRID,
            [
                "/sys/fs/cgroup/unified/system.slice/hookd.service",
                "/sys/fs/cgroup/systemd/system.slice/hookd.service",
            ],
        ),
        (
            f"1:name=systemd:{SERVICE}\n0::/\n",
            HYBRID,
            ["/sys/fs/cgroup/systemd/system.slice/hookd.service"],
        ),
        (
            "1:name=systemd:/machine.slice/c1/system.slice/hookd.service\n",
            CONTAINER,
            ["/sys/fs/cgroup/systemd/system.slice/hookd.service"],
        ),
        (f"1:name=systemd:{SERVICE}\n", CONTAINER, []),
        (f"0::{SERVICE}\n", ODD, ["/sys/fs/my groups/system.slice/hookd.service"]),
        ("0::/system.slice/hookd-boot.service\n", UNIFIED, []),
        ("0::/system.slice/amazon-ssm-agent.service\n", UNIFIED, []),
        ("0::/user.slice/user-0.slice/session-3.scope\n", UNIFIED, []),
        (f"0::{SERVICE}/20260205T015311Z-7f3a.pre-1.10-x.1\n", UNIFIED, []),
        ("0::/system.slice/hookdiary.service\n", UNIFIED, []),
        (f"0::{SERVICE} (deleted)\n", UNIFIED, []),
        (f"3:cpu,cpuacct:{SERVICE}\n", AMAZON_LINUX_2, []),
        (f"0::{SERVICE}\n", "", []),
        ("0::/\n", UNIFIED, []),
        ("nonsense\n\n::\n", "nonsense - cgroup2\n\n", []),
    ],
    ids=[
        "Amazon Linux 2",
        "version 2 alone",
        "both: version 2 first",
        "both, systemd uses version 1",
        "a container that sees the host's names",
        "a container's mount of somebody else's part",
        "a mount point with a blank",
        "a unit of ours that is not delegated",
        "the SSM agent's",
        "a login session's",
        "a hook's own",
        "another program's",
        "removed under us",
        "a controller's hierarchy only",
        "nothing mounted",
        "no unit at all",
        "nonsense",
    ],
)
def test_only_the_cgroup_of_the_service_is_used(cgroups, mounts, expected):
    assert locate(cgroups, mounts) == expected


def test_a_token_becomes_one_safe_file_name():
    token = "20260205T015311Z-7f3a/on-exit-1/10-a%20b:c#2"
    assert Cgroups("/c/hookd.service").path(token) == (
        "/c/hookd.service/20260205T015311Z-7f3a.on-exit-1.10-a%20b.c.2"
    )


def test_without_delegation_tries_get_none_and_start_where_we_are():
    cgroups = Cgroups(reason="not ours")
    with cgroups.entered("op/pre-1/10-x#1") as path:
        assert (path, cgroups.path("op/pre-1/10-x#1")) == ("", "")
    cgroups.close()


def test_a_directory_that_is_no_cgroup_is_given_up_with_its_reason(tmp_path):
    directory = tmp_path / "hookd.service"
    directory.mkdir()
    cgroups = Cgroups(str(directory))
    with cgroups.entered("op/pre-1/10-x#1") as path:
        assert path == ""
    assert cgroups.reason == f"{directory}/cgroup.procs: No such file or directory"
    assert list(directory.iterdir()) == []


def test_these_tests_are_not_the_service():
    found = find()
    assert (found.directory, found.reason) == (
        "",
        "not started as hookd.service, so no cgroup is delegated",
    )


def _tree(tmp_path, service="hookd.service"):
    """Make directories as version 2 shows them; files cannot be removed by rmdir as there."""
    hook = tmp_path / service / "hook"
    (hook / "nested" / "deeper").mkdir(parents=True)
    (hook / "cgroup.procs").write_text("11\n0\n12\n")
    (hook / "nested" / "cgroup.procs").write_text("13\n")
    return hook


def test_child_cgroups_are_read_too_and_strangers_of_other_namespaces_are_not(tmp_path):
    assert pids(str(_tree(tmp_path))) == {11, 12, 13}


def test_a_path_that_is_not_below_our_service_is_neither_read_nor_removed(tmp_path):
    hook = _tree(tmp_path, "else.service")
    empty = hook / "nested" / "deeper"
    remove(str(hook))
    assert (pids(str(hook)), empty.exists()) == (set(), True)


def test_what_has_somebody_in_it_keeps_its_empty_child_cgroups(tmp_path):
    hook = _tree(tmp_path)
    remove(str(hook))
    assert (hook / "nested" / "deeper").exists()
    for procs in (hook / "cgroup.procs", hook / "nested" / "cgroup.procs"):
        procs.unlink()
    remove(str(hook))
    assert not hook.exists()
