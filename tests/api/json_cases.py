"""JSON texts around the edges of RFC 8259, as bytes: what a body may be, and what it may not.

Each text is a whole body. In `VALID` and `EITHER` the value is placed where an unknown field would stand
(`{"prompt": …, "x": VALUE}`), so that a parser which takes it goes on to refuse the field by its name.
"""

from __future__ import annotations


def _field(value: bytes) -> bytes:
    return b'{"prompt": "paint", "x": ' + value + b"}"


VALID: tuple[bytes, ...] = tuple(
    _field(value)
    for value in (
        b"null",
        b"true",
        b"false",
        b"0",
        b"-0",
        b"-1",
        b"1e5",
        b"1E+5",
        b"1e-5",
        b"0.5",
        b"123456789012345678901234567890",
        b'""',
        b'"a"',
        b'"\\u0000"',
        b'"\\u00e9\\n\\t\\r\\b\\f\\/\\\\\\""',
        b'"\\ud83c\\udfac"',
        b'"\x7f"',
        '"日本"'.encode(),
        '"\u2028\u2029"'.encode(),
        '"\U0010ffff"'.encode(),
        b"[]",
        b"[ ]",
        b"[[[[]]]]",
        b'[1, "a", null, {}]',
        b"{}",
        b'{"": 0}',
        b'{"a": {"b": []}}',
        b" \t\r\n 1 \t\r\n ",
    )
)
"""Every parser must take these."""

EITHER: tuple[bytes, ...] = (
    *(
        _field(value)
        for value in (
            b"1e400",
            b"-1e400",
            b"1e-400",
            b"9" * 400,
            b"9" * 4_300,
            b"9" * 5_000,
            b"0." + b"3" * 5_000,
            b"1e999999999999999999999",
            b'"\\ud800"',
            b'"\\udc00\\ud800"',
            b'"\\ud800\\u0041"',
            b'{"\\udfff": 1}',
            b'{"a": 1, "a": 2}',
            b'"\xef\xbf\xbe"',
            b"[" * 60 + b"]" * 60,
            b"[" * 100 + b"]" * 100,
            b"[" * 5_000 + b"]" * 5_000,
            b'{"a":' * 500 + b"1" + b"}" * 500,
        )
    ),
    b'\xef\xbb\xbf{"prompt": "paint", "x": 1}',
    '{"prompt": "paint", "x": 1}'.encode("utf-16"),
    '{"prompt": "paint", "x": 1}'.encode("utf-16-be"),
    '{"prompt": "paint", "x": 1}'.encode("utf-32-le"),
)
"""A parser may take these or not; it must not break."""

INVALID: tuple[bytes, ...] = (
    *(
        _field(value)
        for value in (
            b"",
            b"nul",
            b"True",
            b"NaN",
            b"Infinity",
            b"-Infinity",
            b"-NaN",
            b"+1",
            b"01",
            b"-01",
            b".5",
            b"5.",
            b"1e",
            b"1e+",
            b"0x10",
            b"1_000",
            b"--1",
            b"- 1",
            "１".encode(),
            b"'a'",
            b"a",
            b'"a',
            b'"\n"',
            b'"\x00"',
            b'"\x1f"',
            b'"\t"',
            b'"\\x41"',
            b'"\\u12"',
            b'"\\uD8"',
            b'"\\u00G0"',
            b'"\\',
            b'"\xff"',
            b'"\xc0\x80"',
            b'"\xed\xa0\x80"',
            b'"\xf4\x90\x80\x80"',
            b'"\xe2\x82"',
            b"[1,]",
            b"[,1]",
            b"[1 2]",
            b"[1",
            b"1]",
            b"{,}",
            b'{"a"}',
            b'{"a":}',
            b'{"a" 1}',
            b"{a: 1}",
            b"{1: 1}",
            b'{"a": 1,}',
            b'{"a": 1,, "b": 2}',
            b"// comment\n1",
            b"/* comment */ 1",
            b"undefined",
            b"1 1",
            b"\xa0" + b"1",
            b"\x0c1",
            b"[" * 100_000,
            b'{"a":' * 100_000,
            b"[[],[]],",
        )
    ),
    b"{",
    b"}",
    b"[",
    b"]",
    b'"',
    b"\x00",
    b"{}{}",
    b'{"prompt": "paint"} trailing',
    b'{"prompt": "paint"',
    b'{"prompt": "paint}',
    b'{"prompt" = "paint"}',
    b"{'prompt': 'paint'}",
    b"prompt=paint",
    b"<prompt>paint</prompt>",
    b'{"prompt": "paint"}\x00',
    b"\xff\xfe",
    b"\xe9",
    b'["prompt", "paint"]',
    b'"paint"',
    b"null",
    b"true",
    b"17",
    b"[]",
)
"""No parser may take these as an object."""
