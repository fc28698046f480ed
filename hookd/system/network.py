"""Reads where packets go that have no better way, and who resolves names (proc(5), resolv.conf(5)).

/proc/net/ipv6_route tells routes of every table and does not say which; /proc/net/route only those
of the main one, and of a route over several gateways the first.
"""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Iterator

from hookd.core.node import Network
from hookd.core.readings import Standing
from hookd.system.process.printable import printable
from hookd.system.root import NOTHING_RUNS
from hookd.system.textfile import Text, read_text

if TYPE_CHECKING:
    from hookd.system.root import Root

IPV4 = "/proc/net/route"
IPV6 = "/proc/net/ipv6_route"
RESOLV_CONF = "/etc/resolv.conf"

_LARGEST = 16 << 20  # a router's whole table
_UP, _REJECT = 0x1, 0x200  # linux/route.h
_NOWHERE = "0" * 32


def read(root: Root) -> Network:
    """Return the default routes and the resolvers; unknown with what could be read of them."""
    return _read(root) if root.is_host else Network(Standing.ABSENT, NOTHING_RUNS)


def _read(root: Root) -> Network:
    ipv4, ipv6 = read_text(root, IPV4, _LARGEST), read_text(root, IPV6, _LARGEST)
    resolv_conf = read_text(root, RESOLV_CONF)
    standing, reason = _worth(ipv4, ipv6, resolv_conf)
    return Network(
        standing=standing,
        reason=reason,
        default_routes=tuple(sorted({*_ipv4(ipv4.text), *_ipv6(ipv6.text)})),
        resolvers=tuple(_resolvers(resolv_conf.text)),
    )


def _worth(*files: Text) -> tuple[Standing, str]:
    """A file that is not there is a protocol the kernel does not speak, or no resolver."""
    for file in files:
        if file.standing is Standing.UNKNOWN:
            return file.standing, file.reason
    return Standing.OK, ""


def _ipv4(text: str) -> Iterator[str]:
    for line in text.split("\n")[1:]:
        fields = line.split()
        try:
            name, target, gateway, flags, mask = *fields[:4], fields[7]
            is_default = not int(target, 16) and not int(mask, 16) and _leads(flags)
            # in the byte order of the machine
            address = socket.inet_ntop(socket.AF_INET, struct.pack("=I", int(gateway, 16)))
        except (IndexError, ValueError, struct.error):
            continue
        if is_default:
            yield _told("ipv4", address if int(gateway, 16) else "", name)


def _ipv6(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        fields = line.split()
        try:
            target, length, gateway, flags, name = *fields[:2], fields[4], fields[8], fields[9]
            is_default = target == _NOWHERE and not int(length, 16) and _leads(flags)
            address = socket.inet_ntop(socket.AF_INET6, bytes.fromhex(gateway))
        except (IndexError, ValueError):
            continue
        if is_default:
            yield _told("ipv6", address if gateway != _NOWHERE else "", name)


def _leads(flags: str) -> bool:
    return int(flags, 16) & (_UP | _REJECT) == _UP


def _told(protocol: str, gateway: str, name: str) -> str:
    via = f" via {gateway}" if gateway else ""
    return f"{protocol}{via} dev {printable(name)}"


def _resolvers(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        words = line.split()
        if len(words) > 1 and words[0] == "nameserver":
            yield printable(words[1])
