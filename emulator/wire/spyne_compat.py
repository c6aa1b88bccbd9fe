"""The only module that imports spyne: makes spyne 2.14.0 import on Python 3.10 and later.

* Its vendored ``six`` finds modules through a protocol that Python 3.12 removed. The three that spyne needs are put
  into ``sys.modules`` beforehand, where an exact name is found without a finder; and six's finder is removed from
  ``sys.meta_path``, since Python warns of it at every later import.
* It imports ``cgi``, which Python 3.13 removed, for ``parse_header`` alone: a stand-in is in ``sys.modules`` during the
  import only, so that no other package finds it.
* Its sources have invalid escapes, of which newer compilers warn: warnings are off during the import only.
* It logs every client error with a traceback and the whole body, auth code included: its loggers are disabled.
* It runs a full garbage collection once a second in the middle of a request: switched off.
"""

from __future__ import annotations

import collections.abc
import http.cookies
import logging
import sys
import types
import urllib.parse
import warnings
from email.message import Message

_SIX_MODULES = {"collections_abc": collections.abc, "http_cookies": http.cookies, "urllib.parse": urllib.parse}


def _parse_header(line: str) -> tuple[str, dict[str, str]]:
    """Do what ``cgi.parse_header`` did: split off the parameters of a header value."""
    message = Message()
    message["content-type"] = line
    (value, _), *parameters = message.get_params([("", "")])
    return value, dict(parameters)


_cgi = types.ModuleType("cgi")
_cgi.parse_header = _parse_header  # type: ignore[attr-defined]
_original_cgi = sys.modules.get("cgi")
sys.modules["cgi"] = _cgi
for _name, _module in _SIX_MODULES.items():
    sys.modules.setdefault(f"spyne.util.six.moves.{_name}", _module)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import spyne.const
    import spyne.protocol.http
    import spyne.protocol.soap
    import spyne.protocol.xml
    import spyne.server

del sys.modules["cgi"]
if _original_cgi is not None:
    sys.modules["cgi"] = _original_cgi
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != "spyne.util.six"]
spyne.const.MIN_GC_INTERVAL = float("inf")
logging.getLogger("spyne").setLevel(logging.CRITICAL + 1)

__all__ = ["spyne"]
