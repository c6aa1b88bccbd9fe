"""Loads scenarios and their parts from files, texts and data; everything wrong is in one ScenarioError."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import PurePath
from typing import Any, Final, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from emulator.core.contract import Result
from emulator.core.matching import When
from emulator.core.reachability import unreachable
from emulator.core.replies import HttpFailure, Outcome, Reply
from emulator.core.rules import Rule, Scenario
from emulator.errors import Problem, ScenarioError, on_purpose
from emulator.process import gc_paused
from emulator.scenario.language import MAX_RULES, RuleModel, ScenarioModel, WhenModel
from emulator.scenario.reply_models import ReplyModel, remarks
from emulator.scenario.source import (
    MAX_BYTES,
    Mistake,
    Path,
    PythonSource,
    Source,
    UnquotedStr,
    YamlSource,
    decode,
    format_path,
)
from emulator.scenario.strict_model import AT_KEY, NO_VALUE, OWN_ERRORS, StrictModel
from emulator.scenario.suggestions import kind_of

__tracebackhide__ = on_purpose

_CANNOT_READ: Final[dict[type[Exception], str]] = {
    FileNotFoundError: "no such file",
    IsADirectoryError: "a folder, not a file",
    PermissionError: "no permission to read this file",
}
_NUMBERS: Final = frozenset({"session", "node", "from", "to", "times", "status"})  # the keys of numbers in a rule
_BOOLEANS: Final = frozenset({"absent"})
_SAME_FIELD: Final = "not"  # the key of a condition on the same field
_OPEN_MAPPING: Final = "headers"  # whose keys are the user's, and whose values are texts
_MAX_INDENTED: Final = 256 * 1024
_NOT_IN_YAML: Final = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_KEY_OF_DICT: Final = "[key]"  # how pydantic marks an error in a key

AnyPath = str | os.PathLike[str]
M = TypeVar("M", bound=StrictModel)


def load(path: AnyPath, folder: AnyPath | None = None) -> Scenario:
    """Load a scenario from a YAML file; a scenario without a name is named after the file.

    A relative path counts from the ``folder``, by default the working folder; messages have it as it is given.
    """
    return loads(read_file(path, folder), os.fsdecode(path))


def read_file(path: AnyPath, folder: AnyPath | None = None) -> bytes:
    """Return the content of a scenario file; ScenarioError if it cannot be read."""
    name = os.fsdecode(path)
    try:
        with open(name if folder is None else os.path.join(folder, name), "rb") as file:
            return file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        message = _CANNOT_READ.get(type(error), f"cannot be read: {reason}")
        if folder is not None and not os.path.isabs(name):
            message += f"; its path counts from {os.fsdecode(folder)}"
        raise ScenarioError([Problem(name, 1, 1, message)]) from error


def loads(text: str | bytes, name: str = "<string>") -> Scenario:
    """Load a scenario from a YAML text; ``name`` stands for the file in messages, and its stem is the default name."""
    with gc_paused():  # collecting the nodes of a large file would take longer than everything else
        characters = decode(text, name)
        return replace(_scenario(YamlSource(characters, name)), source=characters)


def from_data(data: object, name: str = "<data>") -> Scenario:
    """Load a scenario from a dict with the keys of the YAML language; auth codes and other texts must be ``str``."""
    scenario = _scenario(PythonSource(name, data))
    return replace(scenario, source=_as_yaml(data))


def rule_from_data(data: object, name: str = "rule") -> Rule:
    """Load a rule from a dict; ``name`` begins the messages. A rule without a name is named after its conditions."""
    return read(RuleModel, data, name).build(definition=_definition(data))


def check_rule_words(data: Mapping[str, object], name: str = "rule") -> None:
    """Check a rule that has no reply yet; raise ScenarioError with everything that is wrong with it."""
    rule_from_data({**data, "return": Result.OK.value}, name)


def when_from_data(data: object, name: str = "when") -> When:
    """Load conditions from a dict with the keys of ``when``; an empty dict accepts every call."""
    return When() if data == {} else read(WhenModel, data, name).build()


def reply_from_data(data: object, name: str = "reply") -> Reply:
    """Load a reply from a dict with the keys of the scenario language."""
    return read(ReplyModel, data, name).build()


def read(model: type[M], data: object, name: str) -> M:
    """Validate data as a model; ``name`` begins the messages of the ScenarioError."""
    source = PythonSource(name, data)
    try:
        return model.built().model_validate(data)
    except ValidationError as error:
        raise _scenario_error(source, _mistakes(error, source)) from None


def _scenario(source: Source) -> Scenario:
    """Validate everything, then build. The valid rules are checked for reachability even if others are invalid."""
    rules_data = source.data.get("rules") if isinstance(source.data, dict) else None
    rules_data = rules_data if isinstance(rules_data, list | tuple) else ()
    if len(rules_data) > MAX_RULES:  # checked first, since validating them takes long
        message = f"{len(rules_data):,} rules; a scenario can have at most {MAX_RULES:,}"
        raise _scenario_error(source, [_mistake(source, ("rules",), message)])
    mistakes = [*source.mistakes]
    scenario: ScenarioModel | None = None
    models: dict[int, RuleModel] = {}
    try:
        scenario = ScenarioModel.built().model_validate(source.data)
        models.update(enumerate(scenario.rules))
    except ValidationError as error:
        found = [*_mistakes(error, source)]
        wrong_version = [mistake for mistake in found if mistake.path == ("version",)]
        if wrong_version:  # nothing else can be said about a file of another version
            raise _scenario_error(source, wrong_version) from None
        mistakes += found
        for index, rule in enumerate(rules_data):
            with suppress(ValidationError):
                models[index] = RuleModel.built().model_validate(rule)
    rules = {}
    for index, model in models.items():
        line = source.place(("rules", index)).line
        place = f"{source.name}:{line}" if line else None
        rules[index] = model.build(_default_name(index), place, _definition(rules_data[index]))
    mistakes += _unreachable(source, rules)
    if scenario is None or mistakes:
        raise _scenario_error(source, mistakes)
    built = scenario.build(PurePath(source.name).stem or source.name, rules.values())
    found = sorted(_remarks(source, scenario), key=lambda mistake: mistake.place)
    return replace(built, remarks=tuple(dict.fromkeys(mistake.problem(source.name) for mistake in found)))


def _remarks(source: Source, scenario: ScenarioModel) -> Iterator[Mistake]:
    for path, outcome in _outcomes(scenario):
        if isinstance(outcome, HttpFailure):
            for key, message in remarks(outcome):
                place = source.place((*path, "fail", *key), key=True)
                yield Mistake(place, (), f"remark: {format_path((*path, 'fail', *key))}: {message}")


def _outcomes(scenario: ScenarioModel) -> Iterator[tuple[Path, Outcome]]:
    """Yield the failures of a scenario, and the results of ``replies``, with the paths of their replies."""
    yield ("otherwise",), scenario.otherwise.outcome
    for index, rule in enumerate(scenario.rules):
        if rule.fail is not None:
            yield ("rules", index), rule.fail
        for number, reply in enumerate(rule.replies or ()):
            yield ("rules", index, "replies", number), reply.outcome


def _definition(rule: object) -> str:
    """Return valid data of a rule as JSON, in which what YAML writes without quotes has the type that its key wants."""
    return json.dumps(_typed(rule))


def _typed(value: object, key: str = "") -> object:
    if isinstance(value, dict):
        if key == _OPEN_MAPPING:
            return {name: str(each) for name, each in value.items()}
        return {name: _typed(each, key if name == _SAME_FIELD else name) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_typed(each, key) for each in value]
    if not isinstance(value, UnquotedStr):
        return value
    if key in _NUMBERS:
        with suppress(ValueError):  # a duration
            return int(value)
    return value == "true" if key in _BOOLEANS else str(value)


def _as_yaml(data: object) -> str:
    """Return valid data as JSON that is YAML, too: what YAML cannot hold, or would fold, is escaped."""
    text = json.dumps(data, ensure_ascii=False, indent=2)
    if len(text) > _MAX_INDENTED:  # what was sent must not become larger than what can be sent
        text = json.dumps(data, ensure_ascii=False)
    return _NOT_IN_YAML.sub(lambda char: f"\\u{ord(char[0]):04x}", text)


def _unreachable(source: Source, rules: Mapping[int, Rule]) -> Iterator[Mistake]:
    for index, earlier in unreachable(rules):
        if earlier is None:
            yield _mistake(source, ("rules", index, "when"), "no call can meet these conditions")
        else:
            rule, number = rules[earlier], format_path(("rules", earlier))
            first = f"{number}, {rule}," if rule.name != _default_name(earlier) else str(replace(rule, name=number))
            reason = f"{first} comes before it and accepts every call that it accepts"
            yield _mistake(source, ("rules", index), f"can never be reached: {reason}")


def _default_name(index: int) -> str:
    return f"rule {index + 1}"


def _mistake(source: Source, path: Path, message: str) -> Mistake:
    return Mistake(source.place(path), path, message)


def _mistakes(error: ValidationError, source: Source) -> Iterator[Mistake]:
    for details in error.errors(include_url=False):
        if details["type"] == "too_short" and details["input"]:
            continue  # the list is empty only because its items are invalid, which is reported already
        path = _path(details, source.data)
        at_key = details["type"] == AT_KEY or details["loc"][-1:] == (_KEY_OF_DICT,)
        yield Mistake(source.place(path, key=at_key), path, _message(details))


def _scenario_error(source: Source, mistakes: Iterable[Mistake]) -> ScenarioError:
    """Return an error with all mistakes in the order of the text; one that several aliases lead to is listed once."""
    unique: dict[tuple[object, ...], Mistake] = {}
    for mistake in sorted(mistakes, key=lambda mistake: mistake.place):
        identity = (mistake.place, mistake.message) if mistake.place.line else mistake
        unique.setdefault(identity, mistake)
    return ScenarioError([mistake.problem(source.name) for mistake in unique.values()])


def _path(details: ErrorDetails, data: Any) -> Path:
    """Return the location of an error as a path in the data, without the tags of unions."""
    path: list[str | int] = []
    for step in details["loc"]:
        inside = step in data if isinstance(data, dict) else isinstance(data, list | tuple) and isinstance(step, int)
        if inside:
            path.append(step)
            data = data[step]
    if details["type"] == "missing":
        path.append(details["loc"][-1])
    return tuple(path)


def _message(details: ErrorDetails) -> str:
    if details["type"] in OWN_ERRORS:
        return details["msg"]
    if details["input"] is None:
        return NO_VALUE
    kind = kind_of(details["input"])
    messages = {
        "missing": "missing",
        "string_type": f"must be a text, not {kind}",
        "string_too_short": "must not be empty",
        "dict_type": f"must be a mapping, not {kind}",
        "list_type": f"must be a list, not {kind}",
        "tuple_type": f"must be a list, not {kind}",
        "too_short": "an empty list; write at least one item, or leave the key out",
    }
    return messages.get(details["type"], details["msg"])
