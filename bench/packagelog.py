"""30 new lines in a yum.log: with a million old ones, beside the same with a thousand."""

from __future__ import annotations

import time
from typing import Iterator

from measure import call, fastest
from place import FakeRoot, Place
from row import Row

from hookd.system.packages import yumlog
from hookd.system.root import Root

_OLD = "Feb 05 01:53:11 Updated: package-{}-1.0.2k-19.amzn2.0.3.x86_64\n"
_NEW = "Feb 06 02:00:00 Installed: added-{}-1.0-1.amzn2.noarch\n"
_ADDED = 30
_LOG = "var/log/yum.log"


def rows(place: Place) -> Iterator[Row]:
    long, short = _reader(place.root(), 1_000_000), _reader(place.root(), 1_000)
    least = fastest(20 * place.fast, long=lambda: call(long), short=lambda: call(short))
    yield Row(
        "yum.log: 30 new lines after 1,000,000",
        place.here.name,
        least["long"],
        "ms",
        "after 1,000",
        least["short"],
        1.5,
    )


def _reader(root: FakeRoot, old: int):  # noqa: ANN202
    """Return a function that reads the new lines; `old` stand before them."""
    log = root.write(_LOG, "".join(map(_OLD.format, range(old))))
    inside, now = Root(str(root.path)), time.time()
    cursor = yumlog.read(inside, None, now).cursor
    with log.open("a") as file:
        file.writelines(map(_NEW.format, range(_ADDED)))

    def read() -> None:
        found = yumlog.read(inside, cursor, now)
        if len(found.entries) != _ADDED:
            raise RuntimeError(f"{len(found.entries)} new lines were read: {found.reason}")

    return read
