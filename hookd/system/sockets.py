"""Reads which sockets wait for peers, and whose they are (/proc/net and /proc/PID/fd, proc(5)).

psutil.net_connections names one of the processes that share a socket, whichever comes last, decodes
every connection of a busy server and raises on a line that it does not know.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import socket
import struct
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Iterator, NamedTuple

from hookd.core.node import Listener, Sockets
from hookd.core.readings import Standing
from hookd.system.process.table import read_process, read_program
from hookd.system.process.unit import Units
from hookd.system.root import NOTHING_RUNS
from hookd.system.textfile import open_regular

if TYPE_CHECKING:
    from hookd.system.root import Root

_RANGE = "sys/net/ipv4/ip_local_port_range"
_LINE = re.compile(
    rb" *\d+: ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} ([0-9A-F]{2}) "
    rb"(?:[^ ]+ +){5}(\d+) "
)
"""Address, port, state and inode."""
_MOST_LINES = 100_000
_MOST_SOCKETS = 5000
_LISTEN, _UNCONNECTED = b"0A", b"07"  # net/tcp_states.h; a bound UDP socket is "closed"
_IPV4_BYTES = 4
_MAPPED = b"\0" * 10 + b"\xff\xff"
_SOCKET = "socket:["
_SYSTEMD = "init.scope"
_SERVES_ON = {
    "dhclient": (68, 546),
    "dnsmasq": (53, 67, 69, 547),
    "named": (53, 853),
    "rpc.statd": (),
    "rpcbind": (111,),
    "unbound": (53, 853),
}
"""Programs that ask others from UDP ports which they draw themselves, outside the range of the
kernel's (bindresvport(3); dnsmasq(8) and unbound.conf(5) on outgoing ports), and where they serve.
"""


class _Bound(NamedTuple):
    """A line of /proc/net: a socket that waits, not yet anybody's."""

    transport: str
    address: str
    port: int
    inode: str


def read(root: Root) -> Sockets:
    """Return the listening TCP sockets and the bound UDP ones that are no client's.

    Those that systemd holds for a socket unit are systemd's, also while a service has them as well:
    /proc does not say which unit that is (`attributed` in core/sockets.py does).
    """
    return _read("/proc") if root.is_host else Sockets(Standing.ABSENT, NOTHING_RUNS)


def _read(proc: str) -> Sockets:
    ephemeral = _ephemeral(proc)
    try:
        found = list(islice(_waiting(proc, ephemeral), _MOST_SOCKETS + 1))
    except OSError as error:
        return Sockets(Standing.UNKNOWN, f"{error.filename}: {error.strerror}")
    if len(found) > _MOST_SOCKETS:
        return Sockets(Standing.UNKNOWN, f"more than {_MOST_SOCKETS} sockets wait for peers")
    owners = _Owners(proc, {bound.inode for bound in found})
    listeners = {Listener(b.transport, b.address, b.port, *owners.of(b.inode)) for b in found}
    told = [one for one in listeners if not _only_asks(one)]
    key = attrgetter("transport", "port", "address", "program", "unit")
    return Sockets(listening=tuple(sorted(told, key=key)), ephemeral=ephemeral)


def _ephemeral(proc: str) -> tuple[int, int]:
    try:
        with open_regular(f"{proc}/{_RANGE}") as file:
            first, last = map(int, file.read(64).split())
    except (OSError, ValueError):
        return Sockets().ephemeral
    return first, last


def _only_asks(listener: Listener) -> bool:
    serves = _SERVES_ON.get(os.path.basename(listener.program))
    return listener.transport == "udp" and serves is not None and listener.port not in serves


# -- /proc/net -------------------------------------------------------------------------------


def _waiting(proc: str, ephemeral: tuple[int, int]) -> Iterator[_Bound]:
    """Yield the sockets that wait. Raise OSError when a table is there and cannot be read."""
    for table in ("tcp", "tcp6"):
        for state, bound in _lines(proc, table):
            if state != _LISTEN:
                break  # listening ones come first (tcp_seq_start, net/ipv4/tcp_ipv4.c)
            yield bound
    for table in ("udp", "udp6"):
        for state, bound in _lines(proc, table):
            if state == _UNCONNECTED and not ephemeral[0] <= bound.port <= ephemeral[1]:
                yield bound


def _lines(proc: str, table: str) -> Iterator[tuple[bytes, _Bound]]:
    """Yield state and socket of each line; nothing for a protocol the kernel does not speak."""
    try:
        file = open_regular(f"{proc}/net/{table}")
    except FileNotFoundError:
        return
    with file:
        for found in filter(None, map(_LINE.match, islice(file, _MOST_LINES))):
            address, port, state, inode = found.groups()
            yield state, _Bound(table[:3], _address(address), int(port, 16), inode.decode())


def _address(digits: bytes) -> str:
    """Return the address of words in the machine's byte order; any address at all is `*`.

    Of a socket on `::` /proc does not say whether it takes IPv4 as well, so both wildcards are one.
    """
    words = [int(digits[at : at + 8], 16) for at in range(0, len(digits), 8)]
    return address_of(struct.pack(f"={len(words)}I", *words))


def address_of(packed: bytes) -> str:
    """Return the address of bytes in the network's order as `core/node.py` has it."""
    if packed.startswith(_MAPPED):
        packed = packed[len(_MAPPED) :]
    if not any(packed):
        return "*"
    is_ipv4 = len(packed) == _IPV4_BYTES
    return socket.inet_ntop(socket.AF_INET if is_ipv4 else socket.AF_INET6, packed)


# -- /proc/PID/fd ----------------------------------------------------------------------------


class _Owners:
    """Who holds which socket, by its inode, after one look at everybody's descriptors."""

    def __init__(self, proc: str, inodes: set[str]) -> None:
        self._proc = proc
        self._units = Units(proc)
        self._holders: dict[str, list[int]] = {}
        wanted = {f"{_SOCKET}{inode}]" for inode in inodes}
        for pid in _pids(proc) if wanted else ():
            for held in wanted.intersection(_descriptors(f"{proc}/{pid}/fd")):
                self._holders.setdefault(held, []).append(pid)

    def of(self, inode: str) -> tuple[str, str]:
        """Return program and unit of who holds the socket, empty when not known.

        Among several it is the one that started first: who opened it, not who inherited it.
        """
        holders = self._holders.get(f"{_SOCKET}{inode}]", ())
        if not holders:
            return "", ""
        pid = min(holders, key=self._age) if len(holders) > 1 else holders[0]
        unit = self._units.of(pid)
        return read_program(pid, self._proc), "" if unit == _SYSTEMD else unit

    def _age(self, pid: int) -> tuple[float, int]:
        process = read_process(pid, self._proc)
        return (process.started if process else math.inf), pid


def _pids(proc: str) -> list[int]:
    return [int(name) for name in os.listdir(proc) if name.isdigit()]


def _descriptors(directory: str) -> Iterator[str]:
    """Yield what each descriptor of a process is; nothing when it is gone or somebody else's."""
    try:
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        for name in os.listdir(fd):
            with contextlib.suppress(OSError):
                yield os.readlink(name, dir_fd=fd)
    except OSError:
        return
    finally:
        os.close(fd)
