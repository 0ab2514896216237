"""A web site on this machine that tests fetch from, with the faults that real ones have."""

import gzip
import hashlib
import io
import re
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
from PIL import Image

MEGABYTE = 2**20
BYTES = np.random.default_rng(0).bytes(3_000_000)


@dataclass
class Site:
    """What the site holds, how it behaves, and what it was asked for."""

    files: dict[str, bytes]
    ranges: bool = True  # whether it can send the rest of a file
    breaks_after: int | None = None  # bytes of each answer, after which the connection breaks
    breaks: int = 10**9  # how many answers break
    status: int = 200
    kind: str = "application/octet-stream"
    etag: str = '"one"'
    says_length: bool = True
    astray: int = 0  # bytes by which the rest of a file begins too early
    waits: threading.Event | None = None  # sends `breaks_after` bytes, and the rest when this is set
    address: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)  # path, range

    def url(self, name: str) -> str:
        return f"{self.address}/{name}"


@contextmanager
def serve(files: dict[str, bytes], **faults: object) -> Iterator[Site]:
    """Serve files until the block ends."""
    site = Site(files, **faults)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            _answer(self, site)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # clients hang up
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    site.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield site
    finally:
        if site.waits is not None:
            site.waits.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _answer(handler: BaseHTTPRequestHandler, site: Site) -> None:
    name = handler.path.lstrip("/").partition("?")[0]
    wanted = handler.headers.get("Range", "")
    site.asked.append((name, wanted))
    if name not in site.files or site.status != 200:
        handler.send_error(site.status if name in site.files else 404)
        return
    whole = site.files[name]
    packs = "gzip" in handler.headers.get("Accept-Encoding", "")
    whole = gzip.compress(whole, 1) if packs else whole
    byte_range = re.fullmatch(r"bytes=(\d+)-", wanted) if site.ranges else None
    if handler.headers.get("If-Range", site.etag) != site.etag:
        byte_range = None
    start = int(byte_range[1]) - site.astray if byte_range else 0
    if byte_range and start >= len(whole):
        handler.send_response(416)
        handler.send_header("Content-Range", f"bytes */{len(whole)}")
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return
    handler.send_response(206 if byte_range else 200)
    if byte_range:
        handler.send_header("Content-Range", f"bytes {start}-{len(whole) - 1}/{len(whole)}")
    if site.says_length:
        handler.send_header("Content-Length", str(len(whole) - start))
    if packs:
        handler.send_header("Content-Encoding", "gzip")
    handler.send_header("ETag", site.etag)
    handler.send_header("Content-Type", site.kind)
    handler.end_headers()
    body = whole[start:]
    if site.breaks_after is not None and site.breaks > 0:
        site.breaks -= 1
        handler.wfile.write(body[: site.breaks_after])
        handler.wfile.flush()
        if site.waits is None:
            handler.connection.close()
            return
        site.waits.wait(30)
        body = body[site.breaks_after :]
    handler.wfile.write(body)


def md5(content: bytes) -> str:
    return f"md5:{hashlib.md5(content).hexdigest()}"


def images(count: int = 12) -> bytes:
    """An archive of class folders, as macOS packs them."""
    rng, packed = np.random.default_rng(1), io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("chest_xray/", b"")
        archive.writestr("chest_xray/.DS_Store", b"clutter")
        for split in ("train", "test"):
            for number in range(count):
                label = "PNEUMONIA" if number % 2 else "NORMAL"
                image = io.BytesIO()
                Image.fromarray(rng.integers(0, 256, (16, 16), dtype=np.uint8)).save(image, "PNG")
                name = f"chest_xray/{split}/{label}/person{number}_{split}.png"
                archive.writestr(name, image.getvalue())
                archive.writestr(f"__MACOSX/{name.replace('person', '._person')}", b"clutter")
    return packed.getvalue()
