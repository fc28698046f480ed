"""python3 -m hookd"""

from __future__ import annotations

from hookd.cli import entry

entry()
