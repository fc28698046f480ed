"""JSON values in and out: round trips of all that is stored, and where a wrong value lies."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, fields
from typing import Any, Dict, Optional, Tuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.journals import BODIES, maybe, numbers, small, some, texts

from hookd.core.codec import CodecError, decode, encode, to_json
from hookd.core.journal import KINDS, HookEnded, Noted, OperationOpened
from hookd.core.model import HookOutcome, HookSpec, Phase
from hookd.core.readings import (
    Boot,
    History,
    InstalledKernel,
    Kernel,
    LogAction,
    LogCursor,
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

reading = {"standing": st.sampled_from(Standing), "reason": texts}
instances = st.lists(st.tuples(texts, small), max_size=2).map(tuple)
entries = some(
    st.builds(
        LogEntry, action=st.sampled_from(LogAction), name=texts, evr=texts, arch=texts, at=texts
    )
)
transactions = st.builds(
    Transaction,
    id=small,
    state=st.sampled_from(TransactionState),
    began_at=texts,
    ended_at=texts,
    return_code=maybe,
    command_line=texts,
    user_id=maybe,
    rpmdb_before=texts,
    rpmdb_after=texts,
    items=entries,
    errors=some(texts),
)
kernels = st.builds(
    Kernel,
    **reading,
    running=texts,
    running_package=texts,
    installed=some(
        st.builds(InstalledKernel, release=texts, package=texts, evr=texts, install_time=small)
    ),
    installed_standing=st.sampled_from(Standing),
    installed_reason=texts,
    next_boot=st.builds(
        NextBoot,
        **reading,
        release=texts,
        source=texts,
        entry=texts,
        vmlinuz=texts,
        initramfs=texts,
        missing=some(texts),
    ),
    livepatches=some(texts),
    loaded=st.one_of(st.none(), some(texts)),
)
snapshots = st.builds(
    Snapshot,
    name=texts,
    taken_at=texts,
    boot=st.builds(
        Boot,
        **reading,
        boot_id=texts,
        btime=small,
        uptime_s=numbers,
        before=st.builds(
            WentDown,
            **reading,
            clean=st.one_of(st.none(), st.booleans()),
            down_s=st.one_of(st.none(), numbers),
            boots=some(numbers),
        ),
    ),
    kernel=kernels,
    packages=some(
        st.builds(
            PackageSet,
            **reading,
            source=texts,
            installed=st.dictionaries(texts, instances, max_size=2),
            broken=some(texts),
        )
    ),
    logs=some(
        st.builds(
            PackageLog,
            **reading,
            source=texts,
            cursor=st.one_of(
                st.none(),
                st.builds(LogCursor, device=small, inode=small, offset=small, tail_sha256=texts),
            ),
            entries=entries,
            gap=st.booleans(),
            unread=some(texts),
            unread_count=small,
        )
    ),
    histories=some(
        st.builds(
            History,
            **reading,
            source=texts,
            database=texts,
            last_id=small,
            transactions=st.lists(transactions, max_size=1).map(tuple),
            unfinished=some(texts),
        )
    ),
    os=texts,
    took_s=numbers,
    format=small,
)


def through_text(value):
    """What a file gives back."""
    return json.loads(json.dumps(encode(value)).encode("ascii").decode("ascii"))


def test_every_event_has_a_strategy():
    assert set(BODIES) == set(KINDS.values())


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_every_event_body_comes_back(kind, data):
    body = data.draw(BODIES[kind])
    assert decode(kind, through_text(body)) == body


@settings(max_examples=25, deadline=None)
@given(snapshots)
def test_a_snapshot_comes_back(snapshot):
    assert decode(Snapshot, through_text(snapshot)) == snapshot


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(list(KINDS.values())), st.data())
def test_the_text_of_a_value_is_its_encoding(kind, data):
    body = data.draw(BODIES[kind])
    assert to_json(body) == json.dumps(encode(body), separators=(",", ":"))


def test_a_name_that_python_keeps_for_itself_loses_its_underscore():
    body = HookEnded(Phase.PRE, 1, "10-a", 2, HookOutcome.PASSED)
    value = encode(body)
    assert (value["try"], "try_" in value) == (2, False)
    assert decode(HookEnded, {**value, "try": 3}).try_ == 3


def test_what_is_missing_takes_its_default_and_what_is_unknown_is_ignored():
    assert decode(HookSpec, {}) == HookSpec()
    assert decode(Noted, {"code": "a", "message": "b", "since": [1]}) == Noted("a", "b")


def test_undecodable_names_survive():
    assert decode(Noted, through_text(Noted("x", "caf\udce9"))) == Noted("x", "caf\udce9")


# The codec evaluates the annotations, on Python 3.7 too.
# ruff: noqa: UP006, UP045


@dataclass(frozen=True)
class Inner:
    size: int
    names: Tuple[str, ...] = ()
    share: float = 0.0
    is_new: bool = False


@dataclass(frozen=True)
class Outer:
    inner: Inner
    pair: Tuple[str, int] = ("", 0)
    phase: Phase = Phase.PRE
    table: Optional[Dict[str, Inner]] = None
    anything: Any = None


GOOD = {"inner": {"size": 1}}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], ".: must be an object, not list"),
        (None, ".: must be an object, not NoneType"),
        ({}, ".: inner is required"),
        ({"inner": {}}, ".inner: size is required"),
        ({"inner": 5}, ".inner: must be an object, not int"),
        ({"inner": {"size": "1"}}, ".inner.size: must be int, not str"),
        ({"inner": {"size": True}}, ".inner.size: must be int, not bool"),
        ({"inner": {"size": 1.0}}, ".inner.size: must be int, not float"),
        ({"inner": {"size": None}}, ".inner.size: must be int, not NoneType"),
        ({"inner": {"size": 1, "share": True}}, ".inner.share: must be float, not bool"),
        ({"inner": {"size": 1, "is_new": 1}}, ".inner.is_new: must be bool, not int"),
        ({"inner": {"size": 1, "names": "ab"}}, ".inner.names: must be a list, not str"),
        ({"inner": {"size": 1, "names": ["a", 2]}}, ".inner.names[1]: must be str, not int"),
        ({**GOOD, "pair": ["a"]}, ".pair: must be a list of 2"),
        ({**GOOD, "pair": "ab"}, ".pair: must be a list of 2"),
        ({**GOOD, "pair": ["a", "b"]}, ".pair[1]: must be int, not str"),
        ({**GOOD, "phase": "during"}, ".phase: must be one of pre, post, on-exit, not 'during'"),
        ({**GOOD, "phase": []}, ".phase: must be one of pre, post, on-exit, not []"),
        ({**GOOD, "table": []}, ".table: must be an object, not list"),
        ({**GOOD, "table": {"a": {"size": "x"}}}, ".table.a.size: must be int, not str"),
        ({"inner": {"size": 1, "share": float("nan")}}, ".inner.share: must be finite"),
        ({"inner": {"size": 1, "share": float("-inf")}}, ".inner.share: must be finite"),
        ({"inner": {"size": 1, "share": 10**400}}, ".inner.share: must be finite"),
    ],
)
def test_a_wrong_value_is_named_by_its_place(value, message):
    with pytest.raises(CodecError) as caught:
        decode(Outer, value)
    assert str(caught.value) == message


def test_a_whole_number_is_a_duration_too():
    found = decode(Inner, {"size": 1, "share": 3})
    assert (found, type(found.share)) == (Inner(1, (), 3.0), float)


def test_a_place_inside_a_file_is_told_with_its_beginning():
    with pytest.raises(CodecError) as caught:
        decode(Inner, {"size": []}, "checks[3]")
    assert caught.value.where == "checks[3].size"


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(list(KINDS.values())), st.data())
def test_whatever_the_value_only_codec_errors_come(kind, data):
    keys = st.sampled_from(sorted(f.name.rstrip("_") for f in fields(kind)))
    junk = st.sampled_from([None, True, -1, 10**400, float("nan"), "a", [], [[]], {}, {"a": []}])
    value = {**encode(data.draw(BODIES[kind])), **data.draw(st.dictionaries(keys, junk))}
    with contextlib.suppress(CodecError):
        decode(kind, value)


def test_json_of_the_configuration_is_kept_as_it_is():
    config = {"run": {"phases": ["pre"], "deadline": 3300.0}, "checks": {}}
    one = OperationOpened("i", 1, "", "person", "0", config, "", ())
    assert encode(one)["config"] == config
