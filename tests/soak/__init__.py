"""A long mixed load on a server in a process of its own: ``make soak SECONDS=600``."""
