"""Looks at a made-up running node, for what compares and judges them."""

from __future__ import annotations

from hookd.core.blame import Blame
from hookd.core.checks.ends import Ends
from hookd.core.model import PackageAction, PackageChange
from hookd.core.node import (
    Aftermath,
    Clock,
    Disks,
    Leavings,
    Listener,
    Mount,
    Mounts,
    Network,
    Node,
    Processes,
    Selinux,
    Sockets,
    Unit,
    Units,
)
from hookd.core.readings import Boot, Kernel, Standing
from hookd.core.snapshot import Snapshot

BOOT_1 = "11111111-1111-4111-8111-111111111111"
BOOT_2 = "22222222-2222-4222-8222-222222222222"

_READINGS = {
    "units": (Units, lambda items: Units(units=tuple(items))),
    "sockets": (Sockets, lambda items: Sockets(listening=tuple(items))),
    "mounts": (Mounts, lambda items: Mounts(mounted=tuple(items))),
    "network": (Network, None),
    "clock": (Clock, None),
    "disks": (Disks, lambda items: Disks(spaces=tuple(items))),
    "processes": (Processes, None),
    "selinux": (Selinux, None),
    "leavings": (Leavings, lambda items: Leavings(files=tuple(items))),
}


def look(name, boot=BOOT_1, aftermath=None, loaded=None, **readings):
    """Return a look; a reading is given whole, as a list of what is in it, or as why it failed."""
    node = {noun: _reading(noun, given) for noun, given in readings.items()}
    asked = {"aftermath": aftermath} if aftermath else {}
    kernel = Kernel(loaded=loaded)
    return Snapshot(name, name, Boot(boot_id=boot), kernel, node=Node(**node), **asked)


def _reading(noun, given):
    kind, of_items = _READINGS[noun]
    if isinstance(given, str):
        return kind(Standing.UNKNOWN, given)
    return of_items(given) if isinstance(given, list) else given


def unit(name, active="active", sub="running", enabled="enabled", **more):
    more.setdefault("load", "loaded")
    more.setdefault("kind", "simple" if name.endswith(".service") else "")
    return Unit(name, active=active, sub=sub, enabled=enabled, **more)


def dead(name, enabled="enabled", **more):
    return unit(name, "inactive", "dead", enabled, **more)


def failed(name, enabled="enabled", **more):
    return unit(name, "failed", "failed", enabled, **more)


def listener(socket, program="/usr/bin/app", of="app.service"):
    """Return the listener of a socket written as `tcp *:80`."""
    transport, _, rest = socket.partition(" ")
    address, _, port = rest.rpartition(":")
    return Listener(transport, address.strip("[]"), int(port), program, of)


def mount(point, source="/dev/nvme1n1", fstype="ext4", *, is_read_only=False):
    return Mount(point, source, fstype, is_read_only)


def updated(*keys):
    """Return changes of packages named as `openssl-libs.x86_64`."""
    return tuple(
        PackageChange(
            *key.rsplit(".", 1), PackageAction.UPDATED, ("1",), ("2",), "ready..installed", ()
        )
        for key in keys
    )


def owning(**more):
    """Return what the package database says where all that was asked was answered."""
    return Aftermath(**more)


def ends(*looks, packages=(), severities=None, **more):
    return Ends(tuple(looks), Blame(looks, packages), severities or {}, **more)
