"""An HTTP/1.1 server for one WSGI application: strict parsing, limits, TLS, delays and connection faults."""
