"""What each condition accepts, and how a refusal is told."""

from __future__ import annotations

import pytest

from emulator.core.contract import INT32_MAX, INT32_MIN, Binding
from emulator.core.matching import Absent, Condition, Mismatch, Not, Range, Value, When
from tests.helpers.builders import a_call, matches, one_of, when

ACCEPTED: list[tuple[str, Condition, Value]] = [
    ("a value", one_of(1001), 1001),
    ("one of a list", one_of(1001, 1003), 1003),
    ("an empty text that is wanted", one_of(""), ""),
    ("a binding", one_of(Binding.GET), Binding.GET),
    ("the low end of a range", Range(5, 7), 5),
    ("the high end of a range", Range(5, 7), 7),
    ("the lowest number in a range without a low end", Range(None, 7), INT32_MIN),
    ("the highest number in a range without a high end", Range(5, None), INT32_MAX),
    ("a text that matches as a whole", matches("demo-.*"), "demo-ann"),
    ("a number whose digits match", matches("10.."), 1001),
    ("a binding whose name matches", matches("soap1[12]"), Binding.SOAP12),
    ("a code that was not sent, where none is wanted", Absent(), None),
    ("an empty code, where none is wanted", Absent(), ""),
    ("a code, where one is wanted", Absent(False), "x"),
    ("another value than the unwanted one", Not(one_of("demo-bob")), "demo-ann"),
    ("no code, where one code is unwanted", Not(one_of("demo-bob")), None),
    ("a number outside an unwanted range", Not(Range(5, 7)), 8),
    ("what is not not wanted", Not(Not(one_of(5))), 5),
]

REFUSED: list[tuple[str, Condition, Value]] = [
    ("another value", one_of(1001), 1002),
    ("none of a list", one_of(1001, 1003), 1002),
    ("no code, where an empty one is wanted", one_of(""), None),
    ("another letter case", one_of("demo-ann"), "Demo-Ann"),
    ("another binding", one_of(Binding.GET), Binding.POST),
    ("below a range", Range(5, 7), 4),
    ("above a range", Range(5, 7), 8),
    ("a text with a match in its middle", matches("ann"), "demo-ann-2"),
    ("a text with a line break after its match", matches("ann"), "ann\n"),
    ("no code, whatever the pattern", matches(".*"), None),
    ("a code, where none is wanted", Absent(), "x"),
    ("no code, where one is wanted", Absent(False), None),
    ("an empty code, where one is wanted", Absent(False), ""),
    ("the unwanted value", Not(one_of("demo-bob")), "demo-bob"),
]


@pytest.mark.parametrize(("condition", "value"), [row[1:] for row in ACCEPTED], ids=[row[0] for row in ACCEPTED])
def test_a_condition_accepts(condition: Condition, value: Value) -> None:
    assert condition.accepts(value)


@pytest.mark.parametrize(("condition", "value"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_condition_refuses(condition: Condition, value: Value) -> None:
    assert not condition.accepts(value)


def test_no_conditions_accept_every_call() -> None:
    assert When().accepts(a_call())


def test_all_conditions_must_hold() -> None:
    conditions = when(session=1001, auth_code="demo-ann")

    assert conditions.accepts(a_call(session=1001, auth_code="demo-ann"))
    assert not conditions.accepts(a_call(session=1001, auth_code="demo-bob"))
    assert not conditions.accepts(a_call(session=1002, auth_code="demo-ann"))


def test_a_call_that_is_accepted_has_no_mismatches() -> None:
    assert when(session=1001).mismatches(a_call(session=1001)) == ()


def test_there_is_a_mismatch_for_each_condition_that_refuses() -> None:
    mismatches = when(session=1, node=2, auth_code="x", binding=Binding.GET).mismatches(a_call(node=2))

    assert [mismatch.field for mismatch in mismatches] == ["session", "auth_code", "binding"]


def test_a_mismatch_names_the_field_and_both_values() -> None:
    (mismatch,) = when(session=1001).mismatches(a_call(session=8))

    assert mismatch == Mismatch("session", expected="1001", actual="8")
    assert str(mismatch) == "session is 8, the rule wants 1001"


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        pytest.param(one_of(1, 2), "1 or 2", id="two values"),
        pytest.param(one_of(1, 2, 3), "1, 2 or 3", id="three values"),
        pytest.param(one_of(*range(10, 40)), "10, 11, 12 or 27 others", id="many values"),
        pytest.param(Range(5, 7), "5 to 7", id="a range"),
        pytest.param(Range(5, None), "5 or more", id="a range without a high end"),
        pytest.param(Range(None, 7), "7 or less", id="a range without a low end"),
        pytest.param(matches("10.."), "a text that matches 10..", id="a pattern"),
        pytest.param(Not(one_of(8)), "anything but 8", id="a negation"),
    ],
)
def test_a_condition_tells_what_it_wants(condition: Condition, expected: str) -> None:
    assert condition.wording(str) == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        pytest.param(one_of("demo-bob"), "de***", id="a value"),
        pytest.param(one_of("demo-bob", "secret-8"), "de*** or se***", id="a list"),
        pytest.param(matches("demo-bob"), "a text that matches de***", id="a pattern, which may be a code"),
        pytest.param(Not(one_of("demo-ann")), "anything but de***", id="a negation"),
        pytest.param(Absent(), "none", id="none"),
    ],
)
def test_no_auth_code_is_told_in_full(condition: Condition, expected: str) -> None:
    (mismatch,) = When(auth_code=condition).mismatches(a_call(auth_code="demo-ann"))

    assert (mismatch.expected, mismatch.actual) == (expected, "de***")


def test_codes_that_look_alike_when_masked_are_told_to_differ() -> None:
    (mismatch,) = when(auth_code="demo-bob").mismatches(a_call(auth_code="demo-ann"))

    assert str(mismatch) == "auth_code is de***, the rule wants de*** (another one that begins alike)"


def test_codes_do_not_print_with_their_conditions() -> None:
    assert "demo-bob" not in repr(when(auth_code="demo-bob"))


def test_a_binding_is_told_by_its_word() -> None:
    (mismatch,) = when(binding=Binding.GET).mismatches(a_call(binding=Binding.SOAP12))

    assert str(mismatch) == "binding is soap12, the rule wants get"
