"""Lets ``python -m emulator`` do what the command ``rescue-emulator`` does."""

from emulator.cli import main

if __name__ == "__main__":
    main()
