"""An application that a package brings: a service with its configuration, in several versions."""

from __future__ import annotations

import pathlib
from dataclasses import dataclass
from typing import Callable

from lab import layers, packages

NAME, UNIT, CONFIG, PORT = "app", "app.service", "/etc/app.conf", 8080
LIBRARY = "/usr/lib/app/libapp.so"

# What the program does once it has read its settings.
IDLES = "time.sleep(1e6)"
LISTENS = """\
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind((settings.get("address", "127.0.0.1"), int(settings["port"])))
server.listen(8)
while True:
    peer, _ = server.accept()
    peer.recv(4096)
    peer.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\nwell\\n")
    peer.close()
"""
LISTENS_LATE = f"time.sleep(4)\n{LISTENS}"
ENDS = "time.sleep(0.5)"

PROGRAM = """\
import ctypes, socket, time

settings = dict(line.split("=") for line in open("{config}").read().split())
{does}
"""
SERVICE = """\
[Unit]
Description=An application
StartLimitIntervalSec=0

[Service]
ExecStart=/usr/bin/env python3 /usr/lib/app/program
{service}

[Install]
WantedBy=multi-user.target
"""
# What a package of a service does when it was updated.
RESTART = "systemctl daemon-reload; systemctl try-restart app.service || true"


@dataclass(frozen=True)
class Release:
    """One version: what its program does, its configuration as packaged, lines of its unit."""

    version: str
    does: str = IDLES
    config: str = f"port={PORT}\n"
    service: str = ""
    scriptlet: str = RESTART

    def tree(self, directory: pathlib.Path) -> pathlib.Path:
        """Return a directory with its files, made in `directory`."""
        tree = directory / f"{NAME}-{self.version}"
        library = (layers.root() / "usr/lib/x86_64-linux-gnu/libz.so.1").resolve()
        files = {
            "usr/lib/app/program": PROGRAM.format(config=CONFIG, does=self.does).encode(),
            # as every rebuild of a library: other bytes that do the same
            LIBRARY.lstrip("/"): library.read_bytes() + self.version.encode(),
            f"usr/lib/systemd/system/{UNIT}": SERVICE.format(service=self.service).encode(),
            CONFIG.lstrip("/"): self.config.encode(),
        }
        for name, content in files.items():
            path = tree / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            path.chmod(0o644)
        return tree


def rpm(release: Release, directory: pathlib.Path) -> pathlib.Path:
    """Return it as an .rpm, built in `directory`."""
    arguments = (NAME, release.version, release.scriptlet, [CONFIG])
    return packages.rpm_of(release.tree(directory), *arguments)


def deb(release: Release, directory: pathlib.Path) -> pathlib.Path:
    """Return it as a .deb, built in `directory`."""
    arguments = (NAME, release.version, f"#!/bin/sh\n{release.scriptlet}\n", [CONFIG])
    return packages.deb_of(release.tree(directory), *arguments)


INSTALL: dict[Callable[..., pathlib.Path], str] = {
    rpm: "rpm -U --nodeps",
    deb: "dpkg --force-confdef --force-confold -i",
}


def bring(machine, directory, release: Release, make=deb) -> str:
    """Put the package of `release` into the machine; return the command that installs it."""
    path = f"/srv/{NAME}-{release.version}.{make.__name__}"
    machine.put(path, make(release, directory).read_bytes())
    return f"{INSTALL[make]} {path}"


def start(machine, directory, release: Release, make=deb) -> None:
    """Install `release`, and start and enable its service; return when it does what it does."""
    machine.execute(bring(machine, directory, release, make)).check()
    machine.execute(["systemctl", "enable", "--now", UNIT]).check()
    if release.does == LISTENS:
        machine.wait_until(f"ss -Hltn sport = :{PORT} | grep -q LISTEN")
