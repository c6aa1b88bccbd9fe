"""A suite for an asynchronous client: copy it and adapt it.

The marker ``anyio`` comes with the package anyio, which the emulator installs; with pytest-asyncio, use its marker
``asyncio`` instead, and leave out the fixture ``anyio_backend``. The emulator runs in a thread of its own, so it
answers while the test awaits. ``verify`` with ``within`` waits for calls, and would block the client: it belongs into
``asyncio.to_thread``.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from emulator import Rescue

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.rescue(Path(__file__).parent.parent / "scenarios" / "night_shift.yaml"),
]

CONCURRENT = 20


async def start_session(client: httpx.AsyncClient, session: int) -> str:
    """Start a session; replace it by your own client."""
    call = {"iSession": session, "iNode": 337366, "sAuthCode": "demo-ann"}
    answer = await client.post("startSession", data=call)
    answer.raise_for_status()
    return answer.text.partition(">startSessionRet_")[2].partition("<")[0]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def a_client(rescue: Rescue, timeout: float = 5.0) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=rescue.url, timeout=timeout, trust_env=False)


async def test_concurrent_calls_do_not_wait_for_each_other(rescue: Rescue) -> None:
    rescue.when(node=337366).returns("startSessionRet_OK", delay="250ms")
    async with a_client(rescue) as client:
        calls = asyncio.gather(*(start_session(client, 1000 + number) for number in range(CONCURRENT)))
        results = await asyncio.wait_for(calls, timeout=0.25 * CONCURRENT)
    assert results == ["OK"] * CONCURRENT
    rescue.verify(node=337366, times=CONCURRENT)


async def test_a_client_gives_up_when_nothing_comes(rescue: Rescue) -> None:
    rescue.when(session=1001).fails(connection="stall")
    async with a_client(rescue, timeout=0.2) as client:
        with pytest.raises(httpx.ReadTimeout):
            await start_session(client, 1001)
        assert await start_session(client, 1002) == "OK"
    rescue.verify(session=1001, times=1)


async def test_a_task_in_the_background_calls(rescue: Rescue) -> None:
    async with a_client(rescue) as client:
        task = asyncio.create_task(start_session(client, 1001))
        await asyncio.to_thread(rescue.verify, session=1001, auth_code="demo-ann", times=1, within="5s")
        assert await task == "OK"
