"""Whether the journal reads a stream: only the variable and the stream together tell."""

from __future__ import annotations

import io
import os

import pytest

from hookd.system.streams import is_journal


@pytest.fixture
def file(tmp_path):
    with open(tmp_path / "stream", "w", encoding="ascii") as found:
        yield found


def test_the_variable_must_name_this_very_stream(file, monkeypatch):
    found = os.fstat(file.fileno())
    monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino}")
    here = is_journal(file)
    monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino + 1}")

    assert (here, is_journal(file)) == (True, False)


def test_without_the_variable_it_is_not(file, monkeypatch):
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    assert not is_journal(file)


def test_a_stream_that_is_no_file_is_not(monkeypatch):
    monkeypatch.setenv("JOURNAL_STREAM", "8:1")
    assert not is_journal(io.StringIO())
