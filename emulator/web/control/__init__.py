"""The control API: JSON for programs and the console for people, under ``/__admin`` of the server and of each space."""
