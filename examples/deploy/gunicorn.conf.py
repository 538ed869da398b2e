# The number of workers comes from WEB_CONCURRENCY, and --bind overrides the socket.
bind = "unix:/run/shop/gunicorn.sock"
threads = 8  # for each worker; a request that waits for the store leaves the others running
keepalive = 75  # seconds; longer than nginx keeps a connection open, or nginx answers some 502
graceful_timeout = 30  # seconds that a request may still take after a stop or a reload
preload_app = False  # so that a reload loads the new code
control_socket_disable = True
