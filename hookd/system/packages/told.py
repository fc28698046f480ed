"""What a package database is asked about some packages, and what it tells."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Iterable, NamedTuple

from hookd.system.packages.verification import Verified


class Came(NamedTuple):
    """A package that came: one of those that are asked about."""

    name: str
    arch: str
    evr: str

    @property
    def key(self) -> str:
        return f"{self.name}.{self.arch}"


@dataclass(frozen=True)
class Told:
    """`files` by package (`name.arch`), `transactions` as core.node.Aftermath has them."""

    files: dict[str, list[str]] = field(default_factory=dict)
    transactions: dict[str, int] = field(default_factory=dict)
    verified: Verified = Verified()
    error: str = ""


def files_in(printed: Iterable[str]) -> list[str]:
    """Return the paths among `printed` lines; dpkg mixes remarks on diversions in."""
    return [line for line in printed if line.startswith("/") and line != "/."]
