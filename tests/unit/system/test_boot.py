"""Which boot this is, by the files of a made-up /proc."""

from __future__ import annotations

import os

import pytest

from hookd.core.readings import Boot, Standing
from hookd.system import boot
from hookd.system.root import Root

BOOT_ID = "6f1c2f0e-3f0c-4c9e-9c3b-1f8f6b1a7a11"
PATH = "/proc/sys/kernel/random/boot_id"


def put(tmp_path, place, text):
    path = tmp_path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def read(tmp_path):
    return boot.read(Root(str(tmp_path)))


def test_all_three_files_are_read(tmp_path):
    put(tmp_path, "proc/sys/kernel/random/boot_id", BOOT_ID + "\n")
    put(tmp_path, "proc/stat", "cpu  1 2 3\nintr 5 6\nbtime 1612490160\nprocesses 7\n")
    put(tmp_path, "proc/uptime", "812.40 1500.77\n")
    assert read(tmp_path) == Boot(boot_id=BOOT_ID, btime=1612490160, uptime_s=812.4)


def test_the_boot_id_alone_is_enough(tmp_path):
    put(tmp_path, "proc/sys/kernel/random/boot_id", BOOT_ID)
    assert read(tmp_path) == Boot(boot_id=BOOT_ID)


def test_a_missing_boot_id_is_never_that_of_the_host(tmp_path):
    put(tmp_path, "proc/uptime", "1.5 2\n")
    assert read(tmp_path) == Boot(Standing.ABSENT, f"{PATH} does not exist", uptime_s=1.5)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", f"{PATH} holds no UUID: ''"),
        ("yes\n", f"{PATH} holds no UUID: 'yes'"),
        (BOOT_ID + "0", f"{PATH} holds no UUID: '{BOOT_ID}0'"),
        (BOOT_ID.replace("-", ""), f"{PATH} holds no UUID: '{BOOT_ID.replace('-', '')}'"),
        ("x" * 129, f"{PATH} is longer than 128 bytes"),
        ("\0", f"{PATH} is binary"),
    ],
)
def test_what_is_no_uuid_is_unknown(tmp_path, text, reason):
    put(tmp_path, "proc/sys/kernel/random/boot_id", text)
    assert read(tmp_path) == Boot(Standing.UNKNOWN, reason)


@pytest.mark.parametrize(
    ("stat", "uptime"),
    [
        ("", ""),
        ("btime\n", "nan 1"),
        ("btime -5\n", "-1 2"),
        ("btime 9" + "9" * 400 + "\n", "9" * 400 + " 1"),
        ("nobtime 12\n", "inf inf"),
    ],
)
def test_garbled_times_are_not_known(tmp_path, stat, uptime):
    put(tmp_path, "proc/sys/kernel/random/boot_id", BOOT_ID)
    put(tmp_path, "proc/stat", stat)
    put(tmp_path, "proc/uptime", uptime)
    assert read(tmp_path) == Boot(boot_id=BOOT_ID)


def test_a_directory_or_fifo_in_its_place_is_unknown(tmp_path):
    (tmp_path / PATH[1:]).mkdir(parents=True)
    assert read(tmp_path) == Boot(Standing.UNKNOWN, f"{PATH} is no regular file")
    (tmp_path / PATH[1:]).rmdir()
    os.mkfifo(tmp_path / PATH[1:])
    assert read(tmp_path) == Boot(Standing.UNKNOWN, f"{PATH} is no regular file")
