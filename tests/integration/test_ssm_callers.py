"""hookd in the process tree of the SSM agent: it knows its run, its slot and its document."""

from __future__ import annotations

import contextlib
import shlex
import subprocess
import sys
import time

import pytest
from support.agenttree import ASSOCIATION, COMMAND, RUN
from support.fakeroot import CHECKOUT, FakeRoot
from support.patchrun import PRE, PatchRun

OF_ASSOCIATION = f"{ASSOCIATION}.{RUN}"


@pytest.fixture
def root(tmp_path):
    found = FakeRoot(tmp_path)
    yield found
    found.end()


@pytest.fixture(params=["in-process", "served"])
def way(request, root):
    """Whether the engine is a child of the caller, or of the service."""
    with service(root) if request.param == "served" else contextlib.nullcontext():
        yield request.param


@contextlib.contextmanager
def service(root):
    process = subprocess.Popen(
        root.command("daemon"), env=root.environment(None), stdin=subprocess.DEVNULL
    )
    socket = root.path / "run/hookd/hookd.sock"
    until = time.monotonic() + 15
    while not socket.exists():
        assert time.monotonic() < until
        time.sleep(0.02)
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


def lines(root, *words, before="", options="-v"):
    """The lines of a hook document that calls hookd."""
    argv = [sys.executable, "-m", "hookd", "--root", str(root.path), "run", *words]
    call = " ".join(shlex.quote(word) for word in argv)
    return [f"export PYTHONPATH={CHECKOUT}", f"{before}{call} || exit 1"]


def told(root):
    result = root.result()
    [*_, phase] = result["phases"]
    return {
        "caller": result["operation"]["caller"],
        "run_id": result["operation"]["run_id"],
        "phase": (phase["phase"], phase["caller"]),
        **{name: result["ssm"].get(name) for name in ("slot", "document", "step")},
    }


def expected(caller, run_id, phase, slot, document="MyHook", step="runHookd"):
    return {
        "caller": caller,
        "run_id": run_id,
        "phase": (phase, caller),
        "slot": slot,
        "document": document,
        "step": step,
    }


@pytest.mark.parametrize("sh", ["/bin/dash", "/bin/bash"])
@pytest.mark.parametrize("shebang", ["", "#!/bin/bash", "#!/bin/sh -e"])
@pytest.mark.parametrize(
    ("run_id", "caller"), [(COMMAND, "ssm-command"), (OF_ASSOCIATION, "ssm-association")]
)
def test_run_slot_and_document_are_known(root, way, run_id, caller, shebang, sh):
    run = PatchRun(root.path, run_id)
    script = run.hook(PRE, lines(root, "pre"), document="DrainNode", shebang=shebang)

    code, out, err = run.call(script, sh=sh)

    assert (code, err) == (0, ""), out
    assert told(root) == expected(caller, run_id, "pre", PRE, document="DrainNode")
