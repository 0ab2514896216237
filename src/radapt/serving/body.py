"""Read the images of a request into memory, within limits; nothing is written to disk."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from radapt.serving.limits import MEBIBYTE, Limits, Refused, Share
from radapt.text import counted, visible

LONGEST_NAME = 255  # characters of a file name
_FORM = b"multipart/form-data"


@dataclass(slots=True)
class Upload:
    """One image as it was sent."""

    data: bytes
    name: str = ""


def is_form(request: Request) -> bool:
    """Return whether a request has several parts."""
    return parse_options_header(request.headers.get("content-type"))[0] == _FORM


async def read_uploads(request: Request, limits: Limits, share: Share) -> list[Upload]:
    """Read the body of a request: one image, or one in each part of a form.

    Parameters
    ----------
    share
        Counts the bytes that are held.

    Raises
    ------
    Refused
        If the body is too large, too slow, packed or damaged, or a part has no plain file name.
    """
    form = is_form(request)
    most = limits.request_bytes if form else limits.image_bytes
    _check_head(request, most)
    try:
        async with asyncio.timeout(limits.body_seconds):
            chunks = _counted(request, most, share)
            return await _read_form(request, chunks, limits) if form else [Upload(await _joined(chunks))]
    except TimeoutError:
        raise Refused(
            408, f"The image did not arrive within {limits.body_seconds:g} seconds. Send it faster."
        ) from None


def _check_head(request: Request, most: int) -> None:
    declared = request.headers.get("content-length", "0")
    if not (declared.isascii() and declared.isdigit()):
        raise Refused(400, "Content-Length is no number of bytes. Leave it to the program that sends.")
    if len(declared) > 18 or int(declared) > most:
        raise _too_large(most)
    if request.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise Refused(415, "The body is packed (Content-Encoding). Send the file as it is.")


def _too_large(most: int) -> Refused:
    return Refused(413, f"The body is larger than {most // MEBIBYTE} MiB. Send fewer or smaller images.")


async def _counted(request: Request, most: int, share: Share) -> AsyncIterator[bytes]:
    total, busy = 0, None
    async for chunk in request.stream():
        total += len(chunk)
        if total > most:
            raise _too_large(most)
        try:
            if busy is None:
                share.add(len(chunk))
                yield chunk
        except Refused as refusal:  # the rest is read and forgotten, or the sender would not see the answer
            busy = refusal
    if busy is not None:
        raise busy


async def _joined(chunks: AsyncIterator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in chunks])


@dataclass(slots=True)
class _Form:
    """What the parser has found so far."""

    limits: Limits
    uploads: list[Upload] = field(default_factory=list)
    pieces: list[bytes] = field(default_factory=list)
    size: int = 0
    heads: dict[bytes, bytes] = field(default_factory=dict)
    key: bytes = b""
    value: bytes = b""
    ended: bool = False

    def callbacks(self) -> Any:
        return {
            "on_part_begin": self.begin,
            "on_part_data": self.add,
            "on_part_end": self.end_part,
            "on_header_field": self.add_key,
            "on_header_value": self.add_value,
            "on_header_end": self.end_header,
            "on_headers_finished": self.end_headers,
            "on_end": self.end,
        }

    def begin(self) -> None:
        if len(self.uploads) >= self.limits.parts:
            most = counted(self.limits.parts, "image")
            raise Refused(413, f"A request takes {most} at most. Send the others in another one.")
        self.pieces, self.size, self.heads = [], 0, {}

    def add_key(self, data: bytes, start: int, end: int) -> None:
        self.key += data[start:end]

    def add_value(self, data: bytes, start: int, end: int) -> None:
        self.value += data[start:end]

    def end_header(self) -> None:
        self.heads[self.key.lower()] = self.value
        self.key = self.value = b""

    def end_headers(self) -> None:
        _, options = parse_options_header(self.heads.get(b"content-disposition"))
        if b"filename" not in options:
            raise Refused(400, "A part of the form has no file name. Send images alone, each as a file.")
        if self.heads.get(b"content-transfer-encoding", b"binary").lower() not in (b"binary", b"8bit"):
            raise Refused(415, "A part of the form is encoded. Send each file as it is.")
        self.uploads.append(Upload(b"", _plain_name(options[b"filename"])))

    def add(self, data: bytes, start: int, end: int) -> None:
        self.size += end - start
        if self.size > self.limits.image_bytes:
            raise _too_large(self.limits.image_bytes)
        self.pieces.append(data[start:end])

    def end_part(self) -> None:
        self.uploads[-1].data = b"".join(self.pieces)
        self.pieces = []

    def end(self) -> None:
        self.ended = True


def _plain_name(raw: bytes) -> str:
    name = raw.decode("utf-8", errors="replace")
    if len(name) > LONGEST_NAME or name in (".", "..") or any(letter in name for letter in "/\\\0"):
        raise Refused(400, "A file name holds a path. Send the name of the file without its folders.")
    return visible(name)


async def _read_form(request: Request, chunks: AsyncIterator[bytes], limits: Limits) -> list[Upload]:
    _, options = parse_options_header(request.headers.get("content-type"))
    form = _Form(limits)
    try:
        parser = MultipartParser(options.get(b"boundary", b""), form.callbacks())
        async for chunk in chunks:
            parser.write(chunk)
        parser.finalize()
    except FormParserError:
        raise Refused(400, "The form is damaged. Send it as multipart/form-data with its boundary.") from None
    if not form.ended or not form.uploads:
        raise Refused(400, "The form is cut off or holds no image. Send at least one file in it.")
    return form.uploads
