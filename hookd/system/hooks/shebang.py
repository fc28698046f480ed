"""The `#!` line of a hook: which program the kernel would start, and why it could not.

Linux reads it as fs/binfmt_script.c does: blanks, the program, and the rest as one argument.
Programs are always the host's, hooks run there also under another root.
"""

from __future__ import annotations

import os
import re
import shlex
import stat
from dataclasses import dataclass

from hookd.system.hooks.trust import printable, shown
from hookd.system.process.command import PATH

_SHELLS = re.compile(r"(?:ba|da|z|k|mk|a|r)?sh[0-9]*|busybox")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Shebang:
    interpreter: str
    argument: str = ""

    @property
    def program(self) -> str:
        """Return the name that decides the language: of `/usr/bin/env python3`, `python3`."""
        name = os.path.basename(self.interpreter)
        return os.path.basename(self.wanted_of_env) if name == "env" else name

    @property
    def wanted_of_env(self) -> str:
        """Return the program that `env` is told to find, empty when it is no plain name."""
        if os.path.basename(self.interpreter) != "env":
            return ""
        words = [word for word in self.argument.split() if word not in ("-S", "--split-string")]
        return words[0] if words and words[0][0] != "-" and "=" not in words[0] else ""


def read_shebang(head: bytes) -> Shebang | None:
    """Return the `#!` line at the start of `head`, None where there is none."""
    if not head.startswith(b"#!"):
        return None
    words = head[2:].split(b"\n", 1)[0].strip(b" \t").replace(b"\t", b" ").split(b" ", 1)
    argument = words[1].strip(b" ") if len(words) > 1 else b""
    return Shebang(os.fsdecode(words[0]), os.fsdecode(argument))


def why_not_started(head: bytes, path: str) -> str:
    """Return why the kernel would not start the file at `path`, with the remedy; empty: it would.

    A file with a zero byte that is no script is taken for a binary: binfmt_misc decides.
    """
    if head.startswith(_BOM):
        return f"starts with a byte-order mark: sed -i '1s/^\\xEF\\xBB\\xBF//' {shown(path)}"
    line = read_shebang(head)
    if line is None:
        return "" if b"\0" in head else "has no #! line: start it with #!/bin/sh"
    if head.split(b"\n", 1)[0].endswith(b"\r"):
        return f"its #! line ends with a carriage return: sed -i 's/\\r$//' {shown(path)}"
    return _interpreter_fault(line.interpreter)


def warnings_about(head: bytes, name: str) -> list[str]:
    """Return what may be wrong with the `#!` line of a hook of that file name."""
    line = read_shebang(head)
    if line is None:
        return []
    found = []
    wanted = line.wanted_of_env
    if wanted and not _is_on_path(wanted):
        found.append(f"{_quoted(wanted)} is not found in the PATH that hooks get ({PATH})")
    if name.endswith(".sh") and line.program and not _SHELLS.fullmatch(line.program):
        found.append(f"is named .sh but is run by {_quoted(line.program)}")
    return found


def _interpreter_fault(interpreter: str) -> str:
    if not interpreter:
        return "its #! line names no program"
    if not interpreter.startswith("/"):
        return f"its #! line names {_quoted(interpreter)}, which is no absolute path"
    try:
        mode = os.stat(interpreter).st_mode
    except (OSError, ValueError):
        return f"its interpreter {_quoted(interpreter)} does not exist"
    if not stat.S_ISREG(mode) or not mode & 0o111:
        return f"its interpreter {_quoted(interpreter)} is no executable file"
    return ""


def _is_on_path(program: str) -> bool:
    places = [program] if "/" in program else [f"{d}/{program}" for d in PATH.split(":")]
    try:
        return any(os.access(place, os.X_OK) for place in places)
    except ValueError:  # a zero byte
        return False


def _quoted(program: str) -> str:
    return shlex.quote(printable(os.fsencode(program)))
