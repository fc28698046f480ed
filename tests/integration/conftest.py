"""Fixtures that several integration tests share because they are dear to build."""

from __future__ import annotations

import pytest
from support.rpmlab import Lab, why_not


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """Return the one lab of RPMs of this session, or skip where it cannot stand."""
    reason = why_not()
    if reason:
        pytest.skip(reason)
    return Lab(tmp_path_factory.mktemp("rpmlab"))
