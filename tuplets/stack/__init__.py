"""The embedded stack: everything that `make run` and `make test` need on a machine with Python 3.11 and nothing else.

    install.py     the virtual environment, from the pinned lists (standard library only)
    layout.py      where one copy's files, sockets and secret lie; `tuplets.settings` reads it
    postgres.py    the PostgreSQL that came as a wheel: made once, started as whoever we are
    valkey.py      the Valkey that came as a wheel
    processes.py   locks, leftovers, ports, ends
    services.py    database and queue around one command (tests, benchmarks)
    supervisor.py  supervisord, which runs and restarts the five processes
    up.py          `make run` from start to stop          banner.py   what it prints

No Django and no app is imported here, but for the weights that `up` prepares. An installation with its own database,
queue and process runner (see Procfile) needs none of it beyond `layout`.
"""
