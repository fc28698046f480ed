"""The tables of dnf 4's history database (libdnf, libdnf/transaction)."""

from __future__ import annotations

from hookd.core.readings import History, LogAction, LogEntry, Transaction, TransactionState
from hookd.system.packages.rows import entry, integer, text, user_id, utc
from hookd.system.packages.sqlite import Query, Row

# libdnf/transaction/Types.hpp TransactionItemAction; 11 only changes why a package is there.
_ACTIONS = {
    1: LogAction.INSTALLED,
    2: LogAction.DOWNGRADED,
    3: LogAction.REPLACED,
    4: LogAction.INSTALLED,
    5: LogAction.OBSOLETED,
    6: LogAction.UPDATED,
    7: LogAction.REPLACED,
    8: LogAction.REMOVED,
    9: LogAction.REINSTALLED,
    10: LogAction.REPLACED,
}
_REASON_CHANGE = 11

# TransactionState and TransactionItemState
_DONE, _ERROR = 1, 2

_MOST_ERRORS = 20


def fold(query: Query, database: str, since_id: int | None) -> History:
    """Return the transactions behind `since_id` (None: none of them) and how far it goes.

    Only a last transaction without its end is evidence of the machine's state now. It may be
    wrong: a dnf that got SIGTERM ends its rpm transaction and then leaves without recording that.
    """
    last = integer(query("SELECT MAX(id) FROM trans")[0][0])
    rows = query("SELECT state, dt_end FROM trans WHERE id = ?", last)
    unfinished = tuple(f"transaction {last} of {database}" for row in rows if _is_open(*row))
    transactions = _transactions(query, since_id) if since_id is not None else ()
    return History(last_id=last, transactions=transactions, unfinished=unfinished)


def _is_open(state: object, ended: object) -> bool:
    return integer(state) not in (_DONE, _ERROR) or not integer(ended)


def _transactions(query: Query, since_id: int) -> tuple[Transaction, ...]:
    rows = query(
        "SELECT id, dt_begin, dt_end, rpmdb_version_begin, rpmdb_version_end, user_id, cmdline,"
        " state FROM trans WHERE id > ? ORDER BY id",
        since_id,
    )
    return tuple(_transaction(query, row) for row in rows)


def _transaction(query: Query, row: Row) -> Transaction:
    number, began, ended, before, after, user, command, code = row
    state = TransactionState.OK if integer(code) == _DONE else TransactionState.FAILED
    if _is_open(code, ended):
        state = TransactionState.UNFINISHED
    items, odd = _items(query, number)
    # Failures are told apart only by rpm's own words among what the scriptlets print.
    errors = query(
        "SELECT line FROM console_output WHERE trans_id = ? AND line LIKE 'error:%'"
        " ORDER BY id LIMIT 20",
        number,
    )
    return Transaction(
        id=integer(number),
        state=state,
        began_at=utc(began),
        ended_at=utc(ended),
        command_line=text(command),
        user_id=user_id(user),
        rpmdb_before=text(before),
        rpmdb_after=text(after),
        items=items,
        errors=tuple([*(text(error[0]) for error in errors), *odd][:_MOST_ERRORS]),
    )


def _items(query: Query, number: object) -> tuple[tuple[LogEntry, ...], list[str]]:
    """Return the packages of a transaction and complaints about actions that are not known.

    An item that is neither done nor failed keeps its action: what an unfinished transaction
    meant to do.
    """
    items = []
    odd = []
    for code, state, *package in query(
        "SELECT i.action, i.state, r.name, r.epoch, r.version, r.release, r.arch"
        " FROM trans_item i JOIN rpm r ON r.item_id = i.item_id"
        " WHERE i.trans_id = ? ORDER BY i.id",
        number,
    ):
        action = _ACTIONS.get(integer(code))
        if action is None:
            if integer(code) != _REASON_CHANGE:
                odd.append(f"{text(package[0])} has the action {text(code)}, which is not known")
            continue
        items.append(entry(LogAction.FAILED if integer(state) == _ERROR else action, package))
    return tuple(items), odd
