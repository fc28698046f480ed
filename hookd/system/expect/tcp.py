"""Connects to a port once."""

from __future__ import annotations

import socket

from hookd.config.expect_table import address
from hookd.core.expect import TcpExpectation
from hookd.core.node import Expected


def attempt(name: str, expected: TcpExpectation, within_s: float) -> Expected:
    """Return whether HOST:PORT takes a connection.

    A host whose name nobody knows is not reached; that it may not be is no proof of that.
    """
    found, is_known = "reachable", True
    try:
        socket.create_connection(address(name), timeout=within_s).close()
    except socket.gaierror as error:
        found, is_known = str(error.strerror).lower(), False
    except socket.timeout:
        found = f"no answer within {within_s:g} s"
    except (OSError, UnicodeError) as error:
        found = str(getattr(error, "strerror", "") or error).lower()
    is_met = (found == "reachable") is expected.reachable
    if is_met and not is_known:
        return Expected("tcp", name, None, expected.wanted, reason=found)
    return Expected("tcp", name, is_met, expected.wanted, found)
