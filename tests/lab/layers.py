"""The layers that the file systems of machines are stacked of, each made once and kept.

A layer is a directory. Machines mount them over each other (overlayfs), lowest last, with a
directory of their own on top; so a layer is never written again, and a machine costs no copy.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
REPO = HERE.parent.parent
# Without links: they would be followed from this machine's root, not from where mounts are seen.
CACHE = (REPO / ".cache" / "lab").resolve()

DEBIANS_PYTHON = "3.11"
# What structlog 23.1 requires on Python 3.7 only.
STRUCTLOGS = ("typing-extensions", "importlib-metadata", "zipp")
# What `systemctl preset` makes of 90-hookd.preset and the units' [Install].
ENABLED = (("sockets.target", "hookd.socket"), ("multi-user.target", "hookd-boot.service"))
LAUNCHER = """\
#!/usr/bin/python3 -I
import sys

sys.path.insert(0, "/usr/lib/hookd")
from hookd.cli import entry

entry()
"""


class CannotMake(Exception):
    """A layer cannot be made on this machine; says why."""


class NoSuchPython(CannotMake):
    """The Python that is to be copied is not on this machine."""


def root() -> pathlib.Path:
    """Return Debian with systemd, dbus, rpm and python3, nothing of it ever booted."""

    def make(to):
        run(str(HERE / "make-root"), str(to), _mirror())

    return layer("ROOT", make, (HERE / "make-root").read_bytes())


def only_python(version: str) -> pathlib.Path:
    """Return what makes `version` (like 3.7), as pyenv built it, the only python3 of a root."""
    prefix = _pyenv(version)
    script = HERE / "only-python"

    def make(to):
        change([root()], to, str(script), "{}", str(prefix), version)

    built = (prefix / "bin" / f"python{version}").read_bytes()
    return layer(f"python{version}", make, script.read_bytes(), str(prefix).encode(), built)


def libraries(version: str) -> pathlib.Path:
    """Return hookd's requirements for Python `version`, beside where hookd will stand."""
    wanted = _requirements(version)

    def make(to):
        target = to / "usr/lib/hookd"
        target.mkdir(parents=True)
        run(
            *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            *("--target", str(target), "--no-compile", "--only-binary", ":all:"),
            *("--implementation", "cp", "--python-version", version),
            *wanted,
        )

    return layer(f"libraries{version}", make, "\n".join(wanted).encode())


def hookd(to: pathlib.Path) -> pathlib.Path:
    """Put this checkout's hookd into the empty directory `to`, as a package would install it."""
    package = to / "usr/lib/hookd/hookd"
    shutil.copytree(str(REPO / "hookd"), str(package), ignore=shutil.ignore_patterns("__pycache__"))
    for phase in ("pre", "post", "on-exit"):
        (to / "etc/hookd/hooks.d" / phase).mkdir(parents=True)
    launcher = to / "usr/bin/hookd"
    launcher.parent.mkdir()
    launcher.write_text(LAUNCHER, encoding="ascii")
    _as_installed(to)
    return to


def service(to: pathlib.Path) -> pathlib.Path:
    """Put this checkout's units into the empty directory `to`, enabled as the preset has it."""
    system = to / "usr/lib/systemd/system"
    presets = to / "usr/lib/systemd/system-preset"
    for folder in (system, presets):
        folder.mkdir(parents=True)
    for unit in (REPO / "systemd").iterdir():
        shutil.copy(str(unit), str(presets if unit.suffix == ".preset" else system))
    for target, unit in ENABLED:
        wants = to / "etc/systemd/system" / f"{target}.wants"
        wants.mkdir(parents=True)
        (wants / unit).symlink_to(f"/usr/lib/systemd/system/{unit}")
    _as_installed(to)
    return to


def new_directory() -> pathlib.Path:
    """Return a new directory for one machine, on the file system of the layers."""
    return pathlib.Path(tempfile.mkdtemp(prefix="machine-", dir=str(CACHE)))


