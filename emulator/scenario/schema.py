"""The JSON Schema of scenario files, for editors: the models, told in the words of draft 2020-12."""

from __future__ import annotations

import ast
import inspect
from itertools import pairwise
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from emulator.scenario.control_models import (
    CallModel,
    SessionStatusModel,
    TechnicianStatusModel,
    VerificationModel,
)
from emulator.scenario.fields import TEXT
from emulator.scenario.language import RuleModel, ScenarioModel
from emulator.scenario.strict_model import StrictModel


def schema() -> dict[str, Any]:
    """A schema that accepts what the loader accepts, as far as a schema can say it.

    It looks at a file with YAML's eyes: a text without quotes may look like a number, or like true and false, to it.
    It cannot say that numbers are decimal, that ends come in order, that patterns are right, that ids differ, or that
    each rule can be reached.
    """
    written = ScenarioModel.built().model_json_schema(schema_generator=_YamlGenerator)
    return {"$schema": GenerateJsonSchema.schema_dialect, **written, "title": "Scenario of rescue-emulator"}


def components(ref_template: str) -> dict[str, Any]:
    """The schemas of all that can be sent as JSON, by the names of their models, for a description in OpenAPI."""
    models = (
        ScenarioModel,
        RuleModel,
        VerificationModel,
        CallModel,
        TechnicianStatusModel,
        SessionStatusModel,
    )
    _, schema = models_json_schema(
        [(model.built(), "validation") for model in models], ref_template=ref_template, schema_generator=_Generator
    )
    found: dict[str, Any] = schema["$defs"]
    return found


class _Generator(GenerateJsonSchema):
    """Generates as pydantic does, but for what is our own: no nulls, variants to write a thing."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """What can be left out can still not be null."""
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Nothing is not a default that a person could write."""
        if schema.get("default", ...) is None:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """A mapping, with what is said of each key, and the variants to write it."""
        model: type[StrictModel] = schema["cls"]
        written = super().model_schema(schema)
        said = _said(model)
        keys = {key: {**about, "description": said[key]} for key, about in written["properties"].items()}
        return {**written, "properties": keys, "title": model.noun, **_ways(model)}

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        """A title would repeat the key."""
        return False


class _YamlGenerator(_Generator):
    """The same for YAML, where a text may do without quotes."""

    def str_schema(self, schema: core_schema.StringSchema) -> JsonSchemaValue:
        """A text, which may do without quotes."""
        return {**super().str_schema(schema), "type": TEXT}


def _said(model: type[StrictModel]) -> dict[str, str]:
    """What stands below each field of a model, by its key; pydantic could look, but would at every import."""
    (found,) = ast.parse(inspect.getsource(model)).body
    assert isinstance(found, ast.ClassDef)
    said = {}
    for field, below in pairwise(found.body):
        match field, below:
            case ast.AnnAssign(target=ast.Name(name)), ast.Expr(ast.Constant(str(text))) if name in model.model_fields:
                said[model.model_fields[name].alias or name] = inspect.cleandoc(text)
    return said


def _ways(model: type[StrictModel]) -> dict[str, Any]:
    """Exactly one way, told by one of its keys; with these goes what they need, and nothing that is foreign to them."""
    told_by = [[key for key, told in model.telling.items() if told is way] for way in model.variants]
    needed = {key: needs for key, way in model.telling.items() if (needs := [*{*way.needs} - {key}])}
    barred = {key: shared for key in model.telling if (shared := [*model.foreign[key] - model.telling.keys()])}
    said = {
        "oneOf": [_any_of(keys) for keys in told_by],
        "dependentRequired": needed,
        "dependentSchemas": {key: {"not": _any_of(shared)} for key, shared in barred.items()},
    }
    return {keyword: value for keyword, value in said.items() if value}


def _any_of(keys: list[str]) -> dict[str, Any]:
    each: list[dict[str, Any]] = [{"required": [key]} for key in keys]
    return each[0] if len(each) == 1 else {"anyOf": each}
