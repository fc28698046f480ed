"""A bundle is made of what can be had, within its bounds; the rest is named."""

from __future__ import annotations

import errno
import gc
import hashlib
import io
import json
import tarfile
from dataclasses import replace

import pytest

from hookd.bundle import gathering
from hookd.bundle.gathering import Bounds
from hookd.bundle.part import MissingError, Part
from hookd.core.bundle import FORMAT, LeftOut, Manifest, Member
from hookd.system import clock
from hookd.system.archive import Archive

HELLO = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"  # sha256sum of hello\n
KEPT_BACK = LeftOut("scratch", "/scratch", "hooks keep there what they like")


def _gives(name, *pieces):
    return Part(name, f"/{name}", lambda _: iter(pieces))


def _breaks(name, error):
    def pieces(_left_s):
        yield b"half"
        raise error

    return Part(name, f"/{name}", pieces)


def _gathered(parts, most_bytes=1000, left_s=60.0):
    stream = io.BytesIO()
    archive = Archive(stream, "bundle", 1e9)
    found = gathering.gather(archive, parts, Bounds(most_bytes, clock.up_s() + left_s))
    return stream, archive, found


def test_a_part_that_cannot_be_had_says_why_and_the_others_go_on():
    parts = [
        _gives("first", b"", b"h", b"ello\n"),
        KEPT_BACK,
        _breaks("broken", OSError(errno.EIO, "Input/output error")),
        _breaks("silent", MissingError("it said PASSWORD=hunter2")),
        replace(_gives("last", b"hello\n"), note="all of it"),
    ]

    _, _, found = _gathered(parts)

    assert found == (
        (
            Member("first", 6, HELLO, "/first"),
            Member("last", 6, HELLO, "/last", "all of it"),
        ),
        (
            KEPT_BACK,
            LeftOut("broken", "/broken", "Input/output error"),
            LeftOut("silent", "/silent", "it said PASSWORD=[masked]"),
        ),
    )


def test_what_does_not_fit_is_left_out_and_what_is_smaller_still_comes():
    parts = [_gives("a", b"hello\n"), _gives("b", b"x" * 95), _gives("c", b"hello\n")]

    _, _, (members, left_out) = _gathered(parts, most_bytes=100)

    assert [member.name for member in members] == ["a", "c"]
    assert left_out == (LeftOut("b", "/b", "it does not fit: 94 bytes were left"),)


def test_without_time_nothing_is_asked():
    part = _breaks("asked", AssertionError("it was asked"))

    _, _, found = _gathered([part], left_s=-1.0)

    assert found == ((), (LeftOut("asked", "/asked", "there was no time left"),))


def test_an_archive_that_cannot_be_written_is_no_fault_of_a_part():
    class Full(io.BytesIO):
        def write(self, _data):
            raise OSError(errno.ENOSPC, "No space left on device")

    noise = b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(1 << 12))  # 128 KiB
    with pytest.raises(OSError, match="No space left"):
        gathering.gather(
            Archive(Full(), "bundle", 0),
            [_gives("a", noise)],
            Bounds(1 << 30, clock.up_s() + 60),
        )


def test_an_archive_that_is_forgotten_writes_nothing_more():
    stream = io.BytesIO()
    archive = Archive(stream, "bundle", 0)
    gathering.gather(archive, [_gives("a", b"hello\n")], Bounds(1 << 30, clock.up_s() + 60))
    before = stream.getvalue()

    del archive
    gc.collect()

    assert stream.getvalue() == before


def test_the_manifest_is_the_last_member_and_all_belong_to_root_alone():
    stream, archive, (members, left_out) = _gathered([_gives("a/b", b"hello\n")], most_bytes=6)
    manifest = Manifest(FORMAT, "now", "1", {"os": "x"}, ("op",), 6, members, left_out)

    gathering.close(archive, manifest)

    stream.seek(0)
    with tarfile.open(fileobj=stream, mode="r:gz") as tar:
        told = [(e.name, e.size, oct(e.mode), e.uid, e.mtime, e.isreg()) for e in tar]
        stored = json.loads(tar.extractfile("bundle/manifest.json").read())
    assert told[0] == ("bundle/a/b", 6, "0o600", 0, 1_000_000_000, True)
    assert [entry[0] for entry in told] == ["bundle/a/b", "bundle/manifest.json"]
    assert stored == {
        "format": 1,
        "created_at": "now",
        "version": "1",
        "host": {"os": "x"},
        "operations": ["op"],
        "most_bytes": 6,
        "members": [{"name": "a/b", "size": 6, "sha256": HELLO, "source": "/a/b", "note": ""}],
        "left_out": [],
    }
