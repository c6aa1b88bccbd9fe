"""The service on stock spyne and waitress, for comparison: as their documentation shows it, without a journal.

``python -m tests.bench.stock_spyne RULES`` prints a line that begins with "ready" once it answers. Needs Python 3.11 or
older, since spyne 2.14 does not import on later ones without our compatibility module.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

from spyne import Application, Integer32, ServiceBase, Unicode, rpc
from spyne.model.enum import Enum
from spyne.protocol.soap import Soap11
from spyne.server.wsgi import WsgiApplication
from waitress import create_server

from emulator.core.contract import NAMESPACE, PARAMETERS, RESPONSE_RESULT, RESULT_TYPE, SERVICE_PATH, Result

RULES = {number: f"demo-{number}" for number in range(int(sys.argv[1]))}
StartSessionRet = Enum(*(result.value for result in Result), type_name=RESULT_TYPE)


class API(ServiceBase):  # type: ignore[misc]  # spyne has no types
    @rpc(Integer32, Integer32, Unicode, _args=PARAMETERS, _returns=StartSessionRet, _out_variable_name=RESPONSE_RESULT)  # type: ignore[untyped-decorator]
    def startSession(ctx: Any, session: int, node: int, auth_code: str | None) -> Any:  # noqa: ARG002, N805
        return (Result.OK if RULES.get(session) == auth_code else Result.ERROR).value


def main() -> None:
    """Serve with waitress's default number of threads until the process is ended."""
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # else a line for each request that waits for a thread
    application = Application([API], NAMESPACE, in_protocol=Soap11(validator="lxml"), out_protocol=Soap11())
    server = create_server(WsgiApplication(application), host="127.0.0.1", port=0)
    print(f"ready http://127.0.0.1:{server.effective_port}{SERVICE_PATH}", flush=True)
    server.run()


if __name__ == "__main__":
    main()
