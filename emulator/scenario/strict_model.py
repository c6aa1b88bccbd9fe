"""The base of all models: frozen and strict mappings that report all their mistakes at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Any, ClassVar, Final, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, ValidationError, model_validator
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError, core_schema

from emulator.scenario.source import Path
from emulator.scenario.suggestions import either, hint, kind_of, nearest

AT_KEY: Final = "at_key"
AT_VALUE: Final = "at_value"
OWN_ERRORS: Final = frozenset({AT_KEY, AT_VALUE})
"""The error types whose messages are complete."""

NO_VALUE: Final = "no value; leave the key out, or put a text such as 'null' or '' in quotes"

_build_lock: Final = Lock()
M = TypeVar("M", bound="StrictModel")


def invalid(message: str, error_type: str = AT_VALUE) -> PydanticCustomError:
    """Return an error with a complete message, which is reported at the position of the value or of its key."""
    return PydanticCustomError(error_type, message)


class CrossFieldError(NamedTuple):
    """An error in a mapping as a whole, or between its values; ``path`` is relative to the mapping."""

    message: str
    path: Path = ()
    error_type: str = AT_VALUE

    def details(self) -> InitErrorDetails:
        return InitErrorDetails(type=invalid(self.message, self.error_type), loc=self.path, input=None)


@dataclass(frozen=True)
class ParsedAs:
    """Annotation of a field: validate a mapping as ``model``, and convert the result to the type of the field.

    ``Annotated[When, ParsedAs(WhenModel, WhenModel.build)]`` holds a ``When``; the positions of its errors and its
    JSON Schema are those of ``WhenModel``. With ``scalar``, a single value of that type is accepted too, and with
    ``lists`` a non-empty list of them, which ``convert`` gets as a tuple.
    """

    model: type[BaseModel]
    convert: Callable[[Any], object]
    scalar: Any = None
    lists: bool = False

    def _shape(self, value: object) -> str:
        """Return which member of the union a value is validated as; the mapping explains why there is no list."""
        if isinstance(value, list | tuple) and self.lists:
            return "list"
        return "mapping" if isinstance(value, dict | list | tuple) else "scalar"

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        schema = handler.generate_schema(self.model)
        if self.scalar is not None:  # tagged, so that only the mistakes of the member with the right shape are reported
            members = {"scalar": handler.generate_schema(self.scalar)}
            if self.lists:
                members["list"] = core_schema.tuple_variable_schema(handler.generate_schema(self.scalar), min_length=1)
            schema = core_schema.tagged_union_schema({**members, "mapping": schema}, self._shape)
        return core_schema.no_info_after_validator_function(self.convert, schema)


class Variant(NamedTuple):
    """One way to write a mapping: the keys that it needs, and the keys that it may have besides."""

    needs: tuple[str, ...] = ()
    may: tuple[str, ...] = ()


class StrictModel(BaseModel):
    """A mapping that a person writes. Nulls and unknown keys are errors everywhere."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True, hide_input_in_errors=True)

    noun: ClassVar[str]
    """What messages call it."""
    variants: ClassVar[tuple[Variant, ...]] = ()
    """The variants, of which a mapping must be exactly one. A key unique to one variant identifies it."""
    or_else: ClassVar[str] = ""
    """The end of the message about a mapping that is none of the variants."""
    elsewhere: ClassVar[Mapping[str, str]] = {}
    """By key: the end of the message that the key is not allowed here, which says where it belongs."""
    belongs: ClassVar[Mapping[str, str]] = {}
    """By a key of another mapping: the key of this one under which that mapping is."""
    keys: ClassVar[tuple[str, ...]] = ()
    """All keys, in order."""
    identifying: ClassVar[Mapping[str, Variant]] = {}
    """The variants by the keys that identify them."""
    excluded: ClassVar[Mapping[str, Set[str]]] = {}
    """By identifying key: the keys of other variants, which are not allowed beside it."""

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        cls.keys = tuple(field.alias or name for name, field in cls.model_fields.items())
        pairs = [(key, variant) for variant in cls.variants for key in variant.needs + variant.may]
        keys = [key for key, _ in pairs]
        cls.identifying = {key: variant for key, variant in pairs if keys.count(key) == 1}
        cls.excluded = {key: {*keys} - {*variant.needs, *variant.may} for key, variant in cls.identifying.items()}

    @classmethod
    def meant_by(cls, data: object) -> str | None:  # noqa: ARG003 - for the models that override it
        """Return a clause that says what was probably meant by data that are no mapping; None if that is unclear."""
        return None

    @classmethod
    def raw_errors(cls, data: Mapping[str, object]) -> Iterator[CrossFieldError]:  # noqa: ARG003 - the same
        """Yield what is wrong between values that may be invalid each."""
        return iter(())

    def cross_field_errors(self) -> Iterator[CrossFieldError]:
        """Yield what is wrong between values that are each valid."""
        return iter(())

    @model_validator(mode="wrap")
    @classmethod
    def _validate(cls: type[M], data: Any, handler: Callable[[Any], M]) -> M:
        """Validate a mapping, and raise all errors together: in its keys, in its values, and between them."""
        if not isinstance(data, dict):
            meant = None if data is None else cls.meant_by(data)
            end = f"; {meant}" if meant else ""
            raise invalid(f"{cls.noun} is a mapping of {', '.join(cls.keys)}, not {kind_of(data)}{end}")
        reported, errors = _key_errors(cls, tuple(data))
        nulls = [key for key, value in data.items() if value is None] if None in data.values() else ()
        if nulls:  # such as the key ``b`` that YAML reads in {name: a, b}
            comma = "; a text with ',' in it needs quotes"
            errors = tuple(
                error._replace(message=error.message + comma) if {*error.path} & {*nulls} - {*cls.keys} else error
                for error in errors
            )
        no_values = (CrossFieldError(NO_VALUE, (key,)) for key in nulls if key in cls.keys)
        details = [error.details() for error in (*errors, *no_values, *cls.raw_errors(data))]
        try:
            model = handler(data)
        except ValidationError as error:
            value_errors = error.errors(include_url=False)
            skip = {*reported, *nulls}
            details += [_raised_again(each) for each in value_errors if not skip.intersection(each["loc"][:1])]
            invalid_keys = {each["loc"][:1] for each in value_errors}
            with suppress(ValidationError):  # a required value is not valid
                model = handler({key: value for key, value in data.items() if (key,) not in invalid_keys})
                details += [each.details() for each in model.cross_field_errors()]
        else:
            details += [error.details() for error in model.cross_field_errors()]
            if not details:
                return model
        raise ValidationError.from_exception_data(cls.__name__, details)

    @classmethod
    def built(cls: type[M]) -> type[M]:
        """Return the class with its validator built. Most programs use few models, so each is built on first use."""
        if not cls.__pydantic_complete__:
            with _build_lock:  # pydantic 2.10 has no lock of its own
                cls.model_rebuild()
        return cls


