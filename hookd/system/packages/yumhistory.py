"""The tables of yum's history database (yum 3.4.3 yum/history.py)."""

from __future__ import annotations

from hookd.core.readings import History, LogAction, LogEntry, Transaction, TransactionState
from hookd.system.packages.rows import entry, integer, text, user_id, utc
from hookd.system.packages.sqlite import Query, Row

# history.py _stcode2sttxt. Obsoleting is the new package, Updated and Downgraded the old ones.
_ACTIONS = {
    "Install": LogAction.INSTALLED,
    "Dep-Install": LogAction.INSTALLED,
    "True-Install": LogAction.INSTALLED,
    "Obsoleting": LogAction.INSTALLED,
    "Update": LogAction.UPDATED,
    "Updated": LogAction.REPLACED,
    "Downgrade": LogAction.DOWNGRADED,
    "Downgraded": LogAction.REPLACED,
    "Reinstall": LogAction.REINSTALLED,
    "Erase": LogAction.REMOVED,
    "Obsoleted": LogAction.OBSOLETED,
}

_OLD_SIDES = (LogAction.REPLACED, LogAction.OBSOLETED)

_MOST_ERRORS = 20


def fold(query: Query, database: str, since_id: int | None) -> History:
    """Return the transactions behind `since_id` (None: none of them) and how far it goes.

    A transaction without its end was aborted or killed. Only the last one is evidence of the
    machine's state now: yum has worked since an older one, and would have named what was left.
    """
    last = integer(query("SELECT MAX(tid) FROM trans_beg")[0][0])
    ended = query("SELECT 1 FROM trans_end WHERE tid = ?", last)
    unfinished = (f"transaction {last} of {database}",) if last and not ended else ()
    transactions = _transactions(query, since_id) if since_id is not None else ()
    return History(last_id=last, transactions=transactions, unfinished=unfinished)


def _transactions(query: Query, since_id: int) -> tuple[Transaction, ...]:
    rows = query(
        "SELECT b.tid, b.timestamp, b.rpmdb_version, b.loginuid,"
        " e.timestamp, e.rpmdb_version, e.return_code"
        " FROM trans_beg b LEFT JOIN trans_end e ON e.tid = b.tid"
        " WHERE b.tid > ? ORDER BY b.tid",
        since_id,
    )
    # yum 3.2 made the last two only when it first had something to put into them.
    tables = {row[0] for row in query("SELECT name FROM sqlite_master")}
    return tuple(_transaction(query, tables, row) for row in rows)


def _transaction(query: Query, tables: set[str], row: Row) -> Transaction:
    tid, began, before, user, ended, after, code = row
    unfinished = code is None
    failed = not unfinished and integer(code) != 0
    state = TransactionState.OK
    if unfinished or failed:
        state = TransactionState.UNFINISHED if unfinished else TransactionState.FAILED
    errors: list[str] = []
    command = ""
    if "trans_error" in tables:
        found = query("SELECT msg FROM trans_error WHERE tid = ? ORDER BY mid LIMIT 20", tid)
        errors = [text(error[0]) for error in found]
    if "trans_cmdline" in tables:
        found = query("SELECT cmdline FROM trans_cmdline WHERE tid = ?", tid)
        command = text(found[0][0]) if found else ""
    items, odd = _items(query, tid, failed=failed)
    return Transaction(
        id=integer(tid),
        state=state,
        began_at=utc(began),
        ended_at=utc(ended),
        return_code=None if unfinished else integer(code),
        command_line=command,
        user_id=user_id(user),
        rpmdb_before=text(before),
        rpmdb_after=text(after),
        items=items,
        errors=tuple([*errors, *odd][:_MOST_ERRORS]),
    )


def _items(query: Query, tid: object, *, failed: bool) -> tuple[tuple[LogEntry, ...], list[str]]:
    """Return the packages of a transaction and complaints about states that are not known.

    yum sets `done` when a package was processed, and for all of them after a success. Where the
    transaction failed, a new or a removed package without it failed; the old side of an update is
    left as it is meant. An unfinished transaction is listed as what it meant to do.
    """
    items = []
    odd = []
    for state, done, *package in query(
        "SELECT d.state, d.done, p.name, p.epoch, p.version, p.release, p.arch"
        " FROM trans_data_pkgs d JOIN pkgtups p ON p.pkgtupid = d.pkgtupid"
        " WHERE d.tid = ? ORDER BY d.rowid",
        tid,
    ):
        action = _ACTIONS.get(text(state))
        if action is None:
            odd.append(f"{text(package[0])} has the state {text(state)}, which is not known")
            continue
        if failed and text(done) != "TRUE" and action not in _OLD_SIDES:
            action = LogAction.FAILED
        items.append(entry(action, package))
    return tuple(items), odd
