"""Reads what the boot loader will start next: grubenv, BLS files (loader entries), grub.cfg."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from hookd.core.nevra import key
from hookd.core.readings import NextBoot, Standing
from hookd.system import grubcfg
from hookd.system.grubcfg import Entry, Menu
from hookd.system.textfile import Text, is_filled, names_in, read_text

if TYPE_CHECKING:
    from hookd.system.root import Root

ENTRIES = "/boot/loader/entries"
_GRUB = ("/boot/grub2", "/boot/grub")
_EFI = "/boot/efi/EFI"
_LARGEST_ENTRY = 64 << 10
_MOST_ENTRIES = 1000
_HEADER = "# GRUB Environment Block\n"
_VARIABLE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)")
_DEVICE = re.compile(r"^\([^)]*\)|^\$root")
_IMAGE = re.compile(r"(?:vmlinuz|vmlinux|Image|kernel)-(.+)")


def read(root: Root) -> NextBoot:
    """Return the entry that boots next, its kernel, and which of its files are missing.

    Absent where no boot loader files are; unknown where they cannot be read or understood.
    """
    try:
        return _Loader(root).next_boot()
    except OSError as error:
        return _unknown(f"{error.filename}: {error.strerror}")


def _unknown(reason: str) -> NextBoot:
    return NextBoot(standing=Standing.UNKNOWN, reason=reason)


class _Loader:
    def __init__(self, root: Root) -> None:
        self._root = root
        self._unread: list[str] = []
        self._bls = self._read_bls()

    def next_boot(self) -> NextBoot:
        environment = self._first("grubenv")
        menu, config = self._menu()
        if environment.standing is Standing.UNKNOWN:
            return _unknown(environment.reason)
        if menu is None:
            return self._without_menu(environment, config)
        variables = parse_environment(environment.text) if environment.is_ok else {}
        if variables is None:
            return _unknown("grubenv is not a GRUB environment block")
        return self._choose(menu, variables)

    def _without_menu(self, environment: Text, config: Text) -> NextBoot:
        reasons = [config.reason] if config.standing is Standing.UNKNOWN else []
        reasons += self._unread
        if environment.is_ok or config.is_ok:
            reasons.append(f"no menu entries in grub.cfg and none in {ENTRIES}")
        if reasons:
            return _unknown(reasons[0])
        return NextBoot(Standing.ABSENT, "no boot loader files under /boot")

    def _choose(self, menu: Menu, variables: dict[str, str]) -> NextBoot:
        wanted, source = _wanted(menu, variables)
        if "$" in wanted:
            return _unknown(f"grub.cfg takes its default from {wanted}")
        named = None if wanted.isdecimal() else grubcfg.find(menu.entries, wanted)
        if named is not None:
            return self._found(named, wanted, source)
        if self._unread:
            return _unknown(self._unread[0])
        there = [e for e in menu.entries if not e.is_bls or self._has_kernel(e)] or menu.entries
        numbered = grubcfg.find(there, wanted)
        if numbered is not None:
            return self._found(numbered, _name(numbered), source)
        first = grubcfg.first_of(there)
        if first is None:
            return _unknown("the boot menu has no entry that starts a kernel")
        return self._found(first, _name(first), "bls" if first.is_bls else "grub.cfg")

    def _found(self, entry: Entry, name: str, source: str) -> NextBoot:
        vmlinuz = self._locate(entry.linux)
        release = self._release(entry, vmlinuz)
        if not release:
            return _unknown(f"boot entry {name!r} does not say which kernel it starts")
        initrds = [self._locate(path) for path in entry.initrds]
        needed = [vmlinuz, *initrds]
        if "rescue" not in release:
            needed.append(f"/lib/modules/{release}/modules.dep")
        return NextBoot(
            release=release,
            source=source,
            entry=name,
            vmlinuz=vmlinuz,
            initramfs=initrds[-1] if initrds else "",
            missing=tuple(path for path in needed if not is_filled(self._root, path)),
        )

    def _release(self, entry: Entry, vmlinuz: str) -> str:
        image = _IMAGE.fullmatch(os.path.basename(vmlinuz))
        if image is None and vmlinuz.isprintable() and vmlinuz:
            image = _IMAGE.fullmatch(os.path.basename(self._root.join(vmlinuz)))
        return image.group(1) if image else entry.release

    def _locate(self, path: str) -> str:
        """Return where a loader's path lies: from `/`, or from a boot partition's own root."""
        path = "/" + _DEVICE.sub("", path).lstrip("/") if path else ""
        if not path or path.startswith("/boot/"):
            return path
        below = "/boot" + path
        return path if is_filled(self._root, path) and not is_filled(self._root, below) else below

    def _has_kernel(self, entry: Entry) -> bool:
        """Whether it is more than what another installation left.

        One that lost only its initramfs is still what GRUB would start.
        """
        return is_filled(self._root, self._locate(entry.linux))

    # -- reading -----------------------------------------------------------------------------

    def _directories(self) -> list[str]:
        below = [f"{_EFI}/{name}" for name in names_in(self._root, _EFI)]
        return [*_GRUB, *below]

    def _first(self, name: str) -> Text:
        """Return the first such file of GRUB that is there."""
        text = Text(Standing.ABSENT, f"no {name}")
        for directory in self._directories():
            text = read_text(self._root, f"{directory}/{name}")
            if text.standing is not Standing.ABSENT:
                return text
        return text

    def _menu(self) -> tuple[Menu | None, Text]:
        """Return the first menu that has entries, and the last grub.cfg that has none.

        On EFI systems a grub.cfg may only name the one that counts.
        """
        unfit = Text(Standing.ABSENT, "no grub.cfg")
        for directory in self._directories():
            text = read_text(self._root, f"{directory}/grub.cfg")
            if text.standing is Standing.ABSENT:
                continue
            menu = grubcfg.parse(text.text, self._bls)
            if menu.entries:
                return menu, text
            unfit = text
        if self._bls and unfit.standing is not Standing.UNKNOWN:
            return Menu(entries=self._bls), unfit
        return None, unfit

    def _read_bls(self) -> list[Entry]:
        """Return the entries in the order of GRUB's blscfg: newest file name first."""
        names = [n for n in names_in(self._root, ENTRIES) if n.endswith(".conf") and n[0] != "."]
        entries = []
        for name in names[:_MOST_ENTRIES]:
            text = read_text(self._root, f"{ENTRIES}/{name}", _LARGEST_ENTRY)
            if text.standing is Standing.UNKNOWN:
                self._unread.append(text.reason)
            entry = parse_bls(name[: -len(".conf")], text.text)
            if entry.linux:
                entries.append(entry)
        return sorted(entries, key=lambda entry: _file_name_key(entry.id), reverse=True)


