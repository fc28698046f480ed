"""One line of the table: what was measured, beside what, and what it may cost."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """`ratio` is `value` by `peer_value`, `budget` the most it may be; None: nothing is promised.

    Values are in `unit`. A row that could not be measured says why in `skipped`.
    """

    what: str
    python: str = ""
    value: float = 0.0
    unit: str = "ms"
    peer: str = ""
    peer_value: float = 0.0
    budget: float | None = None
    note: str = ""
    skipped: str = ""

    @property
    def ratio(self) -> float | None:
        return self.value / self.peer_value if self.peer_value else None

    @property
    def verdict(self) -> str:
        if self.skipped:
            return "skipped"
        if self.budget is None or self.ratio is None:
            return ""
        return "ok" if self.ratio <= self.budget else "MISSED"


COLUMNS = ("what", "Python", "hookd", "its peer", "peer", "ratio", "budget", "")


def cells(row: Row) -> tuple[str, ...]:
    """Return what the table shows of `row`, one text for each of COLUMNS."""
    if row.skipped:
        return (row.what, row.python, "-", row.skipped, "-", "-", _times(row.budget), row.verdict)
    what = f"{row.what} ({row.note})" if row.note else row.what
    return (
        what,
        row.python,
        _amount(row.value, row.unit),
        row.peer,
        _amount(row.peer_value, row.unit) if row.peer else "",
        _times(row.ratio),
        _times(row.budget),
        row.verdict,
    )


def table(rows: list[Row]) -> str:
    """Return the rows as a Markdown table whose columns line up."""
    lines = [COLUMNS, *map(cells, rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(COLUMNS))]
    texts = ["| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines]
    texts.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(texts)


def _amount(value: float, unit: str) -> str:
    digits = 0 if value >= 100 or value == int(value) else 1 if value >= 1 else 3
    return f"{value:,.{digits}f} {unit}"


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}"
