"""The conditions of a rule as a person writes them: a value, a list of values, or a mapping that says more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Discriminator, Field, Tag

from emulator.scenario.scalars import BindingWord, Int32, Truth
from emulator.scenario.texts import Pattern, Text
from emulator.scenario.written import Mistake, Way, Written, shape


class NumberCondition(Written):
    """A condition on a number: a range, a regular expression, or the opposite of a condition."""

    noun: ClassVar[str] = "a condition on a number"
    ways: ClassVar[tuple[Way, ...]] = (Way(may=("from", "to")), Way(("matches",)), Way(("not",)))

    from_: Int32 | None = Field(default=None, alias="from")
    """The lowest number accepted; left out, there is none."""
    to: Int32 | None = None
    """The highest number accepted; left out, there is none."""
    matches: Pattern | None = None
    """A regular expression (Python syntax) that the whole number, as decimal text, must match."""
    not_: NumberTest | None = Field(default=None, alias="not")
    """Anything but this value, list or condition."""

    def contradictions(self) -> Iterator[Mistake]:
        """A range must not end before it begins."""
        if self.from_ is not None and self.to is not None and self.from_ > self.to:
            yield Mistake(f"from {self.from_} to {self.to} accepts nothing: 'from' is above 'to'")


class TextCondition(Written):
    """A condition on an auth code: a regular expression, whether there is one, or the opposite of a condition."""

    noun: ClassVar[str] = "a condition on an auth code"
    ways: ClassVar[tuple[Way, ...]] = (Way(("matches",)), Way(("absent",)), Way(("not",)))

    matches: Pattern | None = Field(default=None, repr=False)
    """A regular expression (Python syntax) that the whole auth code must match."""
    absent: Truth | None = None
    """true: the auth code is empty or was not sent; false: one was sent."""
    not_: TextTest | None = Field(default=None, alias="not", repr=False)
    """Anything but this text, list or condition."""


class BindingCondition(Written):
    """A condition on the binding: a regular expression, or the opposite of a condition."""

    noun: ClassVar[str] = "a condition on the binding"
    ways: ClassVar[tuple[Way, ...]] = (Way(("matches",)), Way(("not",)))

    matches: Pattern | None = None
    """A regular expression (Python syntax) that the whole name of the binding must match."""
    not_: BindingTest | None = Field(default=None, alias="not")
    """Anything but this binding, list or condition."""


NumberTest = Annotated[
    Annotated[Int32, Tag("scalar")]
    | Annotated[tuple[Int32, ...], Field(min_length=1), Tag("list")]
    | Annotated[NumberCondition, Tag("mapping")],
    Discriminator(shape),
]
TextTest = Annotated[
    Annotated[Text, Tag("scalar")]
    | Annotated[tuple[Text, ...], Field(min_length=1), Tag("list")]
    | Annotated[TextCondition, Tag("mapping")],
    Discriminator(shape),
]
BindingTest = Annotated[
    Annotated[BindingWord, Tag("scalar")]
    | Annotated[tuple[BindingWord, ...], Field(min_length=1), Tag("list")]
    | Annotated[BindingCondition, Tag("mapping")],
    Discriminator(shape),
]


class WrittenWhen(Written):
    """The conditions of a rule, all of which must hold."""

    noun: ClassVar[str] = "when"
    ways: ClassVar[tuple[Way, ...]] = (Way(may=("session", "node", "auth_code", "binding")),)
    or_else: ClassVar[str] = "; a rule for every call has no 'when'"

    session: NumberTest | None = None
    """The session's id: a number, a list of numbers, or a condition."""
    node: NumberTest | None = None
    """The technician's node: a number, a list of numbers, or a condition."""
    auth_code: TextTest | None = Field(default=None, repr=False)
    """The secret auth code: a text exactly as written, quoted or not, a list of texts, or a condition."""
    binding: BindingTest | None = None
    """How the call arrives: soap11, soap12, get or post, a list of these, or a condition."""
