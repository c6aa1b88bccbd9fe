"""What a person writes: the scenario language, its loading and its schema; the only floor that imports yaml."""

from emulator.scenario.loading import from_data, load, loads, reply_from_data, rule_from_data, when_from_data

__all__ = ["from_data", "load", "loads", "reply_from_data", "rule_from_data", "when_from_data"]
