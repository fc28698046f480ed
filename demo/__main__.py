"""Plays one whole patch operation on a throw-away Amazon Linux 2 node, with hookd around it."""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from typing import Any, Sequence

from node import Node

from hookd.rehearsal.node import NEW, OLD

REPO = pathlib.Path(__file__).resolve().parent.parent
PROMISED = "kernel.running-is-promised"


class Stage:
    """Shows what happens, and runs hookd below the node's root."""

    def __init__(self, root: pathlib.Path) -> None:
        foreign = ("HOOKD_", "AWS_", "SSM_")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
        paths = [str(REPO), *filter(None, [kept.get("PYTHONPATH")])]
        self._environment = {
            **kept,
            "HOOKD_ROOT": str(root),
            "PYTHONPATH": os.pathsep.join(paths),
            "PYTHONIOENCODING": "utf-8:backslashreplace",
        }

    def step(self, name: str, text: str) -> None:
        print(f"\n[{name}] {text}")

    def hookd(self, *words: str, then: str = "") -> int:
        """Show the command and what it prints; return its exit code."""
        print(" ".join(["  $ hookd", *words, *filter(None, [then])]))
        done = self._run(words, subprocess.STDOUT)
        for line in done.stdout.splitlines():
            print(f"    {line}")
        if done.returncode:
            print(f"  (exit code {done.returncode})")
        return done.returncode

    def result(self) -> dict[str, Any]:
        """Return the result document of the operation."""
        found: dict[str, Any] = json.loads(self._run(("show", "--json"), None).stdout)
        return found

    def _run(self, words: Sequence[str], errors: int | None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "hookd", *words],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            encoding="utf-8",
            check=False,
        )


def play(root: pathlib.Path, *, kernel: str) -> list[str]:
    """Play the operation; `kernel` is what comes up at the reboot. Return what went wrong."""
    node, stage = Node(root), Stage(root)
    print(f"A throw-away Amazon Linux 2 node in {root} (HOOKD_ROOT), kernel {OLD}.")
    print("SSM runs AWS-RunPatchBaselineWithHooks on it; in [brackets] the step that SSM is at.")
    before(node, stage)
    stage.step("RebootHandlingAndReporting", "SSM reboots the machine")
    node.reboot(kernel)
    print(f"    Linux {kernel} has come up")
    stage.step("CustomerProvidedOnExitHook", "SSM runs your on-exit document")
    stage.hookd("run", "on-exit", then="|| exit 1")
    print(f"    the node is {node.service}")
    stage.step("afterwards", "a person asks what happened, and what is still open")
    stage.hookd("status")
    stage.hookd("show")
    return tell(stage.result(), node, kernel)


def before(node: Node, stage: Stage) -> None:
    """Everything up to the reboot."""
    stage.step("PreInstallScan", "SSM finds that patches are missing")
    stage.step("CustomerProvidedPrePatchHook", "SSM runs your pre document")
    stage.hookd("run", "pre", then="|| exit 1")
    print(f"    the node is {node.service}")
    lines = node.patch()
    stage.step("InstallNoReboot", f"SSM lets yum install {len(lines)} packages")
    for line in (*lines[:2], "...", *(line for line in lines if " kernel-4" in line), "..."):
        print(f"    {line}")
    stage.step("CustomerProvidedPostInstallHook", "SSM runs your post document")
    stage.hookd("run", "post", then="|| [ $? -ne 1 ]")


def tell(result: dict[str, Any], node: Node, kernel: str) -> list[str]:
    """Print how it ended and return what differs from what it had to be."""
    operation = result["operation"]
    (promise,) = (check for check in result["checks"] if check["id"] == PROMISED)
    print(f"\nIt ended as {operation['verdict']}, {operation['path']}:", end=" ")
    if kernel == NEW:
        print(f"{len(result['changes']['packages'])} packages changed, the node runs {NEW}")
        print("and is back in service.")
        expected = ("passed", "patched-rebooted", "pass", "in service")
    else:
        print("the kernel that came up is not the one that was promised,")
        print("so the node stays out of service until somebody has looked. What hookd says to do:")
        print(f"  {promise['remedy']}")
        expected = ("failed", "patched-rebooted", "fail", "out of service")
    found = (operation["verdict"], operation["path"], promise["outcome"], node.service)
    names = ("verdict", "path", PROMISED, "service")
    return [
        f"{name} is {is_}, expected {was}"
        for name, is_, was in zip(names, found, expected)
        if is_ != was
    ]


def place() -> str:
    """Return a directory for the node in which programs may be executed."""
    for directory in (tempfile.gettempdir(), str(REPO / ".cache")):
        os.makedirs(directory, exist_ok=True)
        if not os.statvfs(directory).f_flag & os.ST_NOEXEC:
            return directory
    raise SystemExit(f"{tempfile.gettempdir()} is mounted noexec; set TMPDIR to another directory")


def main() -> int:
    """Return 0 when the operation ended as it had to."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument(
        "--old-kernel", action="store_true", help="let the old kernel come up at the reboot"
    )
    parser.add_argument("--keep", action="store_true", help="leave the node's directory behind")
    options = parser.parse_args()
    os.umask(0o022)
    root = pathlib.Path(tempfile.mkdtemp(prefix="hookd-demo-", dir=place()))
    try:
        problems = play(root, kernel=OLD if options.old_kernel else NEW)
    finally:
        if not options.keep:
            shutil.rmtree(str(root))
    if options.keep:
        print(f"\nThe node is kept in {root}; look around with: hookd --root {root} show")
    for problem in problems:
        print(f"demo: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
