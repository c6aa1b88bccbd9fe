"""HTTP: which address means what; the only floor that imports werkzeug."""
