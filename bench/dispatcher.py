"""networkd-dispatcher as a peer: on a bus of its own, with a networkctl of one interface."""

from __future__ import annotations

import contextlib
import pathlib
import shutil
import subprocess
import time
from typing import Iterator

from measure import fastest
from place import Place

_NETWORKCTL = """#!/bin/sh
case "$*" in
*list*) echo '  1 bench0 ether routable configured' ;;
*) printf '      State: routable (configured)\\n    Address: 192.0.2.1\\n' ;;
esac
"""


def why_not() -> str:
    """Return what is missing to run it, or ""."""
    wanted = ("networkd-dispatcher", "dbus-daemon")
    missing = [name for name in wanted if not shutil.which(name)]
    return f"no {missing[0]}" if missing else ""


def cost_ms(place: Place, hooks: pathlib.Path) -> float:
    """Return what it takes to run the scripts in `hooks`, beyond none."""
    full, empty = _folder(place, "full"), _folder(place, "empty")
    for hook in hooks.iterdir():
        shutil.copy(str(hook), str(full / "routable.d"))
    with _bus(place) as address:
        least = fastest(
            place.slow,
            full=lambda: _once(place, full, address),
            empty=lambda: _once(place, empty, address),
        )
    return least["full"] - least["empty"]


def _folder(place: Place, name: str) -> pathlib.Path:
    """Return a script directory with one last script: it says that all have been run."""
    folder = place.memory / f"dispatcher-{name}"
    shutil.rmtree(str(folder), ignore_errors=True)
    (folder / "routable.d").mkdir(parents=True)
    _script(folder / "routable.d" / "zz-last", f"#!/bin/sh\n: >'{folder}/done'\n")
    return folder


def _script(path: pathlib.Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@contextlib.contextmanager
def _bus(place: Place) -> Iterator[str]:
    _script(place.memory / "bin" / "networkctl", _NETWORKCTL)
    bus = subprocess.Popen(
        ["dbus-daemon", "--session", "--nofork", "--print-address"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield bus.stdout.readline().decode("ascii").strip() if bus.stdout else ""
    finally:
        bus.terminate()
        bus.communicate()


def _once(place: Place, folder: pathlib.Path, address: str) -> float:
    done = folder / "done"
    with contextlib.suppress(FileNotFoundError):
        done.unlink()
    path = f"{place.memory / 'bin'}:{place.environment.get('PATH', '')}"
    environment = {**place.environment, "PATH": path, "DBUS_SYSTEM_BUS_ADDRESS": address}
    for name in ("PYTHONPATH", "PYTHONPYCACHEPREFIX"):
        environment.pop(name, None)
    argv = ["networkd-dispatcher", "-S", str(folder), "--run-startup-triggers"]
    began = time.perf_counter()
    service = subprocess.Popen(argv, env=environment, stderr=subprocess.DEVNULL)
    try:
        while not done.exists():
            if service.poll() is not None or time.perf_counter() - began > 60:
                raise RuntimeError("networkd-dispatcher does not run the scripts")
            time.sleep(0.001)
        return (time.perf_counter() - began) * 1e3
    finally:
        service.terminate()
        service.wait(30)
