"""Writes the pages of docs/ that are made from the code (`make docs`); a test compares them."""

from __future__ import annotations

import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from hookd.core.checks.table import CHECKS  # noqa: E402 - found by the line above
from hookd.core.model import Phase  # noqa: E402
from hookd.doctor.table import QUESTIONS  # noqa: E402
from hookd.rehearsal.scenarios import SCENARIOS  # noqa: E402
from hookd.system.hooks.header import read_header  # noqa: E402
from hookd.system.hooks.metadata import read_metadata  # noqa: E402

_CHECKS = """\
<!-- Made from hookd/core/checks/table.py by docs/generate.py: change that, then `make docs`. -->
# Checks

What hookd judges. Each check of a result has an id, an outcome, what was expected and found, and a
remedy when it is not met.

| outcome | means |
|---|---|
| `pass` | looked at, and as it should be |
| `warn` | not met, and its severity is no more than `warn` |
| `fail` | not met |
| `unknown` | could not be looked at; the reason says why. Never counts as `pass` |
| `skip` | nothing to judge: what it speaks of does not exist here, or cannot have happened |

The severity says what that means for the verdict, and may be set per check in the
[configuration](configuration.md#checks): with `fail` a failed check makes the operation `failed`
and an unknown one `incomplete`; with `warn` both make it `passed-with-warnings`; with `ignore` it
is told and counts for nothing.

Ids are stable: they are never renamed or reused. Where a remedy says `{release}` here, the result
has the kernel.
"""

_SCENARIOS = """\
<!-- Made from hookd/rehearsal/scenarios.py by docs/generate.py: change that, then `make docs`. -->
# Scenarios

What `hookd rehearse SCENARIO` plays ([rehearsals](rehearsal.md)): what happens, what it is there to
show, what becomes of SSM's command, and hookd's path and verdict when every hook does its work.

| scenario | what happens | to see | SSM | path | verdict |
|---|---|---|---|---|---|
"""

_DOCTOR = """\
<!-- Made from hookd/doctor/table.py by docs/generate.py: change that, then `make docs`. -->
# The doctor

`hookd doctor` looks whether a machine is ready to be patched with hooks. It changes nothing, takes
no lock and starts no hook. Outcomes are those of [checks](checks.md); what could not be looked at
is `unknown` and a warning. It ends 1 when something failed, else 0. Below `--root` nothing runs and
nothing is mounted: what asks for that is skipped.
"""


_HOOKS = """\
<!-- Made from the headers of hooks.d/ by docs/generate.py: change those, then `make docs`. -->
# The hooks that come with hookd

The package puts them into `/usr/lib/hookd/hooks.d/`. They are off until they are configured: each
ends with 77 and says which setting it lacks, and its undo is not owed then. Settings stand in the
[configuration](configuration.md), in a table of the hook:

```toml
[hooks."pre/20-backup-config".settings]
BACKUP_PATHS = "/etc /opt/app/conf"
```

`hookd hooks --enable pre/20-backup-config` says on the machine what stands here, `--disable` masks
a hook together with its undo. To change one, copy it to `/etc/hookd/hooks.d/` under its name: yours
wins. What they are given and what their exit codes do: [hook contract](hook-contract.md).
"""
_SECTION = re.compile(r"(Settings|Exit codes)(.*):\Z")
_ROW = re.compile(r"  (\S+) +(\S.*)\Z")


def shipped_hooks() -> str:
    """Return the text of hooks.md."""
    parts = [_HOOKS]
    for phase in Phase:
        for path in sorted((HERE.parent / "hooks.d" / phase.value).glob("*")):
            said = read_metadata(path.read_bytes(), phase, str(path)).override
            parts.append(f"\n## `{phase}/{path.name}`\n{said.description}. ")
            parts.append(f"Timeout {said.timeout_s:g} s")
            parts.append(f"; undoes `{said.undoes}`.\n\n" if said.undoes else ".\n\n")
            parts.append(_page(read_header(str(path))))
    return "".join(parts)


def _page(header: str) -> str:
    """Return a header as Markdown: its lists of settings and exit codes as tables."""
    lines: list[str] = []
    for line in header.splitlines():
        section, row = _SECTION.match(line), _ROW.match(line)
        if section:
            lines += [f"**{section[1]}**{section[2]}", "", "| | |", "|---|---|"]
        elif row and lines[-1].startswith("|"):
            lines.append(f"| `{row[1]}` | {row[2]} |")
        elif line.startswith("   ") and lines[-1].startswith("|"):
            lines[-1] = f"{lines[-1][:-2]} {line.strip()} |"
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


def scenarios() -> str:
    """Return the text of scenarios.md."""
    parts = [_SCENARIOS]
    for one in SCENARIOS.values():
        foretold = one.expected
        so_far = f", so far {foretold.path_so_far}" if foretold.path_so_far else ""
        cells = (
            f"`{one.name}`",
            one.title,
            one.teaches,
            foretold.status.value,
            (foretold.path + so_far) or "not called",
            foretold.verdict,
        )
        parts.append(f"| {' | '.join(cells)} |\n")
    return "".join(parts)


def doctor() -> str:
    """Return the text of doctor.md."""
    parts = [_DOCTOR]
    for name, question in QUESTIONS.items():
        parts.append(f"\n## `{name}`\n{question.title}.\n\n**If not:** {question.remedy}\n")
    return "".join(parts)


def checks() -> str:
    """Return the text of checks.md."""
    parts = [_CHECKS]
    for name, rule in sorted(CHECKS.items()):
        parts.append(
            f"\n## `{name}`\n"
            f"{rule.title}. Severity unless configured: `{rule.severity}`.\n\n"
            f"**If it is not met:** {rule.remedy}\n"
        )
    return "".join(parts)


PAGES = {
    "checks.md": checks,
    "doctor.md": doctor,
    "hooks.md": shipped_hooks,
    "scenarios.md": scenarios,
}


def main() -> None:
    for name, text in PAGES.items():
        (HERE / name).write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
