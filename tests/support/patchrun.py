"""One run of AWS-RunPatchBaselineWithHooks on a machine: its folders, and its processes.

What the SSM agent 3.3 does: it writes a script for each step and starts `sh -c SCRIPT` from its
`ssm-document-worker RUN`, in a process group of its own, with an environment that has no HOME.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import uuid

from support.agenttree import NODE

# Nobody else's: hookd looks for workers among all processes of the host, other tests' as well.
COMMAND, ASSOCIATION = str(uuid.uuid4()), str(uuid.uuid4())

# Of the wrapper's own scripts what has its parameters in it.
VERIFY = """\
if [ {operation} = "Scan" ]; then
        exit 168
fi
if [ "$missing" -eq 0 ]; then
     if [ "$pending" -eq 0 ]; then
         exit 168
     elif [ {reboot_option} = "NoReboot" ]; then
         exit 168
     fi
fi
"""
PRE = "CustomerProvidedPrePatchHook"
POST = "CustomerProvidedPostInstallHook"
ON_EXIT = "CustomerProvidedOnExitHook"
POST_REBOOT = "CustomerProvidedPostRebootHook"

# The agent's worker: a Python program that is named, and has the arguments, of the real one.
_WORKER = """\
import json, os, subprocess, sys
call = json.load(open(os.environ.pop("CALL")))
done = subprocess.Popen(
    call["argv"], cwd=call["cwd"], env=call["environment"], stdin=subprocess.DEVNULL,
    preexec_fn=os.setpgrp,
)
sys.exit(done.wait() & 0xFF)
"""


def step(name, **properties):
    """One step in the agent's state file."""
    return {"Id": name, "Name": "aws:x", "Configuration": {"Properties": properties}}


def wrapper_steps(operation="Install", reboot_option="RebootIfNeeded", **documents):
    """The steps of the wrapper as the state file has them; `documents` by slot name."""
    values = {"operation": operation, "reboot_option": reboot_option}
    return (
        step("PreInstallScan", documentPath="AWS-RunPatchBaseline"),
        step("VerifyLocalPatchStatesLinux", runCommand=VERIFY.format(**values).splitlines()),
        *(
            step(slot, documentPath=documents.get(slot, "AWS-Noop"))
            for slot in (PRE, POST, ON_EXIT)
        ),
    )


class PatchRun:
    """The run `run_id` (`<command>` or `<association>.<RunID>`) on the machine below `root`."""

    def __init__(self, root, run_id, orchestration="orchestration"):
        self.root = pathlib.Path(root)
        self.run_id = run_id
        document = self.root / "var/lib/amazon/ssm" / NODE / "document"
        self.folder = document / orchestration / run_id.replace(".2", "/2")
        self.enter("PreInstallScan")

    def enter(self, name):
        """Enter a step: its folder is made."""
        path = self.folder / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def verify(self, operation="Install", reboot_option="RebootIfNeeded"):
        text = VERIFY.format(operation=operation, reboot_option=reboot_option)
        (self.enter("VerifyLocalPatchStatesLinux") / "_script.sh").write_text(text)

    def hook(self, slot, lines, document="MyHook", name="runHookd", shebang="", **inputs):
        """Fetch hook document `document` of one step and write its script; return that."""
        content = {
            "schemaVersion": "2.2",
            "description": "calls hookd",
            "mainSteps": [
                {
                    "action": "aws:runShellScript",
                    "name": name,
                    "inputs": {"runCommand": [shebang, *lines], **inputs},
                }
            ],
        }
        self.fetch(slot, document, json.dumps(content))
        return self.script(f"{slot}/{name.replace(':', '')}", lines, shebang)

    def fetch(self, slot, document, text):
        (self.enter(f"{slot}/downloads") / f"{document}.json").write_text(text)

    def script(self, name, lines, shebang=""):
        path = self.enter(name) / "_script.sh"
        path.write_text("\n".join(([shebang] if shebang else []) + list(lines)) + "\n")
        path.chmod(0o700)
        return path

    def environment(self, **more):
        return {
            "AWS_SSM_INSTANCE_ID": NODE,
            "AWS_SSM_PLATFORM_NAME": "Amazon Linux",
            "AWS_SSM_PLATFORM_VERSION": "2",
            "AWS_SSM_REGION_NAME": "eu-west-1",
            "INVOCATION_ID": "5d1e2a3b4c5d6e7f8091a2b3c4d5e6f7",
            "JOURNAL_STREAM": "8:12345",
            "LANG": "en_US.UTF-8",
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin",
            "PWD": "/usr/bin",
            "SHLVL": "2",
            "SSM_COMMAND_ID": self.run_id.split(".")[0],
            **more,
        }

    def start(self, script, sh=None, worker=None, environment=None):
        """Start the processes that run `script`; the Popen is the worker's.

        `sh` is the shell that stands first on PATH as `sh`, `worker` another id in its argv.
        """
        home = self.root / "worker"
        home.mkdir(exist_ok=True)
        program = home / "ssm-document-worker"
        if not program.exists():
            program.symlink_to(os.path.realpath(sys.executable))
        name = worker or self.run_id
        (home / name).write_text(_WORKER)
        downloads = script.parent.parent / "downloads"
        call = {
            "argv": ["sh", "-c", str(script)],
            "cwd": str(downloads if downloads.is_dir() else "/usr/bin"),
            "environment": {**self.environment(), **(environment or {}), **self._path(sh, home)},
        }
        (home / "call.json").write_text(json.dumps(call))
        return subprocess.Popen(
            [str(program), name],
            cwd=str(home),
            env={"PATH": os.environ["PATH"], "CALL": str(home / "call.json")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=os.setpgrp,  # noqa: PLW1509 - as the agent does; there are no threads here
        )

    def _path(self, sh, home):
        if sh is None:
            return {}
        folder = home / os.path.basename(sh)
        folder.mkdir(exist_ok=True)
        if not (folder / "sh").exists():
            (folder / "sh").symlink_to(sh)
        return {"PATH": f"{folder}:{self.environment()['PATH']}"}

    def call(self, script, **how):
        """Run `script` as the agent does; return its exit code, stdout and stderr."""
        process = self.start(script, **how)
        out, err = process.communicate(timeout=60)
        return process.returncode, out.decode("utf-8"), err.decode("utf-8")
