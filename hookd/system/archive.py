"""A .tar.gz that is written while its members are made: flat memory, to a pipe as well."""

from __future__ import annotations

import contextlib
import hashlib
import tarfile
import tempfile
import zlib
from dataclasses import dataclass
from typing import IO, Iterable, Iterator, cast

_IN_MEMORY = 1 << 20
_LEVEL = 6  # as gzip(1): 9 takes several times as long for some percent
_GZIP = 16 + zlib.MAX_WBITS  # zlib's deflateInit2: with the header and the end of RFC 1952


class TooLargeError(Exception):
    """What was to be laid aside has more bytes than it may."""


@dataclass(frozen=True)
class Aside:
    """Bytes whose number is known: tar(5) wants it before them."""

    file: IO[bytes]
    size: int
    sha256: str


@contextlib.contextmanager
def laid_aside(pieces: Iterable[bytes], most: int) -> Iterator[Aside]:
    """Give up to `most` bytes, beyond 1 MiB in a file without a name.

    Raises TooLargeError, OSError (no room for that file) and what `pieces` raises.
    """
    digest = hashlib.sha256()
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as file:
        for piece in pieces:
            if file.tell() + len(piece) > most:
                raise TooLargeError
            digest.update(piece)
            file.write(piece)
        size = file.tell()
        file.seek(0)
        yield Aside(file, size, digest.hexdigest())


class _Packed:
    """What gzip(1) reads. Forgotten, it writes nothing: gzip.GzipFile would, after an error too."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
        self._given = 0

    def tell(self) -> int:
        return self._given

    def write(self, data: bytes) -> int:
        self._stream.write(self._deflate.compress(data))
        self._given += len(data)
        return len(data)

    def close(self) -> None:
        self._stream.write(self._deflate.flush())


class Archive:
    """Members lie in `folder`, belong to root, have mode 0600 and the time `at` (seconds)."""

    def __init__(self, stream: IO[bytes], folder: str, at: float) -> None:
        # tarfile's own "w|gz" writes to the stream when it is forgotten, as gzip does
        self._packed = _Packed(stream)
        self._tar = tarfile.open(  # noqa: SIM115 - without `close` it is to be no whole archive
            fileobj=cast(IO[bytes], self._packed), mode="w", format=tarfile.PAX_FORMAT
        )
        self._folder = folder
        self._at = at

    def add(self, name: str, aside: Aside) -> None:
        """Add a member. Raises OSError when the archive cannot be written."""
        entry = tarfile.TarInfo(f"{self._folder}/{name}")
        entry.size, entry.mtime, entry.mode = aside.size, int(self._at), 0o600
        self._tar.addfile(entry, aside.file)

    def close(self) -> None:
        """Write the end, without which it is no archive."""
        self._tar.close()
        self._packed.close()
