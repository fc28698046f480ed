"""The judgement of kernels: next boot, its files, the promise."""

from __future__ import annotations

import pytest

from hookd.core.checks.kernel import (
    livepatch_kept,
    next_boot_files,
    next_boot_is_newest,
    running_is_promised,
)
from hookd.core.model import KernelChange, Outcome
from hookd.core.readings import Boot, InstalledKernel, Kernel, NextBoot, Standing
from hookd.core.snapshot import Snapshot

PASS, WARN, FAIL, UNKNOWN, SKIP = (
    Outcome.PASS,
    Outcome.WARN,
    Outcome.FAIL,
    Outcome.UNKNOWN,
    Outcome.SKIP,
)
OLD, NEW, OTHER = "4.14.9-1.x86_64", "4.14.10-1.x86_64", "5.10.1-1.x86_64"


def kernel(next_boot, *installed, running=OLD):
    return Kernel(
        running=running,
        installed=tuple(InstalledKernel(r, "kernel", r[: -len(".x86_64")]) for r in installed),
        installed_standing=Standing.OK,
        next_boot=next_boot if isinstance(next_boot, NextBoot) else NextBoot(release=next_boot),
    )


ABSENT = NextBoot(Standing.ABSENT, "no boot loader files under /boot")
GARBLED = NextBoot(Standing.UNKNOWN, "grubenv is not a GRUB environment block")


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (kernel(NEW, OLD, NEW), (PASS, NEW, NEW, "")),
        (kernel(OLD, OLD, NEW), (WARN, NEW, OLD, "")),
        (kernel(NEW, OLD, NEW, OTHER), (PASS, NEW, NEW, "")),
        (kernel(OTHER, OLD, NEW, OTHER), (PASS, OTHER, OTHER, "")),
        (kernel("0-rescue-aa11", OLD, NEW), (WARN, NEW, "0-rescue-aa11", "")),
        (kernel(ABSENT, OLD), (SKIP, "", "", "no boot loader files under /boot")),
        (kernel(GARBLED, OLD), (UNKNOWN, "", "", "grubenv is not a GRUB environment block")),
        (
            Kernel(running=OLD, next_boot=NextBoot(release=OLD)),
            (SKIP, "", "", "no installed kernel is known"),
        ),
        (
            Kernel(
                next_boot=NextBoot(release=OLD),
                installed_standing=Standing.UNKNOWN,
                installed_reason="locked",
            ),
            (UNKNOWN, "", "", "locked"),
        ),
    ],
)
def test_the_newest_kernel_of_its_stream_boots_next(state, expected):
    got = next_boot_is_newest(state, {})
    assert (got.outcome, got.expected, got.found, got.reason) == expected


def test_the_remedy_names_the_kernel_to_set():
    remedy = next_boot_is_newest(kernel(OLD, OLD, NEW), {}).remedy
    assert f"grubby --set-default /boot/vmlinuz-{NEW}" in remedy


@pytest.mark.parametrize(
    ("next_boot", "expected"),
    [
        (NextBoot(release=NEW), (PASS, "all", "")),
        (
            NextBoot(release=NEW, missing=(f"/boot/initramfs-{NEW}.img", "/lib/modules/x")),
            (FAIL, f"absent or empty: /boot/initramfs-{NEW}.img, /lib/modules/x", ""),
        ),
        (ABSENT, (SKIP, "", "no boot loader files under /boot")),
        (GARBLED, (UNKNOWN, "", "grubenv is not a GRUB environment block")),
    ],
)
def test_the_files_of_what_boots_next_are_there(next_boot, expected):
    got = next_boot_files(kernel(next_boot), {})
    assert (got.outcome, got.found, got.reason) == expected


# -- the promise ------------------------------------------------------------------------------


def look(name, running, boot_id="one", standing=Standing.OK):
    part = Kernel(standing, "" if running else "osrelease is garbled", running=running)
    boot = Boot(boot_id=boot_id) if boot_id else Boot(standing, "boot_id is garbled")
    return Snapshot(name, "", boot, part)


PROMISE = KernelChange(promised=NEW, promised_by="grubenv")
LEAVING = look("leaving", OLD)
EXPECTED = f"{NEW} (grubenv)"


@pytest.mark.parametrize(
    ("snapshots", "promise", "expected"),
    [
        pytest.param(
            (LEAVING, look("arrived", NEW, "two")), PROMISE, (PASS, EXPECTED, NEW, ""), id="kept"
        ),
        pytest.param(
            (LEAVING, look("arrived", OLD, "two")), PROMISE, (FAIL, EXPECTED, OLD, ""), id="broken"
        ),
        pytest.param(
            (LEAVING, look("arrived", OLD)),
            PROMISE,
            (SKIP, "", "", "not rebooted since leaving"),
            id="not rebooted",
        ),
        pytest.param(
            (look("before", OLD), look("arrived", OLD)),
            PROMISE,
            (SKIP, "", "", "not rebooted since before"),
            id="not rebooted, post never came",
        ),
        pytest.param(
            (look("before", OLD, "zero"), LEAVING, look("arrived", OLD)),
            PROMISE,
            (SKIP, "", "", "not rebooted since leaving"),
            id="rebooted before the promise was made",
        ),
        pytest.param(
            (LEAVING, look("arrived", OLD, "two")),
            KernelChange(),
            (SKIP, "", "", "nothing promised a kernel"),
            id="no promise",
        ),
        pytest.param(
            (LEAVING, look("arrived", "", "two", Standing.UNKNOWN)),
            PROMISE,
            (UNKNOWN, EXPECTED, "", "the running kernel is not known: osrelease is garbled"),
            id="running unknown",
        ),
        pytest.param(
            (LEAVING, look("arrived", "", "two", Standing.ABSENT)),
            PROMISE,
            (SKIP, "", "", "the running kernel is not known: osrelease is garbled"),
            id="no osrelease",
        ),
        pytest.param(
            (LEAVING, look("arrived", NEW, "", Standing.OK)),
            PROMISE,
            (PASS, EXPECTED, NEW, ""),
            id="kept, whatever the boot id",
        ),
    ],
)
def test_the_promised_kernel_runs_after_the_reboot(snapshots, promise, expected):
    got = running_is_promised(snapshots, promise, {})
    assert (got.outcome, got.expected, got.found, got.reason) == expected


