"""The one door to spyne: lets spyne 2.14.0 import on Python 3.10 and later, keeps it quiet, and hands out its names.

What stands in the way, and what is done about it:

* its vendored ``six`` finds modules by a protocol that Python 3.12 removed: the three leaves that it needs are put in
  place beforehand, where an exact name in ``sys.modules`` is found without asking the finder, and the finder, of which
  Python warns at every later import of anybody's, is taken away;
* it imports ``cgi``, which Python 3.13 removed, for ``parse_header`` alone: a stand-in is lent while spyne is imported
  and taken back afterwards, so that nobody else in the process sees it;
* its sources hold escapes that newer compilers warn of: warnings are off during the import, and only then;
* it logs each client's mistake with a traceback and the whole body, secrets included: its loggers are shut;
* it collects all garbage once a second from the middle of a request: it no longer does.
"""

from __future__ import annotations

import collections.abc
import contextlib
import http.cookies
import logging
import sys
import types
import urllib.parse
import warnings
from collections.abc import Iterator
from email.message import Message

_SIX_LEAVES = {
    "collections_abc": collections.abc,
    "http_cookies": http.cookies,
    "urllib.parse": urllib.parse,
}


def _parse_header(line: str) -> tuple[str, dict[str, str]]:
    """What ``cgi.parse_header`` gave: the value before the first semicolon, and the parameters behind it."""
    message = Message()
    message["content-type"] = line
    (value, _), *parameters = message.get_params([("", "")])
    return value, dict(parameters)


@contextlib.contextmanager
def _cgi_lent() -> Iterator[None]:
    own = sys.modules.get("cgi")
    stand_in = types.ModuleType("cgi")
    stand_in.parse_header = _parse_header  # type: ignore[attr-defined]
    sys.modules["cgi"] = stand_in
    try:
        yield
    finally:
        del sys.modules["cgi"]
        if own is not None:
            sys.modules["cgi"] = own


for _name, _module in _SIX_LEAVES.items():
    sys.modules.setdefault(f"spyne.util.six.moves.{_name}", _module)

with _cgi_lent(), warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import spyne.const
    from spyne import Application, Fault, Integer32, Service, Unicode, rpc
    from spyne.model.enum import Enum
    from spyne.protocol.http import HttpRpc
    from spyne.protocol.soap import Soap11, Soap12
    from spyne.protocol.xml import XmlDocument
    from spyne.server import ServerBase

sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != "spyne.util.six"]
spyne.const.MIN_GC_INTERVAL = float("inf")
logging.getLogger("spyne").setLevel(logging.CRITICAL + 1)

__all__ = [
    "Application",
    "Enum",
    "Fault",
    "HttpRpc",
    "Integer32",
    "ServerBase",
    "Service",
    "Soap11",
    "Soap12",
    "Unicode",
    "XmlDocument",
    "rpc",
]
