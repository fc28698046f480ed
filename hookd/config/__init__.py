"""The configuration as a value: what it may say, its defaults, and everything wrong with it."""

from __future__ import annotations

from hookd.config.hook_table import apply
from hookd.config.model import (
    CallerLost,
    Config,
    HookOverride,
    OverrideConfig,
    PostConfig,
    RecoveryConfig,
    RetentionConfig,
    RunConfig,
    VerifyConfig,
    from_json,
    to_json,
)
from hookd.config.parse import parse
from hookd.config.problem import Problem

__all__ = [
    "CallerLost",
    "Config",
    "HookOverride",
    "OverrideConfig",
    "PostConfig",
    "Problem",
    "RecoveryConfig",
    "RetentionConfig",
    "RunConfig",
    "VerifyConfig",
    "apply",
    "from_json",
    "parse",
    "to_json",
]
