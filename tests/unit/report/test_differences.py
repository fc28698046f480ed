"""Changes of the running node in words."""

from __future__ import annotations

import pytest

from hookd.core.codec import encode
from hookd.core.differences import MountChange, SettingChange, SocketChange, UnitChange
from hookd.report.differences import told_changes

SPAN = "ready..installed"
RUNS = "active (running), enabled"
CAME = f"a.service not loaded -> {RUNS} ({SPAN})"


@pytest.mark.parametrize(
    ("noun", "change", "text"),
    [
        (
            "units",
            UnitChange("a.service", RUNS, "failed (failed), enabled", SPAN, ("a.noarch", "b.x")),
            f"a.service {RUNS} -> failed (failed), enabled ({SPAN}; a.noarch, b.x changed)",
        ),
        ("units", UnitChange("a.service", "", RUNS, SPAN), CAME),
        (
            "sockets",
            SocketChange("tcp *:80", "a.service (/usr/bin/a)", "", SPAN),
            f"tcp *:80 a.service (/usr/bin/a) -> nobody ({SPAN})",
        ),
        (
            "mounts",
            MountChange("/data", "", "ext4 of /dev/x, read-write", SPAN),
            f"/data not mounted -> ext4 of /dev/x, read-write ({SPAN})",
        ),
        (
            "settings",
            SettingChange("/etc/a.rpmnew", "", "there", SPAN),
            f"/etc/a.rpmnew none -> there ({SPAN})",
        ),
    ],
)  # fmt: skip
def test_a_change(noun, change, text):
    assert told_changes([encode(change)], noun) == [text]


def test_what_is_worse_comes_first():
    changes = [
        encode(UnitChange(name, before, after, SPAN))
        for name, before, after in (
            ("came", "", RUNS),
            ("other", "inactive (dead), enabled", RUNS),
            ("failed", RUNS, "failed (failed)"),
            ("gone", RUNS, ""),
        )
    ]
    first = [text.split()[0] for text in told_changes(changes, "units")]
    assert first == ["failed", "gone", "came", "other"]
