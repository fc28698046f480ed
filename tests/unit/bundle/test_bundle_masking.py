"""What leaves the machine in a bundle has no secrets, and is else as it was."""

from __future__ import annotations

import io
import json

from hookd.bundle import masking

KEY = "-----BEGIN RSA PRIVATE KEY-----\n{}-----END RSA PRIVATE KEY-----\n"
BASE64_LINE = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo\n"


def _lines(data: bytes, most: int = 1 << 30) -> bytes:
    return b"".join(masking.json_lines(io.BytesIO(data), most))


def _text(data: bytes, most: int = 1 << 30) -> bytes:
    return b"".join(masking.text(io.BytesIO(data), most))


def test_a_line_without_secrets_stays_byte_for_byte():
    line = b'{"b" : 1.50,"a":["x", null]}'

    assert _lines(line + b"\n" + line) == line + b"\n" + line


def test_settings_are_masked_by_their_names_and_other_texts_by_what_they_say():
    line = {
        "settings": {"TOKEN_OF_MINE": "abc", "DB_SECRET_ARN": "arn:x", "PORT": "80"},
        "TOKEN_OF_MINE": "no setting",
        "reason": "PASSWORD=hunter2",
        "password": "x",
        "n": 1,
    }

    assert json.loads(_lines(json.dumps(line).encode())) == {
        "settings": {"TOKEN_OF_MINE": "[masked]", "DB_SECRET_ARN": "arn:x", "PORT": "80"},
        "TOKEN_OF_MINE": "no setting",
        "reason": "PASSWORD=[masked]",
        "password": "[masked]",
        "n": 1,
    }


def test_keys_are_masked_and_none_is_lost_when_two_become_alike():
    line = b'{"http://u:one@h/": {"status": 200}, "http://u:two@h/": {"status": 404}}'

    assert json.loads(_lines(line)) == {
        "http://u:[masked]@h/": {"status": 200},
        "http://u:[masked]@h/#2": {"status": 404},
    }


def test_of_a_key_that_stands_twice_neither_value_gets_through():
    found = _lines(b'{"a": "PASSWORD=hunter2", "a": "fine"}\n')

    assert found == b'{"a":"fine"}\n'


def test_what_is_no_json_is_masked_as_text():
    assert _lines(b'{"reason": "PASSWORD=hunter2", "half') == (
        b'{"reason": "PASSWORD=[masked]", "half'
    )
    assert _lines(b"[" * 100_000 + b"\n") == b"[" * 100_000 + b"\n"
    assert _text(b"\xff PASSWORD=hunter2\n") == b"\\xff PASSWORD=[masked]\n"


def test_a_private_key_is_masked_wherever_the_blocks_of_a_file_part_it():
    body = BASE64_LINE * 20
    for short_of in (0, 40, 400, 760):  # after its first line, in the middle, before its last
        before = (1 << 20) - short_of
        found = _text(b"x" * before + b"\n" + KEY.format(body).encode() + b"after\n")
        assert b"QUJD" not in found
        assert found.endswith(b"after\n")


def test_a_line_that_is_too_long_to_be_masked_is_left_out_and_says_so():
    long = b"x" * ((4 << 20) + 1)

    assert _text(b"before\n" + long + b"\nafter\n") == (
        b"before\n[a line of 4194306 bytes was left out]\nafter\n"
    )
    assert _lines(long) == b"[a line of 4194305 bytes was left out]\n"


def test_no_more_is_read_than_was_asked_for():
    assert _text(b"one\ntwo\n", most=5) == b"one\nt"
    assert _text(b"x" * (5 << 20), most=(4 << 20) + 2) == (
        b"[a line of 4194306 bytes was left out]\n"
    )
