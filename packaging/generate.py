"""Makes the SSM documents of the scripts beside them, and puts them into the template."""

from __future__ import annotations

import json
import pathlib
import textwrap

HERE = pathlib.Path(__file__).resolve().parent
SLOTS = {
    "pre": "before installing. A failure stops the patch run (PreInstallHookDocName)",
    "post": "after installing, before the reboot (PostInstallHookDocName)",
    "on-exit": "on exit, and after a scheduled reboot (OnExitHookDocName, PostRebootHookDocName)",
}
TEMPLATE = HERE / "aws" / "hookd.yaml"


def document(phase: str) -> str:
    """Return the JSON text of a document: schema 2.2, one step, nothing that could be left out.

    The wrapper gives hook documents no parameters, so there are none. The timeout is written out:
    hookd reads it, to answer before it.
    """
    script = (HERE / "ssm" / f"{phase}.sh").read_text(encoding="ascii")
    step = {
        "action": "aws:runShellScript",
        "name": "hookd",
        "precondition": {"StringEquals": ["platformType", "Linux"]},
        "inputs": {"timeoutSeconds": "3600", "runCommand": script.splitlines()},
    }
    body = {
        "schemaVersion": "2.2",
        "description": f"hookd: the hooks of this machine {SLOTS[phase]}",
        "mainSteps": [step],
    }
    return json.dumps(body, indent=2) + "\n"


def with_documents(template: str) -> str:
    """Return `template` with the documents between its marks; JSON is YAML as well."""
    for phase in SLOTS:
        begin, end = f"      # begin {phase}\n", f"      # end {phase}\n"
        before, rest = template.split(begin)
        after = rest.split(end)[1]
        content = textwrap.indent("Content:\n" + textwrap.indent(document(phase), "  "), " " * 6)
        template = before + begin + content + end + after
    return template


def files() -> dict[pathlib.Path, str]:
    """Return the text of every file that is made."""
    made = {HERE / "ssm" / f"hookd-{phase}.json": document(phase) for phase in SLOTS}
    if TEMPLATE.exists():
        made[TEMPLATE] = with_documents(TEMPLATE.read_text(encoding="utf-8"))
    return made


def main() -> None:
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
