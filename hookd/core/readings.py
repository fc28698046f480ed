"""What probes of packages, kernel and boot return: readings, each with what it is worth.

Annotations use `Optional`, `Tuple` and `Dict` because core/codec.py evaluates them on Python 3.7.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, Optional, Tuple

from hookd.core.model import Name


class Standing(Name):
    """What a reading of the machine is worth: read, no such source here, or it failed."""

    OK = "ok"
    ABSENT = "absent"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Reading:
    """Base of what probes return. `reason` says why it is absent or unknown."""

    standing: Standing = Standing.OK
    reason: str = ""

    @property
    def is_ok(self) -> bool:
        return self.standing is Standing.OK


@dataclass(frozen=True)
class PackageSet(Reading):
    """The installed packages by one database.

    `installed` maps `name.arch` to its instances `(evr, install_time)`, sorted by text; `evr` is
    `[EPOCH:]VERSION-RELEASE` without a zero epoch, `install_time` is epoch seconds (0: not known).
    `broken` are packages the database itself calls half-installed, as `name.arch`.
    """

    source: str = "rpmdb"
    installed: Dict[str, Tuple[Tuple[str, int], ...]] = field(default_factory=dict)
    broken: Tuple[str, ...] = ()


class LogAction(Name):
    """What a log line or a history row says happened to a package.

    `installed` in yum.log also stands for a downgrade and a reinstall (yum 3.4.3, rpmtrans.py).
    `replaced` is the old side of an update, a downgrade or a reinstall.
    """

    INSTALLED = "installed"
    UPDATED = "updated"
    DOWNGRADED = "downgraded"
    REINSTALLED = "reinstalled"
    REMOVED = "removed"
    OBSOLETED = "obsoleted"
    REPLACED = "replaced"
    FAILED = "failed"


@dataclass(frozen=True)
class LogEntry:
    """One package line of a log. `evr` and `arch` are empty where the log gives the bare name.

    `at` is UTC (ending in Z) where the log has a zone; that of yum.log and dpkg.log is local time
    without one, that of a history row is empty.
    """

    action: LogAction
    name: str
    evr: str = ""
    arch: str = ""
    at: str = ""


@dataclass(frozen=True)
class LogCursor:
    """How far a log was read. `tail_sha256` covers up to 256 bytes before `offset`."""

    device: int
    inode: int
    offset: int
    tail_sha256: str = ""


@dataclass(frozen=True)
class PackageLog(Reading):
    """The package lines that a text log gained since the previous cursor.

    `gap` is true when the old position could not be found again (lines may be lost); `unread`
    holds lines that are no package lines and no known noise, at most 20 of them, `unread_count`
    all.
    """

    source: str = "yum.log"
    cursor: Optional[LogCursor] = None
    entries: Tuple[LogEntry, ...] = ()
    gap: bool = False
    unread: Tuple[str, ...] = ()
    unread_count: int = 0


class TransactionState(Name):
    OK = "ok"
    FAILED = "failed"
    UNFINISHED = "unfinished"


@dataclass(frozen=True)
class Transaction:
    """One row of a package manager's history. `return_code` is None where there is none.

    apt numbers none: its `id` is the local time at which it began, as 20261123044033.
    """

    id: int
    state: TransactionState
    began_at: str = ""
    ended_at: str = ""
    return_code: Optional[int] = None
    command_line: str = ""
    user_id: Optional[int] = None
    rpmdb_before: str = ""
    rpmdb_after: str = ""
    items: Tuple[LogEntry, ...] = ()
    errors: Tuple[str, ...] = ()


@dataclass(frozen=True)
class History(Reading):
    """The transactions that a history gained since the look before.

    A database's place is `last_id`, that of apt's text file `cursor`; `gap` is true when the place
    could not be found again. `unfinished` names every unfinished transaction that is evidence now,
    older ones too: `transaction 7 of history-2024-05-07.sqlite`,
    `transaction-all.2026-11-23.04:39.50`.
    """

    source: str = "yum-history"
    database: str = ""
    last_id: int = 0
    transactions: Tuple[Transaction, ...] = ()
    unfinished: Tuple[str, ...] = ()
    cursor: Optional[LogCursor] = None
    gap: bool = False


@dataclass(frozen=True)
class InstalledKernel:
    """A kernel that can be booted: `release` as `uname -r` would print it."""

    release: str
    package: str = ""
    evr: str = ""
    install_time: int = 0


@dataclass(frozen=True)
class NextBoot(Reading):
    """What the boot loader will start: kernel release, by which source, and its files.

    `source` is `grubenv`, `bls` or `grub.cfg`; `missing` names files that are absent or empty.
    """

    release: str = ""
    source: str = ""
    entry: str = ""
    vmlinuz: str = ""
    initramfs: str = ""
    missing: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Kernel(Reading):
    """`standing` speaks of `running` (osrelease); each part below has its own.

    `livepatches` are the installed packages, `loaded` the modules that patch the running kernel
    (/sys/kernel/livepatch), None when that is not known.
    """

    running: str = ""
    running_package: str = ""
    installed: Tuple[InstalledKernel, ...] = ()
    installed_standing: Standing = Standing.ABSENT
    installed_reason: str = ""
    next_boot: NextBoot = NextBoot(standing=Standing.ABSENT)
    livepatches: Tuple[str, ...] = ()
    loaded: Optional[Tuple[str, ...]] = None


@dataclass(frozen=True)
class WentDown(Reading):
    """How the machine went down before a boot.

    `clean`: a shutdown is recorded, `down_s` seconds before the boot. None is not known. `boots`
    are the newest boots that are recorded, this one last, in epoch seconds.
    """

    clean: Optional[bool] = None
    down_s: Optional[float] = None
    boots: Tuple[float, ...] = ()

    @property
    def is_told(self) -> bool:
        return self.clean is not None


@dataclass(frozen=True)
class Boot(Reading):
    """`boot_id` is a UUID or empty; `btime` epoch seconds, `uptime_s` seconds; 0 when not known.

    `before` is how the machine went down before it.
    """

    boot_id: str = ""
    btime: int = 0
    uptime_s: float = 0.0
    before: WentDown = WentDown(Standing.ABSENT)
