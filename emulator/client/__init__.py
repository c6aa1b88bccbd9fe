"""What talks to an emulator, or to a real service, that runs elsewhere."""
