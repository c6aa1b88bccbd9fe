"""What holds for every test: generated examples are the same in each run, and a slow machine fails none."""

from hypothesis import settings

settings.register_profile("steady", derandomize=True, deadline=None, max_examples=200)
settings.load_profile("steady")
