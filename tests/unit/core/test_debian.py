"""Debian versions order as Debian policy 5.6.12 says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookd.core.debian import compare_debian, debian_key, split_debian


@pytest.mark.parametrize(
    ("version", "parts"),
    [
        ("1.0", (0, "1.0", "")),
        ("1:2.36-9+deb12u4", (1, "2.36", "9+deb12u4")),
        ("2.0-1-3", (0, "2.0-1", "3")),
        ("a:1", (0, "a:1", "")),
    ],
)
def test_a_version_has_epoch_upstream_and_revision(version, parts):
    assert split_debian(version) == parts


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        # policy's own row: ~~, ~~a, ~, the empty part, a
        ("1~~", "1~~a"),
        ("1~~a", "1~"),
        ("1~", "1"),
        ("1", "1a"),
        ("1.9", "1.10"),
        ("1.0-1", "1.0-2"),
        ("1.0-9", "1:0.1-1"),
        ("1.0", "1.0-1"),
        ("1.0~rc1-1", "1.0-1"),
        ("1.0a", "1.0+"),
        ("1.0-1", "1.0-1+b1"),
        ("2.36-9+deb12u4", "2.36-9+deb12u10"),
        ("1.2Z", "1.2a"),
        ("0~", "00"),
        ("~", "0"),
        ("9", "99999999999999999999999"),
    ],
)
def test_versions_order(older, newer):
    assert (compare_debian(older, newer), compare_debian(newer, older)) == (-1, 1)
    assert max([newer, older], key=debian_key) == newer


@pytest.mark.parametrize(
    ("one", "other"), [("1.0", "0:1.0"), ("1.0", "1.00"), ("1.0", "1.0-0"), ("1.", "1.0")]
)
def test_what_policy_calls_equal_is_equal(one, other):
    assert compare_debian(one, other) == 0


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_text_raises_and_the_order_is_antisymmetric(a, b):
    assert compare_debian(a, b) == -compare_debian(b, a)
