"""What differs between snapshots: tables of databases, logs and histories in, whole changes out."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from hookd.core.compare import compare, package_changes, packages_changed
from hookd.core.model import BootChange, Changes, KernelChange, PackageAction, PackageChange
from hookd.core.readings import (
    Boot,
    History,
    InstalledKernel,
    Kernel,
    LogAction,
    LogEntry,
    NextBoot,
    PackageLog,
    PackageSet,
    Standing,
    Transaction,
    TransactionState,
    WentDown,
)
from hookd.core.snapshot import Snapshot

OLD, NEW = "1.0-1.amzn2", "1.1-1.amzn2"
BOOT_1 = "11111111-1111-4111-8111-111111111111"
BOOT_2 = "22222222-2222-4222-8222-222222222222"
BOOT_3 = "33333333-3333-4333-8333-333333333333"


def rpmdb(source="rpmdb", **packages):
    """`name=[(evr, time)]`; `.x86_64` is added."""
    named = {k.replace("_", "-") + ".x86_64": tuple(sorted(v)) for k, v in packages.items()}
    return PackageSet(source=source, installed=named)


def unread(source="rpmdb"):
    return PackageSet(Standing.UNKNOWN, "locked", source)


def entry(action, name, evr="", arch="x86_64"):
    return LogEntry(LogAction(action), name, evr, arch)


def log(*entries, source="yum.log", **more):
    return PackageLog(source=source, entries=entries, **more)


def history(*items, state=TransactionState.OK, source="dnf-history"):
    return History(source=source, transactions=(Transaction(1, state, items=items),))


def snapshot(name, *readings, boot_id=BOOT_1, kernel=None):
    return Snapshot(
        name=name,
        taken_at=name,
        boot=Boot(boot_id=boot_id) if boot_id else Boot(Standing.UNKNOWN, "garbled"),
        kernel=kernel or Kernel(),
        packages=tuple(r for r in readings if isinstance(r, PackageSet)),
        logs=tuple(r for r in readings if isinstance(r, PackageLog)),
        histories=tuple(r for r in readings if isinstance(r, History)),
    )


def change(action, before, after, *seen_in, name="foo", arch="x86_64", between="ready..installed"):
    """Return a change; where the history saw it, by its only transaction."""
    by = "dnf-history 1" if "history" in seen_in else ""
    return PackageChange(
        name, arch, PackageAction(action), tuple(before), tuple(after), between, seen_in, by
    )


def changes(first, *rest):
    return package_changes(snapshot("ready", first), snapshot("installed", *rest))


# -- databases --------------------------------------------------------------------------------

K1, K2, K3, K4 = (f"4.14.10{n}-9{n}.76.amzn2" for n in (1, 2, 3, 4))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param({}, {"foo": [(OLD, 1)]}, ("installed", [], [OLD]), id="installed"),
        pytest.param({"foo": [(OLD, 1)]}, {}, ("removed", [OLD], []), id="removed"),
        pytest.param(
            {"foo": [(OLD, 1)]}, {"foo": [(NEW, 2)]}, ("updated", [OLD], [NEW]), id="updated"
        ),
        pytest.param(
            {"foo": [(NEW, 1)]}, {"foo": [(OLD, 2)]}, ("downgraded", [NEW], [OLD]), id="downgraded"
        ),
        pytest.param(
            {"foo": [("9-1", 1)]}, {"foo": [("10-1", 2)]}, ("updated", ["9-1"], ["10-1"]), id="10>9"
        ),
        pytest.param(
            {"foo": [("9-1", 1)]},
            {"foo": [("1:1-1", 2)]},
            ("updated", ["9-1"], ["1:1-1"]),
            id="an epoch beats all",
        ),
        pytest.param(
            {"foo": [("2.0-1", 1)]},
            {"foo": [("2.0~rc1-1", 2)]},
            ("downgraded", ["2.0-1"], ["2.0~rc1-1"]),
            id="a tilde is older",
        ),
        pytest.param(
            {"foo": [(OLD, 1)]},
            {"foo": [(OLD, 2)]},
            ("reinstalled", [OLD], [OLD]),
            id="reinstalled",
        ),
        pytest.param(
            {"foo": [(OLD, 1)]},
            {"foo": [(OLD, 1), (NEW, 2)]},
            ("updated", [OLD], [OLD, NEW]),
            id="a broken duplicate",
        ),
        pytest.param(
            {"foo": [(OLD, 1), (NEW, 2)]},
            {"foo": [(NEW, 2)]},
            ("removed", [OLD, NEW], [NEW]),
            id="a duplicate cleaned up",
        ),
    ],
)
def test_one_package_between_two_databases(before, after, expected):
    action, old, new = expected
    assert changes(rpmdb(**before), rpmdb(**after)) == (change(action, old, new, "rpmdb"),)


@pytest.mark.parametrize(
    ("before", "after", "action"),
    [
        pytest.param([K1, K2, K3], [K2, K3, K4], "installed", id="the oldest is pushed out"),
        pytest.param([K1], [K1, K2], "installed", id="beside the old one"),
        pytest.param([K2], [K1, K2], "installed", id="an older one beside it"),
        pytest.param([K1, K2], [K2], "removed", id="some went"),
        pytest.param([K1], [K2], "installed", id="one for the other"),
    ],
)
@pytest.mark.parametrize("name", ["kernel", "kernel-devel", "kernel-core"])
def test_kernels_stand_side_by_side_in_one_record(before, after, action, name):
    first = PackageSet(installed={name + ".x86_64": tuple((evr, 1) for evr in before)})
    last = PackageSet(installed={name + ".x86_64": tuple((evr, 1) for evr in after)})
    assert changes(first, last) == (change(action, before, after, "rpmdb", name=name),)


def test_another_packages_several_versions_stand_side_by_side_if_they_did_before():
    first, last = rpmdb(kmod=[("1-1", 1), ("2-1", 1)]), rpmdb(kmod=[("2-1", 1), ("3-1", 2)])
    assert changes(first, last) == (
        change("installed", ["1-1", "2-1"], ["2-1", "3-1"], "rpmdb", name="kmod"),
    )


def test_the_same_name_of_two_architectures_are_two_packages():
    first = PackageSet(installed={"glibc.i686": ((OLD, 1),), "glibc.x86_64": ((OLD, 1),)})
    last = PackageSet(installed={"glibc.i686": ((OLD, 1),), "glibc.x86_64": ((NEW, 2),)})
    assert changes(first, last) == (change("updated", [OLD], [NEW], "rpmdb", name="glibc"),)


def test_dpkg_versions_are_ordered_by_debians_rules():
    # a letter is older than a plus; rpm would see only the letters
    first, last = rpmdb("dpkg", foo=[("1.0b-1", 0)]), rpmdb("dpkg", foo=[("1.0+a-1", 0)])
    assert changes(first, last) == (change("updated", ["1.0b-1"], ["1.0+a-1"], "dpkg"),)


def test_dpkg_knows_no_install_time_and_so_no_reinstall():
    same = rpmdb("dpkg", foo=[("1.0-1", 0)])
    assert changes(same, same) == ()


def test_both_databases_of_a_machine_count():
    before = snapshot("ready", rpmdb(foo=[(OLD, 1)]), rpmdb("dpkg", bar=[("1", 0)]))
    after = snapshot("installed", rpmdb(foo=[(NEW, 2)]), rpmdb("dpkg", bar=[("2", 0)]))
    assert package_changes(before, after) == (
        change("updated", ["1"], ["2"], "dpkg", name="bar"),
        change("updated", [OLD], [NEW], "rpmdb"),
    )


# -- who else saw it --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("records", "action", "seen"),
    [
        pytest.param((), "removed", (), id="nobody"),
        pytest.param((log(entry("removed", "foo", OLD)),), "removed", ("yum.log",), id="yum.log"),
        pytest.param((log(entry("removed", "foo", "", "")),), "removed", ("yum.log",), id="bare"),
        pytest.param((log(entry("removed", "foo", OLD, "i686")),), "removed", (), id="other arch"),
        pytest.param((log(entry("removed", "foo-libs", OLD)),), "removed", (), id="other name"),
        pytest.param(
            (
                history(entry("obsoleted", "foo", OLD)),
                log(entry("obsoleted", "foo", OLD), source="dnf.rpm.log"),
            ),
            "obsoleted",
            ("dnf.rpm.log", "history"),
            id="obsoleted",
        ),
        pytest.param(
            (log(entry("removed", "foo", OLD)), history(entry("obsoleted", "foo", OLD))),
            "obsoleted",
            ("yum.log", "history"),
            id="only the history knows it was obsoleted",
        ),
        pytest.param(
            (history(entry("removed", "foo", OLD), state=TransactionState.UNFINISHED),),
            "removed",
            ("history",),
            id="planned in a transaction that died",
        ),
    ],
)
def test_logs_and_histories_that_name_a_change_are_told(records, action, seen):
    assert changes(rpmdb(foo=[(OLD, 1)]), rpmdb(), *records) == (
        change(action, [OLD], [], "rpmdb", *seen),
    )


def test_a_log_line_without_a_change_in_the_database_is_no_change():
    same = rpmdb(foo=[(OLD, 1)])
    assert changes(same, same, log(entry("updated", "foo", NEW), source="dnf.rpm.log")) == ()


# -- no database ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        pytest.param(
            (log(entry("updated", "foo", NEW)),),
            (change("updated", [], [NEW], "yum.log"),),
            id="action by the word, before empty",
        ),
        pytest.param(
            (log(entry("removed", "foo", OLD)),),
            (change("removed", [OLD], [], "yum.log"),),
            id="removed",
        ),
        pytest.param(
            (log(entry("removed", "foo", "", "")),),
            (change("removed", [], [], "yum.log", arch=""),),
            id="a bare removal",
        ),
        pytest.param(
            (log(entry("removed", "foo", "", "")), history(entry("removed", "foo", OLD))),
            (change("removed", [OLD], [], "yum.log", "history"),),
            id="a bare removal that the history knows",
        ),
        pytest.param(
            (log(entry("installed", "foo", OLD)), history(entry("downgraded", "foo", OLD))),
            (change("downgraded", [], [OLD], "yum.log", "history"),),
            id="the history knows a downgrade",
        ),
        pytest.param(
            (log(entry("installed", "foo", OLD), entry("updated", "foo", NEW)),),
            (change("updated", [], [NEW], "yum.log"),),
            id="the last word counts",
        ),
        pytest.param(
            (log(entry("installed", "foo", OLD), entry("removed", "foo", OLD)),),
            (change("removed", [OLD], [], "yum.log"),),
            id="came and went",
        ),
        pytest.param((log(entry("failed", "foo", NEW)),), (), id="failed"),
        pytest.param(
            (
                log(
                    entry("updated", "foo", NEW),
                    entry("failed", "foo", "", ""),
                    source="dnf.rpm.log",
                ),
            ),
            (),
            id="logged before it failed",
        ),
        pytest.param(
            (
                log(entry("updated", "foo", NEW), source="dnf.rpm.log"),
                history(entry("failed", "foo", NEW)),
            ),
            (),
            id="the history knows it failed",
        ),
        pytest.param(
            (log(entry("failed", "foo", NEW), entry("updated", "foo", NEW)),),
            (change("updated", [], [NEW], "yum.log"),),
            id="failed, then came",
        ),
        pytest.param(
            (
                log(
                    entry("updated", "foo", NEW),
                    entry("replaced", "foo", OLD),
                    source="dnf.rpm.log",
                ),
            ),
            (change("updated", [], [NEW], "dnf.rpm.log"),),
            id="the old side",
        ),
        pytest.param(
            (history(entry("updated", "foo", NEW), state=TransactionState.UNFINISHED),),
            (),
            id="only planned",
        ),
        pytest.param(
            (log(entry("installed", "kernel", K1), entry("installed", "kernel", K2)),),
            (change("installed", [], [K1, K2], "yum.log", name="kernel"),),
            id="two kernels",
        ),
        pytest.param(
            (
                log(
                    entry("installed", "kernel", K4),
                    entry("removed", "kernel", K1),
                    source="dnf.rpm.log",
                ),
            ),
            (change("installed", [], [K4], "dnf.rpm.log", name="kernel"),),
            id="a kernel pushes out another",
        ),
    ],
)
@pytest.mark.parametrize("known", ["none", "last", "first"])
def test_without_two_databases_the_records_are_the_changes(records, expected, known):
    first = snapshot("ready", *([rpmdb(bar=[(OLD, 1)])] if known == "first" else []))
    last = snapshot("installed", *records, *([rpmdb()] if known == "last" else [unread()]))
    assert package_changes(first, last) == expected


def test_changes_are_sorted_by_name_and_architecture():
    lines = [
        entry("updated", n, NEW, a) for n, a in (("b", "x"), ("a", "y"), ("B", "x"), ("a", "x"))
    ]
    got = package_changes(snapshot("ready"), snapshot("installed", log(*lines)))
    assert [(c.name, c.arch) for c in got] == [("B", "x"), ("a", "x"), ("a", "y"), ("b", "x")]


# -- a whole operation ------------------------------------------------------------------------


def test_each_change_names_its_span_and_spans_keep_their_order():
    got = compare(
        (
            snapshot("before", rpmdb(zzz=[(OLD, 1)], foo=[(OLD, 1)])),
            snapshot("ready", rpmdb(zzz=[(NEW, 2)], foo=[(OLD, 1)])),
            snapshot("installed", rpmdb(zzz=[(NEW, 2)], foo=[(NEW, 3)])),
            snapshot("leaving", rpmdb(zzz=[(NEW, 2)], foo=[(NEW, 3)])),
            snapshot("arrived", rpmdb(zzz=[(NEW, 2)], foo=[(OLD, 4)])),
            snapshot("after", rpmdb(foo=[(OLD, 4)])),
        )
    )
    assert got.packages == (
        change("updated", [OLD], [NEW], "rpmdb", name="zzz", between="before..ready"),
        change("updated", [OLD], [NEW], "rpmdb"),
        change("downgraded", [NEW], [OLD], "rpmdb", between="leaving..arrived"),
        change("removed", [NEW], [], "rpmdb", name="zzz", between="arrived..after"),
    )


def test_a_failed_reading_between_two_good_ones_is_passed_over():
    got = compare(
        (
            snapshot("leaving", rpmdb(foo=[(OLD, 1)])),
            snapshot("booted-1", unread(), log(entry("updated", "foo", NEW))),
            snapshot("arrived", rpmdb(foo=[(NEW, 2)])),
        )
    )
    assert got.packages == (
        change("updated", [OLD], [NEW], "rpmdb", "yum.log", between="leaving..arrived"),
    )


def test_no_snapshots_have_no_changes():
    assert compare(()) == Changes()


def test_a_real_patch_run_of_amazon_linux_2_without_a_database():
    # the first lines of a first patch run, and its kernel
    lines = (
        entry("updated", "openssl-libs", "1:1.0.2k-19.amzn2.0.4"),
        entry("updated", "bind-license", "32:9.11.4-9.P2.amzn2.0.3", "noarch"),
        entry("installed", "kernel", "4.14.214-160.339.amzn2"),
    )
    runs = {"running": "4.14.154-128.181.amzn2.x86_64"}
    ran = {"running": "4.14.214-160.339.amzn2.x86_64"}
    got = compare(
        (
            snapshot("before", log(), kernel=Kernel(**runs)),
            snapshot("installed", log(*lines), kernel=Kernel(**runs)),
            snapshot("leaving", log(), kernel=Kernel(**runs)),
            snapshot("arrived", log(), boot_id=BOOT_2, kernel=Kernel(**ran)),
        )
    )
    span = "before..installed"
    assert got == Changes(
        packages=(
            change(
                "updated",
                [],
                ["32:9.11.4-9.P2.amzn2.0.3"],
                "yum.log",
                name="bind-license",
                arch="noarch",
                between=span,
            ),
            change(
                "installed", [], ["4.14.214-160.339.amzn2"], "yum.log", name="kernel", between=span
            ),
            change(
                "updated",
                [],
                ["1:1.0.2k-19.amzn2.0.4"],
                "yum.log",
                name="openssl-libs",
                between=span,
            ),
        ),
        kernel=KernelChange(
            running_before="4.14.154-128.181.amzn2.x86_64",
            running_after="4.14.214-160.339.amzn2.x86_64",
            promised="4.14.214-160.339.amzn2.x86_64",
            promised_by="package log",
        ),
        boot=BootChange(rebooted=True, boots=1, boot_id_before=BOOT_1, boot_id_after=BOOT_2),
    )


# -- whether anything changed -----------------------------------------------------------------

FOO = rpmdb(foo=[(OLD, 1)])
LINE = entry("updated", "foo", NEW)


@pytest.mark.parametrize(
    ("first", "middle", "last", "expected"),
    [
        pytest.param((FOO,), (), (FOO,), False, id="the same content"),
        pytest.param((FOO,), (), (rpmdb(foo=[(NEW, 2)]),), True, id="another version"),
        pytest.param((FOO,), (), (rpmdb(foo=[(OLD, 2)]),), True, id="another install time"),
        pytest.param((FOO,), (log(LINE),), (FOO,), False, id="there and back, whatever logs say"),
        pytest.param((), (log(LINE),), (log(),), True, id="by the log alone"),
        pytest.param((log(),), (), (log(),), False, id="no line gained"),
        pytest.param((log(),), (log(gap=True),), (log(),), None, id="lines may be lost"),
        pytest.param((log(),), (log(entry("failed", "foo", NEW)),), (log(),), False, id="failed"),
        pytest.param((), (), (), None, id="nothing readable"),
        pytest.param((), (), (log(),), None, id="a log at one end only"),
        pytest.param((FOO,), (), (unread(),), None, id="the database at one end only"),
        pytest.param((FOO, log()), (log(LINE),), (unread(), log()), True, id="the log stands in"),
        pytest.param((FOO, log()), (), (unread(), log()), False, id="and says nothing changed"),
        pytest.param((history(),), (), (history(LINE),), True, id="by the history alone"),
        pytest.param(
            (rpmdb("dpkg"), unread()), (), (rpmdb("dpkg"), unread()), None, id="one of two unread"
        ),
        pytest.param((rpmdb("dpkg"),), (), (rpmdb("dpkg"),), False, id="dpkg alone"),
    ],
)
def test_whether_packages_changed(first, middle, last, expected):
    snapshots = (snapshot("before", *first), snapshot("ready", *middle), snapshot("after", *last))
    assert packages_changed(snapshots) is expected


def test_nothing_looked_at_tells_nothing():
    assert packages_changed(()) is None


# -- kernel and boot --------------------------------------------------------------------------


def kernels(running, *installed, next_boot=""):
    return Kernel(
        running=running,
        installed=tuple(InstalledKernel(release, "kernel") for release in installed),
        installed_standing=Standing.OK,
        next_boot=NextBoot(release=next_boot, source="bls"),
    )


def test_the_kernel_change_of_a_kept_promise():
    one, two = "6.1.1-1.x86_64", "6.1.2-1.x86_64"
    got = compare(
        (
            snapshot("before", kernel=kernels(one, one, next_boot=one)),
            snapshot("leaving", kernel=kernels(one, one, two, next_boot=two)),
            snapshot("arrived", boot_id=BOOT_2, kernel=kernels(two, one, two, next_boot=two)),
        )
    )
    assert got.kernel == KernelChange(one, two, two, two, two, "bls")


def test_a_kernel_that_came_after_the_boot_was_not_promised():
    one, two = "6.1.1-1.x86_64", "6.1.2-1.x86_64"
    got = compare(
        (
            snapshot("leaving", kernel=kernels(one, one, next_boot=one)),
            snapshot("booted-1", boot_id=BOOT_2, kernel=kernels(one, one, next_boot=one)),
            snapshot("arrived", boot_id=BOOT_2, kernel=kernels(one, one, two, next_boot=two)),
        )
    )
    assert (got.kernel.promised, got.kernel.promised_by) == (one, "bls")


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ((BOOT_1, BOOT_1), BootChange(False, 0, BOOT_1, BOOT_1)),
        ((BOOT_1, BOOT_1, BOOT_2, BOOT_2), BootChange(True, 1, BOOT_1, BOOT_2)),
        ((BOOT_1, BOOT_2, BOOT_3, BOOT_3), BootChange(True, 2, BOOT_1, BOOT_3)),
        ((BOOT_1, "", BOOT_2), BootChange(True, 1, BOOT_1, BOOT_2)),
        ((BOOT_1, ""), BootChange(None, 0, BOOT_1, "")),
        (("", BOOT_1), BootChange(None, 0, "", BOOT_1)),
        (("", ""), BootChange(None, 0, "", "")),
    ],
)
def test_boots_are_told_apart_by_their_ids(ids, expected):
    snapshots = [snapshot(f"s{i}", boot_id=boot_id) for i, boot_id in enumerate(ids)]
    assert compare(snapshots).boot == expected


CLEAN, UNCLEAN = WentDown(clean=True, down_s=40.5), WentDown(clean=False)
UNTOLD = WentDown(Standing.UNKNOWN, "wtmp begins with this boot")

DOWNS = {
    "no boot": (((BOOT_1, UNCLEAN), (BOOT_1, UNCLEAN)), BootChange(False, 0, BOOT_1, BOOT_1)),
    "a clean one": (
        ((BOOT_1, UNCLEAN), (BOOT_2, CLEAN), (BOOT_2, CLEAN)),
        BootChange(True, 1, BOOT_1, BOOT_2, True, 40.5),
    ),
    "two clean ones": (
        ((BOOT_1, UNTOLD), (BOOT_2, CLEAN), (BOOT_3, CLEAN)),
        BootChange(True, 2, BOOT_1, BOOT_3, True, 81.0),
    ),
    "a crash among them": (
        ((BOOT_1, CLEAN), (BOOT_2, UNCLEAN), (BOOT_3, CLEAN)),
        BootChange(True, 2, BOOT_1, BOOT_3, False, None),
    ),
    "one that nobody can tell of": (
        ((BOOT_1, CLEAN), (BOOT_2, UNTOLD), (BOOT_3, CLEAN)),
        BootChange(True, 2, BOOT_1, BOOT_3, None, None, "wtmp begins with this boot"),
    ),
    "told by a later look": (
        ((BOOT_1, CLEAN), (BOOT_2, UNTOLD), (BOOT_2, CLEAN)),
        BootChange(True, 1, BOOT_1, BOOT_2, True, 40.5),
    ),
}


@pytest.mark.parametrize(("looks", "expected"), DOWNS.values(), ids=DOWNS)
def test_how_the_machine_went_down_is_told_of_each_boot_after_the_first_look(looks, expected):
    snapshots = [
        replace(snapshot(f"s{i}"), boot=Boot(boot_id=boot_id, before=before))
        for i, (boot_id, before) in enumerate(looks)
    ]
    assert compare(snapshots).boot == expected


# -- cost -------------------------------------------------------------------------------------


def test_comparing_1500_packages_takes_less_than_20_ms():
    many = {f"package-{n}.x86_64": ((f"1.{n}-1.amzn2", n),) for n in range(1500)}
    changed = {**many, **{f"package-{n}.x86_64": (("2.0-1", 1),) for n in range(30)}}
    ends = snapshot("a", PackageSet(installed=many)), snapshot("b", PackageSet(installed=changed))
    took = []
    for _ in range(5):
        began = time.process_time()
        assert len(package_changes(*ends)) == 30
        took.append(time.process_time() - began)
    assert min(took) < 0.020
