"""The hook that restarts what runs replaced files; a real systemd has it in the lab."""

from __future__ import annotations

import json

import pytest
from support.fakeroot import is_root
from support.shipped import Alone, Done, executable

STALE = "post/40-restart-stale"
# A unit is a file with its properties (systemctl(1)), one a line; what is done goes to `done`.
FAKE = """#!/bin/bash
cd "${0%/*}/../units"
unit=${*: -1}
case $1 in
show)
  [[ ! -e silent ]] || exit 1
  [[ $* == *Version* ]] || cat "$unit" 2>/dev/null || echo ActiveState=inactive
  [[ ! -e strict || $unit == *.service ]] ;;
try-restart)
  echo "$unit" >>done
  ! grep -q refuses "$unit" || exit 1
  ! grep -q ends "$unit" || sed -i s/=active/=inactive/ "$unit" ;;
is-active) grep -q ActiveState=active "$unit" ;;
daemon-reexec) echo systemd >>done; [[ ! -e broken ]] ;;
*) exit 64 ;;
esac
"""


class Node(Alone):
    """A node where `stale` units run replaced files, as hookd has found after the installation.

    "1" is systemd itself.
    """

    def __init__(self, tmp_path, *stale, **standing):
        super().__init__(tmp_path)
        executable(self.bin / "systemctl", FAKE)
        self.units = tmp_path / "units"
        self.units.mkdir()
        found = [
            {"pid": 1 if unit == "1" else n, "unit": "init.scope" if unit == "1" else unit}
            for n, unit in enumerate(stale, 2)
        ]
        for unit in stale:
            self.set(unit or "none")
        processes = {"standing": "ok", "reason": "", "stale": found, **standing}
        (tmp_path / "snapshots").mkdir()
        look = tmp_path / "snapshots/installed.json"
        look.write_text(json.dumps({"node": {"processes": processes}}))

    def set(self, unit, *properties, state="active"):
        lines = (f"ActiveState={state}", "Type=simple", *properties)
        (self.units / unit).write_text("".join(f"{line}\n" for line in lines))

    def restart(self, option="NoReboot", **settings):
        return self.run(STALE, HOOKD_REBOOT_OPTION=option, **{"STEADY_S": 0, **settings})

    def done(self):
        path = self.units / "done"
        return path.read_text().split() if path.exists() else []


def test_a_systemctl_that_fails_for_a_unit_without_a_type_has_told_all_the_same(tmp_path):
    """As the 219 of RHEL 7 and Amazon Linux 2: a target has no Type."""
    node = Node(tmp_path, "web.service")
    node.set("web.service", "RequiredBy=multi-user.target")
    (node.units / "multi-user.target").write_text("ActiveState=inactive\n")
    (node.units / "strict").touch()

    done = node.restart(RESTART="*.service")

    assert (done.code, done.outputs) == (0, {"restarted": "web.service", "left": ""})


def test_what_may_be_restarted_is_and_the_rest_is_named(tmp_path):
    stale = ("web.service", "db.service", "web.service", "dbus.service", "app@1.service")
    node = Node(tmp_path, *stale, "user@0.service", "session-1.scope", "ssm.service", "", "1")

    done = node.restart(RESTART="*.service", EXCLUDE="db*\nssm.service")

    units = "db.service dbus.service session-1.scope ssm.service user@0.service"
    left = f"processes of no unit systemd {units}"
    assert (done.code, done.outputs) == (
        0,
        {"restarted": "app@1.service web.service", "left": left},
    )
    assert done.stdout == (
        "left alone: processes of no unit (none to restart)\n"
        "left alone: systemd (REEXEC is not set)\n"
        "left alone: db.service (db.service is excluded)\n"
        "left alone: dbus.service (dbus.service is excluded)\n"
        "left alone: session-1.scope (session-1.scope is none of RESTART)\n"
        "left alone: ssm.service (ssm.service is excluded)\n"
        "left alone: user@0.service (user@0.service is excluded)\n"
        "restarted 2 units, left 7 alone\n"
    )
    assert node.done() == ["app@1.service", "web.service"]


