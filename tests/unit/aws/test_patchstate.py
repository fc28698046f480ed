"""Patch Manager's files, as they are and as anybody may have left them."""

from __future__ import annotations

import os

import pytest
from support.patchfiles import STATES, SUMMARY, PatchFiles

from hookd.aws.patchstate import read
from hookd.core.patch import PendingReading, Summary, SummaryReading
from hookd.core.readings import Standing
from hookd.system.root import Root

COMMAND = "0f1e2d3c-4b5a-4697-8877-665544332211"
FOLDER = "/var/log/amazon/ssm"
NO_SUMMARY = Summary()


@pytest.fixture
def files(tmp_path):
    return PatchFiles(tmp_path, COMMAND)


@pytest.fixture
def root(tmp_path):
    return Root(str(tmp_path))


def test_a_summary_is_read_with_its_counts_as_numbers(files, root):
    files.summary("Install", missing=3, failed=1, pending=25)
    found = read(root).summary
    assert found.summary == Summary(
        COMMAND,
        "install",
        "NoReboot",
        "pb-0123456789abcdef0",
        "web",
        "7c64b8b8-1274-47db-8f0d-e26f6c0aae7b",
        "2026-11-23T04:36:00Z",
        "2026-11-23T04:40:00Z",
        3,
        1,
        25,
    )
    assert (found.is_ok, len(found.sha256)) == (True, 64)


def test_another_summary_has_another_digest(files, root):
    files.summary("Install", at="04:40:00")
    one = read(root).summary.sha256
    files.summary("Install", at="04:41:00")
    assert read(root).summary.sha256 != one


def test_without_files_all_is_absent(root):
    found = read(root)
    assert found.summary == SummaryReading(Standing.ABSENT, f"{FOLDER}/{SUMMARY} does not exist")
    assert found.pending == PendingReading(Standing.ABSENT, f"{FOLDER}/{STATES} does not exist")
    assert (found.reboot_asked, found.locked_by) == ((), "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "[" * 100_000,
        "{}",
        '{"Content": []}',
        '{"Content": [7]}',
        '{"Content": {"MissingCount": "0"}}',
    ],
)
def test_a_summary_of_another_shape_is_unknown(files, root, text):
    files.write(SUMMARY, text)
    reason = f"{FOLDER}/{SUMMARY} holds no summary"
    assert read(root).summary == SummaryReading(Standing.UNKNOWN, reason)


@pytest.mark.parametrize(
    "count", ["", "-1", "1.5", "3 ", "\u0663", "9" * 10, None, True, [3], 1.5, {"a": 1}]
)
def test_a_count_that_is_none_is_not_known(files, root, count):
    files.summary("Scan", MissingCount=count, FailedCount=4)
    found = read(root).summary.summary
    assert (found.missing, found.failed) == (None, 4)


def test_texts_that_are_too_long_or_cannot_be_shown_are_left_out(files, root):
    files.summary("Scan", PatchGroup="a\nb", BaselineId="x" * 201, SnapshotId=7)
    found = read(root).summary.summary
    assert (found.patch_group, found.baseline_id, found.snapshot_id) == ("", "", "")


def test_what_is_no_regular_file_or_too_large_is_not_read(files, root):
    os.mkfifo(files.write("patch-configuration/x", "").parent / SUMMARY.split("/")[1])
    files.write(STATES, " " * ((16 << 20) + 1))
    found = read(root)
    assert found.summary.reason == f"{FOLDER}/{SUMMARY} is no regular file"
    assert found.pending.standing is Standing.UNKNOWN


def test_the_packages_that_wait_for_a_reboot_are_named_as_the_databases_do(files, root):
    files.states(
        **{
            "kernel.x86_64:0:4.14.214-160.339.amzn2": "InstalledPendingReboot",
            "openssl-libs.x86_64:1:1.0.2k-19.amzn2.0.4": "InstalledPendingReboot",
            "bind9-host.amd64:1:9.16.1-0ubuntu2.9": "InstalledPendingReboot",
            "bash.x86_64:0:4.2.46-34.amzn2": "Installed",
            "no-version": "InstalledPendingReboot",
            "a\nb.x86_64:0:1-1": "InstalledPendingReboot",
        }
    )
    assert read(root).pending.packages == (
        ("bind9-host.amd64", "1:9.16.1-0ubuntu2.9"),
        ("kernel.x86_64", "4.14.214-160.339.amzn2"),
        ("openssl-libs.x86_64", "1:1.0.2k-19.amzn2.0.4"),
    )


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"patchStates": []}', '{"patchStates": {"a.b:1": 7}}']
)
def test_states_of_another_shape_name_nothing(files, root, text):
    files.write(STATES, text)
    assert read(root).pending.packages == ()


def test_of_very_many_the_first_500_are_taken(files, root):
    files.states(**{f"p{n:05d}.noarch:0:1-1": "InstalledPendingReboot" for n in range(900)})
    found = read(root).pending.packages
    assert (len(found), found[0]) == (500, ("p00000.noarch", "1-1"))


def test_markers_and_lock_are_told(files, root):
    files.write("patch-baseline-operations-reboot-194/0/x", "")
    files.write("patch-baseline-operations-reboot-195", "no folder")
    files.write(
        "patch-baseline-concurrent.lock",
        f'{{"commandId": "{COMMAND}", "createdAt": "2026-11-23T04:36:00Z", "rebootCount": 0}}',
    )
    found = read(root)
    assert (found.reboot_asked, found.locked_by) == (("194",), COMMAND)


def test_nothing_is_written(files, root, tmp_path):
    files.summary("Scan")
    files.states()
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")}
    read(root)
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")} == before
