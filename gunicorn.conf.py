"""The web server. `gunicorn tuplets.wsgi` reads this file by itself, under `make run` and on any platform alike."""

import os

# Loopback unless an operator says otherwise: TLS and the outside world are a reverse proxy's business (see deploy/).
bind = f"{os.environ.get('BIND', '127.0.0.1')}:{os.environ.get('PORT', '8000')}"

# Two processes for two cores; threads because a request mostly waits: for the database, or for a slow upload.
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
worker_class = "gthread"
threads = 8
keepalive = 15

# How long a process may be silent. With threads that is the accepting loop, not a request: an upload of hours is fine.
timeout = 120
graceful_timeout = 4

# The processes' sign of life is a file they touch: in memory, so that a busy disk does not look like a dead process.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None

# Whose X-Forwarded-* headers count; "*" would let anybody choose an address.
forwarded_allow_ips = os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1,::1")

# The application logs what is worth a line. Gunicorn's control socket would be shared by copies that run side by side.
accesslog = None
errorlog = "-"
loglevel = "warning"
control_socket_disable = True
