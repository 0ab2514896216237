"""A stand-in for a Hugging Face Hub on this machine: models are made, pushed to and fetched from."""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0" * 40


@dataclass
class Hub:
    """The files of each model by name, and what was asked for."""

    models: dict[str, dict[str, bytes]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)  # method, path
    token: str = ""  # that may push; "" lets nobody
    address: str = ""
    public: set[str] = field(default_factory=set)  # names of models that everybody sees


@contextmanager
def serve_hub(token: str = "") -> Iterator[Hub]:
    """Serve an empty hub until the block ends."""
    hub = Hub(token=token)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            _get(self, hub, body=True)

        def do_HEAD(self) -> None:
            _get(self, hub, body=False)

        def do_POST(self) -> None:
            _post(self, hub)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    hub.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _send(
    request: BaseHTTPRequestHandler, content: bytes, code: int = 200, *, body: bool = True, **more
) -> None:
    request.send_response(code)
    for name, value in {"Content-Length": str(len(content)), "X-Repo-Commit": COMMIT, **more}.items():
        request.send_header(name.replace("_", "-"), value)
    request.end_headers()
    if body:
        request.wfile.write(content)


def _json(request: BaseHTTPRequestHandler, value: object, code: int = 200, **more) -> None:
    _send(request, json.dumps(value).encode(), code, Content_Type="application/json", **more)


def _missing(request: BaseHTTPRequestHandler) -> None:
    _json(request, {"error": "Repository not found"}, 404, X_Error_Code="RepoNotFound")


def _get(request: BaseHTTPRequestHandler, hub: Hub, *, body: bool) -> None:
    path = request.path.partition("?")[0]
    hub.asked.append((request.command, path))
    if found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/[^/]+/(.+)", path):
        content = hub.models.get(found[1], {}).get(found[2])
        if content is None:
            _missing(request)
        else:
            _send(request, content, body=body, ETag=f'"{hashlib.sha256(content).hexdigest()}"')
        return
    found = re.fullmatch(r"/api/models/([^/]+/[^/]+)(/tree/[^/]+|/revision/[^/]+)?", path)
    if not found or found[1] not in hub.models:
        _missing(request)
    elif (found[2] or "").startswith("/tree"):
        files = hub.models[found[1]].items()
        _json(
            request,
            [{"type": "file", "path": name, "size": len(each), "oid": COMMIT} for name, each in files],
        )
    else:
        names = [{"rfilename": name} for name in hub.models[found[1]]]
        private = found[1] not in hub.public
        about = {"id": found[1], "sha": COMMIT, "siblings": names, "private": private, "tags": []}
        _json(request, about)


def _post(request: BaseHTTPRequestHandler, hub: Hub) -> None:
    sent = request.rfile.read(int(request.headers.get("Content-Length", 0)))
    hub.asked.append(("POST", request.path))
    if request.path == "/api/validate-yaml":
        _json(request, {"errors": [], "warnings": []})
        return
    if not hub.token or request.headers.get("Authorization") != f"Bearer {hub.token}":
        _json(request, {"error": "Unauthorized"}, 401)
    elif request.path == "/api/repos/create":
        about = json.loads(sent)
        name = f"{about.get('organization') or 'someone'}/{about['name']}"
        if name not in hub.models and not (about.get("private") or about.get("visibility") == "private"):
            hub.public.add(name)
        hub.models.setdefault(name, {})
        _json(request, {"url": f"{hub.address}/{name}", "id": name, "name": name})
    elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/preupload/main", request.path):
        files = [
            {"path": each["path"], "uploadMode": "regular", "shouldIgnore": False}
            for each in json.loads(sent)["files"]
        ]
        _json(request, {"files": files})
    elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/commit/main", request.path.partition("?")[0]):
        for line in map(json.loads, sent.splitlines()):
            if line["key"] == "file":
                hub.models[found[1]][line["value"]["path"]] = base64.b64decode(line["value"]["content"])
        _json(
            request,
            {"success": True, "commitOid": COMMIT, "commitUrl": f"{hub.address}/{found[1]}/commit/{COMMIT}"},
        )
    else:
        _missing(request)
