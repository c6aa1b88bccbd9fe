"""What a person does in the console: send calls, make rules from them, change and remove rules, link to a call."""

from __future__ import annotations

import json
import shlex
import subprocess

import pytest
import requests
from playwright.sync_api import BrowserContext, Page, expect

from emulator import Emulator
from emulator.core.contract import Binding, Call
from emulator.scenario.loading import loads
from tests.helpers.console import call, console_url, opener, row, rows, send


def test_a_call_is_sent_once_through_each_binding(page: Page, emulator: Emulator) -> None:
    for binding in Binding:
        auth_code = "a+b & <é>" if binding.value.startswith("soap") else "a+b & é"
        send(page, binding=binding.value, session=77, node=1, auth_code=auth_code)
        expect(page.locator("#sent-result")).to_contain_text("startSessionRet_OK")
        expect(page.locator("#sent-answer")).to_contain_text("HTTP/1.1 200 OK")
        assert [each.call for each in emulator.calls] == [Call(77, 1, auth_code, binding)]
        send(page, session=66)
        expect(page.locator("#sent-result")).to_contain_text("the connection was reset before any byte")
        expect(page.locator("#sent-answer")).to_have_text("no byte came")
        assert [each.call.session for each in emulator.calls] == [77, 66]
        emulator.reset()


def test_a_call_that_waits_is_cancelled(page: Page, emulator: Emulator) -> None:
    emulator.when(session=9).returns("startSessionRet_OK", delay="30s")
    send(page, session=9)
    expect(page.locator("#sent-result")).to_have_text("waiting for the answer")
    expect(row(page, 1)).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#sent-result")).to_contain_text("cancelled after")
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_focused()
    assert len(emulator.calls) == 1


def test_a_value_that_is_no_number_is_refused_with_what_is_right(page: Page) -> None:
    send(page, session="many")
    expect(page.locator("#sent-result")).to_contain_text("session: must be a whole number, not 'many'")


def test_the_form_follows_the_scenario_except_for_what_was_typed(page: Page, emulator: Emulator) -> None:
    form = page.locator("#caller")
    expect(form.get_by_label("Session")).to_have_value("1001")
    expect(form.get_by_label("Auth code")).to_have_value("demo-ann")
    form.get_by_label("Node").fill("5")
    call(emulator, 1001)
    expect(page.locator("#sessions .ok")).to_have_count(1)
    expect(form.get_by_label("Session")).to_have_value("1001")
    emulator.use(loads("rules: [{when: {session: 12, node: 13, auth_code: night-code}, return: startSessionRet_OK}]"))
    for label, value in (("Session", "12"), ("Node", "5"), ("Auth code", "night-code")):
        expect(form.get_by_label(label)).to_have_value(value)


def test_a_click_in_the_desk_fills_in_the_form(page: Page) -> None:
    for value, label in (("session 1002", "Session"), ("node 337367", "Node"), ("auth code demo-ann", "Auth code")):
        page.get_by_role("button", name=f"Use {value} in the call").click()
        expect(page.locator("#caller").get_by_label(label)).to_have_value(value.rpartition(" ")[2])


def test_a_call_is_sent_again_and_a_masked_code_is_asked_for(page: Page, emulator: Emulator) -> None:
    call(emulator, 77, 1)
    opener(page, 1).click()
    page.get_by_role("button", name="Send again").click()
    expect(row(page, 2)).to_be_visible()
    assert [each.call for each in emulator.calls] == [Call(77, 1, "demo-ann", Binding.GET)] * 2
    call(emulator, 77, 1, "night-shift-code")
    opener(page, 3).click()
    page.get_by_role("button", name="Send again").click()
    expect(page.locator("#caller").get_by_label("Auth code")).to_be_focused()
    expect(page.locator("#caller").get_by_label("Auth code")).to_have_value("")
    assert len(emulator.calls) == 3


def test_a_call_is_copied_as_the_curl_command_that_sends_it(
    page: Page, emulator: Emulator, tab: BrowserContext
) -> None:
    tab.grant_permissions(["clipboard-read", "clipboard-write"])
    code = "it's $HOME + 100%"
    emulator.when(auth_code=code).returns("startSessionRet_OK")  # names the code, so that it is shown
    for number, binding in enumerate(Binding, 1):
        send(page, binding=binding.value, session=77, node=1, auth_code=code)
        expect(rows(page)).to_have_count(number)
        expect(page.locator("#sent-result")).to_contain_text("startSessionRet_OK")
    for number in (1, 2, 3, 4):
        opener(page, number).click()
        expect(page.locator("#call-title")).to_have_text(f"Call {number}")
        page.get_by_role("button", name="Copy as curl").click()
        expect(page.locator("#said")).to_have_text("Copied the curl command")
        command = page.evaluate("navigator.clipboard.readText()")
        answer = subprocess.run(shlex.split(command), capture_output=True, text=True, timeout=20, check=True).stdout
        assert "startSessionRet_OK" in answer
        assert emulator.calls[-1].call == emulator.calls[number - 1].call


