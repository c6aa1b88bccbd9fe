"""The index must find the rule that trying all rules in order would; checked on generated rules and calls."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from emulator.core.contract import Binding, Call, Result
from emulator.core.engine import Engine
from emulator.core.matching import Absent, Not, OneOf, Range, When
from emulator.core.replies import Reply, Return
from emulator.core.rules import Per, Rule
from tests.helpers.builders import a_call, a_rule, a_scenario, matches, one_of

numbers = st.integers(1, 4)
codes = st.sampled_from(["", "a", "b", "ab"])
values = st.frozensets(numbers, min_size=1, max_size=3)
number_conditions = st.one_of(
    values.map(OneOf), st.builds(Range, st.none() | numbers, st.none() | numbers), values.map(OneOf).map(Not)
)
code_conditions = st.one_of(
    st.frozensets(codes, min_size=1, max_size=3).map(OneOf),
    st.booleans().map(Absent),
    st.just(matches("a.*")),
    codes.map(one_of).map(Not),
)
binding_conditions = st.sampled_from(Binding).map(one_of)
whens = st.builds(
    When, *(st.none() | each for each in (number_conditions, number_conditions, code_conditions, binding_conditions))
)
calls = st.builds(Call, numbers, numbers, st.none() | codes, st.sampled_from(Binding))
rules = st.builds(
    Rule,
    st.just("a rule"),
    whens,
    st.lists(st.sampled_from(Result), min_size=1, max_size=3).map(lambda them: tuple(Reply(Return(it)) for it in them)),
    st.none() | st.integers(1, 3),
    st.sampled_from(Per),
)


class LinearSearch:
    """The engine's decision in the simplest form: try every rule in order, count in a list."""

    def __init__(self, rules: list[Rule]) -> None:
        self.rules = [(rule, list[object]()) for rule in rules]

    def answer(self, call: Call) -> tuple[Rule | None, Reply | None]:
        for rule, answered in self.rules:
            key = None if rule.per is Per.RULE else getattr(call, rule.per.value)
            count = answered.count(key)
            if rule.when.accepts(call) and (rule.times is None or count < rule.times):
                answered.append(key)
                return rule, rule.replies[min(count, len(rule.replies) - 1)]
        return None, None


@given(st.lists(rules, max_size=8), st.lists(calls, min_size=1, max_size=20))
def test_the_index_decides_as_a_linear_search_does(rules: list[Rule], calls: list[Call]) -> None:
    engine, search = Engine(a_scenario(*rules)), LinearSearch(rules)

    for call in calls:
        exchange, (rule, reply) = engine.answer(call), search.answer(call)
        assert exchange.rule is rule
        assert reply is None or exchange.outcome == reply.outcome


@given(st.lists(rules, max_size=6), st.lists(rules, max_size=6), st.data())
def test_rules_can_be_added_to_the_index_and_removed(
    written: list[Rule], added: list[Rule], data: st.DataObject
) -> None:
    engine = Engine(a_scenario(*written))
    ids = {engine.add_rule(rule): rule for rule in added}
    for rule_id in data.draw(st.sets(st.sampled_from(sorted(ids))) if ids else st.just(set[int]())):
        assert engine.remove_rule(rule_id)
        del ids[rule_id]
    active = [status.rule for status in engine.rules()]
    assert active == [*reversed(ids.values()), *written]
    search = LinearSearch(active)

    for call in data.draw(st.lists(calls, max_size=10)):
        assert engine.answer(call).rule is search.answer(call)[0]


@given(st.lists(rules, max_size=8), calls)
def test_an_explanation_predicts_the_answer_and_changes_nothing(rules: list[Rule], call: Call) -> None:
    engine = Engine(a_scenario(*rules))
    first, second = engine.explain(call), engine.explain(call)
    exchange = engine.answer(call)

    assert first == second
    assert first.rule is exchange.rule
    assert (first.decided_by, first.reply.outcome) == (exchange.decided_by, exchange.outcome)


def test_only_one_of_two_long_lists_is_indexed() -> None:
    many = one_of(*range(2000))
    engine = Engine(a_scenario(a_rule(session=many, node=many, auth_code="a")))

    assert engine.answer(a_call(session=1999, node=1999, auth_code="a")).rule
    assert not engine.answer(a_call(session=1999, node=2000, auth_code="a")).rule


def test_many_candidates_from_different_tables_are_tried_in_their_order() -> None:
    whens = [When(one_of(1)), When(Range(1, None)), When()]
    rules = [Rule(f"rule {number}", whens[number % 3], (Reply(Return(Result.OK)),), times=1) for number in range(60)]
    engine = Engine(a_scenario(*rules))

    assert [engine.answer(a_call(session=1)).decider for _ in rules] == [rule.name for rule in rules]
