"""A DICOMweb server that answers what a test says."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

JSON = "application/dicom+json"
MULTIPART = 'multipart/related; type="application/dicom"; boundary=x'


def part(content: bytes) -> bytes:
    """Give an object as the only part of a `MULTIPART` answer."""
    return b"--x\r\nContent-Type: application/dicom\r\n\r\n" + content + b"\r\n--x--"


@contextmanager
def answering(
    *answers: tuple[int, str, bytes], certificate: Path | None = None
) -> Iterator[tuple[str, list]]:
    """Serve these answers (status, kind, body) in turn, the last for ever; give what was asked."""
    asked, left = [], list(answers)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked.append((self.path, dict(self.headers)))
            status, kind, body = left.pop(0) if len(left) > 1 else left[0]
            self.send_response(status)
            self.send_header("Content-Type", kind)
            if status in (301, 302):
                self.send_header("Location", body.decode())
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_CONNECT = do_GET

    site = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.handle_error = lambda *_: None  # clients hang up
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, certificate.with_name("key.pem"))
        site.socket = context.wrap_socket(site.socket, server_side=True)
    thread = threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        scheme = "http" if certificate is None else "https"
        yield f"{scheme}://127.0.0.1:{site.server_port}/dicom-web", asked
    finally:
        site.shutdown()
        site.server_close()
        thread.join()
