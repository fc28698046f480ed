"""Whose operations a bundle has."""

from __future__ import annotations

import pytest

from hookd.core.bundle import chosen, why_kept_back

FOUR = ["a", "b", "c", "d"]  # by their counter


@pytest.mark.parametrize(
    ("folders", "readable", "marked", "last", "expected"),
    [
        ([], [], [], 3, ()),
        (FOUR, FOUR, [], 2, ("d", "c")),
        (FOUR, FOUR, [], 9, ("d", "c", "b", "a")),
        (FOUR, FOUR, ["a"], 1, ("d", "a")),  # an open one comes along, however old it is
        (FOUR, FOUR, ["d"], 1, ("d",)),
        (["d", "x", "a", "y"], ["a", "d"], [], 1, ("d", "y", "x")),  # as do damaged ones
        (["x"], [], [], 1, ("x",)),
    ],
)
def test_the_newest_come_first_and_what_is_open_or_damaged_comes_along(
    folders, readable, marked, last, expected
):
    assert chosen(folders, readable, marked, last) == expected


def test_what_hooks_keep_is_kept_back_and_only_at_the_top_of_a_folder():
    paths = ("scratch", "undo", "lock", "journal.jsonl", "hooks", "hooks/pre-1/lock")

    assert [path for path in paths if why_kept_back(path)] == ["scratch", "undo", "lock"]