def _name(entry: Entry) -> str:
    return entry.id if entry.is_bls else entry.title or entry.id


def _wanted(menu: Menu, variables: dict[str, str]) -> tuple[str, str]:
    """Return what the menu's default is, and who says so (grub-mkconfig's 00_header)."""
    if variables.get("next_entry"):
        return variables["next_entry"], "grubenv"
    failed = variables.get("boot_success") == "0" and variables.get("boot_counter") in ("0", "-1")
    if menu.counts_failed_boots and failed:
        return "1", "grub.cfg"
    if menu.default is None or "saved_entry" in menu.default:
        return variables.get("saved_entry", ""), "grubenv"
    return menu.default, "grub.cfg"


def _file_name_key(name: str) -> tuple[object, ...]:
    """GRUB splits the name as NAME-VERSION-RELEASE, whatever the parts are, each in rpm's order."""
    parts = name.rsplit("-", 2)
    return tuple(key(part) for part in (*parts, *[""] * (3 - len(parts))))


def parse_bls(name: str, text: str) -> Entry:
    """Return the entry of one file of the Boot Loader Specification; `name` has no `.conf`."""
    entry = Entry("", name, is_bls=True)
    for line in text.splitlines():
        word, _, value = line.strip().partition(" ")
        value = value.strip()
        if word == "title":
            entry.title = value
        elif word == "linux":
            entry.linux = value.split(" ")[0]
        elif word == "version":
            entry.release = value
        elif word == "initrd":
            entry.initrds += [path for path in value.split() if not path.startswith("$")]
    return entry


def parse_environment(text: str) -> dict[str, str] | None:
    """Return the variables of a grubenv file, None when it is none (lib/envblk.c)."""
    if not text.startswith(_HEADER):
        return None
    lines = re.sub(r"\\\n", "", text).split("\n")
    found = (_VARIABLE.fullmatch(line) for line in lines)
    return {m.group(1): re.sub(r"\\(.)", r"\1", m.group(2)) for m in found if m}
