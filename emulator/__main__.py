"""``python -m emulator``, the same as the command ``rescue-emulator``."""

from emulator.cli import main

if __name__ == "__main__":
    main()
