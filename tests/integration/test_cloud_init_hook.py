"""The hook that waits for cloud-init: what `cloud-init status --wait --long` prints, by version."""

from __future__ import annotations

import pytest
from support.fakeroot import FakeRoot, hooks_of
from support.shipped import Alone, Done, as_vendor, configure, executable

WAIT = "pre/12-wait-for-cloud-init"
# Printed by cloudinit/cmd/status.py of Debian's 22.4.2, and by the source of the others.
DONE_19_3 = "..\nstatus: done\ntime: Wed, 25 Nov 2026 08:00:00 +0000\ndetail:\nDataSourceEc2Local\n"
DONE_22_4 = """
status: done
boot_status_code: enabled-by-generator
last_update: Wed, 25 Nov 2026 08:00:00 +0000
detail:
DataSourceEc2Local
"""
DEGRADED_24_1 = """
status: done
extended_status: degraded done
boot_status_code: enabled-by-generator
last_update: Wed, 25 Nov 2026 08:00:00 +0000
detail: DataSourceEc2Local
errors: []
recoverable_errors:
DEPRECATED:
\t- Deprecated cloud-config provided: apt_update
"""
DISABLED_22_4 = """
status: disabled
boot_status_code: disabled-by-generator
detail:
Cloud-init disabled by cloud-init-generator
"""
SCRIPTS = '("scripts-user", RuntimeError("Runparts: 1 failures"))'
ERROR_22_4 = DONE_22_4.replace("done", "error").replace("DataSourceEc2Local", SCRIPTS)
ERROR_24_1 = (
    DEGRADED_24_1.replace("status: done", "status: error")
    .replace("degraded done", "error - done")
    .replace("errors: []", f"errors:\n\t- {SCRIPTS}\n\t- later")
)
USAGE_0_7 = "cloud-init: error: argument subcommand: invalid choice: 'status' (choose from ...)\n"


class Node(Alone):
    """A machine whose cloud-init prints `said` and ends; `units` answers systemctl, one a line."""

    def __init__(self, tmp_path, said, code=0, units=("ActiveState=active Job=0",)):
        super().__init__(tmp_path, root="/")
        (tmp_path / "said").write_text(said, encoding="utf-8")
        executable(
            self.bin / "cloud-init",
            f'#!/bin/sh\n[ "$*" = "status --wait --long" ] || exit 64\ncat {tmp_path}/said\n'
            f"exit {code}\n",
        )
        (tmp_path / "units").write_text("".join(f"{unit}\n" for unit in units), encoding="utf-8")
        executable(
            self.bin / "systemctl",
            f"""#!/bin/sh
[ "$*" = "show -p ActiveState -p Job cloud-final.service" ] || exit 64
head -n 1 {tmp_path}/units | tr ' ' '\\n'
sed -i '1{{$!d}}' {tmp_path}/units
""",
        )

    def wait(self, **settings):
        done = self.run(WAIT, **{"TIMEOUT_S": 20, **settings})
        return done.code, done.reason, done.outputs


@pytest.mark.parametrize(
    ("said", "code", "status"),
    [
        (DONE_19_3, 0, "done"),
        (DONE_22_4, 0, "done"),
        ("....status: done\n", 0, "done"),
        (DEGRADED_24_1, 2, "degraded"),
        (DEGRADED_24_1, 0, "degraded"),  # distributions that keep to the exit code of old
    ],
)
def test_a_machine_is_patched_when_cloud_init_has_ended(tmp_path, said, code, status):
    assert Node(tmp_path, said, code).wait() == (0, "", {"cloud_init": status})


def test_what_cloud_init_said_is_kept(tmp_path):
    done = Node(tmp_path, DONE_19_3).run(WAIT, TIMEOUT_S=20)

    assert done == Done(0, "", {"cloud_init": "done"}, DONE_19_3.replace("..\n", ""))


@pytest.mark.parametrize("said", [ERROR_22_4, ERROR_24_1])
def test_an_error_stops_pre_unless_it_is_allowed(tmp_path, said):
    node = Node(tmp_path, said, 1)

    assert node.wait() == (1, f"cloud-init ended in error: {SCRIPTS}", {})
    assert node.wait(ALLOW_ERROR="true") == (0, "", {"cloud_init": "error"})


def test_an_error_does_not_hide_that_the_final_stage_is_to_end(tmp_path):
    """Up to 23.3 `--wait` ends at the first error."""
    waits, runs = "ActiveState=inactive Job=312", "ActiveState=activating Job=0"
    node = Node(tmp_path, ERROR_22_4, 1, (waits, runs, "ActiveState=failed Job=0"))

    assert node.wait(ALLOW_ERROR="true") == (0, "", {"cloud_init": "error"})
    assert (tmp_path / "units").read_text() == "ActiveState=failed Job=0\n"


def test_a_final_stage_that_does_not_end_stops_pre(tmp_path):
    node = Node(tmp_path, ERROR_22_4, 1, ("ActiveState=activating Job=312",))

    done = node.wait(ALLOW_ERROR="true", TIMEOUT_S=1)

    assert done == (1, f"cloud-init has not ended after 1 s: {SCRIPTS}", {})


@pytest.mark.parametrize(
    ("said", "code", "reason"),
    [
        (USAGE_0_7, 2, "cloud-init tells no status (exit 2): " + USAGE_0_7.strip()),
        ("", 0, "cloud-init tells no status (exit 0): "),
        (DONE_22_4, 1, "cloud-init is done (exit 1)"),
        ("\nstatus: not started\n", 0, "cloud-init is not started (exit 0)"),
    ],
)
def test_what_cannot_be_told_stops_pre(tmp_path, said, code, reason):
    assert Node(tmp_path, said, code).wait()[:2] == (1, reason.strip())


def test_it_does_not_wait_for_ever(tmp_path):
    node = Node(tmp_path, "")
    executable(node.bin / "cloud-init", "#!/bin/sh\nprintf ....\nexec sleep 60\n")

    assert node.wait(TIMEOUT_S=1) == (1, "cloud-init has not ended after 1 s", {})


def test_it_does_not_apply_where_cloud_init_is_off_or_not_there(tmp_path):
    node = Node(tmp_path, DISABLED_22_4)
    off = node.wait()
    (node.bin / "cloud-init").unlink()

    assert off == (77, "cloud-init is disabled", {})
    assert node.wait() == (77, "cloud-init is not installed", {})


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"TIMEOUT_S": "15m"}, "TIMEOUT_S is no number: 15m"),
        ({"ALLOW_ERROR": "yes"}, "ALLOW_ERROR is neither true nor false: yes"),
    ],
)
def test_a_setting_that_makes_no_sense_stops_pre(tmp_path, settings, reason):
    assert Node(tmp_path, DONE_22_4).wait(**settings) == (1, reason, {})


def test_below_another_root_it_does_not_apply(tmp_path):
    root = as_vendor(FakeRoot(tmp_path))
    configure(root, **{WAIT: {"TIMEOUT_S": 20}})

    assert root.run("run", "pre")[0] == 0

    found = hooks_of(root.result(), "pre")["12-wait-for-cloud-init"]
    assert found == ("skipped", f"cloud-init does not set up {root.path}")
