"""What other commands say becomes a part, and their silence a reason."""

from __future__ import annotations

import json

import pytest

from hookd.bundle import agent, answers
from hookd.bundle.part import MissingError
from hookd.system.machine import open_machine
from hookd.system.process.command import Completed


def _parts(tmp_path, said, config=None):
    """Return the parts by name when every command answers `said`, and what was asked."""
    asked = []

    def ask(argv, left_s):
        asked.append(list(argv))
        if isinstance(said, Exception):
            raise said
        return said

    machine = open_machine(str(tmp_path), None, {})
    return {part.name: part for part in answers.parts(machine, config, ask)}, asked


def _json(part):
    return json.loads(b"".join(part.pieces(9.0)))


def test_the_parts_are_these(tmp_path):
    parts, _ = _parts(tmp_path, Completed((), 0))

    assert list(parts) == [
        *("environment.json", "config.json", "status.json", "doctor.json", "check.json"),
        *("hooks.json", "history.json", "units.json", "hookd.log"),
    ]


@pytest.mark.parametrize("code", [0, 1, 75])
def test_an_answer_counts_whatever_it_ends_with_and_is_masked(tmp_path, code):
    parts, asked = _parts(tmp_path, Completed((), code, b'{"why": "PASSWORD=x1"}'), "/etc/o.toml")

    assert _json(parts["doctor.json"]) == {"why": "PASSWORD=[masked]"}
    assert asked[0][-6:] == ["--root", str(tmp_path), "--config", "/etc/o.toml", "doctor", "--json"]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (
            Completed(("python",), 70, b"", b"Traceback\nmore"),
            "hookd status: it gave no JSON (exit code 70): python exited 70: Traceback",
        ),
        (
            Completed(("python",), None, error="python did not answer within 30 s"),
            "hookd status: python did not answer within 30 s",
        ),
        (Completed(("python",), 0, b"[" * (4 << 20)), "hookd status says more than 4194304 bytes"),
        (MissingError("python: no such file"), "python: no such file"),
    ],
)
def test_a_command_without_an_answer_says_why(tmp_path, said, why):
    parts, _ = _parts(tmp_path, said)

    with pytest.raises(MissingError) as caught:
        list(parts["status.json"].pieces(9.0))

    assert str(caught.value) == why


def test_the_configuration_is_the_merged_one_without_its_secrets(tmp_path):
    file = tmp_path / "etc/hookd/hookd.toml"
    file.parent.mkdir(parents=True)
    file.write_text('[hooks."pre/10-a".settings]\nDB_TOKEN = "abc"\nPORT = "80"\n')
    file.chmod(0o600)
    parts, _ = _parts(tmp_path, Completed((), 0))

    found = _json(parts["config.json"])

    assert found["effective"]["hooks"]["pre/10-a"]["settings"] == {
        "DB_TOKEN": "[masked]",
        "PORT": "80",
    }
    assert (found["files"], found["problems"]) == (["/etc/hookd/hookd.toml"], [])


def test_a_tool_that_does_not_say_its_version_is_unknown_with_a_reason(tmp_path):
    parts, _ = _parts(tmp_path, MissingError("rpm: no such program"))

    found = _json(parts["environment.json"])

    assert found["rpm"] == {"version": "", "reason": "rpm: no such program"}
    assert found["kernel"] == {
        "version": "",
        "reason": "/proc/sys/kernel/osrelease does not exist",
    }
    assert found["systemd"] == {"version": "", "reason": "nothing runs below another root"}


@pytest.mark.parametrize("name", ["units.json", "hookd.log"])
def test_below_another_root_nothing_is_asked_of_what_runs(tmp_path, name):
    parts, asked = _parts(tmp_path, Completed((), 0, b"somebody else's"))

    with pytest.raises(MissingError, match="nothing runs below another root"):
        list(parts[name].pieces(9.0))

    assert asked == []


def test_of_the_agents_files_nothing_is_told_but_that_they_are_there(tmp_path):
    state = tmp_path / "var/lib/amazon/ssm/i-0123456789abcdef0/document/state/current"
    state.mkdir(parents=True)
    (state / "7f3a").write_text("a parameter")
    (tmp_path / "var/log").mkdir()

    found = _json(agent.part(open_machine(str(tmp_path), None, {}).root))

    folder = "/var/lib/amazon/ssm/i-0123456789abcdef0/document/state/current"
    (there,) = [one for one in found["folders"] if one["names"]]
    assert (there["path"], there["names"]) == (folder, 1)
    assert [(one["path"], one["bytes"]) for one in there["files"]] == [(f"{folder}/7f3a", 11)]
    assert {one["reason"] for one in found["folders"] if not one["names"]} == {
        "No such file or directory"
    }
    assert "a parameter" not in json.dumps(found)
