"""What probes of the running node return: units, sockets, mounts, processes, network and the like.

Annotations use `Optional`, `Tuple` and `Dict` because core/codec.py evaluates them on Python 3.7.
Each reading is absent until somebody looked: under `--root` nothing runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, Optional, Tuple

from hookd.core.readings import Reading, Standing

_NOT_ASKED = "not looked at"


@dataclass(frozen=True)
class Unit:
    """One loaded unit in the words of `systemctl show`.

    `load`, `active`, `sub` are LoadState, ActiveState and SubState, `enabled` UnitFileState, `kind`
    Type, `fragment` FragmentPath. `restarts` is NRestarts, None before systemd 235; `started_us`
    ExecMainStartTimestampMonotonic; `main_pid` 0 without a main process. `files` are the paths that
    ExecStart names, `listens` of Listen what is a port, as `tcp *:80`; `triggers` are the Triggers
    of a socket unit. Looks of earlier versions lack these three.
    """

    name: str
    load: str = ""
    active: str = ""
    sub: str = ""
    enabled: str = ""
    kind: str = ""
    result: str = ""
    restarts: Optional[int] = None
    main_pid: int = 0
    started_us: int = 0
    fragment: str = ""
    files: Tuple[str, ...] = ()
    listens: Tuple[str, ...] = ()
    triggers: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Units(Reading):
    """The units of the system's systemd, by name. `jobs` are the units that have a job."""

    units: Tuple[Unit, ...] = ()
    jobs: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Listener:
    """A socket that waits for peers. `transport` is tcp or udp, `address` is `*` for any; `program`
    the path of its owner's executable and `unit` its unit, empty when not known. What systemd holds
    has systemd's program, and the socket unit that listens there where that is one alone.
    """

    transport: str
    address: str
    port: int
    program: str = ""
    unit: str = ""


@dataclass(frozen=True)
class Sockets(Reading):
    """The listening sockets, sorted. `ephemeral` is net.ipv4.ip_local_port_range, both included."""

    listening: Tuple[Listener, ...] = ()
    ephemeral: Tuple[int, int] = (32768, 60999)


@dataclass(frozen=True)
class Mount:
    """A mounted file system that is of the machine (no pseudo one, none of a container)."""

    point: str
    source: str = ""
    fstype: str = ""
    is_read_only: bool = False


@dataclass(frozen=True)
class Mounts(Reading):
    """What is mounted, by mount point; `missing` are points of fstab(5) that are to be mounted at
    boot (not `noauto`; `nofail` ones too) and are not.
    """

    mounted: Tuple[Mount, ...] = ()
    missing: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Network(Reading):
    """`default_routes` as `ipv4 via 10.0.0.1 dev eth0`, sorted; `resolvers` of resolv.conf(5)."""

    default_routes: Tuple[str, ...] = ()
    resolvers: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Clock(Reading):
    """`synchronised` by adjtimex(2), None when not known; `booted_at` is the wall clock less
    CLOCK_BOOTTIME in epoch seconds: within one boot it moves only when the clock is set.
    """

    synchronised: Optional[bool] = None
    booted_at: float = 0.0


@dataclass(frozen=True)
class Space:
    """Room on the file system of `path`, for root's processes too little is what others have."""

    path: str
    free_bytes: int = 0
    total_bytes: int = 0
    free_inodes: int = 0
    total_inodes: int = 0


@dataclass(frozen=True)
class Disks(Reading):
    """The room at /, /boot, /var and hookd's own state, in this order, one for each file system."""

    spaces: Tuple[Space, ...] = ()


@dataclass(frozen=True)
class StaleProcess:
    """A process that runs or maps `files` that were deleted or replaced.

    `started` is seconds since boot, in clock ticks.
    """

    pid: int
    started: float
    program: str = ""
    unit: str = ""
    files: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Processes(Reading):
    """By /proc/PID/maps. `uses` maps units to indices into `files`: what their processes execute
    and map, old names of replaced files too; processes in no unit are left out of it. `unread`
    counts the processes that could not be read.
    """

    stale: Tuple[StaleProcess, ...] = ()
    files: Tuple[str, ...] = ()
    uses: Dict[str, Tuple[int, ...]] = field(default_factory=dict)
    unread: int = 0


@dataclass(frozen=True)
class Selinux(Reading):
    """`mode` is enforcing, permissive or disabled."""

    mode: str = ""


@dataclass(frozen=True)
class Leavings(Reading):
    """Configuration files that a package manager put beside the admin's (`.rpmnew`, `.rpmsave`,
    `.dpkg-dist` ...), as paths, sorted; `is_whole` is false when there were too many to name.
    """

    files: Tuple[str, ...] = ()
    is_whole: bool = True


@dataclass(frozen=True)
class Crashes(Reading):
    """What a crash left: entries of /sys/fs/pstore, /var/lib/systemd/pstore and /var/crash."""

    files: Tuple[str, ...] = ()


@dataclass(frozen=True)
class RebootRequired(Reading):
    """Debian's /run/reboot-required (policy 9.12): `is_required`, and `packages` that asked."""

    is_required: bool = False
    packages: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Node:
    """What runs on the machine and what it stands on, beside packages, kernel and boot."""

    units: Units = Units(Standing.ABSENT, _NOT_ASKED)
    sockets: Sockets = Sockets(Standing.ABSENT, _NOT_ASKED)
    mounts: Mounts = Mounts(Standing.ABSENT, _NOT_ASKED)
    network: Network = Network(Standing.ABSENT, _NOT_ASKED)
    clock: Clock = Clock(Standing.ABSENT, _NOT_ASKED)
    disks: Disks = Disks(Standing.ABSENT, _NOT_ASKED)
    processes: Processes = Processes(Standing.ABSENT, _NOT_ASKED)
    selinux: Selinux = Selinux(Standing.ABSENT, _NOT_ASKED)
    leavings: Leavings = Leavings(Standing.ABSENT, _NOT_ASKED)
    crashes: Crashes = Crashes(Standing.ABSENT, _NOT_ASKED)
    reboot_required: RebootRequired = RebootRequired(Standing.ABSENT, _NOT_ASKED)


@dataclass(frozen=True)
class Aftermath(Reading):
    """What the package database says of the packages that changed since the look before.

    `packages` are those asked about, as `name.arch`. `damaged` are lines `PACKAGE: FILE: WHY` of
    files that are not as packaged (rpm -V, dpkg --verify; configuration files left out). `owners`
    maps files that some unit uses to the changed package that owns them. `transactions` maps
    packages to their INSTALLTID, the epoch second of the rpm transaction that installed them.
    """

    packages: Tuple[str, ...] = ()
    damaged: Tuple[str, ...] = ()
    owners: Dict[str, str] = field(default_factory=dict)
    transactions: Dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Expected:
    """How one `[expect.KIND."NAME"]` was found. `is_met` is None when it could not be tried.

    `is_skipped`: nothing of its kind is there to be tried (nothing runs below another root, there
    are no units without systemd).
    """

    kind: str
    name: str
    is_met: Optional[bool] = None
    expected: str = ""
    found: str = ""
    reason: str = ""
    is_skipped: bool = False


@dataclass(frozen=True)
class Expectations(Reading):
    """What the configuration expects, as it was found."""

    results: Tuple[Expected, ...] = ()
