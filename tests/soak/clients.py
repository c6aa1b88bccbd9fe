"""The clients of the soak: each does one kind of work until it is told to stop, checks all it gets, and counts."""

from __future__ import annotations

import json
import re
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from itertools import accumulate, count
from pathlib import Path
from random import Random
from threading import Event
from typing import Any, Final, NamedTuple

from emulator.core.contract import SERVICE_PATH, Binding, Result
from tests.soak.deeds import HIDDEN, Came, Deed, auth_code, ending, keeping, scenario
from tests.soak.server import PATIENCE

_MOST_AT_ONCE: Final = 16
_BATCHES: Final = 20
_MOST_WRONG: Final = 5
_RUNTIME: Final = 7_000_000  # a session that no rule of the file names
_YAML: Final = {"Content-Type": "application/yaml"}
_JSON: Final = {"Content-Type": "application/json"}
_SEEN: Final = 0.005  # seconds between two looks


class Wrong(AssertionError):
    """Something came that should not have."""


class Client:
    """What every client has: where the server is, what it counted, and what was wrong.

    ``done`` counts by kind and binding, for people; ``journal`` by binding and outcome what the server's journal must
    have counted as well.
    """

    def __init__(self, port: int, file: Path, over: Event, seed: int) -> None:
        self.file = file
        self.random = Random(seed)
        self.done: Counter[tuple[str, str]] = Counter()
        self.journal: Counter[tuple[str, str]] = Counter()
        self.wrong: list[str] = []
        self._port = port
        self._over = over

    def work(self, doing: Callable[[Client], None]) -> None:
        """Does one kind of work, round by round, one at least, until it is over or too much was wrong."""
        while True:
            try:
                doing(self)
            except Exception as wrong:
                self.wrong.append(f"{doing.__name__}: {type(wrong).__name__}: {wrong}")
            if self._over.is_set() or len(self.wrong) >= _MOST_WRONG:
                break

    def connect(self) -> socket.socket:
        """A connection of its own."""
        return socket.create_connection(("127.0.0.1", self._port), PATIENCE)

    @contextmanager
    def asking(self) -> Iterator[Asking]:
        """A connection for requests to the control API and for calls that it is to tell of."""
        connection = HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        try:
            yield Asking(connection, self)
        finally:
            connection.close()

    def count(self, deed: Deed, came: Came) -> None:
        """Counts what was done, once what came of it is right."""
        if deed.counted is not None:
            self.journal[deed.column, deed.counted] += 1
        if not deed.is_right(came):
            raise Wrong(f"{deed.kind} over {deed.column} came to {came.connection}, {came.data[:300]!r}")
        self.done[deed.kind, deed.column] += 1

    def wait_until(self, what: str, holds: Callable[[], bool]) -> None:
        """Waits for something that must become true."""
        deadline = time.monotonic() + PATIENCE
        while not holds():
            if time.monotonic() > deadline:
                raise Wrong(f"waited in vain until {what}")
            time.sleep(_SEEN)


class Reply(NamedTuple):
    """An answer of the control API, or of the service to a call that is asked like that."""

    status: int
    text: str
    call: int

    @property
    def data(self) -> Any:
        """Its body, which is JSON."""
        return json.loads(self.text)


class Asking:
    """Asks the control API, and counts under ``control``; no answer holds an auth code in full."""

    def __init__(self, connection: HTTPConnection, client: Client) -> None:
        self._connection = connection
        self._client = client

    def ask(self, method: str, path: str, body: object = None, *, wanted: tuple[int, ...] = (200,)) -> Reply:
        """One request, and its answer, whose status is one of those wanted; a ``str`` is sent as YAML."""
        content = body if isinstance(body, str) or body is None else json.dumps(body)
        headers = {} if body is None else _YAML if isinstance(body, str) else _JSON
        reply = self.request(method, path, content, headers)
        if reply.status not in wanted or re.search(rf"\w{HIDDEN}", reply.text):
            raise Wrong(f"{method} {path} got {reply.status}, {reply.text[:300]!r}, not {wanted}")
        self._client.done[f"control, {reply.status}", "none"] += 1
        return reply

    def call(self, wanted: str, *, session: int = 1, how: str = "none", space: str = "") -> int:
        """One call over GET, which must get a result, and its number in the journal."""
        values = f"iSession={session}&iNode=2&sAuthCode={auth_code(how)}"
        reply = self.request("GET", f"{space}{SERVICE_PATH}/startSession?{values}")
        if not space:
            self._client.journal[Binding.GET.value, _result_in(reply)] += 1
        if _result_in(reply) != wanted:
            raise Wrong(f"a call of session {session} got {reply.status}, {reply.text[:300]!r}, not {wanted}")
        self._client.done["result" if not space else "result in a space", Binding.GET.value] += 1
        return reply.call

    def request(
        self, method: str, path: str, content: str | None = None, headers: dict[str, str] | None = None
    ) -> Reply:
        """One request and its answer, whatever it is."""
        self._connection.request(method, path, content, headers or {})
        response = self._connection.getresponse()
        text = response.read().decode("utf-8")
        return Reply(response.status, text, int(response.headers.get("X-Emulator-Call", "0")))


