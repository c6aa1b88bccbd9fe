"""The control API: JSON for programs, under ``/__admin`` of each space, beside the service and out of its way."""
