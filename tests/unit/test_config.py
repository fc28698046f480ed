"""The configuration as a value: defaults, every key, every problem at once, the JSON form."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import pathlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookd.config import (
    CallerLost,
    Config,
    HookOverride,
    OverrideConfig,
    PostConfig,
    Problem,
    RecoveryConfig,
    RetentionConfig,
    RunConfig,
    VerifyConfig,
    apply,
    from_json,
    parse,
    to_json,
)
from hookd.config.expect_table import KINDS
from hookd.config.hook_table import _KEYS
from hookd.config.parse import _SECTIONS
from hookd.config.secret import secret_settings
from hookd.core.ignore import Ignore
from hookd.core.model import HookSpec, Phase, Severity
from hookd.system.hooks.metadata import read_metadata
from hookd.system.toml import parse_toml

WHEN = (
    "must be one of nothing-to-do, pre-failed, install-failed, post-failed, patched-no-reboot, "
    "patched-reboot-pending, patched-rebooted, interrupted, pre-missing, unclear, not 'rebooted'"
)


def parsed(document):
    config, problems = parse([("a.toml", document)])
    assert problems == ()
    return config


def problems_of(document):
    return [(p.key, p.reason) for p in parse([("a.toml", document)])[1]]


def test_no_document_gives_the_defaults_of_the_design():
    assert parse([]) == (
        Config(
            run=RunConfig(
                phases=(Phase.PRE, Phase.POST, Phase.ON_EXIT),
                deadline_s=3300.0,
                on_caller_lost={
                    "pre": CallerLost.CANCEL,
                    "post": CallerLost.FINISH,
                    "on-exit": CallerLost.FINISH,
                },
                max_parallel=4,
                output_cap=1048576,
            ),
            post=PostConfig(veto=("kernel.next-boot-files",)),
            recovery=RecoveryConfig(
                enabled=True, grace_s=900.0, abandon_after_s=14400.0, alive_limit_s=43200.0
            ),
            verify=VerifyConfig(settle_s=120.0),
            checks={},
            retention=RetentionConfig(changed=50, other=50, days=90, bytes=536870912),
            hooks={},
            override=OverrideConfig(until="", reason="", hooks=()),
        ),
        (),
    )


EVERYTHING = {
    "run": {
        "phases": ["pre", "on-exit"],
        "deadline": "1h30m",
        "on_caller_lost": {"pre": "finish"},
        "max_parallel": 20,
        "output_cap": "64kB",
    },
    "post": {"veto": []},
    "recovery": {"enabled": False, "grace": "5m", "abandon_after": 3600, "alive_limit": "1d"},
    "verify": {"settle": 0.5},
    "checks": {"units.failed-before": "warn"},
    "retention": {"changed": 5, "other": 6, "days": 7, "bytes": "2GiB"},
    "hooks": {
        "pre/30-leave": {
            "description": "Leave",
            "timeout": "10m",
            "grace": "0s",
            "required": False,
            "retries": 2,
            "retry_delay": "500ms",
            "user": "app",
            "group": "web",
            "parallel": True,
            "settings": {"ARN": "a:b", "FLAG": True, "COUNT": 5, "RATE": 0.5},
        },
        "on-exit/70-join": {
            "undoes": "pre/30-leave",
            "when": ["patched-rebooted"],
            "only_if_healthy": True,
        },
        "post/10 off": {"enabled": False},
    },
    "override": {
        "until": dt.datetime(2026, 12, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=1))),
        "reason": "ticket 7",
        "hooks": ["pre/10-x"],
    },
}
EVERY_FIELD = Config(
    run=RunConfig(
        phases=(Phase.PRE, Phase.ON_EXIT),
        deadline_s=5400.0,
        on_caller_lost={
            "pre": CallerLost.FINISH,
            "post": CallerLost.FINISH,
            "on-exit": CallerLost.FINISH,
        },
        max_parallel=20,
        output_cap=64000,
    ),
    post=PostConfig(veto=()),
    recovery=RecoveryConfig(
        enabled=False, grace_s=300.0, abandon_after_s=3600.0, alive_limit_s=86400.0
    ),
    verify=VerifyConfig(settle_s=0.5),
    checks={"units.failed-before": Severity.WARN},
    retention=RetentionConfig(changed=5, other=6, days=7, bytes=2147483648),
    hooks={
        "pre/30-leave": HookOverride(
            description="Leave",
            timeout_s=600.0,
            grace_s=0.0,
            required=False,
            retries=2,
            retry_delay_s=0.5,
            user="app",
            group="web",
            parallel=True,
            settings={"ARN": "a:b", "FLAG": "true", "COUNT": "5", "RATE": "0.5"},
            source="a.toml",
        ),
        "on-exit/70-join": HookOverride(
            undoes="pre/30-leave", when=("patched-rebooted",), only_if_healthy=True, source="a.toml"
        ),
        "post/10 off": HookOverride(enabled=False, source="a.toml"),
    },
    override=OverrideConfig(
        until="2026-12-01T00:00:00.000000Z", reason="ticket 7", hooks=("pre/10-x",)
    ),
)


def test_every_key_reaches_its_field():
    assert parsed(EVERYTHING) == EVERY_FIELD


def test_the_configuration_survives_the_journal():
    assert from_json(json.loads(json.dumps(to_json(EVERY_FIELD)))) == EVERY_FIELD


def test_what_happens_to_a_lost_caller_is_found_by_phase():
    assert Config().run.on_caller_lost[Phase.ON_EXIT] is CallerLost.FINISH


def test_a_later_document_wins_key_by_key():
    config, problems = parse(
        [
            ("a", {"run": {"deadline": 1, "max_parallel": 2}, "post": {"veto": ["a.b", "c.d"]}}),
            ("b", {"run": {"deadline": 3}, "post": {"veto": ["e.f"]}}),
        ]
    )
    assert (config.run, config.post, problems) == (
        RunConfig(deadline_s=3.0, max_parallel=2),
        PostConfig(veto=("e.f",)),
        (),
    )


def test_settings_of_several_documents_are_merged_and_the_last_is_the_source():
    config, _ = parse(
        [
            ("a", {"hooks": {"pre/x": {"settings": {"A": "1", "B": "1"}, "retries": 1}}}),
            ("b", {"hooks": {"pre/x": {"settings": {"B": "2"}}}}),
        ]
    )
    assert config.hooks == {
        "pre/x": HookOverride(retries=1, settings={"A": "1", "B": "2"}, source="b")
    }


def test_the_source_of_a_disabled_hook_is_the_file_that_disabled_it():
    config, _ = parse(
        [
            ("a", {"hooks": {"pre/x": {"enabled": False}}}),
            ("b", {"hooks": {"pre/x": {"retries": 1}}}),
        ]
    )
    assert config.hooks["pre/x"].source == "a"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("55m", 3300.0),
        ("10s", 10.0),
        ("1h30m", 5400.0),
        ("500ms", 0.5),
        ("1.5h", 5400.0),
        ("1d 2h", 93600.0),
        ("5m30s", 330.0),
        (7, 7.0),
        (0.25, 0.25),
    ],
)
def test_durations(text, seconds):
    assert parsed({"run": {"deadline": text}}).run.deadline_s == seconds


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", '\'\' is no duration: write "500ms", "10s", "55m" or "1h30m"'),
        ("10", '\'10\' is no duration: write "500ms", "10s", "55m" or "1h30m"'),
        ("30m1h", '\'30m1h\' is no duration: write "500ms", "10s", "55m" or "1h30m"'),
        ("-5m", '\'-5m\' is no duration: write "500ms", "10s", "55m" or "1h30m"'),
        (True, 'must be a duration like "10m", not a boolean'),
        ([1], 'must be a duration like "10m", not a list'),
        (float("nan"), "must be between 0 and 366d"),
        (float("inf"), "must be between 0 and 366d"),
        (10**400, "must be between 0 and 366d"),
        (-1, "must be between 0 and 366d"),
        ("9" * 400 + "s", "must be between 0 and 366d"),
        (0, "must be more than 0"),
        (dt.date(2026, 1, 1), 'must be a duration like "10m", not a date or time'),
    ],
)
def test_bad_durations(value, reason):
    assert problems_of({"run": {"deadline": value}}) == [("run.deadline", reason)]


@pytest.mark.parametrize(
    ("text", "size"),
    [("1MiB", 1048576), ("512MiB", 536870912), ("64kB", 64000), (5, 5), ("5", 5), ("5 B", 5)],
)
def test_sizes(text, size):
    assert parsed({"run": {"output_cap": text}}).run.output_cap == size


@pytest.mark.parametrize("value", ["1.5MiB", "1TB", "MiB", "-1", "1mib", 1.5, True, -1, 1 << 60])
def test_bad_sizes(value):
    assert [key for key, _ in problems_of({"run": {"output_cap": value}})] == ["run.output_cap"]


@pytest.mark.parametrize(
    ("document", "problems"),
    [
        ({"run": 5}, [("run", "must be a table, not a number")]),
        ({"hooks": []}, [("hooks", "must be a table, not a list")]),
        ({"checks": "x"}, [("checks", "must be a table, not text")]),
        (
            {"run": {"phases": ["pre", "install", 3]}},
            [
                ("run.phases", "must be one of pre, post, on-exit, not 'install'"),
                ("run.phases", "must be one of pre, post, on-exit, not a number"),
            ],
        ),
        ({"run": {"phases": []}}, [("run.phases", "must not be empty")]),
        (
            {"run": {"on_caller_lost": {"pre": "stop", "install": "finish"}}},
            [
                ("run.on_caller_lost.pre", "must be one of cancel, finish, not 'stop'"),
                (
                    "run.on_caller_lost.install",
                    "must be one of pre, post, on-exit, not 'install'",
                ),
            ],
        ),
        (
            {"run": {"max_parallel": True}},
            [("run.max_parallel", "must be a whole number, not a boolean")],
        ),
        ({"run": {"max_parallel": 0}}, [("run.max_parallel", "must be between 1 and 256")]),
        (
            {"recovery": {"enabled": 1}},
            [("recovery.enabled", "must be true or false, not a number")],
        ),
        (
            {"checks": {"disk.low": "error"}},
            [('checks."disk.low"', "must be one of ignore, warn, fail, not 'error'")],
        ),
        (
            {"checks": {"disk": {"low": "warn"}}},
            [("checks.disk", 'quote the name of a check: "disk.NAME" = "warn"')],
        ),
        (
            {"hooks": {"pre": {"30-x": {"retries": 1}}, "install/x": {}}},
            [
                ("hooks.pre", 'names no hook: write [hooks."PHASE/NAME"]'),
                ('hooks."install/x"', 'names no hook: write [hooks."PHASE/NAME"]'),
            ],
        ),
        (
            {"hooks": {"pre/x": {"undoes": "pre/y", "only_if_healthy": True}}},
            [
                ('hooks."pre/x".undoes', "is for on-exit hooks only"),
                ('hooks."pre/x".only_if_healthy', "is for on-exit hooks only"),
            ],
        ),
        (
            {"hooks": {"on-exit/x": {"undoes": "post/y", "when": ["rebooted"]}}},
            [
                ('hooks."on-exit/x".undoes', "'post/y' is no pre hook: write pre/NAME"),
                ('hooks."on-exit/x".when', WHEN),
            ],
        ),
        (
            {"hooks": {"pre/x": {"user": "a b", "group": "", "description": 5}}},
            [
                ('hooks."pre/x".user', "'a b' is no name"),
                ('hooks."pre/x".group', "'' is no name"),
                ('hooks."pre/x".description', "must be text, not a number"),
            ],
        ),
        (
            {"override": {"until": "2026-12-01T00:00:00Z"}},
            [
                ("override.reason", "is needed in [override]"),
                ("override.hooks", "is needed in [override]"),
            ],
        ),
        (
            {
                "override": {
                    "until": dt.datetime(2026, 12, 1),  # noqa: DTZ001
                    "reason": "x",
                    "hooks": ["pre/x", "y"],
                }
            },
            [
                ("override.until", "must be a time with its offset: 2026-12-01T00:00:00Z"),
                ("override.hooks", "'y' is no hook: write PHASE/NAME"),
            ],
        ),
    ],
)
def test_every_problem_is_named_with_its_key(document, problems):
    assert problems_of(document) == problems


def test_an_unknown_key_is_a_warning_that_fails_check():
    found = parse([("a", {"run": {"max-parallel": 1}, "runs": {}, "hooks": {"pre/x": {"to": 1}}})])
    assert found[1] == (
        Problem("a", "run.max-parallel", "unknown key; is it max_parallel?", 0, True, True),
        Problem("a", 'hooks."pre/x".to', "unknown key", 0, True, True),
        Problem("a", "runs", "unknown key", 0, True, True),
    )
    assert [p.fails_check for p in found[1]] == [True, True, True]


def test_a_check_that_nobody_knows_is_an_unknown_key():
    _, problems = parse([("a", {"checks": {"disk.low": "warn", "disk.lo": "warn"}})], {"disk.low"})
    assert problems == (Problem("a", 'checks."disk.lo"', "unknown check", 0, True, True),)


def test_a_problem_is_laid_at_the_file_that_said_it_last():
    _, problems = parse(
        [
            ("a", {"run": {"deadline": "x", "max_parallel": "x"}}),
            ("b", {"run": {"deadline": True}}),
        ]
    )
    assert [(p.file, p.key) for p in problems] == [("b", "run.deadline"), ("a", "run.max_parallel")]


def test_what_cannot_be_used_keeps_its_default():
    config, _ = parse([("a", {"run": {"deadline": "soon", "max_parallel": 2}})])
    assert config == Config(run=RunConfig(max_parallel=2))


def test_an_override_with_an_unknown_key_still_holds():
    until = "2026-12-01T00:00:00+02:00"
    table = {"until": until, "reason": "r", "hooks": ["pre/x"], "why": "?"}
    config, problems = parse([("a", {"override": table})])
    assert config.override == OverrideConfig("2026-11-30T22:00:00.000000Z", "r", ("pre/x",))
    assert [p.key for p in problems] == ["override.why"]


@pytest.mark.parametrize(
    "key",
    [
        "PATH", "LD_PRELOAD", "LD_", "PYTHONPATH", "PYTHON", "HOOKD_PHASE", "BASH_ENV", "ENV",
        "SHELLOPTS", "BASHOPTS", "PS4", "IFS", "PERL5LIB", "RUBYOPT", "NODE_OPTIONS",
    ],
)  # fmt: skip
def test_a_setting_may_not_change_how_programs_are_found(key):
    assert problems_of({"hooks": {"pre/x": {"settings": {key: "1"}}}}) == [
        (
            f'hooks."pre/x".settings.{key}',
            "may not be set for a hook: it changes how programs are found or run",
        )
    ]


@pytest.mark.parametrize("key", ["lower", "1A", "_A", "A-B", "A B", "", "A\n", "\u00c4"])
def test_a_setting_is_named_as_variables_are(key):
    [(_, reason)] = problems_of({"hooks": {"pre/x": {"settings": {key: "1"}}}})
    assert reason == "is no setting: capital letters, digits and _ only"


@pytest.mark.parametrize("key", ["PATHS", "MY_PATH", "ENVIRONMENT", "OLD_X", "A"])
def test_a_setting_may_resemble_a_forbidden_one(key):
    assert parsed({"hooks": {"pre/x": {"settings": {key: "1"}}}}).hooks["pre/x"].settings == {
        key: "1"
    }


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([1], "must be text, not a list"),
        ({}, "must be text, not a table"),
        (dt.date(2026, 1, 1), "must be text, not a date or time"),
        (float("inf"), "must be text, not a number"),
        ("a\0b", "must not hold a zero byte"),
    ],
)
def test_a_setting_is_text_a_number_or_a_boolean(value, reason):
    assert problems_of({"hooks": {"pre/x": {"settings": {"A": value}}}}) == [
        ('hooks."pre/x".settings.A', reason)
    ]


def test_a_problem_reads_as_file_line_key_reason():
    assert str(Problem("/etc/a", "run.x", "unknown key", 3)) == "/etc/a:3: run.x: unknown key"
    assert str(Problem("/etc/a", "", "is a FIFO")) == "/etc/a: is a FIFO"


def test_an_override_changes_only_what_it_says():
    spec = HookSpec(timeout_s=5.0, retries=3, settings={"A": "1", "B": "1"})
    said = HookOverride(retries=0, required=False, settings={"B": "2"})
    assert apply(spec, said) == HookSpec(
        timeout_s=5.0, retries=0, required=False, settings={"A": "1", "B": "2"}
    )


@pytest.mark.parametrize(
    ("key", "value", "is_secret"),
    [
        ("DB_PASSWORD", "hunter2", True),
        ("API_KEY", "x", True),
        ("AUTH_TOKEN", "x", True),
        ("DB_PASSWORD", "", False),
        ("DB_SECRET_ARN", "arn:aws:secretsmanager:eu-west-1:1:secret:x", False),
        ("TOKEN_FILE", "/run/token", False),
        ("TARGET_GROUP_ARN", "arn:aws:x", False),
        ("WHO", "AKIAIOSFODNN7EXAMPLE", True),
        ("URL", "https://user:pass@example.com/", True),
        ("URL", "https://example.com/a:b@c", False),
        ("PEM", "-----BEGIN RSA PRIVATE KEY-----", True),
        ("COUNT", 5, False),
    ],
)
def test_settings_that_look_like_secrets(key, value, is_secret):
    document = {"hooks": {"pre/x": {"settings": {key: value}}}}
    assert list(secret_settings(document)) == [("hooks", "pre/x", "settings", key)] * is_secret


@pytest.mark.parametrize(
    "document", [{"hooks": 1}, {"hooks": {"a": 1}}, {"hooks": {"a": {"settings": 1}}}]
)
def test_looking_for_secrets_survives_any_shape(document):
    assert list(secret_settings(document)) == []


TOML = st.recursive(
    st.none().map(lambda _: dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc))
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=5)
            | st.sampled_from(["run", "hooks", "pre/x", "settings", "deadline"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
TOP = st.sampled_from([f.name for f in dataclasses.fields(Config)])


@given(st.lists(st.dictionaries(TOP, TOML, max_size=5), max_size=3))
def test_any_document_gives_a_configuration_that_survives_the_journal(documents):
    config, _ = parse([(f"{n}.toml", document) for n, document in enumerate(documents)])
    assert from_json(json.loads(json.dumps(to_json(config)))) == config


@given(st.integers(0, 8000), st.integers(0, 59), st.integers(0, 59))
def test_a_duration_is_the_sum_of_its_parts(hours, minutes, seconds):
    text = f"{hours}h{minutes}m{seconds}s"
    config = parsed({"verify": {"settle": text}})
    assert config.verify.settle_s == hours * 3600 + minutes * 60 + seconds


DOCS = pathlib.Path(__file__).parents[2] / "docs"


def documented_example():
    text = (DOCS / "configuration.md").read_text(encoding="utf-8")
    return parse_toml(text.split("```toml\n")[1].split("```")[0].encode())


def test_the_documented_example_has_no_problem():
    assert parse([("docs", documented_example())])[1] == ()


def test_the_documented_example_shows_every_key():
    example = documented_example()
    hooks = {key for table in example["hooks"].values() for key in table}
    shown = {(name, key) for name in _SECTIONS for key in example[name]}
    known = {(name, key) for name, (_, readers) in _SECTIONS.items() for key in readers}
    assert (shown, hooks) == (known, set(_KEYS))
    assert {"checks", "expect", "hooks", *_SECTIONS} == set(example)
    expected = {
        kind: set(table) for kind, names in example["expect"].items() for table in names.values()
    }
    assert expected == {kind: set(readers) for kind, (_, readers, _) in KINDS.items()}
    assert set(example["verify"]["ignore"]) == {one.name for one in dataclasses.fields(Ignore)}


@pytest.mark.parametrize("page", ["configuration.md", "hook-contract.md"])
def test_every_key_of_a_hook_is_documented(page):
    text = (DOCS / page).read_text(encoding="utf-8")
    assert [key for key in _KEYS if f"`{key}`" not in text] == []


def test_the_documented_hooks_have_good_metadata():
    text = (DOCS / "hook-contract.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```(?:sh|python)\n(.*?)```", text, re.DOTALL)
    phases = [Phase.ON_EXIT if "undoes =" in block else Phase.PRE for block in blocks]
    read = [read_metadata(b.encode(), p, "docs") for b, p in zip(blocks, phases)]
    assert [(bool(one.override.description), one.problems) for one in read] == [(True, ())] * 4
