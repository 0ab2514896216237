"""Who may ask: names of this machine, a token, and no page of another site."""

import base64
import hmac
import ipaddress
import json
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
OPEN_PATHS = frozenset({"/", "/healthz", "/readyz"})  # and the page's own files: they hold no data
ASSETS = "/assets/"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def is_loopback(host: str) -> bool:
    """Return whether an address is reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Guard:
    """Answers requests that may not be made, and adds headers to all answers.

    Attributes
    ----------
    names
        The host names that requests may be for, against DNS rebinding; None for any, which needs a token.
    token
        What requests have to bring, as `Authorization: Bearer TOKEN`; None for nothing.
    asks
        Whether the browser itself is to ask for the token, as a password of any user, before it shows a page.
    """

    app: ASGIApp
    names: frozenset[str] | None = LOCAL_NAMES
    token: bytes | None = None
    asks: bool = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        sends = _with_headers(send)
        refusal = self._refusal(scope["path"], Headers(scope=scope))
        if refusal is None:
            await self.app(scope, receive, sends)
            return
        status, text = refusal
        await _refuse(sends, status, text, b'Basic realm="radapt"' if self.asks else b"Bearer")

    def _refusal(self, path: str, headers: Headers) -> tuple[int, str] | None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or (self.names is not None and _name_of(hosts[0]) not in self.names):
            return (
                403,
                "This service answers under the name of this machine alone. Use 127.0.0.1 or localhost.",
            )
        origin = headers.get("origin")
        if origin is not None and _place_of(origin) != hosts[0].lower():
            return 403, "This service takes no requests from pages of other sites. Open its own page."
        is_open = path in (OPEN_PATHS - {"/"} if self.asks else OPEN_PATHS) or path.startswith(ASSETS)
        if self.token is None or is_open or self._knows(headers.get("authorization", "")):
            return None
        return 401, "This service needs its token, as Authorization: Bearer TOKEN. Ask whoever started it."

    def _knows(self, given: str) -> bool:
        scheme, _, token = given.partition(" ")
        expected = self.token or b""
        sent = token.strip().encode("utf-8", "surrogateescape")
        if self.asks and scheme.lower() == "basic":
            sent = _password(sent)
        elif scheme.lower() != "bearer":
            return False
        return hmac.compare_digest(sent, expected)


def _password(credentials: bytes) -> bytes:
    """Return the password of HTTP's basic authentication (RFC 7617); empty if there is none."""
    try:
        return base64.b64decode(credentials, validate=True).partition(b":")[2]
    except ValueError:
        return b""


def _name_of(host: str) -> str:
    """Return the name of a Host header, without its port and brackets; "" if it is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _place_of(origin: str) -> str | None:
    """Return the name and port of an Origin header; None if it is none."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


def _with_headers(send: Send) -> Send:
    async def sends(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sends


async def _refuse(send: Send, status: int, text: str, scheme: bytes) -> None:
    body = json.dumps({"error": text}).encode()
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    headers += [(b"www-authenticate", scheme)] if status == 401 else []
    start = {
        "type": "http.response.start",
        "status": status,
        "headers": [*headers, (b"content-length", str(len(body)).encode())],
    }
    await send(start)
    await send({"type": "http.response.body", "body": body})
