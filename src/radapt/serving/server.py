"""Listen on an address: one process, one event loop, and time limits for requests and their answers."""

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
        If others than this machine could ask without a token, or the token is short or not plain ASCII.
    """
    if token is not None and len(token) < SHORTEST_TOKEN:
        raise AskedWrongly(
            f"The token has {len(token)} characters: give one of {SHORTEST_TOKEN} or more, such as `openssl "
            "rand -hex 32` prints."
        )
    if token is not None and not all("!" <= letter <= "~" for letter in token):
        raise AskedWrongly(
            "The token has a space or a letter beyond ASCII, which programs send in different ways: give one "
            "of plain letters and digits, such as `openssl rand -hex 32` prints."
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
        http=_protocol(limits),
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


def _protocol(limits: Limits) -> type[H11Protocol]:
    """Return a protocol in which nothing lasts longer than it may: a head, a request, nor its answer."""
    whole_request = limits.head_seconds + limits.body_seconds + limits.answer_seconds

    class Punctual(H11Protocol):
        _deadline: asyncio.TimerHandle | None = None
        _timed: object = None  # the request whose deadline runs

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._allow(limits.head_seconds)

        def handle_events(self) -> None:
            super().handle_events()
            if self.cycle is not self._timed and not self.cycle.response_complete:
                self._timed = self.cycle
                self._allow(whole_request)

        def on_response_complete(self) -> None:
            unsent = self.transport.get_write_buffer_size() > 0
            self._allow(limits.body_seconds if unsent else limits.head_seconds)
            if self.conn.their_state is not h11.DONE:  # more of a body that nobody reads would follow
                self.transport.close()
            super().on_response_complete()

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            if self._deadline is not None:
                self._deadline.cancel()

        def _allow(self, seconds: float) -> None:
            """Set anew when the connection ends, whatever has not been sent or read by then."""
            if self._deadline is not None:
                self._deadline.cancel()
            self._deadline = self.loop.call_later(seconds, self.transport.abort)

    return Punctual


def _is_version_6(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).version == 6
    except ValueError:
        return False
