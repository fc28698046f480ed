"""The menu that a grub.cfg describes, as far as the choice of a kernel depends on it.

Follows GRUB 2: grub-mkconfig's 00_header (`set default=`), normal/menu.c (numbers, titles, ids and
`>` paths), and the blscfg command of the Fedora family.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field

_DEFAULT = re.compile(r"set\s+default=(.*)")
_LINUX = ("linux", "linux16", "linuxefi")
_INITRD = ("initrd", "initrd16", "initrdefi")
_MOST_DIGITS = 5
_ID_OPTIONS = ("--id", "$menuentry_id_option", "${menuentry_id_option}")


@dataclass
class Entry:
    """One line of the menu. A submenu has `children` and no kernel.

    `linux` and `initrds` are paths as written; `release` is what a BLS file says in `version`.
    """

    title: str
    id: str = ""
    linux: str = ""
    initrds: list[str] = field(default_factory=list)
    release: str = ""
    is_bls: bool = False
    children: list[Entry] | None = None


@dataclass
class Menu:
    """`default` is the text that grub.cfg sets it to, None when it does not."""

    entries: list[Entry] = field(default_factory=list)
    default: str | None = None
    counts_failed_boots: bool = False
    uses_bls: bool = False


def parse(text: str, bls: list[Entry]) -> Menu:
    """Return the menu of a grub.cfg, with `bls` where it calls `blscfg`."""
    reader = _Reader(bls)
    for line in text.splitlines():
        reader.read(line.strip())
    return reader.menu


class _Reader:
    """Reads line by line. `_open` are the blocks around: a menu, an entry, or None for others."""

    def __init__(self, bls: list[Entry]) -> None:
        self.menu = Menu()
        self._bls = bls
        self._open: list[Menu | Entry | None] = [self.menu]
        self._counts = False

    def read(self, line: str) -> None:
        word = line.split(None, 1)[0] if line else ""
        block = self._open[-1]
        if line.startswith("#"):
            self._section(line)
        elif word in ("menuentry", "submenu"):
            self._start(line, [] if word == "submenu" else None)
        elif line.startswith("}"):
            self._end()
        elif line.endswith("{"):
            self._open.append(None)
        elif isinstance(block, Entry) and block.children is None:
            _add_file(block, line.split())
        elif word == "blscfg":
            self.menu.uses_bls = True
            self._list_here().extend(self._bls)
        else:
            self._set_default(line)

    def _end(self) -> None:
        if len(self._open) > 1:
            del self._open[-1]

    def _section(self, line: str) -> None:
        if line.startswith("### BEGIN"):
            self._counts = "fallback_counting" in line
            self.menu.counts_failed_boots |= self._counts
        elif line.startswith("### END"):
            self._counts = False

    def _start(self, line: str, children: list[Entry] | None) -> None:
        entry = _header(line, children)
        self._list_here().append(entry)
        if line.endswith("{"):
            self._open.append(entry)

    def _list_here(self) -> list[Entry]:
        """Return the menu that a new entry goes to; what a function defines goes nowhere."""
        block = self._open[-1]
        if isinstance(block, Menu):
            return block.entries
        if isinstance(block, Entry) and block.children is not None:
            return block.children
        return []

    def _set_default(self, line: str) -> None:
        match = _DEFAULT.match(line)
        if match is None or self._counts or "next_entry" in match.group(1):
            return
        self.menu.default = match.group(1).strip().strip("\"'")


def _header(line: str, children: list[Entry] | None) -> Entry:
    try:
        words = shlex.split(line.rstrip("{"))
    except ValueError:
        words = line.split()
    entry = Entry(words[1] if len(words) > 1 else "", children=children)
    for option, value in zip(words[2:], words[3:]):
        if option in _ID_OPTIONS:
            entry.id = value
    return entry


def _add_file(entry: Entry, words: list[str]) -> None:
    if len(words) > 1 and words[0] in _LINUX and not entry.linux:
        entry.linux = words[1]
    elif words and words[0] in _INITRD and not entry.initrds:
        entry.initrds = [word for word in words[1:] if not word.startswith("$")]


def find(entries: list[Entry], wanted: str) -> Entry | None:
    """Return the entry that `wanted` names: a number, a title, an id, or a `>` path of them."""
    here, _, rest = wanted.partition(">")
    if not here:
        return None
    found = _at(entries, here)
    if found is None:
        # GRUB splits at `>` first; a title that holds one is written `>>`
        names = (here, wanted.replace(">>", ">"))
        found = next((e for e in entries if e.title in names or (e.id and e.id in names)), None)
    return first_of([found], rest) if found else None


def _at(entries: list[Entry], number: str) -> Entry | None:
    if not number.isdecimal() or len(number) > _MOST_DIGITS or int(number) >= len(entries):
        return None
    return entries[int(number)]


def first_of(entries: list[Entry], wanted: str = "") -> Entry | None:
    """Return the first entry; of a submenu the one that `wanted` names, else its first."""
    for entry in entries:
        if entry.children is None:
            return entry
        return find(entry.children, wanted) or first_of(entry.children)
    return None
