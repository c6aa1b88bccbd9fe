"""What every mapping that a person writes has in common: it is frozen, strict, and tells all that is wrong at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from threading import Lock
from typing import Any, ClassVar, Final, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from emulator.scenario.source import Path
from emulator.scenario.suggestions import either, hint, kind, nearest

AT_KEY: Final = "at_key"
AT_VALUE: Final = "at_value"
NO_VALUE: Final = "no value; leave the key out, or put a text such as 'null' or '' in quotes"

_building: Final = Lock()
W = TypeVar("W", bound="StrictModel")


def mistake(message: str, at: str = AT_VALUE) -> PydanticCustomError:
    """The error for something wrong, to be shown at a value or at its key; the message is complete."""
    return PydanticCustomError(at, message)


class CrossFieldError(NamedTuple):
    """One thing wrong in a mapping, at the place that leads there from the mapping."""

    message: str
    place: Path = ()
    at: str = AT_VALUE

    def details(self) -> InitErrorDetails:
        """The mistake as pydantic keeps it."""
        return InitErrorDetails(type=mistake(self.message, self.at), loc=self.place, input=None)


def shape(value: object) -> str:
    """What a value is by its shape, so that a mistake in one way to write it is not told for the others as well."""
    match value:
        case dict():
            return "mapping"
        case list() | tuple():
            return "list"
        case _:
            return "scalar"


class Variant(NamedTuple):
    """One of several variants to write a mapping: the keys that it needs, and those that it may have besides."""

    needs: tuple[str, ...] = ()
    may: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """All keys of this way."""
        return self.needs + self.may


class StrictModel(BaseModel):
    """A mapping that a person writes. A null is a mistake everywhere, and so is an unknown key."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True, hide_input_in_errors=True)

    noun: ClassVar[str]
    """What a person calls it."""
    variants: ClassVar[tuple[Variant, ...]] = ()
    """The variants to write it, of which a person takes one. A key of a single way is what tells that way."""
    or_else: ClassVar[str] = ""
    """What one who took no way may have wanted instead, as the end of a message."""
    elsewhere: ClassVar[Mapping[str, str]] = {}
    """Where a key belongs that cannot stand where it is, as the end of a message."""
    keys: ClassVar[Mapping[str, None]] = {}
    """The keys that it takes, in order."""
    telling: ClassVar[Mapping[str, Variant]] = {}
    """The variants, by the keys that tell them."""
    foreign: ClassVar[Mapping[str, frozenset[str]]] = {}
    """The keys of other variants that cannot stand beside a telling key."""

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        cls.keys = dict.fromkeys(field.alias or name for name, field in cls.model_fields.items())
        every = [key for way in cls.variants for key in way.keys]
        cls.telling = {key: way for way in cls.variants for key in way.keys if every.count(key) == 1}
        cls.foreign = {key: frozenset(every) - {*way.keys} for key, way in cls.telling.items()}

    def cross_field_errors(self) -> Iterator[CrossFieldError]:
        """What is wrong between values that are right by themselves."""
        return iter(())

    @model_validator(mode="wrap")
    @classmethod
    def _read(cls: type[W], data: Any, handler: Callable[[Any], W]) -> W:
        """Read a mapping, and raise all its mistakes together: those of its keys, of its values, and between them."""
        if not isinstance(data, dict):
            raise mistake(f"{cls.noun} is a mapping of {', '.join(cls.keys)}, not {kind(data)}")
        settled, misfits = _misfits(cls, tuple(data))
        nulls = [key for key, value in data.items() if value is None] if None in data.values() else ()
        mistakes = [found.details() for found in (*misfits, *(CrossFieldError(NO_VALUE, (key,)) for key in nulls))]
        try:
            written = handler(data)
        except ValidationError as error:
            errors = error.errors(include_url=False)
            told = {*settled, *nulls}
            mistakes += [_again(details) for details in errors if not told.intersection(details["loc"][:1])]
            mistakes += cls._contradictions_beside(errors, data, handler)
        else:
            mistakes += [contradiction.details() for contradiction in written.cross_field_errors()]
            if not mistakes:
                return written
        raise ValidationError.from_exception_data(cls.__name__, mistakes)

    @classmethod
    def _contradictions_beside(
        cls: type[W], errors: list[ErrorDetails], data: dict[Any, Any], handler: Callable[[Any], W]
    ) -> list[InitErrorDetails]:
        """The cross_field_errors among those values in which there is no error."""
        wrong = {details["loc"][:1] for details in errors}
        try:
            written = handler({key: value for key, value in data.items() if (key,) not in wrong})
        except ValidationError:  # a value that cannot be left out is wrong or missing
            return []
        return [contradiction.details() for contradiction in written.cross_field_errors()]

    @classmethod
    def built(cls: type[W]) -> type[W]:
        """The model, ready to read: most programs read few of all models, so each is built when it is first used."""
        if not cls.__pydantic_complete__:
            with _building:  # the oldest pydantic has no lock of its own
                cls.model_rebuild()
        return cls

    @classmethod
    def beginnings(cls) -> list[str]:
        """The keys of which one must be there."""
        return [key for key, way in cls.telling.items() if key in way.needs or not way.needs]


@lru_cache(maxsize=1024)
def _misfits(cls: type[StrictModel], keys: tuple[str, ...]) -> tuple[frozenset[str], tuple[CrossFieldError, ...]]:
    """The keys of which nothing more needs to be said, and what is wrong with the choice of keys.

    The same few choices come back in rule after rule, so what was found is kept.
    """
    right = tuple(cls.keys)
    unknown = [key for key in keys if key not in right]
    meant = [guess for key in unknown for guess in nearest(key, right)[:1] if guess not in keys]
    mistakes = [CrossFieldError(f"unknown key; {hint(key, right)}", (key,), AT_KEY) for key in unknown]
    mistakes += _wayward(cls, keys, (*keys, *meant)) if cls.variants else ()
    return frozenset((*unknown, *meant)), tuple(mistakes)


def _wayward(cls: type[StrictModel], keys: tuple[str, ...], meant: tuple[str, ...]) -> Iterator[CrossFieldError]:
    """What is wrong with the choice of a way; among what was meant, an unknown key is the one that it is nearest to."""
    first = next((key for key in meant if key in cls.telling), None)
    if first is not None:
        for key in keys:
            if key in cls.foreign[first]:
                yield CrossFieldError(f"cannot stand beside '{first}'{cls.elsewhere.get(key, '')}", (key,), AT_KEY)
        for key in cls.telling[first].needs:
            if key not in meant:
                yield CrossFieldError(f"'{key}' is missing")
    elif all(key in cls.keys for key in keys):
        yield CrossFieldError(f"needs {either(cls.beginnings())}{cls.or_else}")


def _again(details: ErrorDetails) -> InitErrorDetails:
    """An error from further down, as it is raised once more."""
    error: str | PydanticCustomError = details["type"]
    if error in (AT_KEY, AT_VALUE):
        error = mistake(details["msg"], details["type"])
    return InitErrorDetails(type=error, loc=details["loc"], input=details["input"], ctx=details.get("ctx", {}))
