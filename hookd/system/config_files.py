"""Reads the configuration files that can be trusted into the effective configuration."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Collection

from hookd.config import Config, Problem, parse, to_json
from hookd.config.problem import dotted
from hookd.config.secret import secret_settings
from hookd.system.hooks.trust import Examiner, Trust, TrustState, open_trusted, printable
from hookd.system.toml import TomlError, parse_toml

if TYPE_CHECKING:
    from hookd.core.model import Json
    from hookd.system.root import Root

MAIN_FILE = "/etc/hookd/hookd.toml"
DIRECTORY = "/etc/hookd/conf.d"
LARGEST_BYTES = 1 << 20
_OTHERS_READ = 0o044


@dataclass(frozen=True)
class Loaded:
    """The effective configuration and everything wrong with its files.

    `document` is the configuration as JSON (hookd.config.from_json reads it back), `sha256` that
    of its canonical text, `files` the host paths that were read, later winning.
    """

    config: Config
    problems: tuple[Problem, ...]
    sha256: str
    document: Json
    files: tuple[str, ...] = ()

    @property
    def errors(self) -> tuple[Problem, ...]:
        """Return the problems that keep `hookd run pre` from running."""
        return tuple(p for p in self.problems if not p.is_warning)


def load(
    root: Root, explicit: str | None = None, known_checks: Collection[str] | None = None
) -> Loaded:
    """Read `explicit` (else hookd.toml, which may be absent) and conf.d/*.toml in byte order.

    `explicit` is a path inside `root`. Every problem is returned, none raised.
    """
    files = _Files(root)
    files.read(os.path.abspath(explicit) if explicit else MAIN_FILE, is_needed=bool(explicit))
    for name in files.names(DIRECTORY):
        files.read(f"{DIRECTORY}/{name}", is_needed=True)
    config, problems = parse(files.documents, known_checks)
    document = to_json(config)
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return Loaded(
        config=config,
        problems=(*files.problems, *problems),
        sha256=hashlib.sha256(text.encode("ascii")).hexdigest(),
        document=document,
        files=tuple(file for file, _ in files.documents),
    )


class _Files:
    def __init__(self, root: Root) -> None:
        self._examiner = Examiner(root)
        self.documents: list[tuple[str, dict[str, Any]]] = []
        self.problems: list[Problem] = []

    def names(self, directory: str) -> list[str]:
        """Return the names of the TOML files in `directory`, in byte order."""
        found = self._examiner.directory(directory)
        if found.error == errno.ENOENT:
            return []
        try:
            names = [] if found.error else os.listdir(os.fsencode(found.path))
            reason = found.reason if found.error else ""
        except OSError as error:
            names, reason = [], error.strerror or str(error)
        if reason:
            self.problems.append(Problem(_shown(found.path), "", f"cannot be listed: {reason}"))
        chosen = (n for n in names if n.endswith(b".toml") and not n.startswith(b"."))
        return [os.fsdecode(name) for name in sorted(chosen)]

    def read(self, path: str, *, is_needed: bool) -> None:
        trust = self._examiner.examine(path)
        if trust.state is TrustState.MASKED:
            return
        if trust.state is TrustState.MISSING and not is_needed:
            return
        if trust.state is not TrustState.TRUSTED:
            self.problems.append(Problem(_shown(trust.path), "", trust.reason))
            return
        try:
            document = parse_toml(_contents(trust))
        except TomlError as error:
            self.problems.append(Problem(_shown(trust.path), "", error.reason, error.line))
        except OSError as error:
            self.problems.append(Problem(_shown(trust.path), "", error.strerror or str(error)))
        else:
            self.documents.append((_shown(trust.path), document))
            self._look_for_secrets(trust, document)

    def _look_for_secrets(self, trust: Trust, document: dict[str, Any]) -> None:
        if trust.stat is None or not trust.stat.st_mode & _OTHERS_READ:
            return
        reason = "looks like a secret in a file that others can read: chmod go-r it"
        warning = Problem(_shown(trust.path), "", reason, is_warning=True)
        for path in secret_settings(document):
            self.problems.append(replace(warning, key=dotted(path)))


def _shown(path: str) -> str:
    return printable(os.fsencode(path))


def _contents(trust: Trust) -> bytes:
    with open(open_trusted(trust), "rb") as file:
        data = file.read(LARGEST_BYTES + 1)
    if len(data) > LARGEST_BYTES:
        raise OSError(errno.EFBIG, "is larger than 1 MiB")
    return data
