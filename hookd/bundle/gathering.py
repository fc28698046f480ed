"""Makes the bundle: part after part into the archive, what cannot be had by name, the manifest."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass
from typing import Iterable

from hookd.bundle import agent, answers, files
from hookd.bundle.part import MissingError, Part
from hookd.core.bundle import LeftOut, Manifest, Member
from hookd.core.secret import mask
from hookd.system import clock
from hookd.system.archive import Archive, TooLargeError, laid_aside
from hookd.system.machine import Machine

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Bounds:
    """How many bytes the members may have together, and until when they are read (clock.up_s)."""

    most_bytes: int
    until_s: float


def parts(
    machine: Machine, config: str | None, operations: Iterable[str]
) -> Iterable[Part | LeftOut]:
    """Yield all parts in the order of their worth: what does not fit is what comes last."""
    yield from answers.parts(machine, config)
    yield agent.part(machine.root)
    for operation_id in operations:
        yield from files.operation(machine.state, operation_id)
    yield from files.results(machine.root)


def gather(
    archive: Archive, found: Iterable[Part | LeftOut], bounds: Bounds
) -> tuple[tuple[Member, ...], tuple[LeftOut, ...]]:
    """Put what can be had of `found` into the archive; return what is there and what is not.

    Raises OSError when the archive cannot be written.
    """
    members: list[Member] = []
    left_out: list[LeftOut] = []
    for part in found:
        if isinstance(part, LeftOut):
            left_out.append(part)
            continue
        left = bounds.most_bytes - sum(member.size for member in members)
        taken = _take(archive, part, left, bounds.until_s - clock.up_s())
        if isinstance(taken, Member):
            members.append(taken)
        else:
            left_out.append(LeftOut(part.name, part.source, taken))
    return tuple(members), tuple(left_out)


def _take(archive: Archive, part: Part, left: int, left_s: float) -> Member | str:
    """Return the member that a part became, or why it is none."""
    if left_s <= 0:
        return "there was no time left"
    with contextlib.ExitStack() as stack:
        try:
            aside = stack.enter_context(laid_aside(part.pieces(left_s), left))
        except MissingError as error:
            why = str(error)
        except TooLargeError:
            why = f"it does not fit: {left} bytes were left"
        except OSError as error:
            why = error.strerror or str(error)
        else:
            archive.add(part.name, aside)
            return Member(part.name, aside.size, aside.sha256, part.source, part.note)
    return mask(why)


def close(archive: Archive, manifest: Manifest) -> None:
    """Write the manifest, which has room always, and the end. Raises OSError."""
    data = json.dumps(asdict(manifest), indent=1).encode("ascii") + b"\n"
    with laid_aside([data], len(data)) as aside:
        archive.add(MANIFEST, aside)
    archive.close()
