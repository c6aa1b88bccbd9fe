"""How mistakes are put: one message for each, all in one go, and none because of another."""

from __future__ import annotations

import pytest

from emulator.scenario.source import spelled
from emulator.scenario.suggestions import either, hint, kind, nearest, shown
from tests.helpers.scenarios import problems

RESULTS = ("startSessionRet_Error", "startSessionRet_OK", "startSessionRet_Invalid_SecretAuthCode")


@pytest.mark.parametrize(
    ("word", "guesses"),
    [
        ("whne", ("when",)),
        ("When", ("when",)),
        ("authcode", ("auth_code",)),
        ("code", ("auth_code",)),
        ("soap", ("soap11", "soap12")),
        ("colour", ()),
    ],
)
def test_the_nearest_right_words_are(word: str, guesses: tuple[str, ...]) -> None:
    assert nearest(word, ("when", "auth_code", "soap11", "soap12")) == guesses


@pytest.mark.parametrize(
    ("word", "guess"),
    [
        ("OK", "startSessionRet_OK"),
        ("ok", "startSessionRet_OK"),
        ("startSessionRet_Ok", "startSessionRet_OK"),
        ("startSessionOK", "startSessionRet_OK"),
        ("INVALID_SECRETAUTHCODE", "startSessionRet_Invalid_SecretAuthCode"),
    ],
)
def test_a_result_is_guessed_without_its_prefix(word: str, guess: str) -> None:
    assert nearest(word, RESULTS, "startSessionRet_")[:1] == (guess,)


def test_where_nothing_can_be_guessed_all_words_are_told() -> None:
    assert hint("colour", ("a", "b")) == "possible here: a, b"


def test_a_choice_is_told_in_words() -> None:
    assert [either(["a"]), either(["a", "b"]), either(["a", "b", "c"])] == ["'a'", "'a' or 'b'", "'a', 'b' or 'c'"]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("a", "'a'"),
        ("x" * 50, f"'{'x' * 40}…'"),
        (5, "5"),
        (True, "true"),
        ([1], "a list"),
        ({}, "a mapping"),
    ],
)
def test_a_value_is_shown_as(value: object, told: str) -> None:
    assert shown(value) == told


def test_a_number_that_would_fill_pages_is_not_shown() -> None:
    assert shown(10**5000) == "a number"


@pytest.mark.parametrize(
    ("value", "told"),
    [(None, "nothing"), ("a", "a text"), (True, "true or false"), (1.5, "a number"), (b"", "something else")],
)
def test_a_value_is_of_the_kind(value: object, told: str) -> None:
    assert kind(value) == told


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (("rules", 0, "when", "session", 1), "rules[0].when.session[1]"),
        (("two\nlines",), r"'two\nlines'"),
        (("",), "''"),
        (("x" * 50,), f"{'x' * 40}…"),
    ],
)
def test_a_path_is_spelled(path: tuple[str | int, ...], told: str) -> None:
    assert spelled(path) == told


def test_a_misspelt_key_is_not_told_as_missing_too() -> None:
    assert problems("rules: [{retrun: startSessionRet_OK}]") == [
        "1:10: rules[0].retrun: unknown key; did you mean 'return'?"
    ]


def test_a_misspelt_key_hides_no_mistake_in_its_right_spelling() -> None:
    assert problems("rules: [{retrun: startSessionRet_OK, return: OK}]") == [
        "1:10: rules[0].retrun: unknown key; did you mean 'return'?",
        "1:46: rules[0].return: 'OK' is not a result; did you mean 'startSessionRet_OK'?",
    ]


def test_a_null_is_told_once() -> None:
    (problem,) = problems("desk: {technicians: [{node: }]}")

    assert problem.startswith("1:29: desk.technicians[0].node: no value")


def test_a_contradiction_is_told_beside_a_mistake_elsewhere_in_the_same_mapping() -> None:
    assert problems("otherwise: {return: startSessionRet_OK, delay: {from: 2s, to: 1s, form: 1s}}") == [
        "1:48: otherwise.delay: 'from' is longer than 'to'",
        "1:67: otherwise.delay.form: unknown key; did you mean 'from'?",
    ]


def test_a_list_in_which_all_is_wrong_is_not_told_to_be_empty() -> None:
    assert problems("rules: [{when: {session: [a]}, return: startSessionRet_OK}]") == [
        "1:27: rules[0].when.session[0]: a whole number is wanted here, not 'a'"
    ]


def test_every_rule_that_is_right_is_checked_for_reach_though_another_is_wrong() -> None:
    text = "rules:\n- return: startSessionRet_OK\n- retrun: startSessionRet_OK\n- return: startSessionRet_OK"

    assert [problem.split(" ", 2)[1] for problem in problems(text)] == ["rules[1].retrun:", "rules[2]:"]
