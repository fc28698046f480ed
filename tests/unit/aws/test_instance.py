"""Who this instance is: which source is believed, and what of /run is."""

from __future__ import annotations

import json
import os

import pytest

from hookd.aws.identity import CACHE, facts, read_cache, settled, write_cache
from hookd.system.machine import open_machine
from hookd.system.root import Root

A, B = "i-0123456789abcdef0", "i-0fedcba9876543210"
BOOT = "11111111-1111-4111-8111-111111111111"
BOARD = "sys/devices/virtual/dmi/id/board_asset_tag"
FOUND = {"instance_id": A, "region": "eu-west-1", "image_id": "ami-0fedcba9876543210"}
ELSEWHERE = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:9"}


@pytest.fixture
def path(tmp_path):
    (tmp_path / "proc/sys/kernel/random").mkdir(parents=True)
    (tmp_path / "proc/sys/kernel/random/boot_id").write_text(BOOT + "\n")
    return tmp_path


class Child:
    """What is run in place of `hookd identity`: it leaves `found` and counts."""

    def __init__(self, path, found=None):
        self.path, self.found, self.calls = path, found, []

    def __call__(self, argv, *, timeout_s, environment=None):
        self.calls.append((argv[1:], timeout_s, environment))
        if self.found is not None:
            write_cache(Root(str(self.path)), BOOT, self.found)


def machine(path, environment=None, child=None):
    return open_machine(str(path), None, environment or {}, child or Child(path))


def test_the_environment_is_believed_before_the_service_and_the_firmware(path):
    environment = {"AWS_SSM_INSTANCE_ID": B, "AWS_SSM_REGION_NAME": "us-east-1", **ELSEWHERE}
    (path / BOARD).parent.mkdir(parents=True)
    (path / BOARD).write_text("i-00000000000000000\n")
    child = Child(path, FOUND)
    found = settled(machine(path, environment, child))
    assert found == {
        "instance_id": B,
        "region": "us-east-1",
        "image_id": "ami-0fedcba9876543210",
    }


def test_the_service_is_believed_before_the_firmware(path):
    (path / BOARD).parent.mkdir(parents=True)
    (path / BOARD).write_text(B + "\n")
    assert settled(machine(path, ELSEWHERE, Child(path, FOUND))) == FOUND
    (path / CACHE[1:]).unlink()
    assert settled(machine(path, ELSEWHERE, Child(path, {}))) == {"instance_id": B}


@pytest.mark.parametrize("tag", ["", "Not Specified", f"{A} ", "i-1", f"{A}x"])
def test_a_board_that_carries_no_instance_id_tells_nothing(path, tag):
    (path / BOARD).parent.mkdir(parents=True)
    (path / BOARD).write_text(tag)
    expected = {"instance_id": A} if tag.strip() == A else {}
    assert facts(machine(path)) == expected


def test_the_child_is_asked_once_a_boot_within_two_seconds(path):
    child = Child(path, FOUND)
    for _ in range(3):
        settled(machine(path, {**ELSEWHERE, "AWS_SECRET_ACCESS_KEY": "x"}, child))
    [(argv, timeout_s, environment)] = child.calls
    assert argv[:3] == ["-I", "-B", "-c"]
    assert argv[-3:] == ["--root", str(path), "identity"]
    assert timeout_s == 2.0
    assert "AWS_SECRET_ACCESS_KEY" not in environment
    assert environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] == "http://127.0.0.1:9"


@pytest.mark.parametrize("found", [{}, None])
def test_that_nobody_answered_holds_for_a_while(path, found):
    child = Child(path, found)
    settled(machine(path, ELSEWHERE, child))
    settled(machine(path, ELSEWHERE, child))
    assert len(child.calls) == 1
    write(path, {"boot_id": BOOT, "up_s": -1000})
    settled(machine(path, ELSEWHERE, child))
    assert len(child.calls) == 2


@pytest.mark.parametrize(
    "environment",
    [
        {},  # a root that does not run has no metadata service
        {**ELSEWHERE, "AWS_EC2_METADATA_DISABLED": "true"},
    ],
)
def test_the_service_is_not_asked_where_it_cannot_know_or_must_not_be(path, environment):
    child = Child(path, FOUND)
    assert settled(machine(path, environment, child)) == {}
    assert child.calls == []


def test_without_a_boot_id_nothing_is_believed_nor_asked(path):
    (path / "proc/sys/kernel/random/boot_id").unlink()
    write(path, {"boot_id": "", **FOUND})
    child = Child(path, FOUND)
    assert settled(machine(path, ELSEWHERE, child)) == {}
    assert child.calls == []


def write(path, value, mode=0o600):
    file = path / CACHE[1:]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(value if isinstance(value, str) else json.dumps(value))
    file.chmod(mode)
    return file


def test_what_was_left_in_this_boot_is_read(path):
    write_cache(Root(str(path)), BOOT, FOUND)
    assert read_cache(Root(str(path)), BOOT) == FOUND
    assert os.stat(path / CACHE[1:]).st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("value", "mode"),
    [
        ({"boot_id": "22222222", **FOUND}, 0o600),
        ({"boot_id": BOOT, **FOUND}, 0o644),
        ({"boot_id": BOOT, **FOUND}, 0o620),
        (FOUND, 0o600),
        ({"boot_id": BOOT, "instance_id": "i-1"}, 0o600),
        ({"boot_id": BOOT, "instance_id": f"{A}\n"}, 0o600),
        ({"boot_id": BOOT, "instance_id": 7, "up_s": "x"}, 0o600),
        ("", 0o600),
        ("{", 0o600),
        ("[]", 0o600),
        ("[" * 4000, 0o600),
        (" " * 5000, 0o600),
    ],
)
def test_what_is_of_another_boot_another_hand_or_another_shape_is_not(path, value, mode):
    write(path, value, mode)
    assert read_cache(Root(str(path)), BOOT) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_another_user_left_is_not_read(path):
    os.chown(write(path, {"boot_id": BOOT, **FOUND}), 1000, 1000)
    assert read_cache(Root(str(path)), BOOT) is None


def test_a_link_is_not_followed(path):
    target = write(path, {"boot_id": BOOT, **FOUND})
    target.rename(path / "elsewhere.json")
    target.symlink_to(path / "elsewhere.json")
    assert read_cache(Root(str(path)), BOOT) is None


def test_a_cache_that_cannot_be_left_is_no_matter(path):
    (path / "run").write_text("a file in the way")
    write_cache(Root(str(path)), BOOT, FOUND)
    assert read_cache(Root(str(path)), BOOT) is None
