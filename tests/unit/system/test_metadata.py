"""The metadata block: its grammar, its keys, and errors with the line of the file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookd.config import HookOverride, Problem
from hookd.core.model import Phase
from hookd.system.hooks.metadata import Metadata, read_metadata

FILE = "/etc/hookd/hooks.d/pre/10-x"
BLOCK = """\
#!/bin/bash
set -e
# /// hookd
# description = "Take this node out # of its target group"
# timeout = "5m"
# grace = 3
#
# required = false
# retries = 2
# retry_delay = "10s"
# user = "app"
# group = "web"
# parallel = true
# ///
exit 0
"""


def read(text, phase=Phase.PRE):
    data = text if isinstance(text, bytes) else text.encode()
    return read_metadata(data, phase, FILE)


def problems(text, phase=Phase.PRE):
    return [(p.line, p.key, p.reason) for p in read(text, phase).problems]


SAID = HookOverride(
    description="Take this node out # of its target group",
    timeout_s=300.0,
    grace_s=3.0,
    required=False,
    retries=2,
    retry_delay_s=10.0,
    user="app",
    group="web",
    parallel=True,
    source=FILE,
)


def test_every_key_is_read():
    assert read(BLOCK) == Metadata(SAID)


def test_a_file_with_carriage_returns_is_read_all_the_same():
    assert read(BLOCK.replace("\n", "\r\n")) == Metadata(SAID)


def test_the_keys_of_on_exit_hooks():
    text = (
        "# /// hookd\n# undoes = 'pre/30-leave'\n# when = ['patched-rebooted', 'pre-failed']\n"
        "# only_if_healthy = true\n# ///\n"
    )
    assert read(text, Phase.ON_EXIT) == Metadata(
        HookOverride(
            undoes="pre/30-leave",
            when=("patched-rebooted", "pre-failed"),
            only_if_healthy=True,
            source=FILE,
        )
    )


def test_a_table_may_span_lines():
    text = "# /// hookd\n# when = [\n#   'unclear',\n# ]\n# ///\n"
    assert read(text, Phase.ON_EXIT).override.when == ("unclear",)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "#!/bin/sh\nexit 0\n",
        "#!/usr/bin/python3\n# /// script\n# dependencies = []\n# ///\n",
        "echo '# /// hookd'\n",
        "  # /// hookd\n",
        b"\x7fELF\0\n# /// hookd\n# timeout = 1\n# ///\n",
        "# see /// hookd for more\n",
    ],
)
def test_a_file_without_a_block_says_nothing(text):
    assert read(text) == Metadata()


def test_a_block_of_another_tool_stands_beside_ours():
    text = "# /// script\n# x = 1\n# ///\n# /// hookd\n# retries = 1\n# ///\n"
    assert read(text) == Metadata(HookOverride(retries=1, source=FILE))


def test_an_empty_block_says_nothing():
    assert read("# /// hookd\n# ///\n") == Metadata(HookOverride(source=FILE))


def test_other_lines_need_not_be_utf_8():
    assert read(b"# \xe9t\xe9\n# /// hookd\n# retries = 1\n# ///\n").override.retries == 1


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "#!/bin/sh\n# /// hookd\n# timeout = 5m\n# ///\n",
            3,
        ),
        ("#!/bin/sh\n# /// hookd\n# retries = 1\n# retries = 2\n# ///\n", 4),
        (b"# /// hookd\n# description = '\xff'\n# ///\n", 2),
    ],
)
def test_malformed_toml_is_told_with_its_line(text, found):
    assert [line for line, _, _ in problems(text)] == [found]


@pytest.mark.parametrize(
    ("lines", "phase", "found"),
    [
        (["timeout = 'soon'"], Phase.PRE,
         [(2, "timeout", '\'soon\' is no duration: write "500ms", "10s", "55m" or "1h30m"')]),
        (["", "retries = 1", "requires = true"], Phase.PRE,
         [(4, "requires", "unknown key")]),
        (["require = true"], Phase.PRE, [(2, "require", "unknown key")]),
        (["onlyifhealthy = true"], Phase.ON_EXIT,
         [(2, "onlyifhealthy", "unknown key; is it only_if_healthy?")]),
        (["required = 'yes'", "retries = -1", "parallel = 1"], Phase.POST,
         [(2, "required", "must be true or false, not text"),
          (3, "retries", "must be between 0 and 100"),
          (4, "parallel", "must be true or false, not a number")]),
        (["undoes = 'pre/x'"], Phase.PRE, [(2, "undoes", "is for on-exit hooks only")]),
        (["when = ['unclear']"], Phase.POST, [(2, "when", "is for on-exit hooks only")]),
        (["only_if_healthy = true"], Phase.PRE,
         [(2, "only_if_healthy", "is for on-exit hooks only")]),
        (["undoes = 'x'"], Phase.ON_EXIT, [(2, "undoes", "'x' is no pre hook: write pre/NAME")]),
        (["when = []"], Phase.ON_EXIT, [(2, "when", "must not be empty")]),
        (["enabled = false"], Phase.PRE,
         [(2, "enabled", "belongs into /etc/hookd/hookd.toml, not into the hook")]),
        (["[settings]", "A = '1'"], Phase.PRE,
         [(1, "settings", "belongs into /etc/hookd/hookd.toml, not into the hook")]),
    ],
)  # fmt: skip
def test_a_wrong_key_is_told_with_its_line(lines, phase, found):
    text = "# /// hookd\n" + "".join(f"# {line}".rstrip() + "\n" for line in lines) + "# ///\n"
    assert problems(text, phase) == found


def test_wrong_keys_are_errors_not_warnings():
    text = "# /// hookd\n# colour = 1\n# ///\n"
    assert read(text).errors == (Problem(FILE, "colour", "unknown key", 2, False, True),)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("# /// hookd\n# retries = 1\nexit 0\n", (3, 'the block of line 1 lacks its "# ///"')),
        ("x\n# /// hookd\n# retries = 1", (3, 'the block of line 2 lacks its "# ///"')),
        ("# /// hookd\n#retries = 1\n# ///\n", (2, 'the block of line 1 lacks its "# ///"')),
        (
            "# /// hookd\n# ///\n\n# /// hookd\n# ///\n",
            (4, "a second hookd block; the first is at line 1"),
        ),
        ("#/// hookd\n# ///\n", (1, 'the first line of the block must be "# /// hookd"')),
        ("# /// Hookd\n# ///\n", (1, 'the first line of the block must be "# /// hookd"')),
    ],
)
def test_a_broken_block_is_told_with_its_line(text, found):
    line, reason = found
    assert read(text) == Metadata(problems=(Problem(FILE, "", reason, line),))


def test_a_block_starts_within_200_lines():
    block = "# /// hookd\n# retries = 1\n# ///\n"
    assert read("\n" * 199 + block).override.retries == 1
    late = read("\n" * 200 + block)
    reason = "a hookd block that starts after line 200 is not read"
    assert late == Metadata(problems=(Problem(FILE, "", reason, 201, is_warning=True),))
    assert late.errors == ()


FRAGMENTS = st.sampled_from(
    [b"# /// hookd\n", b"# ///\n", b"#\n", b"# a = 1\n", b"# retries = 1\n", b"\r", b"\0", b"\n"]
)


@given(st.lists(st.one_of(FRAGMENTS, st.binary(max_size=8)), max_size=12))
def test_no_contents_make_it_raise(parts):
    read(b"".join(parts))
