"""The client that the suites test."""

from urllib.request import urlopen


def start_session(base_url: str, session: int) -> str:
    """Start a session at node 5; return the result."""
    with urlopen(f"{base_url}/startSession?iSession={session}&iNode=5&sAuthCode=demo-ann") as answer:
        text: str = answer.read().decode()
    return text.rpartition(">startSessionRet_")[2].partition("<")[0]
