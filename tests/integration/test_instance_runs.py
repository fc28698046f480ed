"""`hookd identity`, the host in a result, and state that came with an image."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest
from support.fakeimds import FakeImds
from support.fakeroot import CHECKOUT, FakeRoot, says

A, B = "i-0123456789abcdef0", "i-0fedcba9876543210"


@pytest.fixture
def root(tmp_path):
    found = FakeRoot(tmp_path)
    yield found
    found.end()


@pytest.fixture
def service():
    with FakeImds() as found:
        yield found


def endpoint(service):
    return {"AWS_EC2_METADATA_SERVICE_ENDPOINT": service.url}


def test_identity_is_asked_told_and_left_for_the_others(root, service):
    code, out, err = root.run("identity", "--json", environment=endpoint(service))
    assert (code, err) == (0, "")
    assert json.loads(out) == {
        "instance_id": A,
        "region": "eu-west-1",
        "image_id": "ami-0fedcba9876543210",
    }
    cache = root.path / "run/hookd/identity.json"
    assert cache.stat().st_mode & 0o777 == 0o600


def test_the_host_of_a_result_is_whole_and_costs_one_question_a_boot(root, service):
    root.write("etc/machine-id", "0123456789abcdef0123456789abcdef\n")
    root.write("etc/os-release", 'ID="amzn"\nVERSION_ID="2"\n')
    for phase in ("pre", "post", "on-exit"):
        root.run("run", phase, environment=endpoint(service))
    assert root.result()["host"] == {
        "instance_id": A,
        "region": "eu-west-1",
        "machine_id": "0123456789abcdef0123456789abcdef",
        "image_id": "ami-0fedcba9876543210",
        "os": "amzn 2",
        "agent_version": "",
    }
    assert service.requests.count(("PUT", "/latest/api/token")) == 1


@pytest.mark.parametrize("fault", ["slow", "off", "silent"])
def test_a_service_that_fails_fails_no_phase_and_holds_none_up(root, service, fault):
    service.is_off = fault == "off"
    service.slow = 5.0 if fault == "slow" else 0.0
    service.answers = [500] * 20 if fault == "silent" else []
    began = time.monotonic()
    code, _, err = root.run("run", "pre", environment=endpoint(service))
    assert (code, err) == (0, "")
    assert time.monotonic() - began < 15
    assert root.result()["host"]["instance_id"] == ""


def test_the_first_version_needs_leave_in_the_configuration(root, service):
    service.wants_token = False
    service.answers = [403]
    root.run("identity", environment=endpoint(service))
    before = root.json("identity")
    root.config("[aws]\nimds_v1 = true\n")
    service.answers = [403]
    _, out, _ = root.run("identity", "--json", environment=endpoint(service))
    assert (before.get("instance_id"), json.loads(out)["instance_id"]) == (None, A)


def test_the_child_imports_nothing_that_lies_where_a_person_stands(root, service, tmp_path):
    (tmp_path / "requests.py").write_text(f"open({str(tmp_path / 'taken')!r}, 'w')\n")
    place = f"import sys; sys.path.insert(0, {str(CHECKOUT)!r})"
    subprocess.run(
        [
            sys.executable,
            "-I",
            "-c",
            f"{place}; from hookd.cli import entry; entry()",
            "--root",
            str(root.path),
            "run",
            "pre",
        ],
        cwd=tmp_path,
        env={**root.environment(endpoint(service)), "PYTHONPATH": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=True,
    )
    assert (root.result()["host"]["instance_id"], (tmp_path / "taken").exists()) == (A, False)


def test_only_the_child_imports_the_library_of_the_network():
    program = (
        "import sys, hookd.daemon.serve, hookd.daemon.server, hookd.engine.call, "
        "hookd.commands.run, hookd.commands.daemon, hookd.commands.status; "
        "print([m for m in ('requests', 'urllib3') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, timeout=30, check=True
    )
    assert done.stdout == b"[]\n"


# -- images -----------------------------------------------------------------------------------


@pytest.fixture
def baked(root):
    """A machine made of an image in whose state an operation of another instance is open."""
    root.hook("pre", "30-leave", says("leave"))
    root.undo("70-join", "30-leave", says("join"))
    root.run("run", "pre", environment={"AWS_SSM_INSTANCE_ID": B})
    root.boot()
    return root


def test_an_operation_of_another_instance_is_left_alone_and_told_of(baked):
    here = {"AWS_SSM_INSTANCE_ID": A}
    [foreign] = [one["id"] for one in baked.json("history")]
    code, _, err = baked.run("run", "pre", "-v", environment=here)

    first = baked.journal(foreign)
    assert (code, baked.ran()) == (0, ["leave", "leave"])
    assert f"operation {foreign} came with the image and is left alone" in err
    assert [e["code"] for e in first if e["event"] == "noted"] == ["state.from-image"]
    [marked] = (baked.path / "var/lib/hookd/open").iterdir()
    assert marked.name != foreign


def test_recovery_runs_no_hook_of_another_instance(baked):
    baked.write("sys/devices/virtual/dmi/id/board_asset_tag", A + "\n")
    [foreign] = [one["id"] for one in baked.json("history")]
    code, _, err = baked.run("recover", foreign)
    assert (code, baked.ran()) == (1, ["leave"])
    assert f"operation {foreign} is of another machine and left alone" in err
    assert list((baked.path / "var/lib/hookd/open").iterdir()) == []


def test_the_look_of_a_boot_leaves_it_alone_as_well(baked):
    baked.write("sys/devices/virtual/dmi/id/board_asset_tag", A + "\n")
    _, out, _ = baked.run("boot")
    assert "came with the image, left alone" in out
    assert list((baked.path / "var/lib/hookd/open").iterdir()) == []


def test_where_it_is_not_known_recovery_runs_no_hook_and_a_person_may(baked):
    baked.write("etc/machine-id", "0123456789abcdef0123456789abcdef\n")
    [doubtful] = [one["id"] for one in baked.json("history")]
    code, _, err = baked.run("recover", doubtful)
    assert (code, baked.ran()) == (1, ["leave"])
    assert f"it is not known whether operation {doubtful} is of this machine" in err
    baked.run("run", "on-exit", "--operation-id", doubtful)
    assert baked.ran() == ["leave", "join"]


def test_the_same_instance_goes_on_whatever_its_machine_id(baked):
    baked.write("sys/devices/virtual/dmi/id/board_asset_tag", B + "\n")
    baked.write("etc/machine-id", "0123456789abcdef0123456789abcdef\n")
    baked.run("recover")
    assert baked.ran() == ["leave", "join"]
