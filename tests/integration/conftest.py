"""Fixtures that several integration tests share because they are dear to build."""

from __future__ import annotations

import os

import pytest
from support import package
from support.motoserver import Moto
from support.rpmlab import Lab, why_not


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """Return the one lab of RPMs of this session, or skip where it cannot stand."""
    reason = why_not()
    if reason:
        pytest.skip(reason)
    return Lab(tmp_path_factory.mktemp("rpmlab"))


@pytest.fixture(scope="session")
def rpms(tmp_path_factory):
    """Return this checkout's RPMs by architecture, built once for all workers."""
    reason = package.why_not_built()
    if reason:
        pytest.skip(reason)
    own = tmp_path_factory.getbasetemp()
    return package.built_once(own.parent if os.environ.get("PYTEST_XDIST_WORKER") else own)


@pytest.fixture(scope="session")
def previous_rpm(tmp_path_factory, rpms):
    """Return an RPM of the release before this one: another module, another default."""
    place = package.other_release(tmp_path_factory.mktemp("previous"), "0.0.9")
    (place / "hookd/gone.py").write_text("from __future__ import annotations\n")
    with open(str(place / "packaging/hookd.toml"), "a", encoding="ascii") as template:
        template.write("# As it was in 0.0.9.\n")
    return package.build(place / "dist", "--arch=x86_64", checkout=place)["x86_64"]


@pytest.fixture(scope="session")
def system_rpm(tmp_path_factory, rpms):
    """Return an RPM that provides what hookd's requires."""
    return package.build_system(tmp_path_factory.mktemp("system"))


@pytest.fixture
def new_package_root(tmp_path, rpms, system_rpm):
    """Return a function that makes a root with only the Python asked for and no hookd yet."""
    reason = package.why_no_root()
    if reason:
        pytest.skip(reason)

    def make(python):
        path = package.interpreter(python)
        if not path:
            pytest.skip(f"no Python {python} here")
        root = package.PackageRoot(tmp_path / f"root-{python}", system_rpm)
        root.use_python(path)
        return root

    return make


@pytest.fixture(scope="session")
def moto():
    """Return moto's server, the one of this process; it is no child of ours."""
    server = Moto()
    yield server
    server.close()
