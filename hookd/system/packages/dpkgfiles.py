"""Asks dpkg about some packages: their files, and whether they are whole."""

from __future__ import annotations

from typing import Sequence

from hookd.system.packages import dpkg
from hookd.system.packages.told import Came, Told, files_in
from hookd.system.packages.verification import lines, verify
from hookd.system.process.command import Completed, Run
from hookd.system.root import Root

_LIST_S = 15.0


def ask(root: Root, run: Run, came: Sequence[Came], until: float) -> Told:
    """Return what dpkg tells of the packages; verification ends at `until` (time.monotonic)."""
    labels = [f"{one.name}:{one.arch}" for one in came]
    admin = dpkg.admin_of(root)
    answer = run(
        ["dpkg-query", admin, "-L", "--", *labels],
        timeout_s=_LIST_S,
        environment={"LC_ALL": "C"},
    )
    if not answer.is_ok:
        return Told(error=answer.why())
    listed = _listed(answer)
    if len(listed) != len(came):
        return Told(error=f"dpkg-query listed {len(listed)} packages instead of {len(came)}")
    files = {one.key: paths for one, paths in zip(came, listed)}
    argv = ["dpkg", admin, f"--instdir={root}", "--verify", "--"]
    return Told(files, verified=verify(run, argv, labels, until, _complaint))


def _listed(answer: Completed) -> list[list[str]]:
    """Return the files of each package: dpkg-query puts an empty line between them."""
    found: list[list[str]] = [[]]
    for line in lines(answer)[:-1]:
        if line:
            found[-1] += files_in([line])
        else:
            found.append([])
    return found


def _complaint(answer: Completed) -> str:
    """Return dpkg's first error, or nothing: what it cannot do it ends with 2 for (dpkg(1))."""
    said = answer.stderr.decode("utf-8", "backslashreplace").splitlines()
    errors = [line for line in said if line.startswith("dpkg: error")]
    return errors[0][:300] if errors else ""
