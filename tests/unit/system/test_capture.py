"""What is kept of an output stream, on disk and as text."""

from __future__ import annotations

import os
import pathlib
import tempfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookd.core.model import Stream
from hookd.system.process.capture import SHOWN, Capture
from hookd.system.process.kept import mend


def captured(path, *chunks, cap=1 << 20):
    capture = Capture(str(path), cap)
    for chunk in chunks:
        capture.feed(chunk)
    return capture.close()


def test_no_output_makes_no_file(tmp_path):
    assert captured(tmp_path / "out") == Stream()
    assert os.listdir(str(tmp_path)) == []


def test_short_output_is_all_in_the_head(tmp_path):
    path = tmp_path / "out"
    assert captured(path, b"one\n", b"two\n") == Stream(str(path), 8, "one\ntwo\n")
    assert path.read_bytes() == b"one\ntwo\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_longer_output_continues_in_the_tail_without_overlap(tmp_path):
    path = tmp_path / "out"
    data = b"a" * SHOWN + b"b" * 10
    assert captured(path, data) == Stream(str(path), SHOWN + 10, "a" * SHOWN, "b" * 10)


def test_long_output_hides_its_middle(tmp_path):
    path = tmp_path / "out"
    data = b"a" * SHOWN + b"m" * 700 + b"z" * SHOWN
    expected = Stream(str(path), len(data), "a" * SHOWN, "z" * SHOWN, hidden=700)
    assert captured(path, data) == expected
    assert path.read_bytes() == data


def test_over_the_cap_the_middle_is_dropped_and_marked(tmp_path):
    path = tmp_path / "out"
    data = b"a" * 5000 + b"m" * 90000 + b"z" * 5000
    stream = captured(path, data, cap=10000)
    expected = Stream(
        str(path), 100000, "a" * SHOWN, "z" * SHOWN, hidden=10000 - 2 * SHOWN, dropped=90000
    )
    assert stream == expected
    marker = b"\n[hookd: 90000 bytes hidden]\n"
    assert path.read_bytes() == b"a" * 5000 + marker + b"z" * 5000
    assert os.listdir(str(tmp_path)) == ["out"]


@given(
    data=st.binary(max_size=400),
    cuts=st.lists(st.integers(0, 400), max_size=8),
    cap=st.integers(0, 300),
)
def test_any_output_in_any_pieces_keeps_its_ends(data, cuts, cap):
    edges = [0, *sorted(cuts), len(data)]
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "out")
        pieces = (data[begin:end] for begin, end in zip(edges, edges[1:]))
        stream = captured(path, *(piece for piece in pieces if piece), cap=cap)
        kept = path.read_bytes() if path.exists() else b""
        assert set(os.listdir(folder)) <= {"out"}
    hidden = max(0, len(data) - cap)
    if not hidden:
        assert kept == data
    elif cap:
        marker = b"\n[hookd: %d bytes hidden]\n" % hidden
        assert kept == data[: cap // 2] + marker + data[len(data) - (cap - cap // 2) :]
    assert (stream.bytes, stream.dropped, stream.hidden) == (len(data), hidden, 0)


@pytest.mark.parametrize("length", range(4))
def test_a_character_at_the_edge_of_the_head_is_not_cut_in_two(tmp_path, length):
    before = "a" * (SHOWN - length)
    stream = captured(tmp_path / "out", (before + "\U0001f680" + "z").encode())
    assert stream.head + stream.tail == before + "\U0001f680z"
    assert stream.hidden == 0


@pytest.mark.parametrize("length", range(4))
def test_a_character_at_the_edge_of_the_tail_is_not_cut_in_two(tmp_path, length):
    text = "a" * 9000 + "\U0001f680" + "z" * (SHOWN - length)
    stream = captured(tmp_path / "out", text.encode())
    assert stream.tail == "z" * (SHOWN - length)
    assert stream.hidden == len(text.encode()) - SHOWN - (SHOWN - length)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"tab\tline\n", "tab\tline\n"),
        (b"\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        (b"crlf\r\n", "crlf\\x0d\n"),
        (b"\xff\xfe\x00", "\\xff\\xfe\\x00"),
        ("gr\u00fcn \u6f22".encode(), "gr\u00fcn \u6f22"),
        ("\u202eevil".encode(), "\\u202eevil"),
        ("\u0085".encode(), "\\x85"),
        (b"cut \xe6\xbc", "cut \\xe6\\xbc"),
    ],
)
def test_text_is_safe_for_terminals(tmp_path, data, text):
    assert captured(tmp_path / "out", data).head == text


def test_the_next_try_is_appended(tmp_path):
    path = tmp_path / "out"
    captured(path, b"first\n")
    assert captured(path, b"second\n") == Stream(str(path), 7, "second\n")
    assert path.read_bytes() == b"first\nsecond\n"


def test_a_missing_folder_drops_the_output_and_keeps_the_text(tmp_path):
    stream = captured(tmp_path / "none" / "out", b"said\n")
    assert stream == Stream("", 5, "said\n", dropped=5)


def test_links_and_fifos_are_not_written_to(tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (tmp_path / "link").symlink_to(precious)
    os.mkfifo(str(tmp_path / "fifo"))
    for name in ("link", "fifo"):
        stream = captured(tmp_path / name, b"said\n")
        assert stream == Stream("", 5, "said\n", dropped=5)
    assert precious.read_text() == "mine"


def test_a_killed_engine_leaves_both_ends_and_they_can_be_joined(tmp_path):
    path = tmp_path / "out"
    cut_off = Capture(str(path), 10)
    for chunk in (b"begin", b"middle", b"xx", b"12345"):
        cut_off.feed(chunk)
    assert mend(str(path))
    text = path.read_bytes()
    assert text.startswith(b"begin\n[hookd: an unknown number of bytes hidden]\n")
    assert text.endswith(b"12345")
    assert os.listdir(str(tmp_path)) == ["out"]
    assert not mend(str(path))
    cut_off.close()


def test_the_next_try_joins_what_a_killed_engine_left(tmp_path):
    path = tmp_path / "out"
    cut_off = Capture(str(path), 10)
    cut_off.feed(b"begin")
    cut_off.feed(b"end")
    captured(path, b"again")
    marker = b"\n[hookd: an unknown number of bytes hidden]\n"
    assert path.read_bytes() == b"begin" + marker + b"endagain"
    cut_off.close()
