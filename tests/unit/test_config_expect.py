"""`[expect]` and `[verify.ignore]`: every key, every problem at once, nothing half understood."""

from __future__ import annotations

import json

import pytest

from hookd.config import Config, VerifyConfig, from_json, parse, to_json
from hookd.config.expect_table import address
from hookd.config.secret import secret_settings
from hookd.core.expect import (
    CommandExpectation,
    Expect,
    FileExpectation,
    HttpExpectation,
    TcpExpectation,
    UnitExpectation,
)
from hookd.core.ignore import Ignore

EVERYTHING = {
    "units": {"app.service": {"active": True, "enabled": False}, "db@1.service": {"enabled": True}},
    "http": {
        "http://127.0.0.1:8080/health": {},
        "https://app.example.com/": {
            "status": 204,
            "contains": "ok",
            "timeout": "1m",
            "insecure": True,
            "follow_redirects": True,
        },
    },
    "tcp": {"127.0.0.1:5432": {}, "[::1]:22": {"reachable": False, "timeout": 0.5}},
    "command": {
        "/bin/true": {},
        "/opt/check 'a b'": {"exit_code": 3, "stdout": "x", "timeout": "20s", "user": "app"},
    },
    "file": {
        "/var/ready": {},
        "/var/app": {"exists": True, "contains": "x", "mode": "640", "owner": "app"},
        "/var/gone": {"exists": False},
    },
}
EXPECT = Expect(
    units={
        "app.service": UnitExpectation(active=True, enabled=False),
        "db@1.service": UnitExpectation(active=None, enabled=True),
    },
    http={
        "http://127.0.0.1:8080/health": HttpExpectation(
            status=200, contains="", timeout_s=5.0, insecure=False, follow_redirects=False
        ),
        "https://app.example.com/": HttpExpectation(
            status=204, contains="ok", timeout_s=60.0, insecure=True, follow_redirects=True
        ),
    },
    tcp={
        "127.0.0.1:5432": TcpExpectation(reachable=True, timeout_s=5.0),
        "[::1]:22": TcpExpectation(reachable=False, timeout_s=0.5),
    },
    command={
        "/bin/true": CommandExpectation(exit_code=0, stdout="", timeout_s=10.0, user=""),
        "/opt/check 'a b'": CommandExpectation(exit_code=3, stdout="x", timeout_s=20.0, user="app"),
    },
    file={
        "/var/ready": FileExpectation(exists=True, contains="", mode="", owner=""),
        "/var/app": FileExpectation(exists=True, contains="x", mode="0640", owner="app"),
        "/var/gone": FileExpectation(exists=False, contains="", mode="", owner=""),
    },
)


def problems_of(document):
    return [(p.key, p.reason) for p in parse([("a.toml", document)])[1]]


def test_every_key_reaches_its_field_and_survives_the_journal():
    config, problems = parse([("a.toml", {"expect": EVERYTHING})])

    assert (config, problems) == (Config(expect=EXPECT), ())
    assert from_json(json.loads(json.dumps(to_json(config)))) == config


def test_a_configuration_that_an_earlier_version_journalled_expects_nothing():
    earlier = {name: value for name, value in to_json(Config()).items() if name != "expect"}

    assert from_json(earlier) == Config(expect=Expect())


def test_a_later_document_wins_key_by_key_within_an_expectation():
    config, _ = parse(
        [
            ("a", {"expect": {"http": {"http://a/": {"status": 201, "contains": "x"}}}}),
            ("b", {"expect": {"http": {"http://a/": {"status": 202}}, "tcp": {"a:1": {}}}}),
        ]
    )

    assert config.expect == Expect(
        http={"http://a/": HttpExpectation(status=202, contains="x")},
        tcp={"a:1": TcpExpectation()},
    )


