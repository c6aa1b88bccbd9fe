"""Where the tests find the project and their recorded data."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent.parent
GOLDEN: Final = ROOT / "tests" / "golden"
