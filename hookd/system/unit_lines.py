"""Reads what systemctl(1) shows of a unit's commands and sockets, as 219 prints it and since."""

from __future__ import annotations

import contextlib
import socket
from itertools import islice
from typing import Iterable, Iterator, Sequence, Tuple

from hookd.core.node import Listener
from hookd.core.sockets import named
from hookd.system.sockets import address_of

Line = Tuple[str, str]
"""The name of a property, and its value or one of them."""

_MOST = 16
_LONGEST = 512  # PATH_MAX is 4096, and no package comes near this
_MOST_SOCKETS = 64
_PATH, _ARGV, _NEXT = "{ path=", " ; argv[]=", " ; ignore_errors="
_AROUND = "\"'`;&|(){}<>"
"""What stands beside a word in the line that a shell is given."""
_KINDS = {"Stream": "tcp", "Datagram": "udp"}
_HIGHEST = 65535


def files_of(lines: Iterable[Line]) -> tuple[str, ...]:
    """Return the paths that ExecStart names: its programs, then its absolute arguments.

    A line is `{ path=/bin/sh ; argv[]=/bin/sh -x ; ignore_errors=no ; ... }`. Nothing in it is
    quoted, so an argument with a space in it is several words.
    """
    commands = [_command(value) for name, value in lines if name == "ExecStart"]
    words = (word.strip(_AROUND) for _, arguments in commands for word in arguments.split())
    named_ = (*(path for path, _ in commands), *words)
    paths = (one for one in named_ if one[:1] == "/" and 1 < len(one) <= _LONGEST)
    return tuple(islice(dict.fromkeys(paths), _MOST))


def sockets_of(lines: Iterable[Line]) -> tuple[str, ...]:
    """Return the ports of Listen as core/sockets.py names them: `tcp *:80`.

    A line is `ListenStream=[::]:80` with systemd 219, `Listen=[::]:80 (Stream)` with later ones.
    """
    told = (named(one) for kind, address in _listens(lines) for one in _ports(kind, address))
    return tuple(islice(dict.fromkeys(told), _MOST_SOCKETS))


def _command(value: str) -> tuple[str, str]:
    """Return the program and the arguments; of one that is cut off what there is."""
    if not value.startswith(_PATH):
        return "", ""
    line = value.rpartition(_NEXT)[0] or value
    path, _, argv = line[len(_PATH) :].partition(_ARGV)
    begins = argv == path or argv.startswith(f"{path} ")
    return path, argv[len(path) :] if begins else argv


def _listens(lines: Iterable[Line]) -> Iterator[tuple[str, str]]:
    """Yield (kind, address)."""
    for name, value in lines:
        if name == "Listen":
            address, _, kind = value.rpartition(" (")
            yield kind[:-1], address
        elif name.startswith("Listen"):
            yield name[len("Listen") :], value


def _ports(kind: str, address: str) -> Sequence[Listener]:
    """Return the port at an address; nothing for a path, another family or what is no address."""
    host, _, port = address.rpartition(":")
    if kind not in _KINDS or not (
        port.isascii() and port.isdigit() and len(port) <= len(str(_HIGHEST))
    ):
        return ()
    is_ipv6 = host.startswith("[")
    host = host[1:].partition("]")[0].partition("%")[0] if is_ipv6 else host
    if not 0 < int(port) <= _HIGHEST:
        return ()
    with contextlib.suppress(OSError, ValueError):
        packed = socket.inet_pton(socket.AF_INET6 if is_ipv6 else socket.AF_INET, host)
        return (Listener(_KINDS[kind], address_of(packed), int(port)),)
    return ()
