"""Turns the documents that were read into one configuration and everything wrong with them."""

from __future__ import annotations

from typing import Any, Collection, Dict, Iterator, Mapping, Sequence, Tuple

from hookd.config import values
from hookd.config.expect_table import read_expect
from hookd.config.hook_table import HOOK_ID, read_hook
from hookd.config.model import (
    AwsConfig,
    CallerLost,
    Config,
    HookOverride,
    OverrideConfig,
    PostConfig,
    RecoveryConfig,
    ReportConfig,
    RetentionConfig,
    RunConfig,
    VerifyConfig,
)
from hookd.config.problem import Finding, Problem
from hookd.core.ignore import Ignore
from hookd.core.model import Phase, Severity

Document = Tuple[str, Mapping[str, Any]]
Origins = Dict[Tuple[str, ...], str]

_PHASES = [phase.value for phase in Phase]
_CHECK = values.matching(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+", "check: write SUBJECT.STATEMENT")
_LOST = values.choice([c.value for c in CallerLost], CallerLost)
_SEVERITY = values.choice([s.value for s in Severity], Severity)
_COUNT = values.integer(0, 1_000_000)
_PATTERN = values.matching(r".+", "pattern: it is empty")

_RUN: values.Readers = {
    "phases": ("phases", values.list_of(values.choice(_PHASES, Phase), least=1)),
    "deadline": ("deadline_s", values.positive_duration),
    "on_caller_lost": ("on_caller_lost", values.table_of(_LOST, values.choice(_PHASES))),
    "max_parallel": ("max_parallel", values.integer(1, 256)),
    "output_cap": ("output_cap", values.size),
}
_POST: values.Readers = {"veto": ("veto", values.list_of(_CHECK))}
_RECOVERY: values.Readers = {
    "enabled": ("enabled", values.boolean),
    "grace": ("grace_s", values.duration),
    "abandon_after": ("abandon_after_s", values.positive_duration),
    "alive_limit": ("alive_limit_s", values.positive_duration),
}
_IGNORE: values.Readers = {
    subject: (subject, values.list_of(_PATTERN))
    for subject in ("units", "sockets", "mounts", "processes", "files")
}
_VERIFY: values.Readers = {
    "settle": ("settle_s", values.duration),
    "ignore": ("ignore", values.Section(Ignore, _IGNORE)),
}
_AWS: values.Readers = {
    "imds_v1": ("imds_v1", values.boolean),
    "inventory": ("inventory", values.boolean),
}
_RETENTION: values.Readers = {
    "changed": ("changed", _COUNT),
    "other": ("other", _COUNT),
    "days": ("days", values.integer(1, 36500)),
    "bytes": ("bytes", values.size),
}
_OVERRIDE: values.Readers = {
    "until": ("until", values.moment),
    "reason": ("reason", values.text),
    "hooks": ("hooks", values.list_of(HOOK_ID)),
}
_REPORT: values.Readers = {"mask": ("mask", values.boolean)}
_SECTIONS: dict[str, tuple[Any, values.Readers]] = {
    "run": (RunConfig, _RUN),
    "post": (PostConfig, _POST),
    "recovery": (RecoveryConfig, _RECOVERY),
    "verify": (VerifyConfig, _VERIFY),
    "aws": (AwsConfig, _AWS),
    "retention": (RetentionConfig, _RETENTION),
    "override": (OverrideConfig, _OVERRIDE),
    "report": (ReportConfig, _REPORT),
}
_TABLES = ("checks", "expect", "hooks")


def parse(
    documents: Sequence[Document], known_checks: Collection[str] | None = None
) -> tuple[Config, tuple[Problem, ...]]:
    """Return the configuration of `documents` (file, TOML table), a later one winning key by key.

    What cannot be used keeps its default and is a problem, in the file that said it last. A check
    that `known_checks` lacks is an unknown key; without it any check may be named.
    """
    merged, origins = _merge(documents)
    fields, findings = _sections(merged)
    checks, more = _checks(merged.get("checks", {}), known_checks)
    hooks, most = _hooks(merged.get("hooks", {}), origins)
    expect, wrong = read_expect(merged.get("expect", {}))
    findings += [*more, *most, *_below(("expect",), wrong), *_unknown_sections(merged)]
    problems = tuple(f.problem(_origin(origins, f.path)) for f in findings)
    return Config(**fields, checks=checks, hooks=hooks, expect=expect), problems


def _merge(documents: Sequence[Document]) -> tuple[dict[str, Any], Origins]:
    merged: dict[str, Any] = {}
    origins: Origins = {}
    for file, document in documents:
        todo: list[tuple[dict[str, Any], Mapping[str, Any], tuple[str, ...]]]
        todo = [(merged, document, ())]
        while todo:
            into, table, path = todo.pop()
            for key, value in table.items():
                origins[(*path, key)] = file
                if not isinstance(value, dict):
                    into[key] = value
                    continue
                if not isinstance(into.get(key), dict):
                    into[key] = {}
                todo.append((into[key], value, (*path, key)))
    return merged, origins


def _origin(origins: Origins, path: tuple[str, ...]) -> str:
    while path and path not in origins:
        path = path[:-1]
    return origins.get(path, "")


def _sections(merged: Mapping[str, Any]) -> tuple[dict[str, Any], list[Finding]]:
    sections: dict[str, Any] = {}
    findings: list[Finding] = []
    for name, (record, readers) in _SECTIONS.items():
        fields, found = values.read_table(merged.get(name, {}), readers)
        if name == "run" and "on_caller_lost" in fields:
            fields["on_caller_lost"] = {**RunConfig().on_caller_lost, **fields["on_caller_lost"]}
        if isinstance(merged.get(name), dict) and name == "override":
            fields, found = _whole_override(fields, found)
        sections[name] = record(**fields)
        findings += _below((name,), found)
    return sections, findings


def _whole_override(
    fields: dict[str, Any], findings: list[Finding]
) -> tuple[dict[str, Any], list[Finding]]:
    """An override ends by itself, says why and names its hooks; else there is none."""
    wrong = {f.path[0] for f in findings if f.path and not f.is_unknown_key}
    lacking = [
        Finding((key,), "is needed in [override]")
        for key in _OVERRIDE
        if key not in wrong and not fields.get(key)
    ]
    return ({} if wrong or lacking else fields), [*findings, *lacking]


def _checks(table: Any, known: Collection[str] | None) -> tuple[dict[str, Severity], list[Finding]]:
    if not isinstance(table, dict):
        return {}, [Finding(("checks",), f"must be a table, not {values.kind_of(table)}")]
    severities: dict[str, Severity] = {}
    findings: list[Finding] = []
    for check, value in table.items():
        found = values.attempt(_CHECK, check)[1]
        if not found:
            severity, found = values.attempt(_SEVERITY, value)
        if isinstance(value, dict):
            found = [Finding((), f'quote the name of a check: "{check}.NAME" = "warn"')]
        if not found:
            severities[check] = severity
            if known is not None and check not in known:
                found = [Finding((), "unknown check", is_unknown_key=True)]
        findings += _below(("checks", check), found)
    return severities, findings


def _hooks(table: Any, origins: Origins) -> tuple[dict[str, HookOverride], list[Finding]]:
    if not isinstance(table, dict):
        return {}, [Finding(("hooks",), f"must be a table, not {values.kind_of(table)}")]
    overrides: dict[str, HookOverride] = {}
    findings: list[Finding] = []
    for hook, value in table.items():
        at = ("hooks", hook)
        if values.attempt(HOOK_ID, hook)[1]:
            findings.append(Finding(at, 'names no hook: write [hooks."PHASE/NAME"]'))
            continue
        said_by = origins.get((*at, "enabled"), _origin(origins, at))
        phase = Phase(hook.split("/", 1)[0])
        overrides[hook], found = read_hook(value, phase, source=said_by)
        findings += _below(at, found)
    return overrides, findings


def _unknown_sections(merged: Mapping[str, Any]) -> Iterator[Finding]:
    for name in merged:
        if name not in _SECTIONS and name not in _TABLES:
            yield Finding((name,), "unknown key", is_unknown_key=True)


def _below(path: tuple[str, ...], findings: Sequence[Finding]) -> list[Finding]:
    return [Finding((*path, *f.path), f.reason, f.is_unknown_key) for f in findings]
