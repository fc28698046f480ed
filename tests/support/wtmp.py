"""Records of wtmp as glibc lays them out: of 384 bytes on x86_64, of 400 on aarch64 (utmp.h)."""

from __future__ import annotations

import struct

EMPTY, RUN_LVL, BOOT_TIME, USER_PROCESS, DEAD_PROCESS = 0, 1, 2, 7, 8
X86_64 = struct.Struct("<h2xi32s4s32s256shhiii16s20x")
AARCH64 = struct.Struct("<h2xi32s4s32s256s4xqqq16s20x4x")


def record(kind, user, at, *, layout=X86_64, line="~", host="4.14.154-128.181.amzn2.x86_64"):
    second, microsecond = divmod(round(at * 1_000_000), 1_000_000)
    head = (kind, 0, line.encode(), b"~~", user.encode(), host.encode())
    exit_status = (0, 0) if layout is X86_64 else ()
    return layout.pack(*head, *exit_status, 0, second, microsecond, b"")


def booted(at, **more):
    return record(BOOT_TIME, "reboot", at, **more)


def shut_down(at, **more):
    return record(RUN_LVL, "shutdown", at, **more)


def runlevel(at, **more):
    return record(RUN_LVL, "runlevel", at, **more)


def login(at, **more):
    came = record(USER_PROCESS, "ec2-user", at, line="pts/0", host="192.0.2.7", **more)
    return came + record(DEAD_PROCESS, "", at + 9, line="pts/0", host="", **more)
