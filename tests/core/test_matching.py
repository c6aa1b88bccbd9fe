"""What each condition accepts, and the mismatches of a call."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emulator.core.contract import INT32_MAX, INT32_MIN, Binding
from emulator.core.matching import Absent, Condition, Mismatch, Not, Range, Value, When
from tests.helpers.builders import a_call, matches, one_of, when

ACCEPTED: list[tuple[str, Condition, Value]] = [
    ("a value", one_of(1001), 1001),
    ("an empty text that is wanted", one_of(""), ""),
    ("a binding", one_of(Binding.GET), Binding.GET),
    ("the low end of a range", Range(5, 7), 5),
    ("the high end of a range", Range(5, 7), 7),
    ("the lowest number in a range without a low end", Range(None, 7), INT32_MIN),
    ("the highest number in a range without a high end", Range(5, None), INT32_MAX),
    ("a text that matches as a whole", matches("demo-.*"), "demo-ann"),
    ("a number whose digits match", matches("10.."), 1001),
    ("a code that was not sent, where none is wanted", Absent(), None),
    ("an empty code, where none is wanted", Absent(), ""),
    ("a code, where one is wanted", Absent(False), "x"),
    ("another value than the unwanted one", Not(one_of("demo-bob")), "demo-ann"),
    ("no code, where one code is unwanted", Not(one_of("demo-bob")), None),
    ("a number outside an unwanted range", Not(Range(5, 7)), 8),
    ("what is not not wanted", Not(Not(one_of(5))), 5),
]

REJECTED: list[tuple[str, Condition, Value]] = [
    ("another value", one_of(1001), 1002),
    ("no code, where an empty one is wanted", one_of(""), None),
    ("another letter case", one_of("demo-ann"), "Demo-Ann"),
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


@pytest.mark.parametrize(("name", "condition", "value"), ACCEPTED + REJECTED)
def test_a_condition_accepts_or_rejects(name: str, condition: Condition, value: Value) -> None:
    assert condition.accepts(value) is ((name, condition, value) in ACCEPTED)


def test_all_conditions_must_hold_and_there_is_a_mismatch_for_each_that_rejects() -> None:
    conditions, accepted = when(session=1, node=2, auth_code="x", binding=Binding.GET), a_call(1, 2, "x", Binding.GET)

    assert When().accepts(a_call())
    assert conditions.accepts(accepted)
    assert conditions.mismatches(accepted) == ()
    assert not conditions.accepts(replace(accepted, auth_code="y"))
    assert not conditions.accepts(replace(accepted, session=3))
    assert [miss.field for miss in conditions.mismatches(a_call(node=2))] == ["session", "auth_code", "binding"]


def test_a_mismatch_names_the_field_and_both_values() -> None:
    conditions = when(session=1001, auth_code="demo-ann", binding=Binding.GET)
    mismatches = conditions.mismatches(a_call(session=1002, auth_code="demo-amn"))

    assert mismatches[0] == Mismatch("session", expected="1001", actual="1002")
    assert [mismatch.text() for mismatch in mismatches] == [
        "session is 1002, the rule wants 1001",
        "auth_code is demo-amn, the rule wants demo-ann (they differ at character 7)",
        "binding is soap11, the rule wants get",
    ]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (one_of(1, 2, 3), "1, 2 or 3"),
        (one_of(*range(10, 40)), "10, 11, 12 or 27 others"),
        (one_of("", "demo-ann"), "(empty) or demo-ann"),
        (one_of(Binding.GET), "get"),
        (Range(5, 7), "5 to 7"),
        (Range(5, None), "5 or more"),
        (Range(None, 7), "7 or less"),
        (matches("10.."), "a text that matches 10.."),
        (Absent(), "none"),
        (Absent(False), "any that was sent"),
        (Not(one_of(8)), "anything but 8"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_wording_of_a_condition(condition: Condition, expected: str) -> None:
    assert condition.wording() == expected


@pytest.mark.parametrize(
    ("condition", "actual", "differs_at", "difference"),
    [
        pytest.param(one_of("demo-ann"), "demo-amn", 7, "they differ at character 7", id="one code"),
        pytest.param(one_of("demo-ann"), "xemo-ann", 1, "they differ at character 1", id="the first character"),
        pytest.param(one_of("demo-ann"), "demo", 5, "{}, where the call's ends", id="a shorter code"),
        pytest.param(one_of("demo-ann"), "demo-annx", 9, "{}, where the call's goes on", id="a longer code"),
        pytest.param(one_of("demo-ann"), "demo-ann ", 9, "{}, where the call's has a blank at its end", id="a blank"),
        pytest.param(one_of("demo-ann"), " demo-ann", 1, "{}, where the call's has a blank", id="a blank before it"),
        pytest.param(one_of("demo-ann"), "demo-Ann", 6, "{}, in letter case", id="letter case"),
        pytest.param(one_of("demo-ann"), "demo\u200b-ann", 5, "{}, where the call's has U+200B", id="an invisible one"),
        pytest.param(
            one_of("demo\u00a0ann"), "demo-ann", 5, "{}, where U+00A0 is wanted", id="an invisible one wanted"
        ),
        pytest.param(one_of("cafe\u0301"), "cafe", 5, "{}, where the call's ends", id="a mark that is missing"),
        pytest.param(
            one_of("demo-ann", "demo-bob", ""),
            "demo-bib",
            7,
            "it differs from demo-bob at character 7",
            id="of several",
        ),
        pytest.param(
            one_of("demo-ann", "demo-bob"), "dema-bob", 4, "it differs from demo-bob at character 4", id="by its end"
        ),
        pytest.param(
            one_of("demo-ann", "demo-bob"),
            "DEMO-BOB",
            1,
            "it differs from demo-bob {}, in letter case",
            id="by its case",
        ),
        pytest.param(
            one_of(*(f"{n:05}-{n % 7}" for n in range(50_000))),
            *("49998-x", 7, "it differs from 49998-4 at character 7"),
            id="the nearest of many",
        ),
        pytest.param(one_of(""), "demo-ann", None, None, id="an empty code is no text to compare"),
        pytest.param(one_of("demo-ann"), "", None, None, id="an empty code was sent"),
        pytest.param(one_of("demo-ann"), None, None, None, id="no code was sent"),
        pytest.param(matches("demo-a.*"), "demo-bob", None, None, id="a pattern"),
        pytest.param(Not(one_of("demo-ann")), "demo-ann", None, None, id="a negation"),
    ],
)
def test_a_mismatch_says_at_which_character_the_codes_differ_and_what_cannot_be_seen(
    condition: Condition, actual: str | None, differs_at: int | None, difference: str | None
) -> None:
    (mismatch,) = When(auth_code=condition).mismatches(a_call(auth_code=actual))

    position = f"at character {differs_at}"
    text = difference and difference.format(position if "from" in difference else f"they differ {position}")
    assert (mismatch.as_data().get("differs_at"), mismatch.as_data().get("difference")) == (differs_at, text)
    added = f" ({text})" if text else ""
    assert mismatch.text("wanted is") == f"auth_code is {mismatch.actual}, wanted is {mismatch.expected}{added}"


@pytest.mark.parametrize(
    ("condition", "codes"),
    [
        (one_of("demo-ann", "demo-bob"), {"demo-ann", "demo-bob"}),
        (Not(Not(one_of("demo-ann"))), {"demo-ann"}),
        (matches("demo-ann"), set()),
        (None, set()),
    ],
    ids=["a list", "a negation", "a pattern", "no condition"],
)
def test_the_codes_that_conditions_name(condition: Condition | None, codes: set[str]) -> None:
    assert When(session=one_of(1), auth_code=condition).literal_codes() == codes


def test_the_codes_of_a_mismatch_do_not_print() -> None:
    assert "demo-" not in repr(when(auth_code="demo-bob").mismatches(a_call(auth_code="demo-ann")))
