"""Who could have written a file: itself, every directory above, links and what they hide."""

from __future__ import annotations

import os
import socket
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookd.system.hooks.trust import Examiner, TrustState, examine, open_trusted, printable, shown
from hookd.system.root import Root

HOOK = "/etc/hookd/hooks.d/pre/10-x"
NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give files away")


@pytest.fixture
def base(tmp_path):
    base = tmp_path / "root"
    (base / "etc/hookd/hooks.d/pre").mkdir(parents=True)
    for directory in (base, *base.glob("**/")):
        directory.chmod(0o755)
    (base / HOOK[1:]).write_text("#!/bin/sh\n")
    (base / HOOK[1:]).chmod(0o755)
    return base


def verdict(base, path=HOOK):
    trust = examine(Root(str(base)), path)
    return trust.state, trust.reason.replace(str(base), "")


def test_a_file_of_ours_in_directories_of_ours_is_trusted(base):
    trust = examine(Root(str(base)), HOOK)
    assert (trust.state, trust.reason, trust.path) == (
        TrustState.TRUSTED, "", str(base) + HOOK,
    )  # fmt: skip
    assert trust.stat == os.lstat(str(base) + HOOK)


def test_on_the_host_the_walk_goes_up_to_the_root():
    assert examine(Root(), "/bin/sh").state is TrustState.TRUSTED


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        (0o775, f"{HOOK} can be written by others (mode 0775): chmod go-w {HOOK}"),
        (0o757, f"{HOOK} can be written by others (mode 0757): chmod go-w {HOOK}"),
        (0o4755, f"{HOOK} has a set-id bit (mode 4755): chmod ug-s {HOOK}"),
        (0o2755, f"{HOOK} has a set-id bit (mode 2755): chmod ug-s {HOOK}"),
        (
            0o4777,
            (
                f"{HOOK} can be written by others (mode 4777): chmod go-w {HOOK}; "
                f"{HOOK} has a set-id bit (mode 4777): chmod ug-s {HOOK}"
            ),
        ),
        (0o1757, f"{HOOK} can be written by others (mode 1757): chmod go-w {HOOK}"),
    ],
)
def test_a_file_that_others_could_write_is_refused(base, mode, reason):
    os.chmod(str(base) + HOOK, mode)
    assert verdict(base) == (TrustState.REFUSED, reason)


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o700, 0o555, 0o500, 0o400, 0o711])
def test_any_other_mode_is_trusted(base, mode):
    os.chmod(str(base) + HOOK, mode)
    assert verdict(base) == (TrustState.TRUSTED, "")


@pytest.mark.parametrize(
    "above", ["/etc", "/etc/hookd", "/etc/hookd/hooks.d", "/etc/hookd/hooks.d/pre"]
)
@pytest.mark.parametrize(("mode", "shape"), [(0o775, "0775"), (0o757, "0757")])
def test_every_directory_above_counts(base, above, mode, shape):
    os.chmod(str(base) + above, mode)
    assert verdict(base) == (
        TrustState.REFUSED,
        f"{above} can be written by others (mode {shape}): chmod go-w {above}",
    )


def test_the_root_directory_itself_counts(base):
    base.chmod(0o777)
    assert examine(Root(str(base)), HOOK).reason == (
        f"{base} can be written by others (mode 0777): chmod go-w {base}"
    )


def test_nothing_above_the_root_directory_counts(base):
    base.parent.chmod(0o777)
    assert verdict(base) == (TrustState.TRUSTED, "")


def test_all_bad_directories_are_named_at_once(base):
    for above in ("/etc", "/etc/hookd"):
        os.chmod(str(base) + above, 0o775)
    assert verdict(base) == (
        TrustState.REFUSED,
        (
            "/etc can be written by others (mode 0775): chmod go-w /etc; "
            "/etc/hookd can be written by others (mode 0775): chmod go-w /etc/hookd"
        ),
    )


@needs_root
def test_a_sticky_directory_of_root_passes(base):
    os.chmod(str(base) + "/etc", 0o1777)
    assert verdict(base) == (TrustState.TRUSTED, "")


