"""A long mixed load on a server in a process of its own; by hand: ``make soak SECONDS=600``."""
