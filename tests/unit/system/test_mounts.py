"""What is mounted and what is missing, by a made-up mountinfo and fstab."""

from __future__ import annotations

import os

import pytest

from hookd.core.node import Mount, Mounts
from hookd.core.readings import Standing
from hookd.system import mounts
from hookd.system.root import Root

ROOT = "27 1 259:1 / / rw,noatime shared:1 - xfs /dev/nvme0n1p1 rw,attr2\n"
ROOT_MOUNT = Mount("/", "/dev/nvme0n1p1", "xfs")


def row(point, fstype="xfs", source="/dev/nvme1n1", *, device="259:2", options="rw", more="rw"):
    return f"40 27 {device} / {point} {options} shared:2 master:1 - {fstype} {source} {more}\n"


@pytest.fixture(name="put")
def _put(tmp_path):
    def put(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    return put


@pytest.fixture(name="look")
def _look(put, tmp_path):
    def look(*rows, fstab=""):
        put("proc/self/mountinfo", ROOT + "".join(rows))
        put("etc/fstab", fstab)
        return mounts._read(Root(str(tmp_path)))

    return look


def test_file_systems_are_told_by_their_points(look):
    found = look(
        row("/var"),
        row("/data", "nfs4", "fs-1.efs.example:/", device="0:50", more="rw,vers=4.1"),
        row("/cd", "iso9660", "/dev/sr0", options="ro,nosuid"),
        row("/broken", "ext4", "/dev/sdf", more="ro,errors=remount-ro"),
    )
    assert found == Mounts(
        mounted=(
            ROOT_MOUNT,
            Mount("/broken", "/dev/sdf", "ext4", is_read_only=True),
            Mount("/cd", "/dev/sr0", "iso9660", is_read_only=True),
            Mount("/data", "fs-1.efs.example:/", "nfs4"),
            Mount("/var", "/dev/nvme1n1", "xfs"),
        )
    )


PSEUDO = ["proc", "sysfs", "cgroup2", "devtmpfs", "nsfs", "binfmt_misc", "rpc_pipefs", "autofs"]


@pytest.mark.parametrize("fstype", PSEUDO)
def test_pseudo_file_systems_are_not_told_even_if_fstab_names_them(look, fstype):
    found = look(row("/x", fstype, fstype, device="0:20"), fstab=f"none /x {fstype} defaults 0 0")
    assert found == Mounts(mounted=(ROOT_MOUNT,))


@pytest.mark.parametrize("fstype", ["tmpfs", "overlay", "squashfs"])
def test_what_others_mount_for_themselves_is_told_when_fstab_names_it(look, fstype):
    mounted = row("/x", fstype, "some", device="0:20")
    named = Mounts(mounted=(ROOT_MOUNT, Mount("/x", "some", fstype)))
    assert look(mounted) == Mounts(mounted=(ROOT_MOUNT,))
    assert look(mounted, fstab=f"some /x {fstype} rw") == named
    assert look(mounted, fstab=f"some /x {fstype} noauto") == named


def test_a_root_on_overlay_is_told(look):
    found = look(row("/", "overlay", "overlay", device="0:20"))
    assert found == Mounts(mounted=(Mount("/", "overlay", "overlay"),))


@pytest.mark.parametrize(
    "point",
    ["/run/user/0/x", "/run/media/usb", "/var/lib/docker/volumes/a", "/var/lib/kubelet/pods/b"],
)
def test_what_lies_in_the_room_of_others_is_theirs_unless_fstab_names_it(look, point):
    assert look(row(point)) == Mounts(mounted=(ROOT_MOUNT,))
    named = look(row(point), fstab=f"/dev/nvme1n1 {point} xfs defaults")
    assert named == Mounts(mounted=(ROOT_MOUNT, Mount(point, "/dev/nvme1n1", "xfs")))


def test_a_name_that_only_begins_alike_is_not_below(look):
    assert look(row("/runner")).mounted == (ROOT_MOUNT, Mount("/runner", "/dev/nvme1n1", "xfs"))


@pytest.mark.parametrize(("user", "is_told"), [("0", True), ("1000", False)])
def test_fuse_is_the_machines_when_root_mounted_it(look, user, is_told):
    more = f"rw,user_id={user},group_id=0"
    found = look(row("/mnt/s3", "fuse.s3fs", "s3fs", device="0:50", more=more))
    assert (Mount("/mnt/s3", "s3fs", "fuse.s3fs") in found.mounted) is is_told


def test_the_last_mount_on_a_point_is_the_one_that_is_seen(look):
    found = look(row("/x"), row("/x", "ext4", "/dev/sdf"))
    assert found.mounted == (ROOT_MOUNT, Mount("/x", "/dev/sdf", "ext4"))


FSTAB = """\
# /dev/none /commented ext4 defaults 0 0
UUID=11111111-2222-3333-4444-555555555555 / xfs defaults 0 0

LABEL=data\t/data\text4 defaults,nofail 0 2
/dev/sdf /both/../a//b/ ext4
/srv /var/www none bind 0 0
fs-1:/ /efs nfs4 _netdev,noatime 0 0
/dev/sdg /by-hand ext4 rw,noauto 0 0
/dev/sdh none swap sw 0 0
/swapfile swap swap defaults 0 0
/dev/sdi /off ignore defaults 0 0
/dev/sdj
"""


def test_points_of_fstab_that_are_not_mounted_are_missing(look):
    assert look(fstab=FSTAB).missing == ("/a/b", "/data", "/efs", "/var/www")


def test_points_that_are_mounted_are_not(look):
    rows = [row(point) for point in ("/data", "/a/b", "/var/www")]
    assert look(*rows, fstab=FSTAB).missing == ("/efs",)


AUTOMOUNT = row("/efs", "autofs", "systemd-1", device="0:33")


def test_an_automount_is_there_whether_it_was_used_or_not(look):
    """What it mounts comes and goes with its use, so that it is told neither way."""
    idle = look(AUTOMOUNT, fstab="fs-1:/ /efs nfs4 x-systemd.automount")
    used = look(
        AUTOMOUNT,
        row("/efs", "nfs4", "fs-1:/", device="0:50"),
        row("/efs/below", "nfs4", "fs-1:/below", device="0:51"),
        fstab="fs-1:/ /efs nfs4 x-systemd.automount",
    )
    assert idle == used == Mounts(mounted=(ROOT_MOUNT,))


def test_an_automount_that_is_not_set_up_is_missing(look):
    assert look(fstab="fs-1:/ /efs nfs4 x-systemd.automount").missing == ("/efs",)


def test_escapes_are_resolved_on_both_sides(look):
    found = look(
        row("/a\\040b\\134c", source="//nas/a\\040b"), fstab="//nas/a\\040b /a\\040b\\134c cifs rw"
    )
    mounted = (ROOT_MOUNT, Mount("/a b\\c", "//nas/a b", "xfs"))
    assert found == Mounts(mounted=mounted)


def test_hostile_points_can_be_printed(put, look, tmp_path):
    put("proc/self/mountinfo", row("/\x85\x0c\\012\x1b[31m").encode() + row("/@").encode("utf-8"))
    put("etc/fstab", b"/dev/x /\xff\xa0 xfs rw\n")
    found = mounts._read(Root(str(tmp_path)))
    points = [mount.point for mount in found.mounted]
    assert (points, found.missing) == (["/@", "/\\x85\\x0c\\n\\x1b[31m"], ("/\\xff\\xa0",))


def test_what_is_no_line_is_passed_over(look):
    found = look("\n", "40 27\n", "a b c d e f - g h i\n", row("/gone//deleted"), row("/x"))
    assert found.mounted == (ROOT_MOUNT, Mount("/x", "/dev/nvme1n1", "xfs"))


def test_a_source_without_a_name_is_none(look):
    assert look(row("/x", source="")).mounted == (ROOT_MOUNT, Mount("/x", "", "xfs"))


def test_a_point_behind_a_link_is_where_the_link_leads(look, tmp_path):
    (tmp_path / "srv/deep").mkdir(parents=True)
    os.symlink("/srv/deep", str(tmp_path / "link"))
    os.symlink("../link/./x", str(tmp_path / "srv/other"))
    os.symlink("/srv/deep/y", str(tmp_path / "srv/deep/link"))
    points = ("/link/data", "/srv/other", "/srv/deep/link", "/link/lost")
    fstab = "".join(f"/dev/a {point} xfs rw\n" for point in points)
    found = look(*(row(f"/srv/deep/{name}") for name in ("data", "x", "y")), fstab=fstab)
    assert found.missing == ("/srv/deep/lost",)


def test_a_loop_of_links_leads_nowhere(look, tmp_path):
    os.symlink("loop", str(tmp_path / "loop"))
    assert look(fstab="/dev/a /loop/x xfs rw").missing == ("/loop/x",)


def test_links_on_a_server_are_not_looked_at(look, tmp_path):
    """Asking a dead one where its link leads would never end."""
    (tmp_path / "srv").mkdir()
    os.symlink("elsewhere", str(tmp_path / "srv/link"))
    fstab = "/dev/a /srv/link/x xfs rw"
    assert look(row("/srv"), fstab=fstab).missing == ("/srv/elsewhere/x",)
    served = row("/srv", "nfs4", "fs-1:/", device="0:50")
    assert look(served, fstab=fstab).missing == ("/srv/link/x",)


def test_a_point_on_a_server_may_be_written_in_any_way(look):
    served = row("/srv", "nfs4", "fs-1:/", device="0:50")
    assert look(served, fstab="fs-1:/ //srv/./ nfs4 rw").missing == ()


def test_without_an_fstab_nothing_is_missing(put, tmp_path):
    put("proc/self/mountinfo", ROOT)
    assert mounts._read(Root(str(tmp_path))) == Mounts(mounted=(ROOT_MOUNT,))


def test_an_unreadable_fstab_is_unknown_and_what_is_mounted_is_told(put, look, tmp_path):
    put("proc/self/mountinfo", ROOT)
    put("etc/fstab", b"\0")
    expected = Mounts(Standing.UNKNOWN, "/etc/fstab is binary", mounted=(ROOT_MOUNT,))
    assert mounts._read(Root(str(tmp_path))) == expected


def test_without_mountinfo_nothing_is_known(tmp_path):
    expected = Mounts(Standing.UNKNOWN, "/proc/self/mountinfo does not exist")
    assert mounts._read(Root(str(tmp_path))) == expected


def test_below_another_root_there_are_none(tmp_path):
    reason = "nothing runs below another root"
    assert mounts.read(Root(str(tmp_path))) == Mounts(Standing.ABSENT, reason)
