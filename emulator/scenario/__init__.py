"""The scenario language: its models, how it is loaded, and its JSON Schema. Only this package imports yaml."""
