"""Messages: one for each mistake, all at once, and none that only follows from another mistake."""

from __future__ import annotations

import pytest

from emulator.scenario.source import format_path
from emulator.scenario.suggestions import either, format_value, hint, kind_of, nearest, quote_value
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


def test_a_result_is_guessed_without_its_prefix() -> None:
    for word in ("OK", "ok", "startSessionRet_Ok", "startSessionOK"):
        assert nearest(word, RESULTS, "startSessionRet_") == ("startSessionRet_OK",)
    assert nearest("INVALID_SECRETAUTHCODE", RESULTS, "startSessionRet_") == ("startSessionRet_Invalid_SecretAuthCode",)


def test_all_valid_words_are_listed_when_none_is_near() -> None:
    assert hint("colour", ("a", "b")) == "possible here: a, b"


def test_a_choice_is_written_with_or() -> None:
    assert [either(["a"]), either(["a", "b"]), either(["a", "b", "c"])] == ["'a'", "'a' or 'b'", "'a', 'b' or 'c'"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "'a'"),
        ("x" * 50, f"'{'x' * 40}…'"),
        (5, "5"),
        (True, "true"),
        ([1], "a list"),
        ({}, "a mapping"),
        (1.5, "1.5"),
        pytest.param(10**5000, "a number", id="a number that would fill pages"),
    ],
)
def test_a_value_is_quoted_as(value: object, text: str) -> None:
    assert quote_value(value) == text
    assert format_value(value) == text.strip("'")


def test_each_value_has_a_kind() -> None:
    kinds = [kind_of(value) for value in (None, "a", True, 1.5, (), b"")]

    assert kinds == ["nothing", "a text", "true or false", "a number", "a list", "a value of type bytes"]


def test_a_path_is_written_with_dots_and_brackets_and_odd_keys_in_quotes() -> None:
    assert format_path(("rules", 0, "when", "session", 1)) == "rules[0].when.session[1]"
    assert [format_path((key,)) for key in ("two\nlines", "")] == [r"'two\nlines'", "''"]
    assert format_path(("x" * 50,)) == f"{'x' * 40}…"


def test_a_misspelt_key_hides_no_mistake_in_its_right_spelling() -> None:
    assert problems("rules: [{retrun: startSessionRet_OK, return: OK}]") == [
        "1:10: rules[0].retrun: unknown key; did you mean 'return'?",
        "1:46: rules[0].return: 'OK' is not a result; did you mean 'startSessionRet_OK'?",
    ]


def test_a_cross_field_error_is_reported_beside_an_error_elsewhere_in_the_same_mapping() -> None:
    assert problems("otherwise: {return: startSessionRet_OK, delay: {from: 2s, to: 1s, form: 1s}}") == [
        "1:48: otherwise.delay: 'from' is longer than 'to'",
        "1:67: otherwise.delay.form: unknown key; did you mean 'from'?",
    ]


def test_a_list_of_invalid_items_is_not_reported_as_empty() -> None:
    assert problems("rules: [{when: {session: [a]}, return: startSessionRet_OK}]") == [
        "1:27: rules[0].when.session[0]: must be a whole number, not 'a'"
    ]
