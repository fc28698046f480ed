"""Every line of a dpkg.log becomes an entry, known noise or a line that is shown as unread."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookd.core.readings import LogAction, LogEntry, PackageLog, Standing
from hookd.system.packages import dpkglog
from hookd.system.packages.tail import NOWHERE
from hookd.system.root import Root

LOG = """\
2026-11-23 04:40:33 startup archives unpack
2026-11-23 04:40:33 install app:all <none> 1.0-1
2026-11-23 04:40:33 status half-installed app:all 1.0-1
2026-11-23 04:40:33 configure app:all 1.0-1 <none>
2026-11-23 04:40:33 trigproc libc-bin:amd64 2.36-9 <none>
2026-11-23 04:40:34 conffile /etc/app.conf keep
2026-11-23 04:40:35 remove old:i386 1:1.0-1 <none>
2026-11-23 04:40:35 purge old:i386 1:1.0-1 <none>
2026-11-23 04:40:36 frobnicate app:all 1 2
nonsense
"""


def test_a_log_that_grew_is_read_whole(tmp_path):
    root = Root(str(tmp_path))
    path = tmp_path / "var/log/dpkg.log"
    assert dpkglog.read(root, None) == PackageLog(
        Standing.ABSENT, f"{path} does not exist", "dpkg.log", NOWHERE
    )
    path.parent.mkdir(parents=True)
    path.write_text(LOG)
    found = dpkglog.read(root, NOWHERE)
    assert found == PackageLog(
        source="dpkg.log",
        cursor=found.cursor,
        entries=(
            LogEntry(LogAction.INSTALLED, "app", "1.0-1", "all", "2026-11-23T04:40:33"),
            LogEntry(LogAction.REMOVED, "old", "1:1.0-1", "i386", "2026-11-23T04:40:35"),
        ),
        unread=("2026-11-23 04:40:36 frobnicate app:all 1 2", "nonsense"),
        unread_count=2,
    )


@pytest.mark.parametrize(
    ("words", "action", "evr"),
    [
        ("install a:amd64 <none> 1.0-1", "installed", "1.0-1"),
        ("install a:amd64 0.9-1 1.0-1", "installed", "1.0-1"),  # configuration files were left
        ("upgrade a:amd64 1.0~rc1-1 1.0-1", "updated", "1.0-1"),
        ("upgrade a:amd64 1.0-1 1.0~rc1-1", "downgraded", "1.0~rc1-1"),
        ("upgrade a:amd64 1.0-1 1.0-1", "reinstalled", "1.0-1"),
        ("remove a:amd64 1.0-1 <none>", "removed", "1.0-1"),
        ("disappear a:amd64 1.0-1 <none>", "removed", "1.0-1"),
    ],
)
def test_every_word_has_its_action_and_both_versions_tell_a_downgrade(words, action, evr):
    line = f"2026-11-23 04:40:33 {words}".encode()
    entry = LogEntry(LogAction(action), "a", evr, "amd64", "2026-11-23T04:40:33")
    assert dpkglog.parse([line]) == ([entry], [])


@given(st.lists(st.binary(max_size=80)))
def test_any_byte_may_come(lines):
    entries, unread = dpkglog.parse(lines)
    assert len(entries) + len(unread) <= len(lines)
