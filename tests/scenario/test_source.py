"""The supported parts of YAML, their limits, and that every text is either loaded or refused."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.core.contract import Result
from emulator.core.matching import When
from emulator.core.replies import Fixed, HttpFailure, Reply, Return
from emulator.errors import Problem, ScenarioError
from emulator.scenario.loading import load, loads
from tests.helpers.builders import one_of
from tests.helpers.scenarios import accepted, problems

DOWN = Reply(HttpFailure(503), Fixed(1.0))


def test_an_anchor_can_be_used_again() -> None:
    first, second = accepted(
        """
        rules:
          - {when: {session: 1}, fail: &down {status: 503}, delay: 1s}
          - {when: {session: 2}, fail: *down, delay: 1s}
        """
    ).rules

    assert first.replies == second.replies == (DOWN,)


def test_a_mapping_can_be_merged_and_its_own_keys_win() -> None:
    first, second = accepted(
        """
        rules:
          - &down {name: down, when: {session: 1}, fail: {status: 503}, delay: 1s}
          - <<: *down
            name: down too
            when: {session: 2}
        """
    ).rules

    assert (second.name, second.when, second.replies) == ("down too", When(session=one_of(2)), first.replies)


def test_of_merged_mappings_the_first_wins() -> None:
    *_, merged = accepted(
        """
        rules:
          - &one {name: one, when: {session: 1}, return: startSessionRet_OK}
          - &two {name: two, when: {session: 2}, return: startSessionRet_Error, times: 2}
          - <<: [*one, *two]
            when: {session: 3}
        """
    ).rules

    assert (merged.name, merged.times, merged.replies) == ("one", 2, (Reply(Return(Result.OK)),))


def test_a_merge_within_a_merge_reaches_through() -> None:
    *_, last = accepted(
        """
        rules:
          - &one {name: one, when: {session: 1}, return: startSessionRet_OK}
          - &two {<<: *one, when: {session: 2}}
          - {<<: *two, when: {session: 3}}
        """
    ).rules

    assert last.name == "one"


def test_a_mistake_in_what_is_merged_is_shown_where_it_stands() -> None:
    assert problems(
        "rules:\n  - &one {when: {session: 1}, retrun: startSessionRet_OK}\n  - {<<: *one, when: {session: 2}}\n"
    ) == ["2:31: rules[0].retrun: unknown key; did you mean 'return'?"]


def test_flow_style_blocks_and_comments_are_all_the_same() -> None:
    block = accepted("rules:\n  # the first\n  - when:\n      session: 1\n    return: startSessionRet_OK\n")
    flow = accepted("{rules: [{when: {session: 1}, return: startSessionRet_OK}]}")
    json = accepted('{"rules": [{"when": {"session": 1}, "return": "startSessionRet_OK"}]}')

    assert (
        [rule.when for rule in block.rules] == [rule.when for rule in flow.rules] == [rule.when for rule in json.rules]
    )


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("name: café".encode(), id="utf-8"),
        pytest.param("\ufeffname: café".encode(), id="utf-8 with a byte order mark"),
        pytest.param("name: café".encode("utf-16"), id="utf-16"),
        pytest.param("name: café\r\nrules: []\r\n".encode(), id="line ends of Windows"),
    ],
)
def test_a_file_can_be_in(content: bytes) -> None:
    scenario = loads(content)

    assert scenario.name == "café"
    assert scenario.source is not None
    assert scenario.source.startswith("name: café")


def test_a_scenario_is_named_after_its_file(tmp_path: Path) -> None:
    (tmp_path / "night-shift.yaml").write_text("rules: []")

    assert load(tmp_path / "night-shift.yaml").name == "night-shift"
    assert load(str(tmp_path / "night-shift.yaml")).name == "night-shift"


def test_places_are_counted_in_characters_after_a_byte_order_mark_and_wide_letters() -> None:
    assert problems("\ufeffname: x\ndesk: {'日本': 1}".encode())[0].startswith("2:8: desk.日本: unknown key")


def test_sixteen_megabytes_are_the_most() -> None:
    assert problems(b"#" * (16 * 1024 * 1024 + 1)) == ["1:1: larger than 16 MB"]
    assert problems(b"#" * (16 * 1024 * 1024))[0].startswith("1:1: empty")


def test_a_hundred_thousand_rules_are_the_most() -> None:
    many = "rules:\n" + "- a\n" * 100_001

    assert problems(many) == ["2:1: rules: 100,001 rules; a scenario can have at most 100,000"]


@pytest.mark.parametrize("opening", ["- ", "[", "{a: ", "? "])
def test_nesting_that_would_exhaust_the_stack_is_refused(opening: str) -> None:
    (problem,) = problems(opening * 1_000_000)

    assert problem.endswith("nested more than 50 deep")


def test_a_long_text_that_aliases_repeat_counts_as_many_values() -> None:
    rules = "\n".join(f"  - {{when: {{session: {number}}}, fail: {{exception: *long}}}}" for number in range(1, 200))

    (problem,) = problems(f"description: &long {'x' * 1_000_000}\nrules:\n{rules}")
    assert problem.endswith("aliases repeat more than 1,000,000 values")


def test_aliases_within_reason_are_many() -> None:
    rules = "\n".join(f"  - {{when: {{session: {number}}}, fail: *down}}" for number in range(1, 5000))

    assert len(accepted(f"rules:\n  - {{when: {{session: 0}}, fail: &down {{status: 503}}}}\n{rules}").rules) == 5000


def test_the_garbage_collector_is_left_as_it_was() -> None:
    was_enabled = gc.isenabled()

    with pytest.raises(ScenarioError):
        loads("- bad")

    assert gc.isenabled() is was_enabled


# fmt: off
ODD_PIECES = st.sampled_from([
    "rules:", "- ", "{", "}", "[", "]", ": ", ", ", "\n", "  ", "\t", "&a ", "*a", "<<: ", "!!int ", "'", '"', "|",
    "when", "session", "auth_code", "return", "startSessionRet_OK", "~", "null", "0x1", "#", "? ", "---\n", "\\",
    ">", "%", "\x00",
    "not", "from", "to", "matches", "(", "fail", "status", "delay", "1s", "desk", "version", "2", "name", "é", "\ud800",
])
# fmt: on


@given(st.binary(max_size=200) | st.text(max_size=200) | st.lists(ODD_PIECES, max_size=40).map("".join))
def test_no_text_raises_anything_but_a_scenario_error(text: str | bytes) -> None:
    found: tuple[Problem, ...] | None = None
    try:
        loads(text)
    except ScenarioError as error:
        found = error.problems

    assert found is None or all(problem.line >= 1 and problem.column >= 1 for problem in found)
    assert found != ()
