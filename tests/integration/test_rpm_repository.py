"""The signed yum repository, read by the real dnf and rpm."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess

import pytest
from support import package
from support.package import CHECKOUT

import hookd

PROGRAMS = ("createrepo_c", "dnf", "gpg", "rpmsign")
KEY = "hookd test <test@example.invalid>"


class Publisher:
    """Somebody with a throw-away key, in `place`."""

    def __init__(self, place: pathlib.Path, algorithm: str) -> None:
        self.place = place
        self.home = place / "home"
        self.home.mkdir(parents=True, mode=0o700)
        self.run("gpg", "--batch", "--passphrase", "", "--quick-gen-key", KEY, algorithm, "sign")

    def run(self, *argv, check=True):
        done = subprocess.run(
            argv,
            env={"PATH": os.environ["PATH"], "HOME": str(self.home), "GNUPGHOME": str(self.home)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
            check=False,
            encoding="utf-8",
        )
        assert done.returncode == 0 or not check, done.stderr
        return done

    def publish(self, rpms, *, key=KEY, check=True):
        to, url = self.place / "repo", f"file://{self.place / 'repo'}"
        dist = str(rpms["x86_64"].parent)
        return self.run(
            str(CHECKOUT / "packaging/build-repo"), dist, str(to), key, url, check=check
        )

    def end(self):
        self.run("gpgconf", "--kill", "all", check=False)


@pytest.fixture(params=["rsa2048"])
def publisher(request, tmp_path):
    missing = [program for program in PROGRAMS if not shutil.which(program)]
    if missing or package.why_no_root():
        pytest.skip(f"not installed: {', '.join(missing)}" if missing else package.why_no_root())
    # gpg's agent listens on a socket in there, whose path must be short
    place = pathlib.Path(subprocess.check_output(["mktemp", "-d"], text=True).strip())
    made = Publisher(place, request.param)
    yield made
    made.end()
    shutil.rmtree(str(place))


def install(publisher, root, system_rpm):
    """Let dnf install hookd into `root` from the repository alone; what it requires is there."""
    home = publisher.place / "machine"
    home.mkdir()
    (home / ".rpmmacros").write_text("%_dbpath /var/lib/rpm\n")
    common = ["--root", str(root), "--nosignature", "-i", str(system_rpm)]
    root.mkdir()
    subprocess.run(
        ["rpm", *common],
        env={**os.environ, "HOME": str(home)},
        stderr=subprocess.DEVNULL,
        check=True,
    )
    (home / "dnf.conf").write_text("[main]\n")
    options = (f"reposdir={publisher.place / 'repo'}", "tsflags=noscripts", "plugins=0")
    return subprocess.run(
        [
            *("dnf", "-y", f"--installroot={root}", "--releasever=2", "--forcearch=x86_64"),
            *(f"--setopt={option}" for option in options),
            *(f"--config={home}/dnf.conf", "install", "hookd"),
        ],
        env={"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
        check=False,
        encoding="utf-8",
    )


def test_dnf_installs_what_is_signed(publisher, rpms, system_rpm):
    publisher.publish(rpms)
    root = publisher.place / "root"

    done = install(publisher, root, system_rpm)

    assert done.returncode == 0, done.stdout
    assert (root / "usr/bin/hookd").stat().st_mode & 0o777 == 0o755
    assert f"hookd-{hookd.__version__}-1.x86_64" in done.stdout


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("package", "x86_64.rpm is not signed"),
        ("list", "repomd.xml GPG signature verification error"),
    ],
    ids=["package", "list"],
)
def test_dnf_refuses_what_is_not(publisher, rpms, system_rpm, what, said):
    publisher.publish(rpms)
    folder = publisher.place / "repo/x86_64"
    if what == "package":
        # the very name in the list, but as it was before it was signed
        shutil.copy(str(rpms["x86_64"]), str(folder))
        shutil.rmtree(str(folder / "repodata"))
        publisher.run("createrepo_c", "--quiet", str(folder))
        sign = ("gpg", "--batch", "--local-user", KEY, "--detach-sign", "--armor")
        publisher.run(*sign, str(folder / "repodata/repomd.xml"))
    else:
        with open(str(folder / "repodata/repomd.xml"), "a", encoding="ascii") as listing:
            listing.write("<!-- -->\n")

    done = install(publisher, publisher.place / "root", system_rpm)

    assert done.returncode != 0
    assert said in done.stdout, done.stdout
    assert not (publisher.place / "root/usr/bin/hookd").exists()


@pytest.mark.parametrize("publisher", ["ed25519"], indirect=True)
def test_a_key_that_amazon_linux_2_cannot_check_is_refused(publisher, rpms):
    done = publisher.publish(rpms, check=False)
    assert (done.returncode, done.stderr) == (
        2,
        f"{KEY} is no RSA key: Amazon Linux 2 could not check it\n",
    )
    assert not (publisher.place / "repo").exists()


def test_without_a_key_it_says_how_it_is_called(publisher, rpms):
    done = publisher.publish(rpms, key="", check=False)
    assert (done.returncode, done.stderr[:9]) == (2, "make repo")
