"""hypothesis: each example begins with a reset."""

from application import start_session
from hypothesis import given, settings
from hypothesis.strategies import integers, sampled_from

RESULTS = ["OK", "Error", "ActionFailed"]


@settings(deadline=None, max_examples=50)
@given(session=integers(-(2**31), 2**31 - 1), result=sampled_from(RESULTS))
def test_each_session_gets_its_result(rescue_server, session, result):
    rescue_server.reset()
    rescue_server.when(session=session).returns(f"startSessionRet_{result}")
    assert start_session(rescue_server.url, session) == result
    rescue_server.verify(session=session, times=1)
