"""A service on a socket of this machine, in a thread of the tests."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from radapt.serving.app import make_app
from radapt.serving.limits import Limits
from radapt.serving.security import LOCAL_NAMES, Guard
from radapt.serving.server import address_of, listen, make_server
from radapt.serving.service import Service


@contextmanager
def listening(app, limits: Limits) -> Iterator[str]:
    """Listen with an application until the block ends; give the address."""
    listener = listen("127.0.0.1", 0)
    server = make_server(app, limits)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield address_of(listener)
    finally:
        server.handle_exit(2, None)
        thread.join(20)
        assert not thread.is_alive()


@contextmanager
def served(service: Service, token: bytes | None = None) -> Iterator[str]:
    """Serve models until the block ends; give the address."""
    own = Service(service.model, service.scoring.base, service.limits)
    with listening(Guard(make_app(own), LOCAL_NAMES, token), own.limits) as address:
        while not own.readiness.ready:
            time.sleep(0.01)
        yield address
