"""A machine that runs: hookd works on `/`, in a mount namespace that has FakeRoot's folders there.

What hookd asks systemd is answered by an executable on PATH, from files that a test writes.
"""

from __future__ import annotations

import os
import subprocess

from support.fakeroot import PATH, FakeRoot

BINDS = ("etc", "var", "run")
KERNELS = ("boot", "lib/modules")  # of which a host has none or many
FILES = (
    "proc/sys/kernel/random/boot_id",
    "proc/sys/kernel/osrelease",
    "proc/stat",
    "proc/uptime",
)
SYSTEMCTL = """\
#!/bin/sh
# Prints the next of /run/said/VERB.1, .2 ..., or what /run/said/VERB says for good.
cd /run/said || exit 1
echo "$*" >> asked
for answer in $(ls "$1".[0-9]* 2>/dev/null | sort -t. -k2n) "$1"; do
    [ -e "$answer" ] || continue
    . "./$answer"
    code=$?
    case $answer in *.*) rm "$answer" ;; esac
    exit $code
done
"""


def why_not() -> str:
    """Return why there can be no such machine here, "" when there can."""
    if os.geteuid() != 0:
        return "only root can make a mount namespace"
    done = subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.PIPE, check=False)
    return "no mount namespace can be made" if done.returncode else ""


class HostRoot(FakeRoot):
    """`says` is what a hook must do to be in `ran`; `systemd` makes it a machine with systemd."""

    def __init__(self, tmp_path):
        super().__init__(tmp_path)
        self.write("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
        self.write("etc/group", "root:x:0:\n")
        self.write("run/said/show", "")
        # servers of other tests come and go on this machine
        self.write("etc/hookd/conf.d/others.toml", '[verify.ignore]\nsockets = ["*"]\n')
        self.kernels = [name for name in KERNELS if os.path.isdir(f"/{name}")]
        for name in self.kernels:
            (self.path / name).mkdir(parents=True)
        self.write("bin/systemctl", SYSTEMCTL, 0o755)

    def systemd(self):
        (self.path / "run/systemd/system").mkdir(parents=True)

    def answer(self, verb: str, text: str, number: int = 0):
        """Let systemctl VERB print `text`: from now on, or the one time whose `number` it is."""
        name = f"{verb}.{number}" if number else verb
        self.write(f"run/said/{name}", f"cat <<'END'\n{text}\nEND\n")

    def asked(self):
        """Return the words of every call of systemctl."""
        path = self.path / "run/said/asked"
        return path.read_text().splitlines() if path.exists() else []

    def command(self, *words: str):
        names = (*FILES, *self.kernels, *BINDS)
        there = [f"mount --bind {self.path}/{name} /{name}" for name in names]
        enter = " && ".join([*there, 'exec "$@"'])
        host = [word for word in super().command(*words) if word not in ("--root", str(self.path))]
        return ["unshare", "--mount", "sh", "-c", enter, "sh", *host]

    def run(self, *words: str, environment=None):
        """Run hookd where this root is `/`."""
        return self.executed(*words, environment=environment)

    def environment(self, more):
        path = f"{self.path}/bin:{PATH}"
        return {**super().environment(more), "PATH": path}

    def ran(self):
        path = self.path / "var/ran"
        return path.read_text(encoding="utf-8").split() if path.exists() else []


def says(word: str, then: str = "") -> str:
    """Return a script that notes `word` where `ran` of a HostRoot finds it, then does more."""
    return f"echo {word} >> /var/ran\n{then}"
