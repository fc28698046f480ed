"""/var/lib/hookd: the operations, which of them are open, their locks and the last known state."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import stat
import time

from hookd.core.codec import CodecError
from hookd.core.fold import fold
from hookd.core.journal import Event, OperationOpened, from_line, new_event
from hookd.core.model import CallerKind, Phase
from hookd.core.operation import Operation
from hookd.system import durable, journal
from hookd.system.lock import Holder, Lock, holder
from hookd.system.root import Root
from hookd.system.textfile import LARGEST_BYTES, open_regular, read_regular

DIRECTORY = "/var/lib/hookd"
RUN_DIRECTORY = "/run/hookd"
_ID = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{4}")
_SPILL = ".journal.jsonl"
_LONGEST_LINE = 16 * 1024 * 1024


def is_operation_id(text: str) -> bool:
    return bool(_ID.fullmatch(text))


class State:
    """The state directory. Folders are 0711 and files 0600 (a `user` hook must get through)."""

    def __init__(self, root: Root) -> None:
        self.root = root
        self.directory = root.join(DIRECTORY)

    def path(self, *parts: str) -> str:
        return os.path.join(self.directory, *parts)

    def folder(self, operation_id: str) -> str:
        return self.path("operations", operation_id)

    def journal_path(self, operation_id: str) -> str:
        return os.path.join(self.folder(operation_id), "journal.jsonl")

    def spill_path(self, operation_id: str) -> str:
        return self.root.join(f"{RUN_DIRECTORY}/{operation_id}{_SPILL}")

    def spare_folder(self, operation_id: str) -> str:
        """Return where the operation's hooks get folders when its own takes none."""
        return self.root.join(f"{RUN_DIRECTORY}/{operation_id}")

    def spilled(self) -> tuple[str, ...]:
        """Return the operations that have events in /run."""
        try:
            names = os.listdir(self.root.join(RUN_DIRECTORY))
        except OSError:
            return ()
        ids = (name[: -len(_SPILL)] for name in sorted(names) if name.endswith(_SPILL))
        return tuple(name for name in ids if is_operation_id(name))

    def prepare(self) -> None:
        """Make the folders. Raises OSError (read-only, full, a file in the way)."""
        for path in (self.directory, self.path("operations"), self.path("open")):
            durable.make_directory(path, mode=0o711)

    def choosing(self) -> Lock:
        """Return the lock under which operations are chosen, opened, closed and pruned."""
        return Lock(self.path("lock"))

    def executing(self) -> Lock:
        """Return the lock that lets one phase execute per machine."""
        return Lock(self.path("phase.lock"))

    def executor(self) -> Holder | None:
        """Return the engine that executes a phase now, whoever started it, if it says so."""
        return holder(self.executing().path)

    def operation_lock(self, operation_id: str) -> Lock:
        return Lock(os.path.join(self.folder(operation_id), "lock"))

    def ids(self) -> tuple[str, ...]:
        """Return the ids of all operations, by their counter."""
        heads = ((self.head(name), name) for name in self.folders())
        return tuple(name for _, name in sorted((h.number, n) for h, n in heads if h))

    def folders(self) -> list[str]:
        """Return the ids of all folders of operations, damaged ones as well, in no order."""
        try:
            return [name for name in os.listdir(self.path("operations")) if is_operation_id(name)]
        except OSError:
            return []

    def head(self, operation_id: str) -> OperationOpened | None:
        """Return how an operation was opened, from the first line of its journal.

        When that line is damaged and others are not, what can still be known of it.
        """
        try:
            with open_regular(self.journal_path(operation_id)) as file:
                line = file.readline(_LONGEST_LINE)
            body = from_line(line).body if line.endswith(b"\n") else None
        except OSError:
            return None
        except CodecError:
            body = None
        if isinstance(body, OperationOpened):
            return body
        operation = self.load(operation_id) if line else None
        return operation.opened if operation else None

    def load(self, operation_id: str) -> Operation | None:
        """Return the folded operation, spilled events included; None when there is no such."""
        try:
            stored = journal.read(self.journal_path(operation_id)).events
            spilled = journal.read(self.spill_path(operation_id)).events
        except OSError:
            return None
        return self.fold(operation_id, journal.merged(stored, spilled))

    def fold(self, operation_id: str, events: tuple[Event, ...]) -> Operation | None:
        """Fold `events`; when the one that opened the operation is lost, what is known stands in.

        Without it nobody would run the undos that the others say are owed.
        """
        operation = fold(events)
        if operation is not None or not events:
            return operation
        first = events[0]
        opened = new_event(
            _rescued(operation_id), n=0, at=first.at, boot_id=first.boot_id, up_s=first.up_s
        )
        return fold((opened, *events))

    def unreadable(self) -> dict[str, str]:
        """Return the open operations whose journal tells nothing, each with the reason.

        An operation that was killed before its first event has done nothing and is not among them.
        """
        found = {}
        with contextlib.suppress(OSError):
            for name in sorted(filter(is_operation_id, os.listdir(self.path("open")))):
                reason = self._why_unreadable(name)
                if reason:
                    found[name] = reason
        return found

    def _why_unreadable(self, operation_id: str) -> str:
        try:
            with open_regular(self.journal_path(operation_id)) as file:
                has_lines = b"\n" in file.read(_LONGEST_LINE)
        except FileNotFoundError:
            return ""
        except OSError as error:
            return f"its journal cannot be read: {error.strerror}"
        if not has_lines or self.head(operation_id):
            return ""
        return "no line of its journal is an event"

    def remove_unopened(self) -> None:
        """Remove what was left of operations that were killed before their first event.

        Only under the lock of `choosing`: one that is being opened looks the same.
        """
        with contextlib.suppress(OSError):
            for name in {*self.folders(), *os.listdir(self.path("open"))}:
                path = self.journal_path(name)
                if not os.path.lexists(path) or _is_empty_file(path):
                    self.unmark(name)
                    self.remove(name)

    def marked(self) -> tuple[str, ...]:
        """Return the operations that are open, watched or owe an undo, by their counter."""
        try:
            marked = set(os.listdir(self.path("open")))
        except OSError:
            return ()
        return tuple(name for name in self.ids() if name in marked)

    def mark(self, operation_id: str) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC
        os.close(os.open(self.path("open", operation_id), flags, 0o600))
        durable.sync_directory(self.path("open"))

    def unmark(self, operation_id: str) -> None:
        with contextlib.suppress(OSError):  # one mark too many costs a look, no more
            os.unlink(self.path("open", operation_id))

    def new_id(self) -> tuple[str, int]:
        """Return the id and the number of the next operation; the counter is durable first."""
        number = self._count() + 1
        durable.write_file(self.path("counter"), b"%d\n" % number)
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        return f"{stamp}-{secrets.token_hex(2)}", number

    def _count(self) -> int:
        """Return the highest number so far; the file may be lost, or restored from long ago."""
        newest = [self.head(name) for name in self.ids()[-1:]]
        count = max((head.number for head in newest if head), default=0)
        with contextlib.suppress(ValueError):
            count = max(count, int(self.read_text("counter")))
        return count

    def make_operation(self, operation_id: str) -> None:
        """Make the folders of an operation; its mark comes first, so it is never overlooked."""
        self.mark(operation_id)
        folder = self.folder(operation_id)
        for name in ("", "snapshots", "hooks", "undo", "scratch"):
            path = os.path.join(folder, name).rstrip("/")
            os.mkdir(path, 0o711)
            os.chmod(path, 0o711)
        durable.sync_directory(folder)
        durable.sync_directory(self.path("operations"))

    def remove(self, operation_id: str) -> None:
        for path in (self.folder(operation_id), self.spare_folder(operation_id)):
            shutil.rmtree(path, ignore_errors=True)

    def read_text(self, name: str) -> str:
        """Return the text of a small state file, "" when it is not there."""
        with contextlib.suppress(OSError):
            return read_regular(self.path(name), LARGEST_BYTES).decode("utf-8", "replace")
        return ""


def _is_empty_file(path: str) -> bool:
    found = os.lstat(path)
    return stat.S_ISREG(found.st_mode) and found.st_size == 0


def _rescued(operation_id: str) -> OperationOpened:
    """Return how an operation was opened when the event that told of it is lost."""
    return OperationOpened(operation_id, 0, "", CallerKind.PERSON, "", None, "", tuple(Phase))
