"""The scenario language: its models, how it is loaded, and its JSON Schema. Only this package imports yaml."""

from emulator.scenario.loading import (
    check_rule_words,
    from_data,
    load,
    loads,
    reply_from_data,
    rule_from_data,
    when_from_data,
)

__all__ = ["check_rule_words", "from_data", "load", "loads", "reply_from_data", "rule_from_data", "when_from_data"]
