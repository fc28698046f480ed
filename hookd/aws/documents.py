"""The documents that SSM runs around a patch operation, as they are shipped with hookd."""

from __future__ import annotations

import os

PHASES = ("pre", "post", "on-exit")

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_PLACES = (
    os.path.join(_PACKAGE, "ssm_documents"),  # installed
    os.path.join(os.path.dirname(_PACKAGE), "packaging", "ssm"),  # a checkout
)


def name_of(phase: str) -> str:
    """Return what the document of `phase` is called in the account, by default."""
    return f"hookd-{phase}"


def read(phase: str) -> str:
    """Return the JSON text of the document of `phase`. Raises OSError when it is not there."""
    name = f"{name_of(phase)}.json"
    place = next((one for one in _PLACES if os.path.exists(os.path.join(one, name))), _PLACES[0])
    with open(os.path.join(place, name), encoding="ascii") as file:
        return file.read()
