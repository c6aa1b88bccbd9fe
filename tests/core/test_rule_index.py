"""Looking rules up must find what walking them would; this is tried on many small worlds full of coincidence."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from emulator.core.call import Call
from emulator.core.contract import Binding, Result
from emulator.core.engine import Engine
from emulator.core.matching import Absent, Condition, Not, OneOf, Range, When
from emulator.core.replies import Reply, Return
from emulator.core.rules import Per, Rule
from tests.helpers.builders import a_call, a_rule, a_scenario, matches, one_of

numbers = st.integers(1, 4)
codes = st.sampled_from(["", "a", "b", "ab"])
values = st.frozensets(numbers, min_size=1, max_size=3)
number_conditions = st.one_of(
    values.map(OneOf),
    st.builds(Range, st.none() | numbers, st.none() | numbers),
    values.map(OneOf).map(Not),
)
code_conditions = st.one_of(
    st.frozensets(codes, min_size=1, max_size=3).map(OneOf),
    st.booleans().map(Absent),
    st.just(matches("a.*")),
    codes.map(one_of).map(Not),
)
binding_conditions = st.sampled_from(Binding).map(lambda binding: one_of(binding))


def perhaps(condition: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition | None]:
    return st.none() | condition


whens = st.builds(
    When,
    perhaps(number_conditions),
    perhaps(number_conditions),
    perhaps(code_conditions),
    perhaps(binding_conditions),
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


class Walk:
    """What the engine does, done in the plainest way: every rule in turn, counting in a list."""

    def __init__(self, rules: list[Rule]) -> None:
        self.rules = [(rule, list[object]()) for rule in rules]

    def answer(self, call: Call) -> tuple[Rule | None, Reply | None]:
        for rule, answered in self.rules:
            key = None if rule.per is Per.RULE else getattr(call, rule.per.value)
            turn = answered.count(key)
            if rule.when.accepts(call) and (rule.times is None or turn < rule.times):
                answered.append(key)
                return rule, rule.replies[min(turn, len(rule.replies) - 1)]
        return None, None


@given(st.lists(rules, max_size=8), st.lists(calls, min_size=1, max_size=20))
def test_looking_up_answers_as_walking_would(rules: list[Rule], calls: list[Call]) -> None:
    engine, walk = Engine(a_scenario(*rules)), Walk(rules)

    for call in calls:
        exchange, (rule, reply) = engine.answer(call), walk.answer(call)
        assert exchange.rule is rule
        assert reply is None or exchange.outcome == reply.outcome


@given(st.lists(rules, max_size=6), st.lists(rules, max_size=6), st.data())
def test_added_and_removed_rules_answer_as_walking_would(
    written: list[Rule], added: list[Rule], data: st.DataObject
) -> None:
    engine = Engine(a_scenario(*written))
    ids = {engine.add_rule(rule): rule for rule in added}
    for rule_id in data.draw(st.sets(st.sampled_from(sorted(ids))) if ids else st.just(set[int]())):
        assert engine.remove_rule(rule_id)
        del ids[rule_id]
    walk = Walk([*reversed(ids.values()), *written])

    for call in data.draw(st.lists(calls, max_size=10)):
        assert engine.answer(call).rule is walk.answer(call)[0]


@given(st.lists(rules, max_size=8), calls)
def test_an_explanation_foretells_the_answer_and_changes_nothing(rules: list[Rule], call: Call) -> None:
    engine = Engine(a_scenario(*rules))
    foretold = [engine.explain(call) for _ in range(2)]
    exchange = engine.answer(call)

    assert foretold[0] == foretold[1]
    assert foretold[0].rule is exchange.rule
    assert foretold[0].decided_by is exchange.decided_by
    assert foretold[0].reply.outcome == exchange.outcome


def test_a_long_list_beside_another_long_list_is_kept_once_a_value() -> None:
    many = one_of(*range(2000))
    engine = Engine(a_scenario(a_rule(session=many, node=many, auth_code="a")))

    assert engine.answer(a_call(session=1999, node=1999, auth_code="a")).rule
    assert not engine.answer(a_call(session=1999, node=2000, auth_code="a")).rule


def test_many_candidates_found_in_different_ways_are_asked_in_their_order() -> None:
    whens = [When(one_of(1)), When(Range(1, None)), When()]
    rules = [Rule(f"rule {number}", whens[number % 3], (Reply(Return(Result.OK)),), times=1) for number in range(60)]
    engine = Engine(a_scenario(*rules))

    assert [engine.answer(a_call(session=1)).decider for _ in rules] == [rule.name for rule in rules]
