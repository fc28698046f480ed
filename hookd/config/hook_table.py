"""The keys that describe one hook, in a metadata block as in the configuration."""

from __future__ import annotations

import dataclasses
import math
import re
from typing import Any

from hookd.config import values
from hookd.config.model import HookOverride
from hookd.config.problem import Finding
from hookd.core.model import HookSpec, Path, Phase

HOOK_ID = values.matching(r"(?:pre|post|on-exit)/[^/]+", "hook: write PHASE/NAME")

_FORBIDDEN = re.compile(
    r"PATH|LD_.*|PYTHON.*|HOOKD_.*|BASH_ENV|ENV|SHELLOPTS|BASHOPTS|PS4|IFS"
    r"|PERL5LIB|RUBYOPT|NODE_OPTIONS"
)
_SETTING = re.compile(r"[A-Z][A-Z0-9_]*")
_ON_EXIT_ONLY = ("undoes", "when", "only_if_healthy")
_CONFIGURATION_ONLY = ("settings", "enabled")


def _setting_key(key: Any) -> str:
    if not _SETTING.fullmatch(key):
        raise values.bad("is no setting: capital letters, digits and _ only")
    if _FORBIDDEN.fullmatch(key):
        raise values.bad("may not be set for a hook: it changes how programs are found or run")
    return str(key)


def _setting_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return _decimal(value)
    return values.text(value)


def _decimal(value: float) -> str:
    try:
        return str(value)
    except ValueError:  # more digits than Python converts (sys.set_int_max_str_digits)
        raise values.bad("has too many digits") from None


_KEYS: values.Readers = {
    "description": ("description", values.text),
    "timeout": ("timeout_s", values.positive_duration),
    "grace": ("grace_s", values.duration),
    "required": ("required", values.boolean),
    "retries": ("retries", values.integer(0, 100)),
    "retry_delay": ("retry_delay_s", values.duration),
    "user": ("user", values.name),
    "group": ("group", values.name),
    "parallel": ("parallel", values.boolean),
    "undoes": ("undoes", values.matching(r"pre/[^/]+", "pre hook: write pre/NAME")),
    "when": ("when", values.list_of(values.choice([p.value for p in Path]), least=1)),
    "only_if_healthy": ("only_if_healthy", values.boolean),
    "settings": ("settings", values.table_of(_setting_value, _setting_key)),
    "enabled": ("enabled", values.boolean),
}


def read_hook(
    table: Any, phase: Phase, *, source: str = "", inline: bool = False
) -> tuple[HookOverride, list[Finding]]:
    """Return what `table` says about a hook of `phase`, and everything wrong with it.

    A metadata block (`inline`) may hold neither `settings` nor `enabled`.
    """
    fields, findings = values.read_table(table, _KEYS)
    for key in table if isinstance(table, dict) else ():
        reason = _misplaced(key, phase, inline=inline)
        if reason:
            findings.append(Finding((key,), reason))
            fields.pop(_KEYS[key][0], None)
    return HookOverride(**fields, source=source), findings


def _misplaced(key: str, phase: Phase, *, inline: bool) -> str:
    if key in _ON_EXIT_ONLY and phase is not Phase.ON_EXIT:
        return "is for on-exit hooks only"
    if key in _CONFIGURATION_ONLY and inline:
        return "belongs into /etc/hookd/hookd.toml, not into the hook"
    return ""


NOTHING = HookOverride()
"""What is said of a hook of which nothing is said."""

_DEFAULTS = {phase: HookSpec(required=phase is not Phase.POST) for phase in Phase}
_SPEC_FIELDS = [f.name for f in dataclasses.fields(HookSpec) if f.name != "settings"]


def default_spec(phase: Phase) -> HookSpec:
    """Return what holds for a hook of which nothing is said: required, but in post."""
    return _DEFAULTS[phase]


def apply(spec: HookSpec, override: HookOverride) -> HookSpec:
    """Return `spec` with what `override` says."""
    if override is NOTHING:
        return spec
    values_said = ((name, getattr(override, name)) for name in _SPEC_FIELDS)
    said = {name: value for name, value in values_said if value is not None}
    return dataclasses.replace(spec, **said, settings={**spec.settings, **override.settings})
