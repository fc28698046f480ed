"""Who executes what, and from files that are no more there, by a made-up /proc."""

from __future__ import annotations

import os
import sys

import pytest
from support.fakeproc import FakeProc, mapping

from hookd.core.node import Processes, StaleProcess
from hookd.core.readings import Standing
from hookd.system import processes
from hookd.system.root import Root

NOBODY = 4_194_305  # above the most that pid_max may be, proc(5)
PYTHON = os.path.realpath(sys.executable)
TICK = os.sysconf("SC_CLK_TCK")
WEB, LIBC, SSL = "/usr/sbin/web", "/usr/lib64/libc.so.6", "/usr/lib64/libssl.so.3"
WEB_UNIT = "/system.slice/web.service"


@pytest.fixture(name="proc")
def _proc(tmp_path):
    return FakeProc(tmp_path / "proc")


@pytest.fixture(name="look")
def _look(proc):
    return lambda me=NOBODY: processes._read(str(proc), me)


def test_the_files_of_each_unit_are_told(proc, look):
    proc.process(70, WEB, WEB_UNIT, maps=[mapping(WEB), mapping(LIBC), mapping(SSL)])
    proc.process(71, WEB, WEB_UNIT, maps=[mapping(WEB), mapping("/usr/lib64/mod.so")])
    proc.process(72, "/usr/bin/b", "/system.slice/b.service", maps=[mapping(LIBC)])
    proc.process(73, "/usr/bin/c", "/", maps=[mapping("/usr/bin/c")])
    assert look() == Processes(
        files=("/usr/bin/c", LIBC, SSL, "/usr/lib64/mod.so", WEB),
        uses={"b.service": (1,), "web.service": (1, 2, 3, 4)},
    )


def test_only_what_may_be_executed_counts(proc, look):
    data = [mapping("/usr/share/data", may="r--p"), mapping("/usr/lib/cache", may="rw-s")]
    anonymous = [mapping("", may="rwxp"), mapping("[vdso]"), mapping("[heap]", may="rw-p")]
    proc.process(70, WEB, WEB_UNIT, maps=[*data, *anonymous, mapping(WEB)])
    assert look() == Processes(files=(WEB,), uses={"web.service": (0,)})


def stale(pid=70, *files, program=WEB, unit="web.service", ticks=100):
    return StaleProcess(pid, ticks / TICK, program, unit, files)


def test_a_process_on_deleted_files_is_stale_and_their_names_stay(proc, look):
    maps = [mapping(f"{WEB} (deleted)"), mapping(f"{SSL} (deleted)"), mapping(LIBC)]
    proc.process(70, f"{WEB} (deleted)", WEB_UNIT, maps=maps, ticks=4321)
    proc.process(71, "/usr/bin/b", "/system.slice/b.service", maps=[mapping(SSL, inode=8)])
    assert look() == Processes(
        stale=(stale(70, SSL, WEB, ticks=4321),),
        files=(LIBC, SSL, WEB),
        uses={"b.service": (1,), "web.service": (0, 1, 2)},
    )


@pytest.mark.parametrize(
    "path",
    [
        "/memfd:jit",
        "/dev/shm/a",
        "/dev/zero",
        "/SYSV00000000",
        "/run/a.so",
        "/tmp/ffi1a2b",
        "/var/tmp/jna1.tmp",
        "/anon_hugepage",
    ],
)
def test_what_a_program_wrote_for_itself_is_no_file(proc, look, path):
    proc.process(70, WEB, maps=[mapping(f"{path} (deleted)"), mapping(WEB)])
    assert look() == Processes(files=(WEB,))


def test_what_is_deleted_outside_packages_counts_when_it_has_a_successor(tmp_path):
    (tmp_path / "there.so").write_text("")
    lines = [f"00:2b 7 {tmp_path}/{name}.so (deleted)".encode() for name in ("there", "gone")]
    assert [processes._File(line).is_gone for line in lines] == [True, False]


def test_opt_is_no_packages(proc, look):
    proc.process(70, WEB, maps=[mapping("/opt/no-such/netty1a2b.so (deleted)")])
    assert look() == Processes(files=("/opt/no-such/netty1a2b.so",))


def test_a_path_cannot_pass_for_another_line(proc, look):
    """The kernel writes a newline in a name as `\\012`, and blanks as they are."""
    posing = f"/srv/u/\\0127f5eb396f000-7f5eb39c6000 r-xp 00000000 00:2b 7 {SSL} (deleted)"
    proc.process(70, WEB, maps=[mapping(posing, may="r--p"), mapping(f"/srv/u/ r-xp 0 {SSL}")])
    assert look() == Processes(files=(f"/srv/u/ r-xp 0 {SSL}",))


def test_hostile_names_can_be_printed(proc, look):
    line = mapping("/opt/@").encode().replace(b"@", b"\xff\x1b[31m\t")
    proc.process(70, WEB)
    proc.put("70/maps", line + b"\n")
    assert look() == Processes(files=("/opt/\\xff\\x1b[31m\\t",))


@pytest.mark.parametrize("text", [b"", b"\0\xff\n\n", b"zz-zz r-xp 0 0:0 1 /usr/x\n", b" \n"])
def test_what_is_no_line_is_passed_over(proc, look, text):
    proc.process(70, WEB)
    proc.put("70/maps", text)
    assert look() == Processes()


