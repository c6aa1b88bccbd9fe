"""The clients of the soak: each repeats one task until it is stopped, checks every response, and counts."""

from __future__ import annotations

import re
import socket
import time
from collections import Counter
from collections.abc import Callable
from itertools import accumulate, count
from pathlib import Path
from random import Random
from threading import Event
from typing import Any, BinaryIO, Final

import requests

from emulator.core.contract import SERVICE_PATH, Binding, Result
from tests.soak.probes import SECRET, Probe, RawResponse, auth_code, closing_probes, keep_alive_probes, scenario
from tests.soak.server import TIMEOUT

_MAX_PIPELINED: Final = 16
_BATCHES: Final = 20
_MAX_ERRORS: Final = 5
_RUNTIME_SESSIONS: Final = 7_000_000  # no rule of the file names one from here on
_POLL: Final = 0.005  # seconds


class SoakError(AssertionError):
    """The server did something else than what was requested."""


class Client:
    """A client with its counters.

    ``counts`` is by kind, for the report; ``journal`` by binding and outcome, to compare with the server's.
    """

    def __init__(self, port: int, file: Path, stop: Event, seed: int) -> None:
        self.file = file
        self.random = Random(seed)
        self.counts: Counter[str] = Counter()
        self.journal: Counter[tuple[str, str]] = Counter()
        self.errors: list[str] = []
        self._port = port
        self._stop = stop
        self._session = requests.Session()
        self._session.trust_env = False

    def run(self, task: Callable[[Client], None]) -> None:
        """Repeat a task, at least once, until the stop or too many errors."""
        while True:
            try:
                task(self)
            except Exception as error:
                self.errors.append(f"{task.__name__}: {type(error).__name__}: {error}")
            finally:
                self._session.close()  # each repetition opens new connections
            if self._stop.is_set() or len(self.errors) >= _MAX_ERRORS:
                break

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._port), TIMEOUT)

    def check(self, probe: Probe, response: RawResponse) -> None:
        """Count a probe, or raise SoakError if its response is not right."""
        self.journal[probe.binding_label, probe.outcome] += 1
        if not probe.is_right(response):
            raise SoakError(
                f"{probe.kind} over {probe.binding_label} got {response.data[:300]!r}, then {response.connection}"
            )
        self.counts[probe.kind] += 1

    def control(self, method: str, path: str, *expected: int, **options: Any) -> requests.Response:
        """Send a request to the control API; raise SoakError for another status or an unmasked auth code."""
        response = self._request(method, path, **options)
        if response.status_code not in expected or re.search(rf"\w{SECRET}", response.text):
            raise SoakError(f"{method} {path} got {response.status_code}, {response.text[:300]!r}, not {expected}")
        self.counts[f"control, {response.status_code}"] += 1
        return response

    def call(self, expected: Result, *, session: int = 1, code: str = "none", space: str = "") -> int:
        """Send a call over GET, which must get this result; return its number in the journal."""
        values = f"iSession={session}&iNode=2&sAuthCode={auth_code(code)}"
        response = self._request("GET", f"{space}{SERVICE_PATH}/startSession?{values}")
        match = re.search(r">(startSessionRet_\w+)<", response.text)
        result = match[1] if match else f"status {response.status_code}"
        if not space:
            self.journal[Binding.GET.value, result] += 1
        if result != expected.value:
            raise SoakError(f"a call of session {session} got {result}, {response.text[:300]!r}, not {expected.value}")
        self.counts["result in a space" if space else "result"] += 1
        return int(response.headers["X-Emulator-Call"])

    def _request(self, method: str, path: str, **options: Any) -> requests.Response:
        return self._session.request(method, f"http://127.0.0.1:{self._port}{path}", timeout=TIMEOUT, **options)

    def wait_for_health(self, status: int, name: str = "") -> None:
        """Wait for a status of the health, and for the scenario of this name; raise SoakError after a timeout."""
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            health = self.control("GET", "/__admin/health", 200, 503)
            if health.status_code == status and name in ("", health.json().get("scenario")):
                return
            time.sleep(_POLL)
        raise SoakError(f"timed out waiting until the health is {status} {name}")


_KEEP_ALIVE: Final = (*keep_alive_probes(),)
_KEEP_ALIVE_WEIGHTS: Final = (*accumulate(1 if probe.kind == "delay" else 10 for probe in _KEEP_ALIVE),)
_CLOSING: Final = (*closing_probes(),)
_CLOSING_WEIGHTS: Final = (*accumulate(1 if probe.kind == "stall" else 30 for probe in _CLOSING),)


def send_calls(client: Client) -> None:
    """Send calls, failures and refusals, some of them pipelined, on one keep-alive connection."""
    with client.connect() as connection:
        stream = connection.makefile("rb")
        for _ in range(_BATCHES):
            number = client.random.randint(1, _MAX_PIPELINED)
            probes = client.random.choices(_KEEP_ALIVE, cum_weights=_KEEP_ALIVE_WEIGHTS, k=number)
            connection.sendall(b"".join(probe.data for probe in probes))
            for probe in probes:
                client.check(probe, _read_response(stream))


