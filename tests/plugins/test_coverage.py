"""pytest-cov: lines that a call through the emulator reaches are measured; 100 % are required of the run."""

from application import start_session


def test_it(rescue):
    rescue.when(session=1).returns("startSessionRet_OK")
    assert start_session(rescue.url, 1) == "OK"
