"""Values and decisions, free of I/O: no HTTP, XML, YAML, spyne, clock or thread."""
