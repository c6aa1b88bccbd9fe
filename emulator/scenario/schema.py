"""JSON Schema (draft 2020-12) of the models: for editors of scenario files, and for the OpenAPI description."""

from __future__ import annotations

import ast
import inspect
from functools import cache
from itertools import chain, pairwise
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from emulator.scenario import control_models, language, reply_models
from emulator.scenario.control_models import (
    CallModel,
    SentCallModel,
    SessionStatusModel,
    TechnicianStatusModel,
    VerificationModel,
)
from emulator.scenario.fields import TEXT_TYPES
from emulator.scenario.language import RuleModel, ScenarioModel
from emulator.scenario.strict_model import StrictModel

_SOURCES: Final = {module.__name__: inspect.getsource(module) for module in (language, reply_models, control_models)}
"""The source of the models, read with this module: a server goes on describing itself after its files are gone."""
_REQUESTS: Final = (
    ScenarioModel,
    RuleModel,
    VerificationModel,
    CallModel,
    SentCallModel,
    TechnicianStatusModel,
    SessionStatusModel,
)


def schema() -> dict[str, Any]:
    """Return the schema of scenario files, which accepts what the loader accepts, as far as JSON Schema allows.

    It cannot check the order of ranges, regular expressions, unique ids, or that every rule can be reached.
    """
    scenario = ScenarioModel.built().model_json_schema(schema_generator=_YamlGenerator)
    for definition in scenario["$defs"].values():
        if "enum" in definition:
            definition.pop("title", None)
            definition.pop("description", None)  # the docstring of the Python class; the fields are described
    return {"$schema": GenerateJsonSchema.schema_dialect, **scenario, "title": "Scenario of rescue-emulator"}


def components(ref_template: str) -> dict[str, Any]:
    """Return the schemas of the bodies of requests, by name, for the OpenAPI description."""
    _, definitions = models_json_schema(
        [(model.built(), "validation") for model in _REQUESTS], ref_template=ref_template, schema_generator=_Generator
    )
    schemas: dict[str, Any] = definitions["$defs"]
    return schemas


class _Generator(GenerateJsonSchema):
    """Generates pydantic's schemas without nulls, and with the descriptions and variants of each StrictModel."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """Return the schema without null: an optional key may be left out, but not be null."""
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Return the schema with its default, unless that is None or, as a value of the core, has no JSON."""
        has_json = isinstance(schema.get("default"), str | int | tuple)
        return super().default_schema(schema) if has_json else self.generate_inner(schema["schema"])

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        model: type[StrictModel] = schema["cls"]
        json_schema = super().model_schema(schema)
        descriptions = _descriptions(model)
        properties = {
            key: {**value, "description": descriptions[key]} for key, value in json_schema["properties"].items()
        }
        return {**json_schema, "properties": properties, "title": model.noun, **_variant_keywords(model)}

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False  # it would repeat the key


class _YamlGenerator(_Generator):
    """Generates schemas for editors of YAML, to which an unquoted text may look like a number or a boolean."""

    def str_schema(self, schema: core_schema.StringSchema) -> JsonSchemaValue:
        return {**super().str_schema(schema), "type": TEXT_TYPES}


def _descriptions(model: type[StrictModel]) -> dict[str, str]:
    """Return the docstrings below the fields, by key. pydantic could read them, but would do so at every import."""
    descriptions = {}
    bases = [base for base in model.__mro__ if base.__module__ in _SOURCES]
    for field, below in chain.from_iterable(pairwise(_classes(base.__module__)[base.__name__].body) for base in bases):
        match field, below:
            case ast.AnnAssign(target=ast.Name(name)), ast.Expr(ast.Constant(str(text))) if name in model.model_fields:
                descriptions[model.model_fields[name].alias or name] = " ".join(text.split())
    return descriptions


@cache
def _classes(module: str) -> dict[str, ast.ClassDef]:
    """Return the parsed classes of a module by name."""
    return {each.name: each for each in ast.parse(_SOURCES[module]).body if isinstance(each, ast.ClassDef)}


def _variant_keywords(model: type[StrictModel]) -> dict[str, Any]:
    """Return the keywords that demand exactly one variant, the keys that it needs, and none that it excludes."""
    identifying = [[key for key, value in model.identifying.items() if value is each] for each in model.variants]
    needed = {key: needs for key, variant in model.identifying.items() if (needs := [*{*variant.needs} - {key}])}
    shared = {key: keys for key in model.identifying if (keys := [*model.excluded[key] - model.identifying.keys()])}
    keywords = {
        "oneOf": [_any_of(keys) for keys in identifying],
        "dependentRequired": needed,
        "dependentSchemas": {key: {"not": _any_of(keys)} for key, keys in shared.items()},
    }
    return {keyword: value for keyword, value in keywords.items() if value}


def _any_of(keys: list[str]) -> dict[str, Any]:
    required: list[dict[str, Any]] = [{"required": [key]} for key in keys]
    return required[0] if len(required) == 1 else {"anyOf": required}
