"""The flags that packages raise when they want a reboot."""

from __future__ import annotations

import pytest

from hookd.core.node import RebootRequired
from hookd.core.readings import Standing
from hookd.system import rebootrequired
from hookd.system.root import Root

NOBODY = RebootRequired(Standing.ABSENT, "packages here raise no flag for a reboot")


def put(tmp_path, place, text=""):
    path = tmp_path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())


FILES = {
    "a system that knows no flag": ({}, NOBODY),
    "Debian": ({"var/lib/dpkg/status": ""}, RebootRequired()),
    "SUSE": ({"etc/zypp/zypp.conf": ""}, RebootRequired()),
    "asked": (
        {
            "run/reboot-required": "*** System restart required ***\n",
            "run/reboot-required.pkgs": "linux-base\nlibc6\nlinux-base\n\n\x1b[31mred\n",
        },
        RebootRequired(is_required=True, packages=("libc6", "linux-base")),
    ),
    "asked by nobody known": ({"run/reboot-required": ""}, RebootRequired(is_required=True)),
    "asked on SUSE": (
        {"etc/zypp/zypp.conf": "", "run/reboot-needed": ""},
        RebootRequired(is_required=True),
    ),
    "names without a flag": ({"run/reboot-required.pkgs": "libc6\n"}, NOBODY),
    "names that cannot be read": (
        {"run/reboot-required": "", "run/reboot-required.pkgs": "\0"},
        RebootRequired(reason="/run/reboot-required.pkgs is binary", is_required=True),
    ),
}


@pytest.mark.parametrize(("files", "expected"), FILES.values(), ids=FILES)
def test_the_flags_of_debian_and_suse(tmp_path, files, expected):
    for place, text in files.items():
        put(tmp_path, place, text)
    assert rebootrequired.read(Root(str(tmp_path))) == expected


def test_the_names_are_bounded(tmp_path):
    put(tmp_path, "run/reboot-required")
    put(tmp_path, "run/reboot-required.pkgs", "".join(f"package-{n:04}\n" for n in range(300)))
    found = rebootrequired.read(Root(str(tmp_path)))
    assert found.packages == tuple(f"package-{n:04}" for n in range(200))