def test_a_request_that_the_journal_does_not_show_whole_is_not_copied(page: Page, emulator: Emulator) -> None:
    requests.post(emulator.url, json={"session": 1}, timeout=5)
    opener(page, 1).click()
    expect(page.locator("#call-request")).to_contain_text("shown with --show-auth-codes only")
    page.get_by_role("button", name="Copy as curl").click()
    expect(page.locator("#said")).to_have_text("Not copied: the journal does not show the whole request")


def test_a_rule_is_made_from_a_call(page: Page, emulator: Emulator) -> None:
    call(emulator, 5, 6)
    opener(page, 1).click()
    page.get_by_role("button", name="Answer calls like this with").click()
    dialog = page.get_by_role("dialog", name="Answer calls like call 1")
    dialog.get_by_label("node").check()
    dialog.get_by_label("auth code").check()
    dialog.get_by_label("Answer").select_option("status 503")
    dialog.get_by_label("Delay").fill("10ms")
    assert json.loads(dialog.get_by_label("The rule in the scenario language").input_value()) == {
        "name": "like call 1",
        "when": {"session": 5, "node": 6, "auth_code": "demo-ann"},
        "fail": {"status": 503},
        "delay": "10ms",
    }
    dialog.get_by_role("button", name="Save the rule").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="Answer calls like this with")).to_be_focused()
    call(emulator, 5, 6)
    call(emulator, 5, 7)
    assert [each.decider for each in emulator.calls] == ["desk", "like call 1", "desk"]
    page.keyboard.press("Escape")
    expect(page.locator("#rules > li").first).to_contain_text("like call 1")


def test_a_masked_code_does_not_become_a_condition(page: Page, emulator: Emulator) -> None:
    call(emulator, 5, 6, "night-shift-code")
    opener(page, 1).click()
    page.get_by_role("button", name="Answer calls like this with").click()
    expect(page.get_by_role("dialog").get_by_label("auth code")).to_be_disabled()
    expect(page.get_by_text("The auth code is masked in the journal")).to_be_visible()


def test_a_runtime_rule_is_edited_with_its_problems_in_place_and_removed(page: Page, emulator: Emulator) -> None:
    emulator.when(session=5, name="mine").returns("startSessionRet_OK")
    page.get_by_role("button", name="Edit the rule mine").click()
    dialog = page.get_by_role("dialog", name="Edit the rule mine")
    text = dialog.get_by_label("The rule in the scenario language")
    text.fill('{"when": {"sesion": 5}}')
    dialog.get_by_role("button", name="Save the rule").click()
    expect(dialog.get_by_role("alert")).to_contain_text("when.sesion: unknown key; did you mean 'session'?")
    text.fill("{when}")
    dialog.get_by_role("button", name="Save the rule").click()
    expect(dialog.get_by_role("alert")).to_contain_text("This is not JSON")
    text.fill('{"name": "mine too", "when": {"session": 5}, "return": "startSessionRet_ActionFailed"}')
    dialog.get_by_role("button", name="Save the rule").click()
    expect(dialog).to_be_hidden()
    assert call(emulator, 5) == "ActionFailed"
    page.get_by_role("button", name="Remove the rule mine too").click()
    expect(page.locator("#rules")).not_to_contain_text("mine too")
    assert call(emulator, 5) == "Error"


def test_a_rule_shows_which_reply_comes_next(page: Page, emulator: Emulator) -> None:
    replies = page.locator("#rules > li").filter(has_text="in turn").locator(".replies li")
    expect(replies).to_have_text(["startSessionRet_Error next", "startSessionRet_OK"])
    call(emulator, 88)
    expect(replies).to_have_text(["startSessionRet_Error", "startSessionRet_OK next"])


def test_a_rule_shows_its_chance(page: Page, emulator: Emulator) -> None:
    emulator.when(session={"from": 5000, "to": 5999}, name="at times", chance="2.5%").returns("startSessionRet_OK")
    rule = page.locator("#rules > li").filter(has_text="at times")
    expect(rule.locator(".when")).to_have_text("session 5000 to 5999 2.5 % of these calls")


def test_a_call_has_an_address_and_back_and_forward_lead_through_the_opened_calls(
    page: Page, emulator: Emulator
) -> None:
    for session in (77, 88):
        call(emulator, session, 1)
    page.goto("about:blank")
    page.goto(f"{console_url(emulator)}#call-1")
    title = page.locator("#call-title")
    expect(title).to_have_text("Call 1")
    opener(page, 2).click()
    expect(title).to_have_text("Call 2")
    page.get_by_role("button", name="Close").click()
    expect(page).to_have_url(console_url(emulator))
    for step, shown in ((page.go_back, "Call 2"), (page.go_back, "Call 1"), (page.go_forward, "Call 2")):
        step()
        expect(title).to_have_text(shown)
    expect(rows(page)).to_have_count(2)


@pytest.mark.parametrize("number", [7, 0])
def test_the_address_of_a_call_that_is_not_there_says_so(number: int, page: Page, emulator: Emulator) -> None:
    page.goto("about:blank")
    page.goto(f"{console_url(emulator)}#call-{number}")
    if number:
        expect(page.locator("#call-why")).to_contain_text(f"there is no call {number} in the journal")
    else:
        expect(page.get_by_text("No calls yet.")).to_be_visible()
        expect(page.locator("#call")).to_be_hidden()