@pytest.mark.parametrize("excluded", ["mysql.service", "mariadb", "my?ql*", "old\n\tmysql"])
def test_a_unit_is_excluded_by_any_of_its_names_with_or_without_the_suffix(tmp_path, excluded):
    node = Node(tmp_path, "mariadb.service", "web.service")
    node.set("mariadb.service", "Names=mysql.service mariadb.service")

    done = node.restart(RESTART="web *.service", EXCLUDE=excluded)

    assert (done.code, node.done()) == (0, ["web.service"])
    assert done.outputs["left"] == "mariadb.service"


@pytest.mark.parametrize(
    ("state", "properties", "why"),
    [
        ("active", ("Type=oneshot",), "is at work (active, oneshot)"),
        ("activating", (), "is at work (activating, simple)"),
        ("active", ("TriggeredBy=a.timer",), "is at work (active, simple)"),
        ("active", ("RefuseManualStop=yes",), "refuses it"),
        ("active", ("RefuseManualStart=yes",), "refuses it"),
    ],
)
def test_what_is_at_work_or_refuses_is_left_alone(tmp_path, state, properties, why):
    node = Node(tmp_path, "a.service")
    node.set("a.service", *properties, state=state)

    done = node.restart(RESTART="*.service")

    said = f"left alone: a.service (a.service {why})\nrestarted 0 units, left 1 alone\n"
    assert (done.code, done.stdout, node.done()) == (0, said, [])


@pytest.mark.parametrize("relation", ["RequiredBy", "BoundBy", "ConsistsOf"])
@pytest.mark.parametrize(
    ("is_up", "restarted"), [(True, []), (False, ["a.service"])], ids=["up", "down"]
)
def test_nothing_is_restarted_along_that_may_not_be(tmp_path, relation, is_up, restarted):
    node = Node(tmp_path, "a.service")
    node.set("a.service", f"{relation}=b.service")
    node.set("b.service", f"{relation}=c.service a.service")
    node.set("c.service", state="active" if is_up else "inactive")

    done = node.restart(RESTART="*.service", EXCLUDE="c.service")

    assert (done.code, node.done()) == (0, restarted)
    if is_up:
        assert "left alone: a.service (c.service is excluded)\n" in done.stdout


def test_what_was_restarted_along_has_to_be_up_as_well(tmp_path):
    node = Node(tmp_path, "a.service")
    node.set("a.service", "RequiredBy=b.service")
    node.set("b.service")
    executable(node.bin / "sleep", f"#!/bin/sh\necho ActiveState=failed >{node.units}/b.service\n")

    done = node.restart(RESTART="?.service")

    assert (done.code, done.reason) == (1, "not up after a restart: b.service")


@pytest.mark.skipif(not is_root(), reason="a mount namespace is made by root")
def test_the_unit_that_it_runs_in_is_not_restarted(tmp_path):
    """Where hookd is called from a unit: its shell is stale, and would not see the end."""
    node = Node(tmp_path, "patching.service", "ing.service")
    group = tmp_path / "cgroup"
    group.write_text("1:name=systemd:/system.slice/patching.service\n0::/\n")
    mount = f'mount --bind {group} /proc/$$/cgroup; exec "$@"'
    within = ("unshare", "--mount", "sh", "-euc", mount, "sh")

    done = node.restart(RESTART="*.service", within=within)

    assert (done.code, node.done()) == (0, ["ing.service"])
    assert "patching.service is what this runs in" in done.stdout


@pytest.mark.parametrize(("is_broken", "code"), [(False, 0), (True, 1)])
def test_systemd_executes_itself_anew_when_that_is_wanted(tmp_path, is_broken, code):
    node = Node(tmp_path, "a.service", "1")
    if is_broken:
        (node.units / "broken").touch()

    done = node.restart(RESTART="*.service", REEXEC="true")

    assert (done.code, node.done()) == (code, ["a.service", "systemd"])
    assert done.outputs == {"restarted": "a.service systemd", "left": ""}


