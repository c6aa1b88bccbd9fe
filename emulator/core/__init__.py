"""The floor of values and pure functions: no HTTP, XML, YAML, spyne, clock or thread."""
