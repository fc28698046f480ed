"""How the running node differs between two looks: units, sockets, mounts, and its settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple


@dataclass(frozen=True)
class UnitChange:
    """`before` and `after` are as `active (running), enabled`, empty where it was not loaded.

    `between` names the two looks (`ready..arrived`). `packages` are the changed packages that own
    its unit file, what it is to execute or a library it maps, as `openssl-libs.x86_64`.
    """

    unit: str
    before: str
    after: str
    between: str
    packages: Tuple[str, ...] = ()


@dataclass(frozen=True)
class SocketChange:
    """`socket` is as `tcp 0.0.0.0:80`; `before` and `after` are who listened, empty for nobody."""

    socket: str
    before: str
    after: str
    between: str
    packages: Tuple[str, ...] = ()


@dataclass(frozen=True)
class MountChange:
    """`before` and `after` are as `ext4 of /dev/nvme1n1, read-write`, empty where not mounted."""

    point: str
    before: str
    after: str
    between: str


@dataclass(frozen=True)
class SettingChange:
    """Another thing of the machine: `what` is as `selinux`, `default route`, `resolvers`,
    `livepatches`, `time synchronisation` or the path of a file that a package manager left.
    """

    what: str
    before: str
    after: str
    between: str
