"""hookd runs hooks around a patch operation and tells what the operation did to the machine."""

from __future__ import annotations

__version__ = "0.1.0"
