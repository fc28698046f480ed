"""The configuration as a value: what it may say, its defaults, and everything wrong with it."""

from __future__ import annotations

from hookd.config.hook_table import apply
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
    from_json,
    to_json,
)
from hookd.config.parse import parse
from hookd.config.problem import Problem

__all__ = [
    "AwsConfig",
    "CallerLost",
    "Config",
    "HookOverride",
    "OverrideConfig",
    "PostConfig",
    "Problem",
    "RecoveryConfig",
    "ReportConfig",
    "RetentionConfig",
    "RunConfig",
    "VerifyConfig",
    "apply",
    "from_json",
    "parse",
    "to_json",
]
