"""Where a rehearsal may be played, and what it removes there."""

from __future__ import annotations

import os

import pytest

from hookd.errors import HookdError
from hookd.rehearsal import ground


def _file(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")


def test_a_directory_without_a_past_is_taken_as_it_is(tmp_path):
    _file(tmp_path / "etc/hookd/hooks.d/pre/10-a")

    found = ground.given(str(tmp_path))

    assert (found.root, found.is_ours) == (str(tmp_path), False)
    assert (tmp_path / "etc/hookd/hooks.d/pre/10-a").exists()
    assert os.access(str(tmp_path / ".rehearsal/bin/hookd"), os.X_OK)


def test_what_an_earlier_rehearsal_left_is_removed_and_hooks_are_not(tmp_path):
    ground.given(str(tmp_path))
    _file(tmp_path / "var/lib/hookd/operations/x/journal.jsonl")
    _file(tmp_path / "var/lib/amazon/ssm/i-1/document/state/current/x")
    _file(tmp_path / "etc/hookd/hooks.d/pre/10-a")

    ground.given(str(tmp_path))

    assert not (tmp_path / "var/lib/hookd").exists()
    assert not (tmp_path / "var/lib/amazon/ssm").exists()
    assert (tmp_path / "etc/hookd/hooks.d/pre/10-a").exists()


@pytest.mark.parametrize(
    "place",
    [
        "var/lib/hookd/counter",
        "var/lib/amazon/ssm/i-1/x",
        "var/log/hookd/results.jsonl",
        "var/lib/rpm/Packages",
        "usr/lib/sysimage/rpm/rpmdb.sqlite",
        "var/lib/dpkg/status",
    ],
)
def test_a_real_past_is_never_touched(tmp_path, place):
    _file(tmp_path / place)

    with pytest.raises(HookdError) as refused:
        ground.given(str(tmp_path))

    assert refused.value.code == 2
    assert [str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()] == [place]


def test_a_throw_away_ground_is_another_each_time_and_goes(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    first, second = ground.throw_away(), ground.throw_away()
    roots = {first.root, second.root}
    first.remove()

    assert len(roots) == 2
    assert [str(path) for path in tmp_path.iterdir()] == [second.root]


def test_a_given_directory_stays(tmp_path):
    found = ground.given(str(tmp_path))
    found.remove()

    assert tmp_path.is_dir()
