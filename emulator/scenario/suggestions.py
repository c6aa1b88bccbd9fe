"""How a mistake is put into words: the nearest right word, and a value as it may be shown."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from functools import lru_cache

_LONGEST_SHOWN = 40
_MOST_BITS_SHOWN = 100
_NO_SIGNS = str.maketrans("", "", "-_. ")
_FEWEST_TELLING = 4  # letters: any fewer are in too many words


@lru_cache(maxsize=1024)
def nearest(word: str, right: tuple[str, ...], prefix: str = "") -> tuple[str, ...]:
    """The right words that were probably meant, the best first: those that hold the wrong one, else the one most alike.

    Letter case, signs and blanks make no difference, and a prefix may be missing.
    """
    start = _letters(prefix)
    short = {_letters(candidate).removeprefix(start): candidate for candidate in right}
    wrong = _letters(word).removeprefix(start)
    if wrong not in short and len(wrong) >= _FEWEST_TELLING:
        holding = tuple(candidate for letters, candidate in short.items() if wrong in letters)
        if holding:
            return holding[:2]
    forms = short | {_letters(candidate): candidate for candidate in right}
    return tuple(forms[letters] for letters in get_close_matches(wrong, forms, n=1, cutoff=0.7))


def hint(word: str, right: tuple[str, ...], prefix: str = "") -> str:
    """The end of a message about a wrong word: the right one where it can be guessed, else all that are possible."""
    guesses = nearest(word, right, prefix)
    return f"did you mean {either(guesses)}?" if guesses else f"possible here: {', '.join(right)}"


def either(words: Sequence[str]) -> str:
    """The words as a choice: ``'a', 'b' or 'c'``."""
    quoted = [f"'{word}'" for word in words]
    return " or ".join(part for part in (", ".join(quoted[:-1]), quoted[-1]) if part)


def shown(value: object) -> str:
    """A value in a message: a text in quotes, shortened; a number or a boolean as it is; for anything else its kind."""
    return repr(bare(value)) if isinstance(value, str) else bare(value)


def bare(value: object) -> str:
    """The same without quotes."""
    match value:
        case str():
            return str(value) if len(value) <= _LONGEST_SHOWN else f"{value[:_LONGEST_SHOWN]}…"
        case bool():
            return str(value).lower()
        case int() if value.bit_length() < _MOST_BITS_SHOWN:
            return str(value)
        case float():
            return str(value)
        case _:
            return kind(value)


def kind(value: object) -> str:
    """What sort of value it is, as a person would say."""
    match value:
        case None:
            return "nothing"
        case str():
            return "a text"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case list() | tuple():
            return "a list"
        case dict():
            return "a mapping"
        case _:
            return "something else"


def _letters(text: str) -> str:
    return text.lower().translate(_NO_SIGNS)
