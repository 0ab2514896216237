"""Listen on an address: one process, one event loop, and a time limit for the head of a request."""

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Callable
from typing import Any

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from radapt.errors import AskedWrongly, RadaptError
from radapt.serving.limits import Limits
from radapt.serving.security import LOCAL_NAMES, Guard, is_loopback

SHORTEST_TOKEN = 16  # characters
LARGEST_HEAD = 32 * 1024  # bytes


def guard(app: ASGIApp, host: str, token: str | None, *, asks: bool = False) -> Guard:
    """Return an application that answers those alone who may ask.

    Parameters
    ----------
    asks
        As `Guard` has it.

    Raises
    ------
    AskedWrongly
        If others than this machine could ask without a token, or the token is short.
    """
    if token is not None and len(token) < SHORTEST_TOKEN:
        raise AskedWrongly(
            f"The token has {len(token)} characters: give one of {SHORTEST_TOKEN} or more, such as `openssl "
            "rand -hex 32` prints."
        )
    if not is_loopback(host) and token is None:
        raise AskedWrongly(
            f"{host} is reached from other machines: give a token, by --token-file FILE or the variable "
            "RADAPT_TOKEN, or leave --host out."
        )
    names = LOCAL_NAMES | {host} if is_loopback(host) else None
    return Guard(app, names, None if token is None else token.encode(), asks)


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on an address; port 0 takes any free one.

    Raises
    ------
    AskedWrongly
        If the address is none of this machine, or taken.
    """
    family = socket.AF_INET6 if _is_version_6(host) else socket.AF_INET
    # asyncio sends small parts at once (TCP_NODELAY) only where the protocol is named
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise AskedWrongly(
            f"The service cannot listen on port {port} of {host}: {error.strerror or error}. Give another "
            "--port or --host."
        ) from None
    return listener


def address_of(listener: socket.socket) -> str:
    """Return the address of the page, as a browser takes it."""
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def run(app: ASGIApp, listener: socket.socket, limits: Limits, started: Callable[[], None]) -> None:
    """Answer requests until the process is told to end.

    Parameters
    ----------
    started
        Called when the service listens.

    Raises
    ------
    RadaptError
        If it does not start.
    """
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # warnings on damaged requests, tracebacks
    server = make_server(app, limits)
    server.when_started = started
    asyncio.run(server.serve(sockets=[listener]))
    if not server.started:
        raise RadaptError("The service did not start.")


class Server(uvicorn.Server):
    """A server that a signal ends in order."""

    when_started: Callable[[], None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, and say so."""
        await super().startup(sockets=sockets)
        if self.when_started is not None:
            self.when_started()

    def handle_exit(self, sig: int, frame: Any) -> None:  # noqa: ARG002
        """End when a signal arrives; at once at the second one."""
        self.force_exit, self.should_exit = self.should_exit, True


def make_server(app: ASGIApp, limits: Limits) -> Server:
    """Return a server of this application that has not been started."""
    config = uvicorn.Config(
        app,
        http=_protocol(limits.head_seconds),
        loop="asyncio",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=limits.connections,
        h11_max_incomplete_event_size=LARGEST_HEAD,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=10,
    )
    return Server(config)


def _protocol(seconds: float) -> type[H11Protocol]:
    """Return a protocol that closes connections whose next head does not arrive within so many seconds."""

    class Punctual(H11Protocol):
        _deadline: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._watch()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.conn.their_state is not h11.IDLE and self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None
            elif self.conn.their_state is h11.IDLE:
                self._watch()

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            if self._deadline is not None:
                self._deadline.cancel()

        def _watch(self) -> None:
            if self._deadline is None:
                self._deadline = self.loop.call_later(seconds, self.transport.close)

    return Punctual


def _is_version_6(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).version == 6
    except ValueError:
        return False