@pytest.mark.parametrize(
    ("expect", "problems"),
    [
        (5, [("expect", "must be a table, not a number")]),
        ({"http": 5}, [("expect.http", "must be a table, not a number")]),
        ({"tcp": {"a:1": 5}}, [('expect.tcp."a:1"', "must be a table, not a number")]),
        (
            {"port": {"a": {}}},
            [("expect.port", "is none of units, http, tcp, command, file")],
        ),
        (
            {"units": {"app": {"active": True}}},
            [("expect.units.app", 'is no unit: its name has a type; write "app.service"')],
        ),
        (
            {"units": {"app@.service": {"active": True}}},
            [('expect.units."app@.service"', "is no unit: its name has a type")],
        ),
        (
            {"units": {"--all.service x": {"active": True}}},
            [('expect.units."--all.service x"', "is no unit: its name has a type")],
        ),
        (
            {"units": {"a.service": {}}},
            [('expect.units."a.service"', "expects nothing: write active or enabled")],
        ),
        (
            {"units": {"a.service": {"running": True}}},
            [
                ('expect.units."a.service".running', "unknown key"),
                ('expect.units."a.service"', "expects nothing: write active or enabled"),
            ],
        ),
        (
            {"http": {"localhost/health": {"status": "200", "timeout": "61s"}}},
            [
                (
                    'expect.http."localhost/health"',
                    "is no address: write http://HOST[:PORT]/PATH or https://...",
                ),
                (
                    'expect.http."localhost/health".status',
                    "must be a whole number, not text",
                ),
                (
                    'expect.http."localhost/health".timeout',
                    "must be at most 1m: it is tried again, within [verify] settle",
                ),
            ],
        ),
        (
            {"command": {"check-app": {"exit_code": 256}}},
            [
                (
                    "expect.command.check-app",
                    "is no command: write its path from / on; no shell reads it",
                ),
                ("expect.command.check-app.exit_code", "must be between 0 and 255"),
            ],
        ),
        (
            {"command": {"/bin/sh -c 'x": {"user": "a b"}}},
            [
                (
                    'expect.command."/bin/sh -c \'x"',
                    "cannot be split into words: no closing quotation",
                ),
                ('expect.command."/bin/sh -c \'x".user', "'a b' is no name"),
            ],
        ),
        (
            {"file": {"ready": {"mode": 640}, "/x": {"mode": "0888"}}},
            [
                ("expect.file.ready", "is no path: write it from / on"),
                ("expect.file.ready.mode", "must be text, not a number"),
                ('expect.file."/x".mode', "'0888' is no mode: write \"0640\""),
            ],
        ),
        (
            {"file": {"/x": {"exists": False, "mode": "0640", "owner": "a"}}},
            [
                ('expect.file."/x".mode', "cannot be of a file that is not to exist"),
                ('expect.file."/x".owner', "cannot be of a file that is not to exist"),
            ],
        ),
    ],
)
def test_everything_wrong_is_said_at_once_with_its_place(expect, problems):
    config, _ = parse([("a.toml", {"expect": expect})])

    assert problems_of({"expect": expect}) == problems
    assert config.expect == Expect()


def test_an_unknown_key_is_only_a_warning_to_run_and_the_expectation_stands():
    config, (problem,) = parse([("a", {"expect": {"tcp": {"a:1": {"reachabel": False}}}})])

    assert (problem.is_warning, problem.fails_check) == (True, True)
    assert config.expect == Expect(tcp={"a:1": TcpExpectation()})


def test_what_is_wrong_with_one_expectation_costs_no_other():
    config, problems = parse([("a", {"expect": {"tcp": {"a:0": {}, "b:1": {}}}})])

    assert [problem.key for problem in problems] == ['expect.tcp."a:0"']
    assert config.expect == Expect(tcp={"b:1": TcpExpectation()})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("127.0.0.1:80", ("127.0.0.1", 80)),
        ("db.example.com:5432", ("db.example.com", 5432)),
        ("[fe80::1%eth0]:1", ("fe80::1%eth0", 1)),
    ],
)
def test_addresses_of_ports(text, found):
    assert address(text) == found


@pytest.mark.parametrize("text", ["", "a", ":1", "a:", "a:0", "a:65536", "::1:80", "a b:1", "a:1 "])
def test_what_is_no_address_of_a_port(text):
    with pytest.raises(ValueError, match="is no HOST:PORT"):
        address(text)


@pytest.mark.parametrize("kind", ["file", "command", "http"])
def test_a_name_that_no_terminal_shows_is_refused(kind):
    name = ("http://a/" if kind == "http" else "/bin/x") + "\x1b[2J"

    assert len(problems_of({"expect": {kind: {name: {}}}})) == 1


@pytest.mark.parametrize(
    "url", ["", "ftp://a/", "http://", "http:///x", "http://a:99999/", "http://a b/", "http://[/"]
)
def test_what_is_no_address_of_a_page(url):
    [(key, _)] = problems_of({"expect": {"http": {url: {}}}})

    assert key.startswith("expect.http.")


def test_what_is_ignored_reaches_its_field_and_the_rest_counts_whatever_is_wrong_beside_it():
    document = {
        "verify": {
            "settle": "5s",
            "ignore": {"units": ["snap-*.service"], "unit": ["x"], "files": "y", "mounts": [""]},
        }
    }
    config, problems = parse([("a.toml", document)])

    assert config.verify == VerifyConfig(settle_s=5.0, ignore=Ignore(units=("snap-*.service",)))
    assert [(p.key, p.reason, p.is_warning) for p in problems] == [
        ("verify.ignore.unit", "unknown key; is it units?", True),
        ("verify.ignore.files", "must be a list, not text", False),
        ("verify.ignore.mounts", "'' is no pattern: it is empty", False),
    ]


def test_an_address_or_command_with_a_password_looks_like_a_secret():
    document = {
        "expect": {
            "http": {"https://app:hunter2@example.com/": {}, "http://example.com/": {}},
            "command": {"/bin/check --password hunter2": {}},
            "tcp": {"a:1": {}},
        }
    }

    assert list(secret_settings(document)) == [
        ("expect", "http", "https://app:[masked]@example.com/"),
        ("expect", "command", "/bin/check --password [masked]"),
    ]