def test_where_systemd_does_not_answer_nothing_is_restarted(tmp_path):
    node = Node(tmp_path, "a.service")
    (node.units / "silent").touch()

    done = node.restart(RESTART="*.service")

    assert (done.code, done.reason, node.done()) == (1, "systemctl tells nothing of a.service", [])


@pytest.mark.parametrize(
    ("option", "said"), [("RebootIfNeeded", "RebootIfNeeded"), ("", "not known")]
)
def test_where_a_reboot_may_follow_nothing_is_restarted(tmp_path, option, said):
    node = Node(tmp_path, "web.service")

    done = node.restart(option, RESTART="*.service")

    reason = f"the RebootOption is {said}, not NoReboot: nothing is restarted"
    assert (done.code, done.reason, node.done()) == (77, reason, [])


def test_all_are_restarted_and_what_does_not_come_up_is_named(tmp_path):
    node = Node(tmp_path, "a.service", "b.service", "c.service", "d.service")
    node.set("a.service", "refuses")
    node.set("b.service", "ends")
    node.set("c.service", state="inactive")  # stopped since hookd has looked

    done = node.restart(RESTART="?.service")

    assert (done.code, done.reason) == (1, "not up after a restart: a.service b.service")
    assert node.done() == ["a.service", "b.service", "d.service"]


def test_an_escaped_name_is_taken_and_told_as_it_is(tmp_path):
    unit = r"app\x2dx.service"
    node = Node(tmp_path, unit)
    node.set(unit, "ends")

    excluded = node.restart(RESTART="*", EXCLUDE=unit)
    done = node.restart(RESTART="*")

    assert (excluded.code, excluded.outputs) == (0, {"restarted": "", "left": unit})
    assert (done.code, done.reason) == (1, f"not up after a restart: {unit}")


@pytest.mark.parametrize("text", ["", "{", "{}", '{"node": {"processes": {"stale": [1]}}}'])
def test_a_look_that_cannot_be_read_is_not_known(tmp_path, text):
    node = Node(tmp_path, "a.service")
    (tmp_path / "snapshots/installed.json").write_text(text)

    started = node.start(STALE, HOOKD_REBOOT_OPTION="NoReboot", RESTART="*")
    _, error = started.communicate(timeout=30)

    told = error.decode().splitlines()
    assert (started.returncode, told[1:]) == (1, ["what is stale is not known"])


def test_nothing_stale_is_nothing_to_do(tmp_path):
    done = Node(tmp_path).restart(RESTART="*")

    outputs = {"restarted": "", "left": ""}
    assert done == Done(0, "", outputs, "restarted 0 units, left 0 alone\n")


@pytest.mark.parametrize(
    ("standing", "code", "reason"),
    [("unknown", 1, "what is stale is not known"), ("absent", 77, "nothing runs there")],
)
def test_what_is_not_known_is_a_failure_and_where_nothing_runs_it_does_not_apply(
    tmp_path, standing, code, reason
):
    node = Node(tmp_path, "a.service", standing=standing, reason="nothing runs there")

    done = node.restart(RESTART="*")

    assert (done.code, done.reason, node.done()) == (code, reason, [])


@pytest.mark.parametrize(
    ("settings", "code", "reason"),
    [
        ({}, 77, "not configured: set RESTART"),
        ({"RESTART": "*", "TIMEOUT_S": "x"}, 1, "TIMEOUT_S is no number: x"),
        ({"RESTART": "*", "STEADY_S": "x"}, 1, "STEADY_S is no number: x"),
        ({"RESTART": "*", "REEXEC": "yes"}, 1, "REEXEC is neither true nor false: yes"),
        ({"RESTART": " \n"}, 1, "RESTART names nothing"),
        (
            {"RESTART": "*", "EXCLUDE": "db,web"},
            1,
            "EXCLUDE: not patterns of units separated by blanks: db,web",
        ),
    ],
)
def test_what_makes_no_sense_is_said(tmp_path, settings, code, reason):
    node = Node(tmp_path, "a.service")

    done = node.restart(**settings)

    assert (done.code, done.reason, node.done()) == (code, reason, [])