def _as_installed(directory: pathlib.Path) -> None:
    """Give everything root's owner and modes, whatever the umask and owner of the checkout."""
    for folder, _, files in os.walk(str(directory)):
        os.chmod(folder, 0o755)
        for name in files:
            if os.path.islink(os.path.join(folder, name)):
                continue
            program = folder.endswith("/bin")
            os.chmod(os.path.join(folder, name), 0o755 if program else 0o644)


def layer(name, make, *recipe) -> pathlib.Path:
    """Return the layer of this recipe, made now when it is not there; one maker at a time."""
    digest = hashlib.sha256(b"\0".join(recipe)).hexdigest()[:16]
    CACHE.mkdir(parents=True, exist_ok=True)
    kept = CACHE / f"{name}-{digest}"
    with open(str(CACHE / f"{name}.lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if kept.is_dir():
            return kept
        partial = CACHE / f"{kept.name}.partial"
        shutil.rmtree(str(partial), ignore_errors=True)
        partial.mkdir()
        make(partial)
        partial.rename(kept)
        _forget_others(name, kept)
    return kept


def _forget_others(name, kept):
    for other in CACHE.glob(f"{name}-*"):
        if other != kept:
            shutil.rmtree(str(other), ignore_errors=True)


def change(lowers, upper, *argv) -> None:
    """Run `argv` with {} standing for `lowers`, and put what it changes there into `upper`.

    In a mount namespace of its own, so that no mount is left whatever happens.
    """
    work, merged = (upper.parent / (upper.name + end) for end in (".work", ".merged"))
    for directory in (work, merged):
        shutil.rmtree(str(directory), ignore_errors=True)
        directory.mkdir()
    run(
        *("unshare", "--mount", "--propagation", "private", "sh", "-euc"),
        'mount -t overlay overlay -o "$1" "$2"; shift 2; exec "$@"',
        *("sh", overlay(lowers, upper, work), str(merged)),
        *(str(merged) if part == "{}" else part for part in argv),
    )
    shutil.rmtree(str(work))
    merged.rmdir()


def overlay(lowers, upper, work) -> str:
    """Return the mount options of an overlay; `lowers` are named from the top."""
    stack = ":".join(str(lower) for lower in lowers)
    return f"lowerdir={stack},upperdir={upper},workdir={work}"


def _mirror() -> str:
    """Return the Debian mirror that this machine's own apt uses."""
    fields = "$(ORIGIN) $(CODENAME) $(COMPONENT) $(REPO_URI)"
    listed = run("apt-get", "indextargets", "--format", fields, "Created-By: Packages")
    for line in listed.splitlines():
        origin, _, rest = line.partition(" ")
        if origin == "Debian" and rest.startswith("bookworm main "):
            return rest.split()[-1]
    raise CannotMake("apt knows no mirror of Debian bookworm (is `apt-get update` done?)")


def _pyenv(version):
    try:
        place = pathlib.Path(run("pyenv", "root").strip())
    except (OSError, CannotMake):
        raise NoSuchPython(f"no pyenv here, so no Python {version} to copy") from None
    found = sorted(place.glob(f"versions/{version}.*/bin/python{version}"))
    if not found:
        raise NoSuchPython(f"pyenv has no Python {version}")
    return found[-1].parent.parent


def _requirements(version):
    """Return what pyproject.toml requires on Python `version`."""
    from packaging.requirements import Requirement  # noqa: PLC0415 - pytest brings it along

    table = _toml().loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))
    needed = [Requirement(text) for text in table["project"]["dependencies"]]
    here = {"python_version": version}
    found = [
        f"{one.name}{one.specifier}"
        for one in needed
        if not one.marker or one.marker.evaluate(here)
    ]
    # pip takes the markers inside of wheels for those of the Python it runs on
    return [*found, *(STRUCTLOGS if version == "3.7" else ())]


def _toml():
    if sys.version_info >= (3, 11):
        import tomllib  # noqa: PLC0415  # novm
    else:
        import tomli as tomllib  # noqa: PLC0415
    return tomllib


def run(*argv, cwd=None) -> str:
    """Run `argv` to its end and return all that it said, or raise CannotMake."""
    done = subprocess.run(
        argv,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CannotMake(f"{' '.join(argv)}: exit {done.returncode}\n{done.stdout[-2000:]}")
    return done.stdout
