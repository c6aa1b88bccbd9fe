"""Reads scenarios and single rules from files, texts and data; all that is wrong comes as one ScenarioError."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import PurePath
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from emulator.core.matching import When
from emulator.core.reachability import unreachable
from emulator.core.replies import Reply
from emulator.core.rules import Rule, Scenario
from emulator.errors import Problem, ScenarioError, on_purpose
from emulator.process import garbage_kept
from emulator.scenario import build
from emulator.scenario.language import MOST_RULES, ReplyModel, RuleModel, ScenarioModel, WhenModel
from emulator.scenario.problems import in_order, problems_of
from emulator.scenario.source import MOST_BYTES, PythonSource, Source, YamlSource, decoded, problem
from emulator.scenario.strict_model import StrictModel

__tracebackhide__ = on_purpose

_CANNOT_READ: Final[dict[type[Exception], str]] = {
    FileNotFoundError: "no such file",
    IsADirectoryError: "a folder, not a file",
    PermissionError: "may not be read by this user",
}

W = TypeVar("W", bound=StrictModel)


def load(path: str | os.PathLike[str]) -> Scenario:
    """The scenario in a YAML file, named after the file when it gives itself no name."""
    name = os.fsdecode(path)
    return loads(_content(name), name)


def loads(text: str | bytes, name: str = "<string>") -> Scenario:
    """The scenario in a YAML text; ``name`` stands for the file in messages, and its stem names the scenario."""
    with garbage_kept():  # looking for it among the nodes of a large file would take longer than all the rest
        characters = decoded(text, name)
        return replace(_scenario(YamlSource(characters, name)), source=characters)


def from_data(data: object, name: str = "<data>") -> Scenario:
    """The scenario in a dict, with the words of the YAML language; auth codes and other texts must be ``str``."""
    scenario = _scenario(PythonSource(name, data))
    return replace(scenario, source=json.dumps(data, ensure_ascii=False, indent=2, default=str))


def rule_from_data(data: object, name: str = "rule") -> Rule:
    """The rule in a dict, with the words of the YAML language; ``name`` begins the messages of the ScenarioError.

    A rule that gives itself no name is named by its conditions.
    """
    written = _read(RuleModel, PythonSource(name, data))
    named = build.rule(written, name="")
    return replace(named, name=named.name or f"when {named.when}")


def when_from_data(data: object, name: str = "when") -> When:
    """The conditions in a dict, with the words of a rule's ``when``; an empty one accepts every call."""
    return When() if data == {} else build.when(_read(WhenModel, PythonSource(name, data)))


def reply_from_data(data: object, name: str = "reply") -> Reply:
    """The reply in a dict, with the words of the scenario language."""
    return build.reply(_read(ReplyModel, PythonSource(name, data)))


def read(model: type[W], data: object, name: str) -> W:
    """What a model makes of data; ``name`` begins the messages of the ScenarioError."""
    return _read(model, PythonSource(name, data))


def _scenario(source: Source) -> Scenario:
    """Check all there is to check, then build. Where some rules are wrong, the others are checked all the same."""
    _limit(source)
    written: ScenarioModel | None = None
    problems = list(source.problems)
    try:
        written = _read(ScenarioModel, source)
        right = dict(enumerate(written.rules))
    except ScenarioError as error:
        of_version = [found for found in error.problems if found.message.startswith("version: ")]
        if of_version:  # a file for another program has nothing else wrong with it
            raise ScenarioError(of_version) from None
        problems += error.problems
        right = dict(_right_rules(source.data))
    sources = [f"{source.name}:{line}" for line in source.lines("rules")]
    rules = {
        number: build.rule(rule, name=f"rule {number + 1}", source=sources[number] if sources else None)
        for number, rule in right.items()
    }
    problems += _unreachable(source, rules)
    if written is None or problems:
        raise ScenarioError(in_order(problems))
    return build.scenario(written, rules.values(), name=PurePath(source.name).stem or source.name)


def _limit(source: Source) -> None:
    """Too many rules are not read at all."""
    rules = source.data.get("rules") if isinstance(source.data, dict) else None
    if isinstance(rules, list | tuple) and len(rules) > MOST_RULES:
        message = f"{len(rules):,} rules; a scenario holds at most {MOST_RULES:,}"
        raise ScenarioError([problem(source, ("rules",), message)])


def _read(model: type[W], source: Source) -> W:
    try:
        return model.built().model_validate(source.data)
    except ValidationError as error:
        raise ScenarioError(in_order(problems_of(error, source))) from None


def _right_rules(data: Any) -> Iterator[tuple[int, RuleModel]]:
    """The rules in which nothing is wrong, by number."""
    rules = data.get("rules") if isinstance(data, dict) else None
    for number, rule in enumerate(rules if isinstance(rules, list | tuple) else ()):
        with suppress(ValidationError):
            yield number, RuleModel.built().model_validate(rule)


def _unreachable(source: Source, rules: Mapping[int, Rule]) -> Iterator[Problem]:
    for number, hider in unreachable(rules):
        if hider is None:
            yield problem(source, ("rules", number, "when"), "no call can meet these conditions")
        else:
            why = f"{rules[hider]} comes before it and accepts every call that it accepts"
            yield problem(source, ("rules", number), f"can never be reached: {why}")


def _content(name: str) -> bytes:
    try:
        with open(name, "rb") as file:
            return file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        message = _CANNOT_READ.get(type(error), f"cannot be read: {reason}")
        raise ScenarioError([Problem(name, 1, 1, message)]) from error
