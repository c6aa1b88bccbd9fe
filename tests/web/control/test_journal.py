"""The journal over HTTP: bounded in entries and bytes, honest about what it dropped, and totals that outlive both."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from emulator.core.contract import Binding
from emulator.core.journal import MOST_RULES_TOLD_APART, OTHER_RULES
from tests.helpers.control import SERVICE, Emulated, limited


def samples(emulated: Emulated) -> dict[tuple[str, ...], float]:
    """The metrics by name and labels."""
    families = text_string_to_metric_families(emulated.ask("GET", "/metrics").text)
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


def called(*sessions: int, entries: int = 1000, size: int = 16_000_000) -> Emulated:
    """An emulator with calls in a journal of this size."""
    emulated = Emulated(settings=limited(entries, size))
    for session in sessions:
        emulated.call(session)
    return emulated


def test_totals_outlive_what_is_dropped_cleared_and_reset() -> None:
    emulated = called(1001, 1001, 2, entries=1)
    emulated.client.get(f"{SERVICE}/startSession")
    emulated.ask("DELETE", "/calls")
    emulated.ask("POST", "/reset")
    assert emulated.told("/calls")["totals"] == {"calls": 3, "refusals": 1}
    found = samples(emulated)
    assert found["rescue_emulator_calls_total", "get", "startSessionRet_OK", "Ann"] == 2
    assert found["rescue_emulator_refusals_total", "get", "500"] == 1
    assert found["rescue_emulator_seconds_count",] == 4
    assert found["rescue_emulator_journal_entries",] == found["rescue_emulator_journal_dropped",] == 0


def test_ids_go_on_after_a_reset() -> None:
    emulated = called(1001, 1001)
    emulated.ask("POST", "/reset")
    assert emulated.call().headers["X-Emulator-Call"] == "3"
    told = emulated.told("/calls")
    assert (told["first"], told["last"], [each["id"] for each in told["calls"]]) == (3, 3, [3])


def test_a_reset_forgets_that_entries_were_dropped() -> None:
    emulated = called(1001, 1001, entries=1)
    emulated.ask("POST", "/reset")
    assert emulated.told("/calls")["dropped"] == 0
    emulated.call(1001)
    answer = emulated.ask("POST", "/verify", {"when": {"session": 1001}, "times": 1})
    assert answer.json is not None
    assert (answer.status_code, answer.json["verified"]) == (200, True)


def test_after_a_clear_what_is_gone_was_not_dropped() -> None:
    emulated = called(1001)
    emulated.ask("DELETE", "/calls")
    answer = emulated.ask("GET", "/calls/1")
    assert answer.json is not None
    assert "dropped" not in answer.json["detail"]


def test_a_verification_after_the_last_entry_dropped_is_certain() -> None:
    emulated = called(1001, 1001, 2, entries=2)
    wanted = {"when": {"session": 1001}, "times": 1}
    assert emulated.ask("POST", "/verify", wanted).status_code == 409
    told = emulated.ask("POST", "/verify", wanted | {"after": 1}).json
    assert told is not None
    assert told["verified"]


def test_what_dropped_entries_could_not_change_is_told_all_the_same() -> None:
    emulated = called(2, 1001, 1001, entries=2)
    for wanted, verified in (({"at_least": 2}, True), ({"never": True}, False), ({"at_most": 1}, False)):
        told = emulated.ask("POST", "/verify", {"when": {"session": 1001}} | wanted).json
        assert told is not None
        assert told["verified"] is verified


def test_pages_of_the_journal_follow_each_other_without_a_gap() -> None:
    emulated = called(*range(10))
    seen: list[int] = []
    after = 0
    while True:
        page = emulated.told(f"/calls?after={after}&limit=3")["calls"]
        if not page:
            break
        seen += [each["id"] for each in page]
        after = seen[-1]
    assert seen == list(range(1, 11))


def test_a_follower_learns_that_it_missed_entries() -> None:
    emulated = called(*range(10), entries=3)
    told = emulated.told("/calls?after=2")
    assert ([each["id"] for each in told["calls"]], told["first"], told["dropped"]) == ([8, 9, 10], 8, 7)


def test_answers_count_for_the_bytes_that_are_kept() -> None:
    emulated = Emulated(
        "rules: [{when: {session: 1}, fail: {status: 503, body: " + "x" * 5000 + "}}]\n", limited(size=20_000)
    )
    for _ in range(20):
        emulated.call(1)
    told = emulated.told("/calls")
    assert (len(told["calls"]), told["dropped"]) == (3, 17)


def test_refusals_and_their_bodies_count_for_the_bytes_that_are_kept() -> None:
    emulated = called(size=20_000)
    for _ in range(20):
        emulated.client.post("/nowhere", data=b"x" * 5000)
    told = emulated.told("/calls")
    assert 0 < len(told["calls"]) < 4
    assert told["totals"] == {"calls": 0, "refusals": 20}


def test_an_entry_that_is_larger_than_all_room_is_counted_and_not_kept() -> None:
    emulated = called(size=2_000)
    emulated.call(auth_code="x" * 5000, binding=Binding.POST)
    told = emulated.told("/calls")
    assert (told["calls"], told["dropped"], told["last"], told["totals"]["calls"]) == ([], 1, 1, 1)


def test_a_journal_of_no_entries_keeps_none_and_counts_all() -> None:
    emulated = called(1001, 2, entries=0)
    told = emulated.told("/calls")
    assert (told["calls"], told["dropped"], told["totals"]["calls"]) == ([], 2, 2)


def test_a_body_that_was_too_long_is_a_refusal_without_it() -> None:
    emulated = Emulated()
    answer = emulated.client.post(SERVICE, data=b" " * (4 * 1024 * 1024 + 1), content_type="text/xml")
    assert answer.status_code == 500
    (refusal,) = emulated.told("/calls")["calls"]
    assert refusal["reason"] == "the body is longer than 4 MB"
    assert emulated.told("/calls/1")["request"]["body"] == ""


def test_names_of_rules_without_end_are_counted_together() -> None:
    emulated = Emulated("name: small\n")
    for number in range(MOST_RULES_TOLD_APART + 5):
        emulated.ask("POST", "/rules", {"name": f"rule-{number}", "return": "startSessionRet_OK"})
        emulated.call()
    found = samples(emulated)
    assert found["rescue_emulator_calls_total", "get", "startSessionRet_OK", OTHER_RULES] == 5
    assert sum(value for key, value in found.items() if key[0] == "rescue_emulator_calls_total") == (
        MOST_RULES_TOLD_APART + 5
    )


def test_a_rules_name_with_any_sign_in_it_is_read_back_from_the_metrics() -> None:
    name = 'a "b" \\ {c="d"} é'
    emulated = Emulated("name: small\n")
    emulated.ask("POST", "/rules", {"name": name, "return": "startSessionRet_OK"})
    emulated.call()
    assert samples(emulated)["rescue_emulator_calls_total", "get", "startSessionRet_OK", name] == 1


def test_after_nothing_the_oldest_come_first() -> None:
    emulated = called(*range(5))
    assert [each["id"] for each in emulated.told("/calls?after=0&limit=2")["calls"]] == [1, 2]
    assert [each["id"] for each in emulated.told("/calls?limit=2")["calls"]] == [4, 5]
