"""HTTP/1.1 on a port: requests off the socket, a WSGI application asked, answers and failures on the way back."""
