"""Which conditions certainly cover others, and which rules are unreachable."""

from __future__ import annotations

import time

import pytest
from hypothesis import given

from emulator.core.contract import INT32_MAX, INT32_MIN, Binding, Call
from emulator.core.matching import Absent, Not, Range, When
from emulator.core.reachability import covers, unreachable
from emulator.core.rules import Rule
from tests.core.test_rule_index import calls, whens
from tests.helpers.builders import a_rule, matches, one_of, when

COVERED = {
    "everything covers a value": (when(), when(session=1)),
    "a value covers itself": (when(session=1), when(session=1)),
    "a list covers a shorter one": (when(session=one_of(1, 2, 3)), when(session=one_of(1, 3))),
    "a list of neighbours covers a range": (when(node=one_of(1, 2, 3)), when(node=Range(1, 3))),
    "a range covers a list": (when(session=Range(1, 9)), when(session=one_of(1, 9))),
    "an open range covers a closed one": (when(session=Range(1, None)), when(session=Range(2, 9))),
    "a range of all numbers covers any": (when(session=Range(INT32_MIN, INT32_MAX)), when(node=1)),
    "a negation covers a value": (when(session=Not(one_of(1))), when(session=2)),
    "a negation covers a range beside it": (when(session=Not(one_of(1))), when(session=Range(2, 9))),
    "a negation covers a wider one": (when(session=Not(one_of(1))), when(session=Not(one_of(1, 2)))),
    "a pattern covers a text": (when(auth_code=matches("demo-.*")), when(auth_code="demo-ann")),
    "a pattern covers itself": (when(auth_code=matches("demo-.*")), when(auth_code=matches("demo-.*"))),
    "any sent code covers a code": (when(auth_code=Absent(False)), when(auth_code="demo-ann")),
    "any sent code covers nonempty texts": (when(auth_code=Absent(False)), when(auth_code=matches("a+"))),
    "no code covers an empty one": (when(auth_code=Absent()), when(auth_code="")),
    "a negated code covers no code": (when(auth_code=Not(one_of("a"))), when(auth_code=Absent())),
    "a negated code covers another pattern": (when(auth_code=Not(one_of("a"))), when(auth_code=matches("b+"))),
    "all bindings cover any": (when(binding=one_of(*Binding)), when(node=1)),
    "a negated binding covers the others": (when(binding=Not(one_of(Binding.GET))), when(binding=Binding.POST)),
}

NOT_COVERED = {
    "a value and everything": (when(session=1), when()),
    "a value of another field": (when(session=1), when(node=1)),
    "one field more": (when(session=1, node=1), when(session=1)),
    "a list and another": (when(session=one_of(1, 2)), when(session=one_of(1, 3))),
    "a list with a gap and a range": (when(session=one_of(1, 3)), when(session=Range(1, 3))),
    "a range and a wider one": (when(session=Range(1, 9)), when(session=Range(0, 9))),
    "a range and an open one": (when(session=Range(1, 9)), when(session=Range(1, None))),
    "a negation and a range across it": (when(session=Not(one_of(5))), when(session=Range(1, 9))),
    "any text and no code": (when(auth_code=matches("(?s).*")), when(auth_code=Absent())),
    "a pattern and one that only looks narrower": (when(auth_code=matches("a*")), when(auth_code=matches("a+"))),
    "any sent code and possibly empty texts": (when(auth_code=Absent(False)), when(auth_code=matches("a*"))),
    "a code and a pattern": (when(auth_code="a"), when(auth_code=matches("a"))),
    "a pattern on numbers and a range": (when(session=matches(".*")), when(session=Range(1, 2))),
    "a range and a pattern on numbers": (when(session=Range(1, 2)), when(session=matches("1"))),
    "some bindings and any": (when(binding=one_of(Binding.GET, Binding.POST)), when()),
}


@pytest.mark.parametrize(("wide", "narrow"), COVERED.values(), ids=COVERED)
def test_conditions_cover_others(wide: When, narrow: When) -> None:
    assert covers(wide, narrow)


@pytest.mark.parametrize(("wide", "narrow"), NOT_COVERED.values(), ids=NOT_COVERED)
def test_conditions_do_not_certainly_cover_others(wide: When, narrow: When) -> None:
    assert not covers(wide, narrow)


@given(whens, whens, calls)
def test_what_is_covered_accepts_nothing_else(wide: When, narrow: When, call: Call) -> None:
    if covers(wide, narrow) and narrow.accepts(call):
        assert wide.accepts(call)


def numbered(*rules: Rule) -> dict[int, Rule]:
    return dict(enumerate(rules))


def test_a_rule_behind_one_that_covers_it_is_unreachable() -> None:
    rules = numbered(a_rule(node=1), a_rule(session=Range(1, 9)), a_rule(session=5), a_rule(session=10))

    assert list(unreachable(rules)) == [(2, 1)]


@pytest.mark.parametrize("rule", [a_rule(times=1), a_rule(chance=99.0)], ids=["times", "chance"])
def test_a_rule_that_does_not_answer_every_call_can_be_shadowed_but_shadows_no_other(rule: Rule) -> None:
    assert list(unreachable(numbered(a_rule(), rule))) == [(1, 0)]
    assert not list(unreachable(numbered(rule, a_rule())))


def test_several_rules_that_cover_another_together_do_not_make_it_unreachable() -> None:
    rules = numbered(a_rule(session=Range(None, 5)), a_rule(session=Range(6, None)), a_rule())

    assert not list(unreachable(rules))


@pytest.mark.parametrize(
    "conditions",
    [when(session=Not(Range(INT32_MIN, INT32_MAX))), when(node=Not(Range())), when(binding=Not(one_of(*Binding)))],
    ids=["session", "node", "binding"],
)
def test_conditions_that_no_call_can_meet_are_reported(conditions: When) -> None:
    rule = Rule("never", conditions, a_rule().replies)

    assert list(unreachable({0: rule})) == [(0, None)]


@given(whens, whens)
def test_the_index_finds_every_rule_that_shadows_another(first: When, second: When) -> None:
    rules = numbered(Rule("first", first, a_rule().replies), Rule("second", second, a_rule().replies))

    found = list(unreachable(rules))

    assert ((1, 0) in found) == (covers(first, second) and not any(shadowed_by is None for _, shadowed_by in found))


def test_ten_thousand_ranges_are_compared_in_seconds() -> None:
    ranges = numbered(*(a_rule(session=Range(10 * number, 10 * number + 5)) for number in range(10_000)))
    start = time.process_time()

    assert not list(unreachable(ranges))
    assert time.process_time() - start < 10