def _result_in(reply: Reply) -> str:
    found = re.search(r">(startSessionRet_\w+)<", reply.text)
    return found[1] if found else f"status {reply.status}"


_KEEPING: Final = (*keeping(),)
_OFTEN: Final = (*accumulate(1 if deed.kind == "delay" else 10 for deed in _KEEPING),)
_ENDING: Final = (*ending(),)
_SELDOM: Final = (*accumulate(1 if deed.kind == "stall" else 30 for deed in _ENDING),)


def calling(client: Client) -> None:
    """Calls, failures and refusals, some of them pipelined, on a connection that is kept for a while."""
    with client.connect() as connection:
        buffer = b""
        for _ in range(_BATCHES):
            deeds = client.random.choices(_KEEPING, cum_weights=_OFTEN, k=client.random.randint(1, _MOST_AT_ONCE))
            connection.sendall(b"".join(deed.sent for deed in deeds))
            for deed in deeds:
                came, buffer = _one_answer(connection, buffer)
                client.count(deed, came)


def _one_answer(connection: socket.socket, buffer: bytes) -> tuple[Came, bytes]:
    """One whole answer, and what came behind it."""
    while (head := buffer.find(b"\r\n\r\n")) < 0:
        buffer += _more(connection, buffer)
    end = head + 4 + Came(buffer, "open").promised
    while len(buffer) < end:
        buffer += _more(connection, buffer)
    return Came(buffer[:end], "open"), buffer[end:]


def _more(connection: socket.socket, buffer: bytes) -> bytes:
    piece = connection.recv(65536)
    if not piece:
        raise EOFError(f"the connection ended after {buffer[:300]!r}")
    return piece


def breaking(client: Client) -> None:
    """Failures of connections, and what is no HTTP, each on a connection of its own."""
    (deed,) = client.random.choices(_ENDING, cum_weights=_SELDOM)
    with client.connect() as connection:
        connection.sendall(deed.sent)
        client.count(deed, Came(b"", "open") if deed.gives_up else _to_the_end(connection))


def _to_the_end(connection: socket.socket) -> Came:
    data = b""
    try:
        while piece := connection.recv(65536):
            data += piece
    except ConnectionResetError:
        return Came(data, "reset")
    return Came(data, "closed")


def operating(client: Client) -> None:
    """Rules that come and go, and questions about the calls that met them; then everything else that can be asked."""
    session = _RUNTIME + client.random.randrange(100_000)
    ok, failed = Result.OK.value, Result.ACTION_FAILED.value
    with client.asking() as admin:
        rule = admin.ask("POST", "/__admin/rules", {"when": {"session": session}, "return": ok}, wanted=(201,)).data
        path = f"/__admin/rules/{rule['id']}"
        first = admin.call(ok, session=session)
        admin.ask("PUT", path, {"when": {"session": session}, "return": failed})
        last = admin.call(failed, session=session)
        asked = {"when": {"session": session}, "times": 2, "after": first - 1}
        found = admin.ask("POST", "/__admin/verify", asked, wanted=(200, 409))
        if found.status == 200 and not found.data["verified"]:
            raise Wrong(found.data["text"])
        admin.ask("GET", f"/__admin/calls/{last}", wanted=(200, 404))  # 404: it is dropped already
        admin.ask("DELETE", path, wanted=(204,))
        admin.ask("GET", path, wanted=(404,))
        admin.call(Result.ERROR.value, session=session)
        for shown in _SHOWN:
            admin.ask("GET", shown)
        admin.ask("GET", "/__admin/health", wanted=(200, 503))
        call = {"session": session, "node": 2, "auth_code": auth_code("OK"), "binding": "get"}
        if admin.ask("POST", "/__admin/explain", call).data["reply"] != ok:
            raise Wrong("explain told another result")
        admin.ask("POST", "/__admin/rules", {"whne": {}}, wanted=(422,))
        admin.ask("POST", "/__admin/rules", "rules: []", wanted=(415,))
        admin.ask("GET", "/__admin/nowhere", wanted=(404,))
        admin.ask("PATCH", "/__admin/scenario", wanted=(405,))
        foreign = admin.request("GET", "/__admin/calls", headers={"Origin": "http://elsewhere.example"})
        if foreign.status != 403:
            raise Wrong(f"a foreign page got {foreign.status}")


