"""Finds the hooks of a phase in two trees and says of each file what becomes of it, and why."""

from __future__ import annotations

import errno
import os
import re
import stat
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hookd.config import Problem, apply
from hookd.config.hook_table import NOTHING, default_spec
from hookd.core.model import Hook, HookState
from hookd.system.hooks.contents import read_contents, stamp
from hookd.system.hooks.identity import NoIdentityError, identity_of
from hookd.system.hooks.metadata import read_metadata
from hookd.system.hooks.shebang import warnings_about, why_not_started
from hookd.system.hooks.trust import Examiner, Trust, TrustState, printable, shown

if TYPE_CHECKING:
    from hookd.config import Config, HookOverride
    from hookd.core.model import HookSpec, Phase
    from hookd.system.root import Root

ADMIN = "/etc/hookd/hooks.d"
VENDOR = "/usr/lib/hookd/hooks.d"
_MOST_REASON = 500
_LEFT_OUT = (
    (re.compile(rb"\."), "starts with a dot"),
    (re.compile(rb"README"), "is a README"),
    (re.compile(rb".*\.md\Z", re.DOTALL), "is a .md file"),
    (re.compile(rb".*~\Z", re.DOTALL), "is an editor's backup"),
    (re.compile(rb".*\.(rpmsave|rpmnew|rpmorig)\Z", re.DOTALL), "was left by rpm"),
    (re.compile(rb".*\.dpkg-[^.]*\Z", re.DOTALL), "was left by dpkg"),
    (re.compile(rb".*\.(swp|bak)\Z", re.DOTALL), "is an editor's or a person's backup"),
)


@dataclass(frozen=True)
class Discovery:
    """The hooks of one phase in byte order of their names, all of them, whatever their state.

    `problems` is what `hookd check` tells: errors (refusals, line by line) and warnings.
    `unreadable` are those of directories that could not be listed: what is in them is unknown, so
    the phase must count as failed even when `hooks` holds no refused hook.
    """

    hooks: tuple[Hook, ...]
    problems: tuple[Problem, ...] = ()
    unreadable: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class _Tree:
    """One directory of hooks: where it is inside the root, on the host, and the names in it."""

    inside: str
    path: str
    names: frozenset[bytes]
    unreadable: str = ""
    untrusted: str = ""


def discover(root: Root, phase: Phase, config: Config) -> Discovery:
    """Return the hooks of `phase`: /etc over /usr/lib by file name. Nothing raised, none blocks."""
    examiner = Examiner(root)
    admin = _tree(examiner, f"{ADMIN}/{phase.value}")
    vendor = _tree(examiner, f"{VENDOR}/{phase.value}")
    trees = (admin, vendor)
    unreadable = tuple(_problem(t.path, t.unreadable) for t in trees if t.unreadable)
    untrusted = [_problem(t.path, t.untrusted, is_warning=True) for t in trees if t.untrusted]
    found = [_found(examiner, phase, config, name, trees) for name in _names(admin, vendor)]
    problems = [problem for one in found for problem in one.problems]
    return Discovery(
        tuple(one.hook for one in found), (*unreadable, *untrusted, *problems), unreadable
    )


def inspect(root: Root, hook: Hook, config: Config) -> Hook:
    """Return what to make of `hook.path` now: examined, read and judged anew.

    For a hook that changed since it was discovered, and for a copy of one (`path` replaced).
    """
    trust = Examiner(root).examine(root.shown(hook.path))
    base = replace(hook, path=trust.path, state=HookState.READY, reason="")
    override = config.hooks.get(hook.id, NOTHING)
    spec = apply(default_spec(hook.phase), override)
    base = replace(base, spec=spec, sha256="", owner=0, mode="", stamp=())
    return _judged(base, trust, override).hook


def is_unchanged(hook: Hook) -> bool:
    """Tell whether the file that would run is the one that was read, by one lstat."""
    try:
        status = os.lstat(hook.path)
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and stamp(status) == hook.stamp


def why_left_out(name: bytes) -> str:
    """Return why a file of this name is no hook; empty: it may be one."""
    return next((why for pattern, why in _LEFT_OUT if pattern.match(name)), "")


@dataclass(frozen=True)
class _Found:
    hook: Hook
    problems: tuple[Problem, ...] = ()


def _tree(examiner: Examiner, inside: str) -> _Tree:
    directory = examiner.directory(inside)
    if directory.error == errno.ENOENT:
        return _Tree(inside, directory.path, frozenset())
    if directory.error:
        reason = f"cannot be listed: {directory.reason}"
        return _Tree(inside, directory.path, frozenset(), unreadable=reason)
    try:
        names = frozenset(os.listdir(os.fsencode(directory.path)))
    except OSError as error:
        reason = f"cannot be listed: {error.strerror}"
        return _Tree(inside, directory.path, frozenset(), unreadable=reason)
    return _Tree(inside, directory.path, names, untrusted=directory.reason)


