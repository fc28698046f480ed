"""The suite changes state on the machine it runs on: it has to be named."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _named(pytestconfig):
    if not pytestconfig.getoption("--hosts", None):
        pytest.skip("no --hosts: see the Vagrantfile")
