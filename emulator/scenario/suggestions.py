"""Parts of error messages: the nearest valid word, and how a value is quoted."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from functools import lru_cache

_MAX_LENGTH = 40
_MAX_BITS = 100
_SEPARATORS = str.maketrans("", "", "-_. ")
_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (str, "a text"),
    (bool, "true or false"),
    ((int, float), "a number"),
    ((list, tuple), "a list"),
    (dict, "a mapping"),
)
_MIN_SUBSTRING = 4  # letters; shorter ones are part of too many words


@lru_cache(maxsize=1024)
def nearest(word: str, valid: tuple[str, ...], prefix: str = "") -> tuple[str, ...]:
    """Return the valid words that were probably meant, best first: those that contain the word, else the most similar.

    Letter case and separators are ignored, and ``prefix`` may be missing.
    """
    start = _normalize(prefix)
    short_forms = {_normalize(candidate).removeprefix(start): candidate for candidate in valid}
    wrong = _normalize(word).removeprefix(start)
    if wrong not in short_forms and len(wrong) >= _MIN_SUBSTRING:
        containing = tuple(candidate for letters, candidate in short_forms.items() if wrong in letters)
        if containing:
            return containing[:2]
    forms = short_forms | {_normalize(candidate): candidate for candidate in valid}
    return tuple(forms[letters] for letters in get_close_matches(wrong, forms, n=1, cutoff=0.7))


def hint(word: str, valid: tuple[str, ...], prefix: str = "") -> str:
    """Return the end of a message about a wrong word: the nearest valid ones, or all if none is near."""
    guesses = nearest(word, valid, prefix)
    return f"did you mean {either(guesses)}?" if guesses else f"possible here: {', '.join(valid)}"


def either(words: Sequence[str]) -> str:
    """Return the words as a choice: ``'a', 'b' or 'c'``."""
    quoted = [f"'{word}'" for word in words]
    return " or ".join(part for part in (", ".join(quoted[:-1]), quoted[-1]) if part)


def quote_value(value: object) -> str:
    """Return a value for a message: a text in quotes and shortened, a number or boolean as it is, else its kind."""
    return repr(format_value(value)) if isinstance(value, str) else format_value(value)


def format_value(value: object) -> str:
    """Return the same as :func:`quote_value`, without quotes."""
    if isinstance(value, str):
        return str(value) if len(value) <= _MAX_LENGTH else f"{value[:_MAX_LENGTH]}…"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) or (isinstance(value, int) and value.bit_length() < _MAX_BITS):
        return str(value)
    return kind_of(value)


def kind_of(value: object) -> str:
    """Return the kind of a value in plain words: "a text", "a list" and so on."""
    if value is None:
        return "nothing"
    return next((kind for types, kind in _KINDS if isinstance(value, types)), f"a value of type {type(value).__name__}")


def _normalize(text: str) -> str:
    return text.lower().translate(_SEPARATORS)
