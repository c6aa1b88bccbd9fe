"""pytest-asyncio: tests and fixtures that are coroutines; a strict one is checked after it has run."""

import asyncio

import pytest
from application import start_session


@pytest.fixture
async def started(rescue):
    rescue.when(session=1).returns("startSessionRet_OK")
    return await asyncio.to_thread(start_session, rescue.url, 1)


@pytest.mark.rescue(strict=True)
async def test_a_coroutine(rescue, started):
    assert started == "OK"
    rescue.when(session=2).returns("startSessionRet_ActionFailed", delay="10ms")
    answers = await asyncio.gather(*(asyncio.to_thread(start_session, rescue.url, 2) for _ in range(5)))
    assert answers == ["ActionFailed"] * 5
    rescue.verify(session=2, times=5)


@pytest.mark.xfail(reason="strict", strict=True)
@pytest.mark.rescue({}, strict=True)
async def test_a_strict_coroutine_fails_for_an_unused_rule(rescue):
    rescue.when(session=2).returns("startSessionRet_OK")
