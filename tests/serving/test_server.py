"""A server on a socket: slow senders, large numbers in heads, and an end in order."""

import socket
import time
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from live_service import listening, served

from radapt.errors import AskedWrongly
from radapt.serving.limits import Limits
from radapt.serving.server import guard, listen
from radapt.serving.service import Service

HEAD = b"POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@pytest.fixture(scope="module")
def port(service):
    """The port of a server that runs until the module is done."""
    with served(service) as address:
        assert address.startswith("http://127.0.0.1:")
        yield urlsplit(address).port


def answer_to(port: int, *pieces: bytes, pause: float = 0.0) -> bytes:
    """Send pieces on a connection; give all that comes back until it is closed."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        for piece in pieces:
            try:
                connection.sendall(piece)
            except OSError:  # it has been closed
                break
            time.sleep(pause)
        received = b""
        try:
            while more := connection.recv(65536):
                received += more
        except ConnectionResetError:
            pass
        return received


def good(port: int, image: bytes) -> bytes:
    head = HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(image)
    return answer_to(port, head + image)


def test_a_good_request_is_answered(port, image):
    assert b'"label"' in good(port, image)


@pytest.mark.parametrize("length", [b"4294967296", b"-5", b"9" * 40, b"abc", b"1, 2"])
def test_a_length_that_cannot_be_is_refused_at_once(port, image, length):
    received = answer_to(port, HEAD + b"Content-Length: " + length + b"\r\n\r\nabc")
    assert received.split(b" ")[1] in (b"400", b"413")
    assert b'"label"' in good(port, image)


def test_a_slow_body_and_a_slow_head_are_cut_off(port, image):
    slow = answer_to(port, HEAD + b"Content-Length: 1000\r\n\r\n", b"a", b"b", pause=0.1)
    assert slow.split(b" ")[1] == b"408"
    assert answer_to(port, b"POST /v1/pre") == b""
    assert answer_to(port) == b""
    assert b'"label"' in good(port, image)


@pytest.mark.parametrize("path", [b"/healthz", b"/", b"/assets/serve.js", b"/v1/drift"])
def test_a_body_that_nobody_reads_holds_no_connection(port, path):
    head = b"GET " + path + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n\r\n"
    answer_to(port, head, b"x", pause=0.1)  # ends when the service closes


def test_an_answer_that_nobody_reads_holds_no_connection():
    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            for name in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{name}.complete"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        size = 16 * 2**20 if scope["path"] == "/large" else 0
        await send({"type": "http.response.body", "body": bytes(size)})

    short = Limits(head_seconds=0.2, body_seconds=0.2, answer_seconds=0.2, connections=2)
    with listening(app, short) as address, socket.socket() as lazy:
        where = ("127.0.0.1", urlsplit(address).port)
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.connect(where)
        lazy.sendall(b"GET /large HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        for _ in range(50):
            status = answer_to(where[1], b"GET / HTTP/1.0\r\n\r\n").split(b" ")[1]
            if status == b"200":
                break
            time.sleep(0.1)
        assert status == b"200"


def test_a_sender_sees_that_the_service_is_busy_though_its_image_is_not_kept(service, image):
    small = Service(service.model, None, replace(service.limits, held_bytes=100_000))
    with served(small) as address:
        port = urlsplit(address).port
        body = bytes(900_000)
        received = answer_to(port, HEAD + b"Content-Length: %d\r\n\r\n" % len(body), body)
        assert received.split(b" ")[1] == b"503"
        assert b"retry-after: 2" in received.lower()
        assert b'"label"' in good(port, image)


@pytest.mark.parametrize("head", [b"\x16\x03\x01 hello\r\n\r\n", b"GET / HTTP/1.1\r\nA: " + b"b" * 100_000])
def test_what_is_no_request_is_refused(port, image, head):
    assert answer_to(port, head)[:12] in (b"HTTP/1.1 400", b"")
    assert b'"label"' in good(port, image)


def test_an_address_that_others_reach_needs_a_token():
    with pytest.raises(AskedWrongly, match="reached from other machines: give a token"):
        guard(lambda *_: None, "0.0.0.0", None)
    with pytest.raises(AskedWrongly, match="give one of 16 or more"):
        guard(lambda *_: None, "127.0.0.1", "short")
    for token in ("pässwört-pässwört", "one two three four"):
        with pytest.raises(AskedWrongly, match="a space or a letter beyond ASCII"):
            guard(lambda *_: None, "127.0.0.1", token)
    assert guard(lambda *_: None, "0.0.0.0", "x" * 16).names is None
    assert "127.0.0.2" in guard(lambda *_: None, "127.0.0.2", None).names


def test_a_port_that_is_taken_and_an_address_of_another_machine_are_refused(port):
    with pytest.raises(AskedWrongly, match=f"cannot listen on port {port} of"):
        listen("127.0.0.1", port)
    with pytest.raises(AskedWrongly, match="cannot listen"):
        listen("192.0.2.1", 0)
    with listen("127.0.0.1", 0) as free:
        assert free.proto == socket.IPPROTO_TCP  # or asyncio would hold answers back for 40 ms


def test_the_limits_of_the_service_are_those_of_a_radiograph():
    assert Limits().pixels > 30_000_000
    assert Limits().held_bytes >= 2 * Limits().request_bytes
