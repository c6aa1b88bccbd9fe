"""The rules in force, and those among them that were added at run time: shown, added, changed, removed."""

from __future__ import annotations

from typing import Any, Final

from emulator.core.call import Secret
from emulator.core.engine import RuleStatus
from emulator.core.rules import Rule
from emulator.errors import ScenarioError
from emulator.scenario import rule_from_data
from emulator.web.control.asked import Asked, done, said
from emulator.web.control.problems import Refused, unprocessable
from emulator.web.control.query import number
from emulator.web.request import Answer

MOST_SHOWN: Final = 1000


def show_all(asked: Asked) -> Answer:
    """The rules in the order in which they are asked: those added at run time first, the newest first of all."""
    limit = number(asked.query(("limit",)), "limit", MOST_SHOWN)
    rules = asked.engine.rules()
    shown = [_as_data(each, asked.secret) for each in rules[:limit]]
    return said({"rules": shown, "total": len(rules)})


def show(asked: Asked) -> Answer:
    """One rule that was added at run time."""
    asked.query(())
    rule_id = asked.number_in_path("id", "rule")
    found = next((each for each in asked.engine.rules() if each.id == rule_id), None)
    if found is None:
        raise _unknown(asked, rule_id)
    return said(_as_data(found, asked.secret))


def add(asked: Asked) -> Answer:
    """A rule before all others."""
    asked.query(())
    rule = _rule_in(asked)
    rule_id = asked.engine.add_rule(rule)
    path = f"{asked.visit.full_path.rstrip('/')}/{rule_id}"
    return said(_as_data(RuleStatus(rule, 0, rule_id), asked.secret), 201, ("Location", path))


def change(asked: Asked) -> Answer:
    """Another rule in the place of one that was added at run time."""
    asked.query(())
    rule_id = asked.number_in_path("id", "rule")
    rule = _rule_in(asked)
    if not asked.engine.change_rule(rule_id, rule):
        raise _unknown(asked, rule_id)
    return said(_as_data(RuleStatus(rule, 0, rule_id), asked.secret))


def remove(asked: Asked) -> Answer:
    """One rule that was added at run time is no more."""
    asked.query(())
    rule_id = asked.number_in_path("id", "rule")
    if not asked.engine.remove_rule(rule_id):
        raise _unknown(asked, rule_id)
    return done()


def remove_all(asked: Asked) -> Answer:
    """Every rule that was added at run time is no more."""
    asked.query(())
    asked.engine.remove_rules()
    return done()


def _rule_in(asked: Asked) -> Rule:
    data = asked.json()
    try:
        return rule_from_data(data)
    except ScenarioError as error:
        raise unprocessable(error) from None


def _unknown(asked: Asked, rule_id: int) -> Refused:
    where = asked.at("/rules")
    return Refused(404, f"there is no rule {rule_id} that was added at run time; GET {where} shows their ids")


def _as_data(each: RuleStatus, secret: Secret) -> dict[str, Any]:
    rule = each.rule
    return {
        "id": each.id,
        "name": rule.name,
        "source": rule.source,
        "hits": each.hits,
        "last": each.last,
        "when": rule.when.wordings(secret),
        "replies": [str(reply) for reply in rule.replies],
        "times": rule.times,
        "per": rule.per.value,
    }
