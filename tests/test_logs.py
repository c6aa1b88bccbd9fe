"""The log keeps the lines of threads apart."""

from __future__ import annotations

import re
import subprocess
import sys

THREADS, LINES = 8, 500
PROGRAM = f"""
import logging, sys, threading
from emulator.logs import log_to_stderr
sys.setswitchinterval(1e-6)
log_to_stderr("text")
logger = logging.getLogger("emulator.made.later")
def log(who):
    for number in range({LINES}):
        logger.info("%d-%d %s.", who, number, "x" * 200)
threads = [threading.Thread(target=log, args=(who,)) for who in range({THREADS})]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def test_lines_of_threads_are_whole_and_none_is_missing() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True)
    found = re.findall(r"^\S+ \S+ INFO (\d+)-(\d+) x{200}\.$", done.stderr, re.MULTILINE)
    assert len(done.stderr.splitlines()) == len(found)
    assert {(int(who), int(number)) for who, number in found} == {(w, n) for w in range(THREADS) for n in range(LINES)}
