"""The RPM as a file: what it says, what is in it, and that it is the same whoever builds it."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess

import pytest
from support import package, shipped
from support.package import CHECKOUT

import hookd

ARCHES = ("x86_64", "aarch64")
LARGEST = 8 << 20
GLIBC_OF_AMAZON_LINUX_2 = (2, 26)
PLACES = (
    "/etc/hookd",
    "/etc/logrotate.d/hookd",
    "/usr/bin/hookd",
    "/usr/lib/hookd",
    "/usr/lib/systemd/system-preset/90-hookd.preset",
    "/usr/lib/systemd/system/hookd",
    "/usr/share/bash-completion/completions/hookd",
    "/usr/share/doc/hookd",
    "/usr/share/hookd",
    "/usr/share/licenses/hookd",
    "/usr/share/man/man8/hookd.8.gz",
    "/var/lib/hookd",
    "/var/log/hookd",
)
# All that is not a plain file 0644 or directory 0755 of root.
MODES = {
    "/usr/bin/hookd": "-rwxr-xr-x",
    "/usr/lib/hookd/compile": "-rwxr-xr-x",
    "/var/lib/hookd": "drwx--x--x",
    **{f"/usr/lib/hookd/hooks.d/{name}": "-rwxr-xr-x" for name in shipped.NAMES},
}


def ask(rpm, *words):
    """Return the lines that rpm prints of the file `rpm`."""
    done = subprocess.run(
        ["rpm", "-qp", *words, str(rpm)],
        env={**os.environ, "LC_ALL": "C.UTF-8"},
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    return done.stdout.splitlines()


def pins():
    text = (CHECKOUT / "packaging/requirements.txt").read_text("ascii")
    return dict(re.findall(r"^(\S+)==(\S+)", text, re.MULTILINE))


@pytest.fixture(params=ARCHES)
def rpm(request, rpms):
    return rpms[request.param]


@pytest.fixture(scope="module")
def unpacked(rpms, tmp_path_factory):
    """Return the contents of each RPM, unpacked, by architecture."""
    if not shutil.which("cpio"):
        pytest.skip("cpio is not installed")
    found = {}
    for arch, path in rpms.items():
        found[arch] = tmp_path_factory.mktemp(arch)
        with open(str(path), "rb") as file:
            cpio = subprocess.run(["rpm2cpio"], stdin=file, stdout=subprocess.PIPE, check=True)
        extract = ["cpio", "--extract", "--make-directories", "--quiet"]
        subprocess.run(extract, input=cpio.stdout, cwd=str(found[arch]), check=True)
    return found


def test_it_is_called_by_name_version_and_architecture(rpms):
    named = {arch: f"hookd-{hookd.__version__}-1.{arch}.rpm" for arch in ARCHES}
    assert {arch: path.name for arch, path in rpms.items()} == named


def test_it_requires_a_python_systemd_and_no_more_of_rpm_than_4_11_has(rpm):
    assert sorted(set(ask(rpm, "--requires"))) == [
        "/bin/bash",
        "/bin/sh",
        "/usr/bin/python3",
        "findutils",
        "rpmlib(CompressedFileNames) <= 3.0.4-1",
        "rpmlib(FileDigests) <= 4.6.0-1",
        "rpmlib(PayloadFilesHavePrefix) <= 4.0-1",
        "systemd",
    ]
    assert ask(rpm, "--qf", "%{PAYLOADCOMPRESSOR} %{PAYLOADFORMAT}\n") == ["gzip cpio"]
    for what in ("--recommends", "--conflicts", "--obsoletes", "--filetriggers", "--triggers"):
        assert ask(rpm, what) == []


def test_it_provides_nothing_to_others_but_says_what_it_brings_along(rpm):
    arch = {"x86_64": "x86-64", "aarch64": "aarch-64"}[rpm.name.split(".")[-2]]
    release = f"{hookd.__version__}-1"
    assert ask(rpm, "--provides") == [
        *(f"bundled(python3dist({name})) = {pin}" for name, pin in sorted(pins().items())),
        f"hookd = {release}",
        f"hookd({arch}) = {release}",
    ]


def test_every_file_is_in_its_place_and_roots_and_writable_by_nobody_else(rpm):
    odd = {}
    for line in ask(rpm, "--qf", "[%{FILEMODES:perms} %{FILEUSERNAME} %{FILEGROUPNAME} "
                                 "%{FILENAMES}\n]"):  # fmt: skip
        mode, user, group, path = line.split(" ", 3)
        assert (user, group) == ("root", "root"), line
        assert path.startswith(PLACES), line
        if mode not in ("-rw-r--r--", "drwxr-xr-x"):
            odd[path] = mode
    libraries = {path for path in odd if path.endswith(".so")}
    assert {path: mode for path, mode in odd.items() if path not in libraries} == MODES


def test_only_what_a_machine_needs_is_in_it(rpm):
    listed = ask(rpm, "--list")
    unwanted = re.compile(r"\.pyc$|__pycache__|/tests?/|/conftest\.py$|\.pyi$|/bin/(?!hookd$)")
    assert [path for path in listed if unwanted.search(path)] == []
    modules = {
        "/usr/lib/hookd/lib/" + path.relative_to(CHECKOUT).as_posix()
        for path in (CHECKOUT / "hookd").rglob("*.py")
    }
    assert {
        p for p in listed if p.startswith("/usr/lib/hookd/lib/hookd/") and p.endswith(".py")
    } == modules
    assert int(ask(rpm, "--qf", "%{SIZE}\n")[0]) < LARGEST


def test_what_the_account_needs_comes_along(rpm):
    listed = set(ask(rpm, "--list"))
    for folder in ("ssm", "cloudwatch", "aws"):
        for path in (CHECKOUT / "packaging" / folder).rglob("*"):
            if path.suffix in (".json", ".yaml", ".md"):
                assert f"/usr/share/hookd/{path.relative_to(CHECKOUT / 'packaging')}" in listed


def test_configuration_and_state_outlive_it(rpm):
    assert ask(rpm, "--configfiles") == ["/etc/hookd/hookd.toml", "/etc/logrotate.d/hookd"]
    flags = ask(rpm, "--qf", "[%{FILEFLAGS:fflags} %{FILENAMES}\n]")
    assert "cn /etc/hookd/hookd.toml" in flags
    assert [p for p in ask(rpm, "--list") if p.startswith("/var/")] == [
        "/var/lib/hookd",
        "/var/log/hookd",
    ]


def test_the_architectures_differ_in_one_library_only(rpms):
    query = ("--qf", "[%{FILENAMES} %{FILEDIGESTS}\n]")
    lines = [set(ask(rpms[arch], *query)) for arch in ARCHES]
    differing = {line.split(" ")[0] for line in lines[0] ^ lines[1]}
    assert {re.sub(r"7\.\d+\.\d+", "N", path) for path in differing} == {
        "/usr/lib/hookd/lib/psutil/_psutil_linux.abi3.so",
        "/usr/lib/hookd/lib/psutil-N.dist-info/WHEEL",
        "/usr/lib/hookd/lib/psutil-N.dist-info/RECORD",
    }


def test_what_is_compiled_loads_with_the_glibc_of_amazon_linux_2(unpacked):
    for arch, machine in (("x86_64", 62), ("aarch64", 183)):
        [library] = unpacked[arch].rglob("*.so")
        data = library.read_bytes()
        # e_machine of the ELF header, elf(5)
        assert (library.name.split(".")[1], data[18]) == ("abi3", machine)
        needed = {tuple(map(int, pair)) for pair in re.findall(rb"GLIBC_(\d+)\.(\d+)", data)}
        assert max(needed) <= GLIBC_OF_AMAZON_LINUX_2


def test_the_scriptlets_end_well_and_silently_where_nothing_is_there(rpm, tmp_path):
    (tmp_path / "empty").mkdir()
    for tag in ("POSTIN", "PREUN", "POSTUN", "POSTTRANS"):
        script = tmp_path / tag
        script.write_text("\n".join(ask(rpm, "--qf", f"%{{{tag}}}\n")))
        for left in ("0", "1", "2"):
            done = subprocess.run(
                ["/bin/sh", "-e", str(script), left],
                env={"PATH": str(tmp_path / "empty")},
                capture_output=True,
                check=False,
            )
            assert (tag, left, done.returncode, done.stdout, done.stderr) == (
                tag,
                left,
                0,
                b"",
                b"",
            )


def test_no_scriptlet_waits_without_end_or_restarts_or_can_fail(rpm):
    lines = [line.strip() for line in ask(rpm, "--scripts")]
    commands = [line for line in lines if re.match(r"systemctl|timeout|find|rm|/", line)]
    assert [line for line in commands if not line.endswith(">/dev/null 2>&1 || :")] == []
    job = re.compile(r".*systemctl .*\b(start|stop|restart|isolate|kill)\b")
    jobs = [line for line in lines if job.match(line)]
    assert [line.split(" >")[0] for line in jobs] == [
        "systemctl --no-block start hookd.socket",
        "systemctl --no-block stop hookd.socket hookd.service",
        "timeout 5 systemctl stop hookd.socket hookd.service",
    ]


def test_two_builds_are_the_same_to_the_byte(rpms, tmp_path):
    place = package.other_release(tmp_path / "elsewhere", hookd.__version__)
    old = os.umask(0o077)
    try:
        again = package.build(
            tmp_path / "again", "--arch=x86_64", checkout=place, TZ="Asia/Tokyo", HOME=str(tmp_path)
        )
    finally:
        os.umask(old)
    assert again["x86_64"].read_bytes() == rpms["x86_64"].read_bytes()


def test_rpmlint_finds_nothing(rpms):
    if not shutil.which("rpmlint"):
        pytest.skip("rpmlint is not installed")
    config = CHECKOUT / "packaging/rpmlint.toml"
    done = subprocess.run(
        ["rpmlint", "--config", str(config), *map(str, rpms.values())],
        capture_output=True,
        check=False,
        encoding="utf-8",
    )
    assert "0 errors, 0 warnings" in done.stdout, done.stdout


def test_the_list_of_what_is_inside_names_all_of_it(unpacked):
    for arch in ARCHES:
        document = json.loads((unpacked[arch] / "usr/share/hookd/sbom.cdx.json").read_text("ascii"))
        named = {one["name"].replace("_", "-"): one["version"] for one in document["components"]}
        root = document["metadata"]["component"]
        assert (document["bomFormat"], named) == ("CycloneDX", pins())
        assert (root["name"], root["version"]) == ("hookd", hookd.__version__)
        assert [one["name"] for one in document["components"] if not one.get("licenses")] == []
        purls = [one["purl"] for one in document["components"]]
        assert [purl for purl in purls if not purl.startswith("pkg:pypi/")] == []


def test_every_library_has_its_licence_beside_hookds(unpacked):
    folder = unpacked["x86_64"] / "usr/share/licenses/hookd"
    found = {path.name.replace("_", "-") for path in folder.iterdir() if any(path.iterdir())}
    assert found == {"hookd", *pins()}


def test_the_manual_and_the_completion_are_of_this_version(unpacked):
    share = unpacked["x86_64"] / "usr/share"
    with gzip.open(str(share / "man/man8/hookd.8.gz"), "rt", encoding="utf-8") as page:
        assert "hookd run" in page.read()
    completion = share / "bash-completion/completions/hookd"
    subprocess.run(["bash", "-n", str(completion)], check=True)