@lru_cache(maxsize=1024)  # thousands of rules have the same few combinations of keys
def _key_errors(cls: type[StrictModel], keys: tuple[str, ...]) -> tuple[frozenset[str], tuple[CrossFieldError, ...]]:
    """Return the keys that need no further error, and what is wrong with the combination of keys."""
    unknown = [key for key in keys if key not in cls.keys]
    meant = [guess for key in unknown for guess in nearest(key, cls.keys)[:1] if guess not in keys]
    errors = [CrossFieldError(f"unknown key; {_hint(cls, key)}", (key,), AT_KEY) for key in unknown]
    errors += _variant_errors(cls, keys, (*keys, *meant)) if cls.variants else ()
    return frozenset((*unknown, *meant)), tuple(errors)


def _hint(cls: type[StrictModel], key: str) -> str:
    parent = cls.belongs.get(key)
    return f"it belongs in '{parent}': {parent}: {{{key}: ...}}" if parent else hint(key, cls.keys)


def _variant_errors(cls: type[StrictModel], keys: tuple[str, ...], meant: tuple[str, ...]) -> Iterator[CrossFieldError]:
    """Yield what is wrong with the choice of a variant; ``meant`` has valid keys in place of misspelt ones."""
    first = next((key for key in meant if key in cls.identifying), None)
    if first is not None:
        for key in keys:
            if key in cls.excluded[first]:
                yield CrossFieldError(f"not allowed beside '{first}'{cls.elsewhere.get(key, '')}", (key,), AT_KEY)
        for key in cls.identifying[first].needs:
            if key not in meant:
                yield CrossFieldError(f"'{key}' is missing")
    elif all(key in cls.keys for key in keys):
        first_keys = [key for key, variant in cls.identifying.items() if key in variant.needs or not variant.needs]
        yield CrossFieldError(f"needs {either(first_keys)}{cls.or_else}")


def _raised_again(details: ErrorDetails) -> InitErrorDetails:
    """Return an error of a nested value in the form in which it can be raised again."""
    error: str | PydanticCustomError = details["type"]
    if error in OWN_ERRORS:
        error = invalid(details["msg"], details["type"])
    return InitErrorDetails(type=error, loc=details["loc"], input=details["input"], ctx=details.get("ctx", {}))