def _names(admin: _Tree, vendor: _Tree) -> list[bytes]:
    return sorted(admin.names | vendor.names)


def _found(
    examiner: Examiner, phase: Phase, config: Config, name: bytes, trees: tuple[_Tree, _Tree]
) -> _Found:
    admin, vendor = trees
    tree = admin if name in admin.names else vendor
    path = os.path.join(tree.path, os.fsdecode(name))
    override = config.hooks.get(f"{phase}/{printable(name)}", NOTHING)
    hook = Hook(phase, printable(name), path, spec=apply(default_spec(phase), override))
    why = why_left_out(name)
    if why:
        return _Found(replace(hook, state=HookState.LEFT_OUT, reason=f"its name {why}"))
    if override.enabled is False:
        return _masked(hook, f"disabled by {override.source}")
    if admin.unreadable and tree is vendor:
        return _refused(hook, f"{shown(admin.path)}, which may mask it, {admin.unreadable}")
    trust = examiner.examine(f"{tree.inside}/{os.fsdecode(name)}")
    if tree is admin and name in vendor.names and _is_empty(trust):
        return _masked(hook, f"{shown(path)} is empty")
    return _judged(hook, trust, override)


def _is_empty(trust: Trust) -> bool:
    is_trusted = trust.state is TrustState.TRUSTED
    return is_trusted and trust.stat is not None and trust.stat.st_size == 0


def _judged(hook: Hook, trust: Trust, override: HookOverride) -> _Found:
    if trust.stat is None:
        hook = replace(hook, path=trust.path)
    else:
        mode = f"{stat.S_IMODE(trust.stat.st_mode):04o}"
        hook = replace(hook, path=trust.path, owner=trust.stat.st_uid, mode=mode)
    if trust.state is TrustState.MASKED:
        return _masked(hook, trust.reason)
    if trust.state is not TrustState.TRUSTED or trust.stat is None:
        return _refused(hook, trust.reason)
    if not trust.stat.st_mode & 0o111:
        reason = f"is not executable: chmod +x {shown(trust.path)}"
        warning = _problem(hook.path, reason, is_warning=True)
        return _Found(replace(hook, state=HookState.LEFT_OUT, reason=reason), (warning,))
    if trust.stat.st_size == 0:
        return _refused(hook, "is empty; to mask a hook link its name to /dev/null")
    return _read(hook, trust, override)


def _read(hook: Hook, trust: Trust, override: HookOverride) -> _Found:
    try:
        contents = read_contents(trust)
    except OSError as error:
        return _refused(hook, f"{shown(trust.path)}: {error.strerror}")
    said = read_metadata(contents.head, hook.phase, printable(os.fsencode(hook.path)))
    inline = NOTHING if said.errors else said.override
    spec = _spec(hook.phase, inline, override)
    hook = replace(hook, spec=spec, sha256=contents.sha256, stamp=stamp(contents.status))
    warnings = [p for p in said.problems if p.is_warning]
    for reason in warnings_about(contents.head, hook.name):
        warnings.append(_problem(hook.path, reason, is_warning=True))
    fault = why_not_started(contents.head, hook.path)
    if contents.is_noexec:
        fault = f"{shown(hook.path)} is on a file system mounted noexec"
    faults = [fault, _identity_fault(hook, contents.head)]
    errors = [_problem(hook.path, fault) for fault in faults if fault]
    return _verdict(hook, [*errors, *said.errors], warnings)


def _identity_fault(hook: Hook, head: bytes) -> str:
    """Return why it cannot run as the user or group it names; empty: it can, or names none."""
    if not hook.spec.user and not hook.spec.group:
        return ""
    try:
        whom = identity_of(hook.spec)
    except NoIdentityError as error:
        return str(error)
    return whom.why_not_executable(hook.path, is_script=head.startswith(b"#!"))


def _spec(phase: Phase, inline: HookOverride, override: HookOverride) -> HookSpec:
    return apply(apply(default_spec(phase), inline), override)


def _verdict(hook: Hook, errors: list[Problem], warnings: list[Problem]) -> _Found:
    if errors:
        reason = "; ".join(_in_one_line(error) for error in errors)[:_MOST_REASON]
        hook = replace(hook, state=HookState.REFUSED, reason=reason)
    return _Found(hook, (*errors, *warnings))


def _problem(path: str, reason: str, *, is_warning: bool = False) -> Problem:
    return Problem(printable(os.fsencode(path)), "", reason, is_warning=is_warning)


def _in_one_line(problem: Problem) -> str:
    at = f"line {problem.line}" if problem.line else ""
    return ": ".join(part for part in (at, problem.key, problem.reason) if part)


def _masked(hook: Hook, reason: str) -> _Found:
    return _Found(replace(hook, state=HookState.MASKED, reason=reason))


def _refused(hook: Hook, reason: str) -> _Found:
    return _verdict(hook, [_problem(hook.path, reason)], [])