def _read_response(stream: BinaryIO) -> RawResponse:
    """Read one complete response of a keep-alive connection."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = stream.readline()
        if not line:
            raise EOFError(f"the connection ended after {head[:300]!r}")
        head += line
    return RawResponse(head + stream.read(RawResponse(head, "open").content_length), "open")


def break_connections(client: Client) -> None:
    """Send a call that gets a connection fault, or bytes that are not HTTP."""
    (probe,) = client.random.choices(_CLOSING, cum_weights=_CLOSING_WEIGHTS)
    with client.connect() as connection:
        connection.sendall(probe.data)
        client.check(probe, RawResponse(b"", "open") if probe.abandons else _read_all(connection))


def _read_all(connection: socket.socket) -> RawResponse:
    data = b""
    try:
        while piece := connection.recv(65536):
            data += piece
    except ConnectionResetError:
        return RawResponse(data, "reset")
    return RawResponse(data, "closed")


_YAML: Final = {"Content-Type": "application/yaml"}
_OTHER_REQUESTS: Final[tuple[tuple[str, str, tuple[int, ...], dict[str, Any]], ...]] = (
    *(
        ("GET", f"/__admin/{page}", (200,), {})
        for page in ("", "calls?limit=20", "rules", "metrics", "scenario", "scenarios", "desk", "openapi.json")
    ),
    ("GET", "/__admin/health", (200, 503), {}),
    ("GET", SERVICE_PATH, (200,), {}),
    ("GET", f"{SERVICE_PATH}?wsdl", (200,), {}),
    ("POST", "/__admin/rules", (422,), {"json": {"whne": {}}}),
    ("POST", "/__admin/rules", (415,), {"data": "rules: []", "headers": _YAML}),
    ("GET", "/__admin/nowhere", (404,), {}),
    ("PATCH", "/__admin/scenario", (405,), {}),
    ("GET", "/__admin/calls", (403,), {"headers": {"Origin": "http://elsewhere.example"}}),
)


def use_control_api(client: Client) -> None:
    """Add, change and remove a rule, verify its calls, and request everything else that the control API has."""
    session = _RUNTIME_SESSIONS + client.random.randrange(100_000)
    ok, failed, when = Result.OK, Result.ACTION_FAILED, {"session": session}
    added = client.control("POST", "/__admin/rules", 201, json={"when": when, "return": ok.value})
    rule = f"/__admin/rules/{added.json()['id']}"
    first = client.call(ok, session=session)
    client.control("PUT", rule, 200, json={"when": when, "return": failed.value})
    last = client.call(failed, session=session)
    twice = {"when": when, "times": 2, "after": first - 1}
    verification = client.control("POST", "/__admin/verify", 200, 409, json=twice)  # 409: entries were dropped
    if verification.status_code == 200 and not verification.json()["verified"]:
        raise SoakError(verification.json()["text"])
    client.control("GET", f"/__admin/calls/{last}", 200, 404)  # 404: already dropped
    client.control("DELETE", rule, 204)
    client.control("GET", rule, 404)
    client.call(Result.ERROR, session=session)
    call = {"session": session, "node": 2, "auth_code": auth_code("OK"), "binding": "get"}
    if client.control("POST", "/__admin/explain", 200, json=call).json()["reply"] != ok.value:
        raise SoakError("explain returned another result")
    for method, path, expected, options in _OTHER_REQUESTS:
        client.control(method, path, *expected, **options)


_numbers = count(1)


def use_spaces(client: Client) -> None:
    """Create a space, use it, check that it counted everything, and delete it."""
    name = f"soak-{next(_numbers)}"
    space, address = f"/spaces/{name}", f"/__admin/spaces/{name}"
    client.control("PUT", address, 201, data=scenario(name), headers=_YAML)
    results = [client.random.choice(list(Result)) for _ in range(client.random.randint(1, 40))]
    for result in results:
        client.call(result, code=result.name, space=space)
    all_calls = {"when": {"auth_code": {"matches": f".*{SECRET}"}}, "times": len(results)}
    if not client.control("POST", f"{space}/__admin/verify", 200, json=all_calls).json()["verified"]:
        raise SoakError("a space did not count its calls")
    totals = client.control("GET", f"{space}/__admin/calls", 200).json()["totals"]
    if totals != {"calls": len(results), "refusals": 0}:
        raise SoakError(f"a space counted {totals}, not {len(results)} calls")
    client.control("POST", f"{space}/__admin/reset", 204)
    edition = Result.ACTION_FAILED
    client.control("PUT", f"{space}/__admin/scenario", 200, data=scenario(name, edition), headers=_YAML)
    client.call(edition, code="edition", space=space)
    client.control("GET", "/__admin/spaces", 200)
    client.control("DELETE", address, 204)
    client.control("GET", f"{space}/__admin/calls", 404)


def edit_scenario(client: Client) -> None:
    """Make a valid edit, which takes effect, and an invalid one, which changes nothing but the health."""
    name = f"edition-{next(_numbers)}"
    edition = client.random.choice((Result.OK, Result.ACTION_FAILED))
    text = scenario(name, edition)
    replacement = client.file.with_suffix(".new")
    replacement.write_text(text)
    replacement.replace(client.file)
    client.wait_for_health(200, name)
    client.call(edition, code="edition")
    client.counts["edit, valid"] += 1
    half, misspelled = text[: text.rindex("startSessionRet_") + 9], text.replace("when:", "whne:", 1)
    client.file.write_text(client.random.choice((half, misspelled)))
    client.wait_for_health(503)
    client.call(edition, code="edition")
    client.counts["edit, invalid"] += 1


TASKS: Final = (
    *(send_calls, send_calls, send_calls),
    *(break_connections, break_connections),
    *(use_control_api, use_spaces, edit_scenario),
)
"""The tasks of the clients, each in a thread of its own."""
