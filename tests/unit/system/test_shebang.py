"""The `#!` line: what the kernel would start, why it could not, and what is odd about it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookd.system.hooks.shebang import Shebang, read_shebang, warnings_about, why_not_started

FILE = "/etc/hookd/hooks.d/pre/10-x"
HOOK_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@pytest.mark.parametrize(
    ("head", "line"),
    [
        (b"#!/bin/sh\nexit\n", Shebang("/bin/sh")),
        (b"#!/bin/sh", Shebang("/bin/sh")),
        (b"#! \t/bin/sh  -e -u \n", Shebang("/bin/sh", "-e -u")),
        (b"#!/usr/bin/env\tpython3\n", Shebang("/usr/bin/env", "python3")),
        (b"#!\n", Shebang("")),
        (b"\n#!/bin/sh\n", None),
        (b"\x7fELF\0", None),
        (b"", None),
    ],
)
def test_the_line_is_read_as_the_kernel_reads_it(head, line):
    assert read_shebang(head) == line


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (b"#!/bin/sh\n", ""),
        (b"#!/bin/sh -e\n\r\n", ""),
        (b"\x7fELF\0\0", ""),
        (
            b"#!/bin/sh\r\n",
            f"its #! line ends with a carriage return: sed -i 's/\\r$//' {FILE}",
        ),
        (
            b"#!/usr/bin/env bash\r\n",
            f"its #! line ends with a carriage return: sed -i 's/\\r$//' {FILE}",
        ),
        (b"#!/no/such/bash\n", "its interpreter /no/such/bash does not exist"),
        (b"#!bash\n", "its #! line names bash, which is no absolute path"),
        (b"#!\n", "its #! line names no program"),
        (b"#!/etc\n", "its interpreter /etc is no executable file"),
        (b"#!/etc/passwd\n", "its interpreter /etc/passwd is no executable file"),
        (b"#!/bin/\0sh\n", "its interpreter '/bin/\\x00sh' does not exist"),
        (b"echo hello\n", "has no #! line: start it with #!/bin/sh"),
        (
            b"\xef\xbb\xbf#!/bin/sh\n",
            f"starts with a byte-order mark: sed -i '1s/^\\xEF\\xBB\\xBF//' {FILE}",
        ),
    ],
)
def test_what_the_kernel_would_not_start_is_told_with_the_remedy(head, reason):
    assert why_not_started(head, FILE) == reason


@pytest.mark.parametrize(
    ("head", "name", "warnings"),
    [
        (b"#!/bin/bash\n", "10-x.sh", []),
        (b"#!/usr/bin/env sh\n", "10-x.sh", []),
        (b"#!/usr/bin/env -S sh -e\n", "10-x.sh", []),
        (b"#!/usr/bin/python3\n", "10-x", []),
        (b"#!/usr/bin/python3\n", "10-x.sh", ["is named .sh but is run by python3"]),
        (b"#!/usr/bin/perl -w\n", "10-x.sh", ["is named .sh but is run by perl"]),
        (
            b"#!/usr/bin/env no-such-program\n",
            "10-x",
            [f"no-such-program is not found in the PATH that hooks get ({HOOK_PATH})"],
        ),
        (b"#!/usr/bin/env X=1 y\n", "10-x", []),
        (b"#!/usr/bin/env\n", "10-x", []),
        (b"\x7fELF\0", "10-x.sh", []),
    ],
)
def test_what_is_odd_is_a_warning(head, name, warnings):
    assert warnings_about(head, name) == warnings


@given(st.binary(max_size=40))
def test_no_contents_make_it_raise(rest):
    for head in (rest, b"#!" + rest, b"#!/usr/bin/env " + rest):
        why_not_started(head, FILE)
        warnings_about(head, "x.sh")