def test_a_process_that_ends_meanwhile_is_passed_over(proc, look, tmp_path):
    (tmp_path / "proc/70").mkdir()
    (tmp_path / "proc/not-a-process").mkdir()
    assert look() == Processes()


def test_one_that_refuses_is_counted(proc, look, tmp_path):
    (tmp_path / "proc/70/maps").mkdir(parents=True)
    assert look() == Processes(unread=1)


def test_containers_are_not_the_machines(proc, look):
    maps = [mapping(f"{SSL} (deleted)")]
    proc.process(70, WEB, "/docker/0af1", maps=maps, space="pid:[4026532777]")
    scope = "/system.slice/docker-0af1.scope"  # of one that shares the machine's pid namespace
    proc.process(71, WEB, scope, maps=maps)
    assert look() == Processes()


@pytest.mark.parametrize("names", [("70",), ("self",), ("70", "self")])
def test_where_a_namespace_cannot_be_read_everybody_is_the_machines(proc, look, tmp_path, names):
    proc.process(70, WEB, maps=[mapping(f"{SSL} (deleted)")])
    for name in names:
        (tmp_path / "proc" / name / "ns/pid").unlink()
    assert look().stale == (stale(70, SSL, unit=""),)


def test_hookd_and_what_it_started_are_left_out(proc, look, tmp_path):
    """Its daemon and its engine, above the probe, execute the same file; the agent does not."""
    python = tmp_path / "python"
    python.write_text("")
    maps = [mapping(f"{SSL} (deleted)")]
    proc.process(60, "/usr/bin/agent", maps=maps)
    proc.process(70, str(python), maps=maps, parent=60)
    proc.process(71, str(python), maps=maps, parent=70)
    proc.process(72, "/usr/bin/rpm", maps=maps, parent=71)
    proc.process(73, str(python), maps=maps, parent=60)
    found = look(me=71)
    assert [process.pid for process in found.stale] == [60, 73]


def test_what_only_hookd_maps_is_left_out(proc, look):
    proc.process(70, WEB, WEB_UNIT, maps=[mapping(WEB)])
    proc.process(71, WEB, "/system.slice/hookd.service", maps=[mapping(LIBC)])
    assert look(me=71) == Processes(files=(WEB,), uses={"web.service": (0,)})


def test_an_interpreter_that_cannot_be_identified_is_nobody_elses(proc, look):
    maps = [mapping(f"{SSL} (deleted)")]
    proc.process(70, "/no/such/a", maps=maps)
    proc.process(71, "/no/such/b", maps=maps, parent=70)
    assert [process.pid for process in look(me=71).stale] == [70]


def told(path, *, device=None, inode=None, after=""):
    """Return the file at `path` as maps has it, with another device or inode when given."""
    found = os.lstat(str(path))
    number = found.st_dev if device is None else device
    place = f"{os.major(number):02x}:{os.minor(number):02x}"
    inode = found.st_ino if inode is None else inode
    return processes._File(f"{place} {inode} {path}{after}".encode())


@pytest.fixture(name="library")
def _library(tmp_path):
    path = tmp_path / "library"
    path.write_text("")
    if not os.major(os.lstat(str(path)).st_dev):
        pytest.skip("temporary files are on no block device")
    return path


def test_another_file_at_its_path_replaces_it(library):
    assert [told(library, inode=i).is_replaced for i in (1, None)] == [True, False]


def test_a_replaced_file_counts_for_who_has_our_root(proc, look, tmp_path):
    """In another mount namespace the same path leads to that one's own file."""
    found = os.lstat(PYTHON)
    if not os.major(found.st_dev):
        pytest.skip("Python is on no block device")
    device = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}"
    maps = [mapping(PYTHON, device=device, inode=found.st_ino + 1)]
    proc.process(70, WEB, WEB_UNIT, maps=maps)
    proc.process(71, WEB, WEB_UNIT, maps=maps, root=str(tmp_path))
    assert look().stale == (stale(70, PYTHON),)


def test_other_devices_tell_nothing(library):
    """Of btrfs and overlayfs stat(2) gives another one; what else there is has no block device."""
    device = os.lstat(str(library)).st_dev
    others = (os.makedev(os.major(device), os.minor(device) + 1), os.makedev(0, 43))
    assert [told(library, device=other, inode=1).is_replaced for other in others] == [False, False]


def test_a_file_that_is_not_at_its_path_is_of_another_root(library):
    """The path of a mapping in another mount namespace is a path of that one."""
    file = told(library, inode=1)
    library.unlink()
    assert not file.is_replaced


def test_a_deleted_file_is_not_compared(library):
    assert not told(library, inode=1, after=" (deleted)").is_replaced


def test_more_files_than_can_be_told_are_unknown(proc, look):
    proc.process(70, WEB, maps=[mapping(f"/usr/{number}") for number in range(20_001)])
    assert look() == Processes(Standing.UNKNOWN, "more than 20000 files are mapped")


def test_without_proc_nothing_is_known(tmp_path):
    expected = Processes(Standing.UNKNOWN, f"{tmp_path}/no: No such file or directory")
    assert processes._read(f"{tmp_path}/no", NOBODY) == expected


def test_below_another_root_there_are_none(tmp_path):
    reason = "nothing runs below another root"
    assert processes.read(Root(str(tmp_path))) == Processes(Standing.ABSENT, reason)
