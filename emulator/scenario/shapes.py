"""Tells what a person wrote by its shape, so that a mistake in one way to write a thing is not told for every other."""

from __future__ import annotations


def shape(value: object) -> str:
    """``scalar``, ``list`` or ``mapping``."""
    match value:
        case dict():
            return "mapping"
        case list() | tuple():
            return "list"
        case _:
            return "scalar"
