"""Which old operations go: by number, by age, by size, and which never do."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookd.core.retention import Kept, Limits, to_remove

MANY = Limits(changed=50, other=50, days=90.0, size=10**9)


def kept(*operations):
    """Newest first, each `(id, fields)`."""
    return [
        Kept(**{"id": i, "changed": True, "age_days": 1.0, "size": 1, **f}) for i, f in operations
    ]


@pytest.mark.parametrize(
    ("operations", "limits", "expected"),
    [
        ([], MANY, ()),
        ([("c", {}), ("b", {}), ("a", {})], MANY, ()),
        ([("c", {}), ("b", {}), ("a", {})], Limits(2, 50, 90.0, 10**9), ("a",)),
        ([("c", {}), ("b", {}), ("a", {})], Limits(0, 0, 90.0, 10**9), ("c", "b", "a")),
        # the two kinds do not take each other's places
        (
            [("d", {"changed": False}), ("c", {}), ("b", {"changed": False}), ("a", {})],
            Limits(1, 1, 90.0, 10**9),
            ("b", "a"),
        ),
        ([("b", {"age_days": 90.0}), ("a", {"age_days": 90.5})], MANY, ("a",)),
        (
            [("c", {"size": 60}), ("b", {"size": 60}), ("a", {"size": 40})],
            Limits(9, 9, 9.0, 100),
            ("b",),
        ),
        # what went takes nobody's place
        (
            [("c", {"size": 60}), ("b", {"size": 60}), ("a", {"size": 40})],
            Limits(2, 9, 9.0, 100),
            ("b",),
        ),
        ([("a", {"size": 101})], Limits(9, 9, 9.0, 100), ("a",)),
        # what is needed stays, and takes its place
        (
            [("b", {"is_needed": True, "age_days": 900.0, "size": 10**10}), ("a", {})],
            MANY,
            ("a",),
        ),
        ([("b", {}), ("a", {"is_needed": True})], Limits(1, 1, 90.0, 10**9), ()),
        ([("c", {}), ("b", {"is_needed": True}), ("a", {})], Limits(2, 1, 90.0, 10**9), ("a",)),
    ],
)
def test_what_is_removed(operations, limits, expected):
    assert to_remove(kept(*operations), limits) == expected


one = st.builds(
    Kept, st.uuids().map(str), st.booleans(), st.floats(0, 200), st.integers(0, 100), st.booleans()
)
limit = st.builds(
    Limits, st.integers(0, 4), st.integers(0, 4), st.floats(0, 200), st.integers(0, 300)
)


@settings(max_examples=100, deadline=None)
@given(st.lists(one, max_size=12), limit)
def test_what_is_needed_stays_and_what_stays_is_within_the_limits(found, limits):
    gone = set(to_remove(found, limits))
    stays = [k for k in found if k.id not in gone]
    assert all(k in stays for k in found if k.is_needed)
    spare = [k for k in stays if not k.is_needed]
    assert all(k.age_days <= limits.days for k in spare)
    for changed, most in ((True, limits.changed), (False, limits.other)):
        assert len([k for k in spare if k.changed is changed]) <= most
    if not any(k.is_needed for k in stays):
        assert sum(k.size for k in stays) <= limits.size


@settings(max_examples=50, deadline=None)
@given(st.lists(one, max_size=12), limit)
def test_what_was_pruned_once_is_not_pruned_again(found, limits):
    gone = set(to_remove(found, limits))
    assert to_remove([k for k in found if k.id not in gone], limits) == ()
