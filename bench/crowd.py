"""A program: keeps COUNT processes like services: they map libraries, hold files, some listen."""

from __future__ import annotations

import ctypes  # noqa: F401 - what it maps
import decimal  # noqa: F401
import os
import signal
import socket
import sqlite3  # noqa: F401
import ssl  # noqa: F401
import sys

_FILES = 10
_ONE_IN = 10  # listens


def main(count: int) -> None:
    """Fork them, say so on stdout, and wait for ever."""
    for number in range(count):
        if os.fork() == 0:
            _serve(number)
    print("ready", flush=True)
    signal.pause()


def _serve(number: int) -> None:
    kept = [open(os.devnull, "rb") for _ in range(_FILES)]  # noqa: SIM115 - they stay open
    listening = socket.socket()
    if number % _ONE_IN == 0:
        listening.bind(("127.0.0.1", 20000 + number))
        listening.listen()
    while kept:
        signal.pause()


main(int(sys.argv[1]))