_SHOWN: Final = (
    *(f"/__admin/{page}" for page in ("", "calls?limit=20", "rules", "metrics", "scenario", "scenarios", "desk")),
    *("/__admin/openapi.json", SERVICE_PATH, f"{SERVICE_PATH}?wsdl"),
)
_numbers = count(1)


def spacing(client: Client) -> None:
    """A space opened, used, asked whether all that was done there was counted, and deleted."""
    name = f"soak-{next(_numbers)}"
    space, opened = f"/spaces/{name}", f"/__admin/spaces/{name}"
    with client.asking() as admin:
        admin.ask("PUT", opened, scenario(name), wanted=(201,))
        results = [client.random.choice(list(Result)) for _ in range(client.random.randint(1, 40))]
        for result in results:
            admin.call(result.value, how=result.name, space=space)
        asked = {"when": {"auth_code": {"matches": f".*{HIDDEN}"}}, "times": len(results)}
        if not admin.ask("POST", f"{space}/__admin/verify", asked).data["verified"]:
            raise Wrong("a space did not count its calls")
        totals = admin.ask("GET", f"{space}/__admin/calls").data["totals"]
        if totals != {"calls": len(results), "refusals": 0}:
            raise Wrong(f"a space counted {totals}, not {len(results)} calls")
        admin.ask("POST", f"{space}/__admin/reset", wanted=(204,))
        admin.ask("PUT", f"{space}/__admin/scenario", scenario(name, Result.ACTION_FAILED))
        admin.call(Result.ACTION_FAILED.value, how="edition", space=space)
        admin.ask("GET", "/__admin/spaces")
        admin.ask("DELETE", opened, wanted=(204,))
        admin.ask("GET", f"{space}/__admin/calls", wanted=(404,))


def editing(client: Client) -> None:
    """A good edit, which comes into force, and a bad one behind it, which changes nothing and is told by health."""
    number = next(_numbers)
    edition = client.random.choice((Result.OK, Result.ACTION_FAILED))
    name, text = f"edition-{number}", scenario(f"edition-{number}", edition)
    written = client.file.with_suffix(".new")
    written.write_text(text)
    written.replace(client.file)
    with client.asking() as admin:

        def health() -> Reply:
            return admin.ask("GET", "/__admin/health", wanted=(200, 503))

        client.wait_until(f"{name} is in force", lambda: health().status == 200 and health().data["scenario"] == name)
        admin.call(edition.value, how="edition")
        client.done["edit, good", "none"] += 1
        kind, bad = client.random.choice([*_bad_edits(text)])
        client.file.write_bytes(bad)
        client.wait_until(f"an edit of {kind} is refused", lambda: health().status == 503)
        admin.call(edition.value, how="edition")
        client.done["edit, bad", "none"] += 1


def _bad_edits(text: str) -> Iterator[tuple[str, bytes]]:
    whole = text.encode()
    yield "half a file", whole[: whole.rindex(b"startSessionRet_") + 9]
    yield "random bytes", b"\xff\xfe\0" + whole[:100]
    yield "no scenario", b"rules: 7\n"
    yield "a wrong word", whole.replace(b"when:", b"whne:", 1)


WORK: Final = (calling, calling, calling, breaking, breaking, operating, spacing, editing)
"""What the clients do, each in a thread of its own."""
