"""How a text from outside is printed: what would end a line, steer a terminal or turn the writing is escaped."""

from __future__ import annotations


def visible(text: str, keep: str = "") -> str:
    """The text with each sign that no printer should obey as Python would write it; those in ``keep`` stay.

    >>> visible("line\\r\\nforged \\x1b[31mred\\u202e"), visible("two\\nlines", keep="\\n")
    ('line\\\\r\\\\nforged \\\\x1b[31mred\\\\u202e', 'two\\nlines')
    """
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() or sign in keep else _escape(sign) for sign in text)


def _escape(sign: str) -> str:
    return sign.encode("unicode_escape").decode("ascii")
