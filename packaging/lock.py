"""Writes requirements.txt: the wheels that packages of hookd carry (`make lock`).

Runs on the oldest Python that hookd knows: what pip chooses there works on every newer one. A
library that has a wheel for any platform is taken as that, else as one for each architecture.
"""

from __future__ import annotations

import hashlib
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
OLDEST = (3, 7)
# Names of what glibc 2.26 (Amazon Linux 2) and older ones load; pip takes only what is named.
PLATFORMS = {
    arch: [f"manylinux2014_{arch}", f"manylinux_2_17_{arch}", f"manylinux_2_12_{arch}"]
    for arch in ("x86_64", "aarch64")
}
HEAD = """\
# Made by packaging/lock.py (`make lock`). What packages carry, in the one version that works from
# Python 3.7 to 3.13. Newer versions of most need a newer Python: see packaging/README.md.
"""


def main() -> None:
    if sys.version_info[:2] != OLDEST:
        raise SystemExit("make lock: run it by Python 3.7: make lock PYTHON=python3.7")
    with tempfile.TemporaryDirectory(prefix="hookd-lock-") as scratch:
        tempfile.tempdir = scratch
        (HERE / "requirements.txt").write_text("".join(_lines()), encoding="ascii")


def _lines() -> list[str]:
    parts = [HEAD]
    wanted = _download(str(HERE.parent))
    for wheel in sorted(wanted, key=lambda path: path.name.lower()):
        name, version = wheel.name.split("-")[:2]
        pin = f"{name.lower().replace('_', '-')}=={version}"
        hashes = [f"    --hash=sha256:{digest}" for digest in _digests(pin)]
        parts.append(" \\\n".join([pin, *hashes]) + "\n")
    return parts


def _digests(pin: str) -> list[str]:
    """Return the sha256 of the wheel for any platform, or else of one for each architecture."""
    try:
        wheels = _download(pin, "--no-deps", "--platform=any", *_tags())
    except subprocess.CalledProcessError:
        wheels = []
        for platforms in PLATFORMS.values():
            named = [f"--platform={platform}" for platform in platforms]
            wheels += _download(pin, "--no-deps", *named, *_tags())
    return [hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in wheels]


def _tags() -> list[str]:
    return ["--python-version=3.7", "--implementation=cp", "--abi=abi3", "--abi=none"]


def _download(*words: str) -> list[pathlib.Path]:
    """Return what `pip download` fetches for `words`, without hookd itself."""
    to = tempfile.mkdtemp()
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
            *("--only-binary=:all:", f"--dest={to}", *words),
        ],
        check=True,
    )
    return [path for path in pathlib.Path(to).glob("*.whl") if not path.name.startswith("hookd-")]


if __name__ == "__main__":
    main()
