"""Tells systemd how the service is (sd_notify(3)); nothing happens without NOTIFY_SOCKET."""

from __future__ import annotations

import os
import socket


def notify(state: str) -> bool:
    """Send `state` (`READY=1`, `WATCHDOG=1`, ...); return whether it was sent."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as to:
            to.sendto(state.encode("utf-8"), address)
    except OSError:
        return False
    return True


def watchdog_s() -> float | None:
    """Return how often to say WATCHDOG=1: half of what systemd allows; None without a watchdog."""
    text = os.environ.get("WATCHDOG_USEC", "")
    is_ours = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return int(text) / 2e6 if text.isdigit() and is_ours else None


def given_sockets() -> list[socket.socket]:
    """Return the sockets that systemd listens on for us (sd_listen_fds(3)), once."""
    if os.environ.pop("LISTEN_PID", "") != str(os.getpid()):
        return []
    count = int(os.environ.pop("LISTEN_FDS", "0"))
    os.environ.pop("LISTEN_FDNAMES", None)
    return [socket.socket(fileno=3 + number) for number in range(count)]
