"""Makes a package of the RPMs for SSM Distributor (`make distributor`), in dist/distributor.

manifest.json is the content of an SSM document of type Package and the zips are its attachments
(AWS Systems Manager User Guide, "Create a package (advanced)").
"""

from __future__ import annotations

import argparse
import hashlib
import json
import pathlib
import shutil
import time
import zipfile

import release

# What the SSM agent calls them (amazon-ssm-agent, agent/plugins/configurepackage/envdetect).
PLATFORMS = ("amazon", "centos", "oracle", "redhat", "rocky")
ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "arm64"}
# In-place update and install are the same to rpm.
SCRIPTS = {"install.sh": "install.sh", "update.sh": "install.sh", "uninstall.sh": "uninstall.sh"}


def main() -> None:
    parser = argparse.ArgumentParser(description="Pack the RPMs of hookd for SSM Distributor.")
    parser.add_argument("--rpms", type=pathlib.Path, default=release.DIST, metavar="DIR")
    to = release.DIST / "distributor"
    parser.add_argument("--output", type=pathlib.Path, default=to, metavar="DIR")
    options = parser.parse_args()
    for path in build(options.rpms, options.output, release.settle()):
        print(path)


def build(rpms: pathlib.Path, output: pathlib.Path, epoch: int) -> list[pathlib.Path]:
    """Pack the RPMs that are in `rpms`, and return what was made in `output`."""
    shutil.rmtree(str(output), ignore_errors=True)
    output.mkdir(parents=True)
    made = [_zip(rpms / release.rpm_name(arch), output, epoch) for arch in ARCHITECTURES]
    manifest = output / "manifest.json"
    manifest.write_text(json.dumps(_manifest(made), indent=2) + "\n", encoding="ascii")
    return [manifest, *made]


def _zip(rpm: pathlib.Path, output: pathlib.Path, epoch: int) -> pathlib.Path:
    to = output / f"{rpm.stem}.zip"
    files = {name: release.HERE / "distributor" / source for name, source in SCRIPTS.items()}
    with zipfile.ZipFile(str(to), "w", zipfile.ZIP_DEFLATED) as packed:
        for name, path in sorted({**files, rpm.name: rpm}.items()):
            entry = zipfile.ZipInfo(name, time.gmtime(epoch)[:6])
            entry.external_attr = (0o755 if name.endswith(".sh") else 0o644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(entry, path.read_bytes())
    return to


def _manifest(zips: list[pathlib.Path]) -> dict[str, object]:
    by_name = dict(zip(ARCHITECTURES.values(), zips))
    files = {name: {"file": path.name} for name, path in by_name.items()}
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in zips}
    return {
        "schemaVersion": "2.0",
        "publisher": "hookd",
        "version": release.version(),
        "packages": {platform: {"_any": files} for platform in PLATFORMS},
        "files": {name: {"checksums": {"sha256": digest}} for name, digest in digests.items()},
    }


if __name__ == "__main__":
    main()