@needs_root
def test_a_sticky_directory_of_somebody_else_does_not(base):
    os.chmod(str(base) + "/etc", 0o1755)
    os.chown(str(base) + "/etc", NOBODY, 0)
    assert verdict(base) == (TrustState.REFUSED, "/etc is owned by uid 65534: chown root /etc")


@needs_root
@pytest.mark.parametrize("path", [HOOK, "/etc/hookd"])
def test_what_somebody_else_owns_is_refused(base, path):
    os.chown(str(base) + path, NOBODY, 0)
    assert verdict(base) == (
        TrustState.REFUSED,
        f"{path} is owned by uid 65534: chown root {path}",
    )


@needs_root
def test_a_link_that_somebody_else_placed_is_refused(base):
    link = str(base) + "/etc/hookd/hooks.d/pre/20-link"
    os.symlink("10-x", link)
    os.chown(link, NOBODY, 0, follow_symlinks=False)
    shown_link = "/etc/hookd/hooks.d/pre/20-link"
    assert verdict(base, shown_link) == (
        TrustState.REFUSED,
        f"link {shown_link} is owned by uid 65534: chown -h root {shown_link}",
    )


def place(base, kind):
    path = str(base) + "/etc/hookd/hooks.d/pre/20-odd"
    if kind == "a directory":
        os.mkdir(path)
    elif kind == "a FIFO":
        os.mkfifo(path)
    elif kind == "a socket":
        here = os.getcwd()
        os.chdir(os.path.dirname(path))
        try:
            with socket.socket(socket.AF_UNIX) as one:
                one.bind("20-odd")
        finally:
            os.chdir(here)
    return "/etc/hookd/hooks.d/pre/20-odd"


@pytest.mark.parametrize("kind", ["a directory", "a FIFO", "a socket"])
def test_what_is_no_file_is_refused_by_its_kind(base, kind):
    path = place(base, kind)
    assert verdict(base, path) == (TrustState.REFUSED, f"{path} is {kind}: move it away")


def test_a_device_behind_a_link_is_refused():
    # /dev is the host's; the mask is the text /dev/null only.
    assert examine(Root(), "/dev/zero").reason == "/dev/zero is a character device: move it away"


def link(base, target, name="20-link"):
    path = f"/etc/hookd/hooks.d/pre/{name}"
    os.symlink(target, str(base) + path)
    return path


def test_a_link_to_dev_null_masks_although_the_root_has_no_dev(base):
    path = link(base, "/dev/null")
    assert verdict(base, path) == (TrustState.MASKED, f"{path} is a link to /dev/null")


def test_a_mask_in_a_directory_that_others_can_write_is_refused(base):
    path = link(base, "/dev/null")
    os.chmod(str(base) + "/etc/hookd", 0o777)
    assert verdict(base, path)[0] is TrustState.REFUSED


@pytest.mark.parametrize("target", ["../../../../dev/null", "/dev//null", "/dev/./null"])
def test_only_the_exact_text_masks(base, target):
    state, _ = verdict(base, link(base, target))
    assert state is TrustState.REFUSED


@pytest.mark.parametrize(
    "target", ["10-x", "../pre/10-x", HOOK, "/../../etc/hookd/hooks.d/pre/10-x"]
)
def test_other_links_are_followed_inside_the_root(base, target):
    trust = examine(Root(str(base)), link(base, target))
    assert (trust.state, trust.path) == (TrustState.TRUSTED, str(base) + HOOK)


def test_every_directory_of_the_target_counts(base):
    (base / "opt/app").mkdir(parents=True)
    (base / "opt/app/hook").write_text("#!/bin/sh\n")
    (base / "opt/app").chmod(0o755)
    (base / "opt").chmod(0o775)
    assert verdict(base, link(base, "/opt/app/hook")) == (
        TrustState.REFUSED,
        "/opt can be written by others (mode 0775): chmod go-w /opt",
    )


