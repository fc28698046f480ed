"""The records of the configuration and their JSON form, which the journal keeps.

Durations are seconds, sizes are bytes, times are UTC text (`2026-12-01T00:00:00.000000Z`).
Annotations use `Optional`, `Tuple` and `Dict` because core/codec.py evaluates them on Python 3.7.
"""
# ruff: noqa: UP006, UP045

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, Optional, Tuple

from hookd.core.codec import decode, encode
from hookd.core.expect import Expect
from hookd.core.ignore import Ignore
from hookd.core.model import Json, Name, Phase, Severity


class CallerLost(Name):
    """What becomes of a running phase whose caller is gone."""

    CANCEL = "cancel"
    FINISH = "finish"


def _caller_lost() -> Dict[str, CallerLost]:
    return {"pre": CallerLost.CANCEL, "post": CallerLost.FINISH, "on-exit": CallerLost.FINISH}


@dataclass(frozen=True)
class RunConfig:
    """`phases` are those the documents call; `on_caller_lost` has every phase as key."""

    phases: Tuple[Phase, ...] = (Phase.PRE, Phase.POST, Phase.ON_EXIT)
    deadline_s: float = 3300.0
    on_caller_lost: Dict[str, CallerLost] = field(default_factory=_caller_lost)
    max_parallel: int = 4
    output_cap: int = 1 << 20


@dataclass(frozen=True)
class PostConfig:
    veto: Tuple[str, ...] = ("kernel.next-boot-files",)


@dataclass(frozen=True)
class RecoveryConfig:
    enabled: bool = True
    grace_s: float = 900.0
    abandon_after_s: float = 14400.0
    alive_limit_s: float = 43200.0


@dataclass(frozen=True)
class VerifyConfig:
    """`ignore` has patterns of what on-exit says nothing about."""

    settle_s: float = 120.0
    ignore: Ignore = Ignore()


@dataclass(frozen=True)
class AwsConfig:
    """`imds_v1`: the metadata service may be asked without a token where it gives none.

    `inventory`: the newest operation is left where the SSM agent collects custom inventory.
    """

    imds_v1: bool = False
    inventory: bool = True


@dataclass(frozen=True)
class RetentionConfig:
    """Operations kept: those with changes, others, for how many days, in how many bytes."""

    changed: int = 50
    other: int = 50
    days: int = 90
    bytes: int = 512 << 20


@dataclass(frozen=True)
class HookOverride:
    """What a metadata block or a `[hooks."PHASE/NAME"]` table says; None is "does not say".

    `source` is the file that said it, the last one where several did.
    """

    description: Optional[str] = None
    timeout_s: Optional[float] = None
    grace_s: Optional[float] = None
    required: Optional[bool] = None
    retries: Optional[int] = None
    retry_delay_s: Optional[float] = None
    user: Optional[str] = None
    group: Optional[str] = None
    parallel: Optional[bool] = None
    undoes: Optional[str] = None
    when: Optional[Tuple[str, ...]] = None
    only_if_healthy: Optional[bool] = None
    settings: Dict[str, str] = field(default_factory=dict)
    enabled: Optional[bool] = None
    source: str = ""


@dataclass(frozen=True)
class OverrideConfig:
    """Until `until` the hooks named (`pre/10-x`) count as wanted; empty `until` is no override."""

    until: str = ""
    reason: str = ""
    hooks: Tuple[str, ...] = ()


@dataclass(frozen=True)
class ReportConfig:
    """`mask`: what looks like a secret is masked in whatever leaves the machine."""

    mask: bool = True


@dataclass(frozen=True)
class Config:
    """The effective configuration. `checks` maps check ids, `hooks` hook ids (`pre/10-x`)."""

    run: RunConfig = RunConfig()
    post: PostConfig = PostConfig()
    recovery: RecoveryConfig = RecoveryConfig()
    verify: VerifyConfig = VerifyConfig()
    aws: AwsConfig = AwsConfig()
    checks: Dict[str, Severity] = field(default_factory=dict)
    retention: RetentionConfig = RetentionConfig()
    hooks: Dict[str, HookOverride] = field(default_factory=dict)
    override: OverrideConfig = OverrideConfig()
    report: ReportConfig = ReportConfig()
    expect: Expect = Expect()


def to_json(config: Config) -> Json:
    """Return `config` as the JSON value that the journal keeps."""
    return encode(config)


def from_json(value: Json) -> Config:
    """Return the configuration that `to_json` made `value` of. Raise CodecError."""
    return decode(Config, value)
