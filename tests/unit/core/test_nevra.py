"""RPM names are taken apart by rpm's rules and versions order as rpm orders them."""

from __future__ import annotations

import functools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookd.core.nevra import (
    Nevra,
    compare_evr,
    evr_key,
    join_evr,
    parse_nevra,
    rpmvercmp,
    split_evr,
)

versions = st.text(alphabet="019abZ.~^_+-", max_size=8)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("bash-4.2.46-34.amzn2.x86_64", ("bash", 0, "4.2.46", "34.amzn2", "x86_64")),
        ("1:openssl-libs-1.0.2k-19.x86_64", ("openssl-libs", 1, "1.0.2k", "19", "x86_64")),
        ("openssl-libs-1:1.0.2k-19.x86_64", ("openssl-libs", 1, "1.0.2k", "19", "x86_64")),
        ("0:bash-4.2-1.noarch", ("bash", 0, "4.2", "1", "noarch")),
        (
            "java-1.7.0-openjdk-1.7.0.99-2.6.amzn1.x86_64",
            ("java-1.7.0-openjdk", 0, "1.7.0.99", "2.6.amzn1", "x86_64"),
        ),
        (
            "kernel-livepatch-5.10.102-99.473-1.0-4.amzn2.x86_64",
            ("kernel-livepatch-5.10.102-99.473", 0, "1.0", "4.amzn2", "x86_64"),
        ),
        ("libstdc++-7.3.1-5.i686", ("libstdc++", 0, "7.3.1", "5", "i686")),
        ("tilde-1.0~rc1^git2+x%y-1.noarch", ("tilde", 0, "1.0~rc1^git2+x%y", "1", "noarch")),
        ("python2.7-x-r12-a.riscv64", ("python2.7-x", 0, "r12", "a", "riscv64")),
    ],
)
def test_a_nevra_has_five_parts(text, parts):
    assert parse_nevra(text) == Nevra(*parts)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "kernel",
        "java-1.7.0-openjdk",
        "kernel-livepatch-4.14.165-133.209",
        "python3.4",
        "compat-libstdc++-33",
        "a-1.x86_64",
        "-1-2.noarch",
        "1:a-2:1.0-1.noarch",
        "x:a-1.0-1.noarch",
        "99999999999:a-1.0-1.noarch",
        "a b-1.0-1.noarch",
        "a-1.0-1.noarch\n",
        "a\x1b-1.0-1.noarch",
        "a-1.0-1.",
        "a-1:1.0-1.",
        "a--1.noarch",
    ],
)
def test_what_is_no_nevra_is_none(text):
    assert parse_nevra(text) is None


@given(st.text(max_size=30))
def test_no_text_makes_the_parsers_raise(text):
    parse_nevra(text)
    split_evr(text)
    assert compare_evr(text, text) == 0


@pytest.mark.parametrize(
    ("nevra", "evr"),
    [
        (Nevra("a", 0, "1.0", "2", "noarch"), "1.0-2"),
        (Nevra("a", 32, "9.11.4", "26.P2.amzn2", "noarch"), "32:9.11.4-26.P2.amzn2"),
    ],
)
def test_an_evr_is_written_without_a_zero_epoch(nevra, evr):
    assert nevra.evr == evr


@pytest.mark.parametrize(
    ("evr", "parts"),
    [
        ("1.0-2", (0, "1.0", "2")),
        ("1:1.0-2", (1, "1.0", "2")),
        ("0:1.0", (0, "1.0", "")),
        (":1.0-2", (0, "1.0", "2")),
        ("1.0-2-3", (0, "1.0-2", "3")),
        ("a:1.0", (0, "a:1.0", "")),
        ("", (0, "", "")),
    ],
)
def test_an_evr_splits_into_epoch_version_and_release(evr, parts):
    assert split_evr(evr) == parts


@given(st.integers(0, 99), st.from_regex(r"[a-z0-9.~^]+", fullmatch=True))
def test_joining_undoes_splitting(epoch, text):
    assert split_evr(join_evr(epoch, text, text)) == (epoch, text, text)


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("1.0", "1.1"),
        ("1.9", "1.10"),
        ("1.0", "1.0.1"),
        ("1.0", "1.0a"),
        ("1.a", "1.1"),
        ("a", "b"),
        ("B", "a"),
        ("1.0~rc1", "1.0"),
        ("1.0~~", "1.0~"),
        ("1.0~rc1", "1.0~rc2"),
        ("1.0~", "1.0~a"),
        ("1.0", "1.0^"),
        ("1.0^", "1.0.1"),
        ("1.0^git1", "1.0a"),
        ("1.0^git1", "1.0^git2"),
        ("1.0~rc1^git1", "1.0"),
        ("1.0^git1~pre", "1.0^git1"),
        ("99999999999999999998", "99999999999999999999"),
        ("", "1"),
        ("~", ""),
    ],
)
def test_versions_order(older, newer):
    assert (rpmvercmp(older, newer), rpmvercmp(newer, older)) == (-1, 1)


@pytest.mark.parametrize(
    ("one", "other"),
    [("1.0", "1_0"), ("1.0", "1.00"), ("1.0", "1.0."), ("1.0", "1..0"), ("2a", "2.a"), ("", ".")],
)
def test_separators_and_leading_zeros_do_not_count(one, other):
    assert (rpmvercmp(one, other), rpmvercmp(other, one)) == (0, 0)


def test_rpm_before_4_15_takes_a_caret_for_a_separator():
    assert rpmvercmp("1.0^1", "1.0.1", caret=False) == 0
    assert rpmvercmp("1.0^1", "1.0.1") == -1


@given(versions, versions, versions)
def test_the_order_is_total(a, b, c):
    by_rpm = functools.cmp_to_key(rpmvercmp)
    assert rpmvercmp(a, b) == -rpmvercmp(b, a)
    first, second, third = sorted([a, b, c], key=by_rpm)
    assert rpmvercmp(first, third) <= 0
    assert rpmvercmp(first, second) <= 0


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("2.0-1", "1:1.0-1"),
        ("1:2.0-1", "2:1.0-1"),
        ("1.0-1", "1.0-2"),
        ("1.0-9", "1.1-1"),
        ("1.0", "1.0-1"),
        ("4.14.101-91.76.amzn2", "4.14.214-160.339.amzn2"),
    ],
)
def test_an_epoch_outweighs_a_version_and_that_a_release(older, newer):
    assert (compare_evr(older, newer), compare_evr(newer, older)) == (-1, 1)
    assert max([newer, older], key=evr_key) == newer


def test_a_missing_epoch_is_zero():
    assert compare_evr("0:1.0-1", "1.0-1") == 0