def test_a_directory_passed_on_the_way_by_dots_counts(base):
    (base / "opt").mkdir()
    (base / "opt").chmod(0o777)
    assert verdict(base, link(base, "/opt/../etc/hookd/hooks.d/pre/10-x"))[0] is TrustState.REFUSED


def test_the_target_file_counts(base):
    os.chmod(str(base) + HOOK, 0o775)
    assert verdict(base, link(base, "10-x")) == (
        TrustState.REFUSED,
        f"{HOOK} can be written by others (mode 0775): chmod go-w {HOOK}",
    )


def test_a_link_to_nothing_is_refused(base):
    path = link(base, "gone")
    assert verdict(base, path) == (
        TrustState.REFUSED,
        f"{path} links to 'gone': /etc/hookd/hooks.d/pre/gone does not exist",
    )


def test_links_that_go_round_are_refused(base):
    link(base, "b", "a")
    assert verdict(base, link(base, "a", "b"))[0] is TrustState.REFUSED


def test_a_file_used_as_a_directory_is_refused(base):
    path = HOOK + "/below"
    assert verdict(base, path) == (TrustState.REFUSED, f"{HOOK} is no directory")


def test_a_link_of_two_thousand_components_is_refused_quietly(base):
    assert verdict(base, link(base, "x/" * 2000))[0] is TrustState.REFUSED


def test_what_is_not_there_is_missing(base):
    assert verdict(base, "/etc/none/x") == (TrustState.MISSING, "/etc/none does not exist")
    assert verdict(base, HOOK + "y") == (TrustState.MISSING, f"{HOOK}y does not exist")
    assert verdict(base / "gone")[0] is TrustState.MISSING


def test_a_directory_is_looked_at_once_for_all_its_files(base, monkeypatch):
    examiner, seen, lstat = Examiner(Root(str(base))), [], os.lstat

    def counted(path, **more):
        seen.append(path)
        return lstat(path, **more)

    examiner.examine(HOOK)
    monkeypatch.setattr(os, "lstat", counted)
    for _ in range(5):
        examiner.examine(HOOK)
    assert seen == [str(base) + HOOK] * 5


def test_opening_gives_the_file_that_was_examined(base):
    trust = examine(Root(str(base)), HOOK)
    descriptor = open_trusted(trust)
    assert os.read(descriptor, 100) == b"#!/bin/sh\n"
    os.close(descriptor)


@pytest.mark.parametrize("new", ["file", "fifo", "link", "mode"])
def test_opening_what_was_replaced_since_raises_and_never_blocks(base, new):
    trust = examine(Root(str(base)), HOOK)
    path = str(base) + HOOK
    if new == "mode":
        os.chmod(path, 0o777)
    else:
        os.rename(path, path + ".old")
    if new == "file":
        (base / HOOK[1:]).write_text("#!/bin/sh\n")
        os.chmod(path, stat.S_IMODE(trust.stat.st_mode))
    elif new == "fifo":
        os.mkfifo(path)
    elif new == "link":
        os.symlink(path + ".old", path)
    with pytest.raises(OSError, match=r"replaced|symbolic links"):
        open_trusted(trust)


def test_a_name_that_needs_it_is_quoted_in_what_to_do():
    assert shown("/etc/a b\n") == "'/etc/a b\\x0a'"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (b"10-x", "10-x"),
        (b"a b", "a b"),
        (b"a\nb", "a\\x0ab"),
        (b"a\xffb", "a\\xffb"),
        ("ä".encode(), "ä"),
        (b"a\\x0ab", "a\\x5cx0ab"),
        (b"\x1b[31m", "\\x1b[31m"),
        ("\u202e".encode(), "\\xe2\\x80\\xae"),
    ],
)
def test_names_are_shown_printable(name, text):
    assert printable(name) == text


@given(st.binary(max_size=12), st.binary(max_size=12))
def test_no_two_names_are_shown_alike(one, other):
    assert (printable(one) == printable(other)) == (one == other)
    assert printable(one).isprintable()
