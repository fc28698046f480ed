"""Asks how what admins expect is: units from systemd, everything else by a short-lived child."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Iterable, Mapping

from hookd.core.codec import CodecError, decode, to_json
from hookd.core.expect import KINDS, Expect, by_unit
from hookd.core.node import Expectations, Expected
from hookd.core.secret import mask
from hookd.system import systemd
from hookd.system.expect.child import SPARE_S, Asked
from hookd.system.process import itself

if TYPE_CHECKING:
    from hookd.system.process.command import Run
    from hookd.system.root import Root

_SHOWN = ("LoadState", "ActiveState", "SubState", "UnitFileState")
_STARTS_WITHIN_S = 10.0  # Python and requests, on a machine that is busy starting
_NOT_HERE = "nothing runs below another root"
_NO_SYSTEMD = "no systemd runs here"


def ask(
    root: Root, run: Run, expect: Expect, *, within_s: float, environment: Mapping[str, str]
) -> Expectations:
    """Try all of `expect` once, in about `within_s` seconds at most, and return how it is.

    `environment` is the caller's; only its proxies count. Below a root that is not the host's only
    files are tried, where no systemd runs no unit. Nothing in the result looks like a secret.
    Never raises.
    """
    here = expect if root.is_host else Expect(file=expect.file)
    found = {
        **_skipped(expect, KINDS, _NOT_HERE),
        **_units(root, run, here),
        **_others(root, run, replace(here, units={}), within_s, environment),
    }
    return Expectations(results=tuple(_masked(one) for one in found.values()))


def _units(root: Root, run: Run, expect: Expect) -> dict[tuple[str, str], Expected]:
    if not expect.units:
        return {}
    if not systemd.is_running(root):
        return _skipped(expect, ("units",), _NO_SYSTEMD)
    try:
        shown = [one for one in systemd.show(run, tuple(expect.units), _SHOWN) if one]
    except systemd.Silent as error:
        return _untried(expect, ("units",), str(error))
    if len(shown) != len(expect.units):
        return _untried(expect, ("units",), f"systemctl told of {len(shown)} units only")
    return {
        ("units", name): by_unit(name, expected, properties)
        for (name, expected), properties in zip(expect.units.items(), shown)
    }


def _others(
    root: Root, run: Run, expect: Expect, within_s: float, environment: Mapping[str, str]
) -> dict[tuple[str, str], Expected]:
    if not any(expect.each()):
        return {}
    said = run(
        itself.starts("hookd.system.expect.child", "answer"),
        stdin=to_json(Asked(str(root), within_s, expect)).encode("ascii"),
        timeout_s=within_s + SPARE_S + _STARTS_WITHIN_S,
        environment={n: v for n, v in environment.items() if n.lower().endswith("_proxy")},
    )
    if not said.is_ok:
        return _untried(expect, KINDS, f"the tries did not end well: {said.why()}")
    try:
        results = decode(Expectations, json.loads(said.stdout)).results
    except (ValueError, CodecError):
        return _untried(expect, KINDS, "the tries said nothing that can be read")
    told = {(one.kind, one.name): one for one in results}
    return {**_untried(expect, KINDS, "the tries did not tell"), **told}


def _untried(expect: Expect, kinds: Iterable[str], reason: str) -> dict[tuple[str, str], Expected]:
    return {
        (kind, name): Expected(kind, name, expected=expected.wanted, reason=reason)
        for kind, name, expected in expect.each()
        if kind in kinds
    }


def _skipped(expect: Expect, kinds: Iterable[str], reason: str) -> dict[tuple[str, str], Expected]:
    untried = _untried(expect, kinds, reason)
    return {key: replace(one, is_skipped=True) for key, one in untried.items()}


def _masked(one: Expected) -> Expected:
    return replace(
        one,
        name=mask(one.name),
        expected=mask(one.expected),
        found=mask(one.found),
        reason=mask(one.reason),
    )
