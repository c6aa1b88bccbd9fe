"""The rules, and those among them that were added at run time: list, add, change, remove."""

from __future__ import annotations

import json
from typing import Final

from werkzeug.exceptions import NotFound

from emulator.core.rules import RuleStatus
from emulator.scenario.control_shapes import RuleJson, RuleListJson
from emulator.web.control.dispatch import ControlRequest, json_response
from emulator.web.request import Response

DEFAULT_LIMIT: Final = 1000


def list_all(control: ControlRequest) -> RuleListJson:
    """Return the rules in order of precedence: the runtime rules first, the newest of them before the others."""
    rules = control.space.engine.rules()
    return {"rules": [_data(rule) for rule in rules[: control.query.get("limit", DEFAULT_LIMIT)]], "total": len(rules)}


def show(control: ControlRequest) -> RuleJson:
    for status in control.space.engine.rules():
        if status.id == control.values["id"]:
            return _data(status)
    raise _unknown(control)


def add(control: ControlRequest) -> Response:
    rule_id = control.space.engine.add_rule(control.body)
    location = f"{control.request.whole_path}/{rule_id}"
    return json_response(_data(RuleStatus(control.body, 0, rule_id)), 201, (("Location", location),))


def change(control: ControlRequest) -> RuleJson:
    """Replace a runtime rule; its counter begins anew."""
    if not control.space.engine.change_rule(control.values["id"], control.body):
        raise _unknown(control)
    return _data(RuleStatus(control.body, 0, control.values["id"]))


def remove(control: ControlRequest) -> None:
    if not control.space.engine.remove_rule(control.values["id"]):
        raise _unknown(control)


def remove_all(control: ControlRequest) -> None:
    control.space.engine.remove_rules()


def _unknown(control: ControlRequest) -> NotFound:
    return NotFound(f"there is no runtime rule {control.values['id']}; GET {control.path('/rules')} lists their ids")


def _data(status: RuleStatus) -> RuleJson:
    rule = status.rule
    return {
        "id": status.id,
        "name": rule.name,
        "source": rule.source,
        "rule": None if rule.definition is None else json.loads(rule.definition),
        "text": rule.text(),
        "hits": status.hits,
        "last": status.last,
        "next": status.next,
        "when": rule.when.wordings(),
        "replies": [str(reply) for reply in rule.replies],
        "times": rule.times,
        "per": rule.per,
        "chance": rule.percentage,
    }
