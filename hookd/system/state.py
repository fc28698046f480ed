"""/var/lib/hookd: the operations, which of them are open, their locks and the last known state."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import time

from hookd.core.codec import CodecError
from hookd.core.fold import fold
from hookd.core.journal import OperationOpened, from_line
from hookd.core.operation import Operation
from hookd.system import durable, journal
from hookd.system.lock import Lock
from hookd.system.root import Root

DIRECTORY = "/var/lib/hookd"
RUN_DIRECTORY = "/run/hookd"
_ID = re.compile(r"^\d{8}T\d{6}Z-[0-9a-f]{4}$")
_LONGEST_LINE = 16 * 1024 * 1024


def is_operation_id(text: str) -> bool:
    return bool(_ID.match(text))


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
        return self.root.join(f"{RUN_DIRECTORY}/{operation_id}.journal.jsonl")

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

    def operation_lock(self, operation_id: str) -> Lock:
        return Lock(os.path.join(self.folder(operation_id), "lock"))

    def ids(self) -> tuple[str, ...]:
        """Return the ids of all operations, by their counter."""
        with contextlib.suppress(OSError):
            names = [name for name in os.listdir(self.path("operations")) if is_operation_id(name)]
            heads = ((self.head(name), name) for name in names)
            return tuple(name for _, name in sorted((h.number, n) for h, n in heads if h))
        return ()

    def head(self, operation_id: str) -> OperationOpened | None:
        """Return how an operation was opened, from the first line of its journal."""
        try:
            with open(self.journal_path(operation_id), "rb") as file:
                body = from_line(file.readline(_LONGEST_LINE)).body
        except (OSError, CodecError):
            return None
        return body if isinstance(body, OperationOpened) else None

    def load(self, operation_id: str) -> Operation | None:
        """Return the folded operation, spilled events included; None when there is no such."""
        try:
            events = journal.read(self.journal_path(operation_id)).events
            events += journal.read(self.spill_path(operation_id)).events
        except OSError:
            return None
        return fold(events)

    def marked(self) -> tuple[str, ...]:
        """Return the operations that are open, watched or owe an undo, by their counter."""
        try:
            marked = set(os.listdir(self.path("open")))
        except OSError:
            return ()
        return tuple(name for name in self.ids() if name in marked)

    def mark(self, operation_id: str) -> None:
        with open(self.path("open", operation_id), "wb"):
            pass
        durable.sync_directory(self.path("open"))

    def unmark(self, operation_id: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path("open", operation_id))

    def new_id(self) -> tuple[str, int]:
        """Return the id and the number of the next operation; the counter is durable first."""
        number = self._count() + 1
        durable.write_file(self.path("counter"), b"%d\n" % number)
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        return f"{stamp}-{secrets.token_hex(2)}", number

    def _count(self) -> int:
        with contextlib.suppress(ValueError):
            return int(self.read_text("counter"))
        heads = (self.head(name) for name in self.ids())
        return max((head.number for head in heads if head), default=0)

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
        shutil.rmtree(self.folder(operation_id), ignore_errors=True)

    def read_text(self, name: str) -> str:
        """Return the text of a small state file, "" when it is not there."""
        with contextlib.suppress(OSError), open(self.path(name), "rb") as file:
            return file.read(1 << 20).decode("utf-8", "replace")
        return ""
