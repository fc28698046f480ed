"""The boot loader of virtual machines: boots what grubenv and the boot entries on their disk say.

Reads the disk of a machine that is off, as GRUB does before any kernel runs: the ext4 file system
without its journal. Follows the grub.cfg in guest/boot/grub2, which is RHEL 8's 00_header and
10_linux. Written against GRUB's documents, not against hookd's reader of the same files.
"""

from __future__ import annotations

import gzip
import pathlib
import subprocess
from dataclasses import dataclass

ENVIRONMENT = "/boot/grub2/grubenv"
ENTRIES = "/boot/loader/entries"
BLOCK = 1024
"""Bytes of a grubenv; what is not used is filled with # (GRUB manual, "Environment block")."""


@dataclass(frozen=True)
class Kernel:
    """What a boot entry hands to the machine: two files on this host, and a command line."""

    entry: str
    image: pathlib.Path
    initrd: pathlib.Path
    options: str


class BootLoader:
    """The boot loader of the machine whose disk is `disk`."""

    def __init__(self, disk: pathlib.Path) -> None:
        self._disk = disk

    def environment(self) -> dict[str, str]:
        """Return the variables of grubenv, without its comments and its padding."""
        lines = self._read(ENVIRONMENT).decode().splitlines()
        return dict(line.split("=", 1) for line in lines if not line.startswith("#"))

    def entries(self) -> list[str]:
        """Return the names of the boot entries."""
        listed = self._debugfs(f"ls -p {ENTRIES}").decode().splitlines()
        names = [line.split("/")[5] for line in listed if line]
        return [name[: -len(".conf")] for name in names if name.endswith(".conf")]

    def choose(self) -> str:
        """Return the entry that is the default, and use up a `next_entry`."""
        variables = self.environment()
        once = variables.get("next_entry", "")
        if once:
            self._forget_next(variables)
        chosen = once or variables["saved_entry"]
        assert chosen in self.entries(), f"no boot entry {chosen!r}: GRUB would show a menu"
        return chosen

    def load(self, entry: str) -> Kernel:
        """Return what the entry boots, copied to this host; the kernel unpacked, as ELF."""
        lines = self._read(f"{ENTRIES}/{entry}.conf").decode().splitlines()
        fields = dict(line.split(" ", 1) for line in lines)
        image, initrd = (self._disk.with_suffix(end) for end in (".kernel", ".initrd"))
        image.write_bytes(gzip.decompress(self._read(fields["linux"])))
        initrd.write_bytes(self._read(fields["initrd"]))
        return Kernel(entry, image, initrd, fields["options"])

    def _forget_next(self, variables: dict[str, str]) -> None:
        """Write grubenv anew where it lies, as `save_env` does: into the blocks that it has."""
        lines = [f"{k}={v}\n" for k, v in {**variables, "next_entry": ""}.items()]
        text = "# GRUB Environment Block\n" + "".join(lines)
        [block] = self._debugfs(f"blocks {ENVIRONMENT}").split()
        with open(str(self._disk), "r+b") as disk:
            disk.seek(int(block) * self._block_size())
            disk.write(text.encode().ljust(BLOCK, b"#"))

    def _block_size(self) -> int:
        stats = self._debugfs("stats -h").decode().splitlines()
        [size] = [line.split(":")[1] for line in stats if line.startswith("Block size:")]
        return int(size)

    def _read(self, path: str) -> bytes:
        content = self._debugfs(f"cat {path}")
        assert content, f"{path} is empty"
        return content

    def _debugfs(self, request: str) -> bytes:
        """Return what debugfs prints, whose exit code tells nothing.

        -c leaves out the allocation bitmaps, as GRUB does: after a power cut they and their
        checksums need the journal to agree.
        """
        argv = ("debugfs", "-c", "-R", request, str(self._disk))
        done = subprocess.run(argv, capture_output=True, check=True)
        _version, *errors = done.stderr.splitlines()
        assert not errors, f"{request}: {errors}"
        return done.stdout
