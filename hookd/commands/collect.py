"""`hookd collect`: one archive for a report of a problem. Reads, and stays out of the way."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from dataclasses import asdict
from typing import IO, Iterable, Iterator, Sequence

from hookd import __version__
from hookd.aws import identity
from hookd.bundle import gathering
from hookd.bundle.part import Part
from hookd.commands.context import Context, print_json, say
from hookd.commands.lookup import find
from hookd.core.bundle import FORMAT, LeftOut, Manifest, chosen
from hookd.errors import Exit, HookdError
from hookd.system import clock, durable
from hookd.system.archive import Archive
from hookd.system.machine import Machine

FOLDER = "/var/tmp"  # noqa: S108 - the file is made anew, by a name that is free, and linked there
STDOUT = "-"

_COURTESY = 10  # nice(2): a hook or a package manager that works now goes first


def collect(
    context: Context,
    id: str,  # noqa: A002 - the argument's
    last: int,
    output: str,
    *,
    catalogue: bool,
    most_bytes: int,
    within_s: float,
) -> int:
    """Write the bundle; 0 although parts of it cannot be had: the manifest says which."""
    os.nice(_COURTESY)
    machine = context.machine()
    operations = _operations(machine, id, last)
    parts = gathering.parts(machine, context.config, operations)
    if catalogue:
        _list(context, parts)
        return Exit.OK
    if output == STDOUT and (context.as_json or sys.stdout.isatty()):
        raise HookdError(
            "the archive goes to standard output, which is a terminal or wanted for JSON",
            hint="hookd collect --output - >FILE",
            code=Exit.USAGE,
        )
    host = identity.facts(machine)
    at = time.time()
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))
    name = f"hookd-{host.get('instance_id') or 'node'}-{stamp}"
    path = output or f"{machine.root.join(FOLDER)}/{name}.tar.gz"
    bounds = gathering.Bounds(most_bytes, clock.up_s() + within_s)
    with _stream(path) as stream:
        archive = Archive(stream, name, at)
        members, left_out = gathering.gather(archive, parts, bounds)
        manifest = Manifest(
            FORMAT,
            clock.utc_text(at),
            __version__,
            host,
            operations,
            most_bytes,
            members,
            left_out,
        )
        gathering.close(archive, manifest)
    _tell(context, path, manifest)
    return Exit.OK


def _operations(machine: Machine, which: str, last: int) -> tuple[str, ...]:
    """Return whose folders are read; one that is damaged is found by its id alone."""
    folders = machine.state.folders()
    if which:
        return (which,) if which in folders else (find(machine, which).id,)
    return chosen(folders, machine.state.ids(), machine.state.marked(), last)


@contextmanager
def _stream(path: str) -> Iterator[IO[bytes]]:
    try:
        if path == STDOUT:
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
            return
        if os.path.lexists(path):
            raise FileExistsError(0, "it is there already", path)
        with durable.growing_file(path, mode=0o600) as file:
            yield file
    except BrokenPipeError:
        raise
    except OSError as error:
        message = f"the bundle cannot be written to {path}: {error.strerror}"
        raise HookdError(message, hint="name another place: --output FILE") from error


def _list(context: Context, parts: Iterable[Part | LeftOut]) -> None:
    rows = [
        {"name": one.name, "source": one.source, "reason": getattr(one, "reason", "")}
        for one in parts
    ]
    if context.as_json:
        print_json(rows)
        return
    for row in rows:
        why_not = f"  (not taken: {row['reason']})" if row["reason"] else ""
        say(f"{row['name']}  from {row['source']}{why_not}")


def _tell(context: Context, path: str, manifest: Manifest) -> None:
    if context.as_json:
        print_json({"file": path, "manifest": asdict(manifest)})
        return
    to = sys.stderr if path == STDOUT else sys.stdout
    for line in _lines(path, manifest.members, manifest.left_out):
        print(line, file=to)


def _lines(path: str, members: Sequence[object], left_out: Sequence[LeftOut]) -> Iterator[str]:
    yield f"{'standard output' if path == STDOUT else path}: {len(members)} files and manifest.json"
    yield from (f"  not in it: {one.name} ({one.reason})" for one in left_out)
    yield "what looks like a secret is masked; read it before you give it away"
