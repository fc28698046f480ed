"""The transactions that the history databases of yum and dnf gained."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from typing import Callable, Sequence

from hookd.core.readings import History, Standing
from hookd.system.packages import dnfhistory, yumhistory
from hookd.system.packages.sqlite import Query, Unreadable
from hookd.system.packages.sqlite import read as read_sqlite
from hookd.system.root import Root

YUM = "yum-history"
DNF = "dnf-history"

_YUM_DIRECTORY = "/var/lib/yum/history"
_YUM_NAME = re.compile(r"history-[0-9]+-[0-9]+-[0-9]+\.sqlite")
_YUM_LEFTOVERS = "/var/lib/yum"
_DNF_DATABASE = "/var/lib/dnf/history.sqlite"

Fold = Callable[[Query, str, "int | None"], History]


def read(root: Root, since: Sequence[History] = ()) -> tuple[History, ...]:
    """Return yum's and dnf's history, in this order, whether they exist or not.

    `since` is what the previous look returned; only later transactions are listed. A source
    without a previous look lists none and only says how far it is (`last_id`, `unfinished`).
    """
    previous = {history.source: history for history in since}
    return read_yum(root, previous.get(YUM)), read_dnf(root, previous.get(DNF))


def read_yum(root: Root, since: History | None = None) -> History:
    """Return what the database that yum uses, the last by name, gained since `since`.

    When `yum history new` has begun another database since, all of it is new.
    `transaction-all.TIME` in /var/lib/yum is left over by a yum that died within its rpm
    transaction (yum 3.4.3 rpmtrans.py); `.disabled` ones are those that yum itself ignores.
    """
    path = _newest_database(root)
    if path is None:
        reason = f"{_YUM_DIRECTORY} holds no history database"
        history = History(Standing.ABSENT, reason, YUM)
    else:
        history = _look(path, YUM, yumhistory.fold, since)
    return replace(history, unfinished=(*history.unfinished, *_leftovers(root)))


def read_dnf(root: Root, since: History | None = None) -> History:
    """Return what dnf 4's history database gained since `since`."""
    return _look(root.join(_DNF_DATABASE), DNF, dnfhistory.fold, since)


def _look(path: str, source: str, fold: Fold, since: History | None) -> History:
    name = os.path.basename(path)
    first = _first_new(name, since)
    try:
        found = read_sqlite(path, lambda query: fold(query, name, first))
    except FileNotFoundError:
        return History(Standing.ABSENT, f"{path} does not exist", source)
    except (OSError, Unreadable) as error:
        # Keeping the old place: the next look that succeeds lists what this one could not.
        kept = since or History()
        reason = error.message if isinstance(error, Unreadable) else f"{path}: {error.strerror}"
        return History(Standing.UNKNOWN, reason, source, kept.database, kept.last_id)
    return replace(found, source=source, database=name)


def _first_new(name: str, since: History | None) -> int | None:
    """Return the id behind which all is new; None when nothing was ever read before."""
    if since is None or (since.standing is Standing.UNKNOWN and not since.database):
        return None
    return since.last_id if since.database == name else 0


def _newest_database(root: Root) -> str | None:
    names = [name for name in _names(root.join(_YUM_DIRECTORY)) if _YUM_NAME.fullmatch(name)]
    return root.join(f"{_YUM_DIRECTORY}/{max(names)}") if names else None


def _leftovers(root: Root) -> list[str]:
    return [
        name
        for name in _names(root.join(_YUM_LEFTOVERS))
        if name.startswith("transaction-all.") and not name.endswith(".disabled")
    ]


def _names(directory: str) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except OSError:
        return []
