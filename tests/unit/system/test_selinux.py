"""The mode of SELinux by selinuxfs, and where there is none."""

from __future__ import annotations

import pytest

from hookd.core.node import Selinux
from hookd.core.readings import Standing
from hookd.system import selinux
from hookd.system.root import NOTHING_RUNS, Root

ENFORCE = "sys/fs/selinux/enforce"


def put(tmp_path, place, text):
    path = tmp_path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"1", Selinux(mode="enforcing")),
        (b"0", Selinux(mode="permissive")),
        (b"1\n", Selinux(mode="enforcing")),
        (b"2", Selinux(Standing.UNKNOWN, "/sys/fs/selinux/enforce holds '2'")),
        (b"", Selinux(Standing.UNKNOWN, "/sys/fs/selinux/enforce holds ''")),
        (b"\0", Selinux(Standing.UNKNOWN, "/sys/fs/selinux/enforce is binary")),
        (
            b"1" * 99,
            Selinux(Standing.UNKNOWN, "/sys/fs/selinux/enforce is longer than 16 bytes"),
        ),
    ],
)
def test_the_kernel_says_the_mode(tmp_path, text, expected):
    put(tmp_path, ENFORCE, text)
    put(tmp_path, "etc/selinux/config", b"SELINUX=disabled\n")
    assert selinux._read(Root(str(tmp_path))) == expected


def test_configured_and_not_in_the_kernel_is_disabled(tmp_path):
    put(tmp_path, "etc/selinux/config", b"SELINUX=enforcing\n")
    assert selinux._read(Root(str(tmp_path))) == Selinux(mode="disabled")


def test_without_either_there_is_none(tmp_path):
    expected = Selinux(Standing.ABSENT, "there is no SELinux here")
    assert selinux._read(Root(str(tmp_path))) == expected


def test_another_root_is_in_no_mode(tmp_path):
    put(tmp_path, ENFORCE, b"1")
    assert selinux.read(Root(str(tmp_path))) == Selinux(Standing.ABSENT, NOTHING_RUNS)
