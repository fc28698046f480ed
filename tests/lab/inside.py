"""What is done inside of a machine, of whatever kind it is, by running commands there."""

from __future__ import annotations

from dataclasses import dataclass

# What the SSM agent gives a script: no HOME, USER, LOGNAME, SHELL or TERM.
AGENT = {
    "AWS_SSM_INSTANCE_ID": "i-0123456789abcdef0",
    "AWS_SSM_PLATFORM_NAME": "Debian GNU/Linux",
    "AWS_SSM_PLATFORM_VERSION": "12",
    "AWS_SSM_REGION_NAME": "eu-west-1",
    "LANG": "C.UTF-8",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin",
    "SSM_COMMAND_ID": "11111111-2222-3333-4444-555555555555",
}


@dataclass(frozen=True)
class Completed:
    """How a command in the machine ended; `returncode` is negative for a signal."""

    argv: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str

    def check(self) -> Completed:
        """Return self, or fail with all that the command said."""
        if self.returncode:
            said = f"{self.stdout}\n{self.stderr}"
            raise AssertionError(f"{' '.join(self.argv)}: exit {self.returncode}\n{said}")
        return self


class Inside:
    """A machine that commands can be run in; see `execute` of each kind."""

    asks_every_s = 0.05

    def __init__(self) -> None:
        self.boots = 0
        self.agent_calls = 0

    def execute(self, command, *, stdin: bytes = b"", timeout: float = 60, env=None) -> Completed:
        """Run `command` (a list, or text for sh) to its end, in the SSM agent's environment."""
        raise NotImplementedError

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Write a file, on or off; its directories are made."""
        self.put(path, text.encode(), mode)

    def put(self, path: str, content: bytes, mode: int = 0o644) -> None:
        """Write a file of any bytes; see `write`."""
        script = 'mkdir -p "$(dirname "$1")" && cat >"$1" && chmod "$2" "$1"'
        self.execute(["sh", "-c", script, "sh", path, f"{mode:o}"], stdin=content).check()

    def read(self, path: str) -> str:
        return self.execute(["cat", path]).check().stdout

    def wait_until(self, script: str, timeout: float = 30) -> None:
        """Wait until `script`, asked again and again in the machine, ends with 0."""
        self.execute(f"until {script}; do sleep {self.asks_every_s}; done", timeout=timeout).check()

    def journal(self, *options: str) -> str:
        """Return what this boot's journal says; `options` are journalctl's."""
        lines = ("journalctl", "--boot", "--no-pager", "--output=short-monotonic")
        return self.execute([*lines, *options]).stdout