@pytest.mark.parametrize(
    ("standing", "outcome"), [(Standing.UNKNOWN, UNKNOWN), (Standing.ABSENT, SKIP)]
)
@pytest.mark.parametrize("ends", [("leaving",), ("arrived",), ("leaving", "arrived")])
def test_without_a_boot_id_another_kernel_is_no_broken_promise(standing, outcome, ends):
    def at(name):
        boot = Boot(standing, "no boot_id") if name in ends else Boot(boot_id=name)
        return Snapshot(name, "", boot, Kernel(running=OLD))

    got = running_is_promised((at("leaving"), at("arrived")), PROMISE, {})
    reason = f"the boot id at {ends[0]} is not known: no boot_id"
    assert (got.outcome, got.reason) == (outcome, reason)


def test_the_remedy_of_a_broken_promise_names_where_to_look():
    got = running_is_promised((LEAVING, look("arrived", OLD, "two")), PROMISE, {})
    for hint in ("grubby --default-kernel", "console log", f"rpm -V kernel-{NEW}"):
        assert hint in got.remedy


OLDER, FIFTEEN = "4.14.7-1.x86_64", "5.15.3-1.x86_64"
STREAM = "another stream (kernel 4.14, not kernel 5.15)"
ODD = {
    "the one of before": (OLD, NEW, OLD, OLD),
    "one between them": ("4.14.9-2.x86_64", NEW, OLD, "4.14.9-2.x86_64"),
    "an older one than before": (
        OLDER,
        NEW,
        OLD,
        f"{OLDER}, fell back to an older one than before ({OLD})",
    ),
    "of another stream": (
        OTHER,
        NEW,
        OLD,
        f"{OTHER}, another stream (kernel 5.10, not kernel 4.14)",
    ),
    "an older one of another stream": (
        OLD,
        FIFTEEN,
        OTHER,
        f"{OLD}, fell back to an older one than before ({OTHER}), {STREAM}",
    ),
    "nobody knows which ran before": (OLDER, NEW, "", OLDER),
}


@pytest.mark.parametrize(("running", "promised", "before", "found"), ODD.values(), ids=ODD)
def test_what_is_odd_about_the_kernel_that_runs_is_said(running, promised, before, found):
    change = KernelChange(running_before=before, promised=promised, promised_by="grubenv")
    got = running_is_promised((LEAVING, look("arrived", running, "two")), change, {})
    assert (got.outcome, got.found, got.before) == (FAIL, found, before)


# -- live patches ------------------------------------------------------------------------------

ONE, TWO = "livepatch_4_14_9_1_1_0_2", "livepatch_4_14_9_1_1_0_4"
KPATCH = {
    "never any": ((OLD, ()), (OLD, (ONE,)), SKIP, "", "no live patch was loaded before"),
    "not known before": ((OLD, None), (OLD, ()), SKIP, "", "no live patch was loaded before"),
    "kept": ((OLD, (ONE,)), (OLD, (ONE,)), PASS, ONE, ""),
    "replaced by a newer one": ((OLD, (ONE,)), (OLD, (TWO,)), PASS, TWO, ""),
    "joined by another": ((OLD, (ONE,)), (OLD, (ONE, TWO)), PASS, f"{ONE}, {TWO}", ""),
    "lost": ((OLD, (ONE,)), (OLD, ()), WARN, f"not loaded any more: {ONE}", ""),
    "one of two lost": ((OLD, (ONE, TWO)), (OLD, (TWO,)), WARN, f"not loaded any more: {ONE}", ""),
    "another kernel": ((OLD, (ONE,)), (NEW, ()), SKIP, "", f"another kernel runs than {OLD}"),
    "not known now": (
        (OLD, (ONE,)),
        (OLD, None),
        UNKNOWN,
        "",
        "the live patches that are loaded are not known",
    ),
}


@pytest.mark.parametrize(
    ("before", "now", "outcome", "found", "reason"), KPATCH.values(), ids=KPATCH
)
def test_live_patches_of_the_same_kernel_stay_loaded(before, now, outcome, found, reason):
    looks = [
        Snapshot(name, "", Boot(), Kernel(running=running, loaded=loaded))
        for name, (running, loaded) in (("before", before), ("after", now))
    ]
    got = livepatch_kept(looks, {})
    assert (got.id, got.outcome, got.found, got.reason) == (
        "kernel.livepatch-kept",
        outcome,
        found,
        reason,
    )
