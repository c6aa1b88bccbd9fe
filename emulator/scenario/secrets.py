"""A scenario's text as it may be shown to anybody: every auth code in it masked, all else as it was written.

A code is masked where it is one, and where a name or a comment mentions it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from emulator.core.call import Secret, in_full
from emulator.scenario.source import compose

_SECRET = "auth_code"
_FEWEST_TELLING = 4  # letters: any fewer are in too many words
_UNSAID = ("absent",)  # conditions that tell no code
_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)*")  # anchor and tag, which stand before a value


def with_secrets(source: str, secret: Secret) -> str:
    """The text of a scenario with each auth code, or pattern of one, as ``secret`` writes it."""
    if secret is in_full:
        return source
    found = {id(node): node for node in _secrets(compose(source, "scenario"), False, set())}
    text = source
    for node in sorted(found.values(), key=lambda node: node.start_mark.index, reverse=True):
        start, end = node.start_mark.index, node.end_mark.index
        written = text[start:end]
        properties = _PROPERTIES.match(written)
        kept = properties[0] if properties else ""
        line_end = "\n" if written.endswith("\n") else ""
        text = text[:start] + kept + json.dumps(secret(node.value), ensure_ascii=False) + line_end + text[end:]
    codes = sorted({node.value for node in found.values() if len(node.value) >= _FEWEST_TELLING}, key=len, reverse=True)
    mentioned = "|".join(re.escape(code) for code in codes)
    return re.sub(rf"(?<![\w-])(?:{mentioned})(?![\w-])", lambda code: secret(code[0]), text) if codes else text


def _secrets(node: Node, inside: bool, seen: set[tuple[int, bool]]) -> Iterator[ScalarNode]:
    if (id(node), inside) in seen:
        return
    seen.add((id(node), inside))
    if isinstance(node, ScalarNode):
        if inside:
            yield node
    elif isinstance(node, SequenceNode):
        for item in node.value:
            yield from _secrets(item, inside, seen)
    elif isinstance(node, MappingNode):
        for key, value in node.value:
            if key.value not in _UNSAID:
                yield from _secrets(value, inside or key.value == _SECRET, seen)
