"""Paths under another root: links are followed as if it were `/`, and never out of it."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hookd.system.root import Root


@pytest.fixture
def tree(tmp_path):
    """A root with files, and links of every kind; `outside` lies beside it."""
    root = tmp_path / "root"
    (root / "etc" / "hookd").mkdir(parents=True)
    (root / "var" / "lib").mkdir(parents=True)
    (root / "etc" / "hookd" / "hookd.toml").write_text("x = 1\n")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("no\n")
    links = {
        "absolute": "/etc/hookd",
        "relative": "etc/hookd",
        "to-file": "/etc/hookd/hookd.toml",
        "upwards": "../../../../../outside/secret",
        "host": str(tmp_path / "outside" / "secret"),
        "dangling": "/no/such/file",
        "null": "/dev/null",
        "self": "self",
        "a": "/b",
        "b": "/a",
        "etc/out": "..",
        "var/run": "/run",
        "slash": "/",
        "chain": "/absolute/../hookd/hookd.toml",
    }
    for name, target in links.items():
        os.symlink(target, root / name)
    return root


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", ""),
        ("/etc/hookd/hookd.toml", "/etc/hookd/hookd.toml"),
        ("//etc/./hookd//", "/etc/hookd"),
        ("/etc/hookd/../hookd", "/etc/hookd"),
        ("/../../etc", "/etc"),
        ("/absolute/hookd.toml", "/etc/hookd/hookd.toml"),
        ("/relative/hookd.toml", "/etc/hookd/hookd.toml"),
        ("/to-file", "/etc/hookd/hookd.toml"),
        # a link's `..` is that of its target
        ("/absolute/..", "/etc"),
        ("/etc/out/var", "/var"),
        ("/chain", "/etc/hookd/hookd.toml"),
        ("/slash/slash/etc", "/etc"),
        ("/var/run/hookd", "/run/hookd"),
        ("/dangling", "/no/such/file"),
        ("/null", "/dev/null"),
        ("/no/such/file", "/no/such/file"),
        ("/upwards", "/outside/secret"),
    ],
)
def test_links_are_followed_inside_the_root(tree, path, expected):
    assert Root(str(tree)).join(path) == str(tree) + expected


def test_an_absolute_link_never_leads_to_the_host(tree):
    found = Root(str(tree)).join("/host")
    assert found.startswith(str(tree) + "/")
    assert not os.path.exists(found)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/to-file", "/to-file"),
        ("/absolute/hookd.toml", "/etc/hookd/hookd.toml"),
        ("/absolute", "/absolute"),
        ("/null", "/null"),
        ("/self", "/self"),
        ("/etc/out/to-file", "/to-file"),
    ],
)
def test_the_last_link_can_be_left_alone(tree, path, expected):
    assert Root(str(tree)).join_nofollow(path) == str(tree) + expected


@pytest.mark.parametrize("path", ["/a", "/b/c", "/self", "/self/x", "/etc/out/a"])
def test_a_loop_of_links_cannot_be_opened(tree, path):
    with pytest.raises(OSError, match="File name too long"):
        os.stat(Root(str(tree)).join(path))


def test_a_long_chain_of_links_does_not_end_outside(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "secret").write_text("no\n")
    os.symlink(str(tmp_path / "secret"), root / "link-0")
    for number in range(1, 60):
        os.symlink(f"/link-{number - 1}", root / f"link-{number}")
    for number in range(60):
        assert not os.path.exists(Root(str(root)).join(f"/link-{number}"))


def test_the_host_is_taken_as_it_is():
    assert Root().is_host
    assert Root("/").join("/etc/../x") == "/etc/../x"
    assert Root("/").join_nofollow("/etc/x") == "/etc/x"
    assert str(Root("//")) == "/"


def test_a_root_that_is_a_link_is_the_directory_it_leads_to(tree, tmp_path):
    os.symlink("root", tmp_path / "alias")
    found = Root(str(tmp_path / "alias"))
    assert (str(found), found.is_host) == (str(tree), False)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("{root}/etc/x", "/etc/x"),
        ("{root}", "/"),
        ("{root}-two/etc", "{root}-two/etc"),
        ("/etc/x", "/etc/x"),
    ],
)
def test_a_path_of_the_host_is_shown_as_it_reads_inside(tree, path, expected):
    root = str(tree)
    assert Root(root).shown(path.format(root=root)) == expected.format(root=root)


def test_on_the_host_paths_are_shown_as_they_are():
    assert Root().shown("/etc/x") == "/etc/x"


names = st.sampled_from(
    ["etc", "hookd", "..", ".", "", "a", "self", "absolute", "host", "upwards", "out", "slash"]
)


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(names, max_size=6))
def test_no_path_leaves_the_root(tree, parts):
    root, path = Root(str(tree)), "/" + "/".join(parts)
    for found in (root.join(path), os.path.join(root.join_nofollow(path + "/x"), "..")):
        try:
            os.stat(found)
        except OSError:
            continue
        assert (os.path.realpath(found) + "/").startswith(str(tree) + "/")
