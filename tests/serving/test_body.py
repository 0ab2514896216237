"""Hostile bodies are refused before an image is decoded, and the next good request is answered."""

import gzip
import io
import struct
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

FORM = "multipart/form-data; boundary=cut"


def part(name: str, data: bytes, kind: str = "filename") -> bytes:
    return f'--cut\r\nContent-Disposition: form-data; name="image"; {kind}="{name}"\r\n\r\n'.encode() + data


def form(*parts: bytes) -> bytes:
    return b"\r\n".join([*parts, b"--cut--\r\n"])


def bomb(side: int = 10_000) -> bytes:
    """A PNG of 100 million pixels in 100 kB."""
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(side * (side + 1)), 9)
    chunks = [(b"IHDR", head), (b"IDAT", rows), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("image.png", bytes(50_000_000))
    return out.getvalue()


@pytest.fixture
def refused(client, image):
    """Send a body that has to be refused, and a good one after it; give the status and the sentence."""

    def send(body, kind="application/octet-stream", **headers):
        answer = client.post("/v1/predict", content=body, headers={"content-type": kind, **headers})
        assert client.post("/v1/predict", content=image).status_code == 200
        return answer.status_code, answer.json()["error"]

    return send


def test_too_many_bytes_are_refused_by_their_number(refused):
    assert refused(b"", **{"content-length": str(4 * 2**30)})[0] == 413
    assert refused(bytes(2**20 + 1))[0] == 413
    assert refused(iter([bytes(2**20), b"1"]))[0] == 413  # without a Content-Length


@pytest.mark.parametrize("length", ["-1", "1e3", "٣", ""])
def test_a_length_that_is_none_is_refused(refused, length):
    status, words = refused(b"abc", **{"content-length": length.encode()})
    assert (status, "Content-Length" in words) == (400, True)


def test_packed_bodies_are_refused(refused, image):
    status, words = refused(gzip.compress(image), **{"content-encoding": "gzip"})
    assert (status, "packed" in words) == (415, True)


def test_a_large_picture_in_a_small_file_is_refused_by_its_header(refused):
    assert len(bomb()) < 110_000
    status, words = refused(bomb())
    assert (status, "100.0 million pixels" in words) == (413, True)


def test_an_archive_is_no_image(refused):
    assert refused(zipped())[0] == 415
    assert refused(b"hello")[0] == 415
    assert refused(b"")[0] == 422


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a\\b.png", "..", "x" * 300, "a\0.png"])
def test_a_path_is_no_file_name(refused, image, name):
    status, words = refused(form(part(name, image)), FORM)
    assert (status, "path" in words) == (400, True)


def test_too_many_parts_are_refused(refused, image):
    status, words = refused(form(*[part("a.png", image)] * 1000), FORM)
    assert (status, "8 images at most" in words) == (413, True)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", FORM),
        (b"--cut--\r\n", FORM),
        (b"--cut\r\nContent-Disposition: form-data; na", FORM),
        (b"--other\r\n\r\n", FORM),
        (b"--cut\r\n" + b"A: b\r\n" * 100 + b"\r\n", FORM),
        (b"--cut\r\n" + b"A" * 100_000, FORM),
        (form(part("a", b"1", "value")), FORM),
        (b"--cut--", "multipart/form-data"),
        (b"--cut--", f"multipart/form-data; boundary={'b' * 1000}"),
    ],
)
def test_a_damaged_form_is_refused(refused, body, kind):
    assert refused(body, kind)[0] == 400


def test_a_part_that_is_encoded_is_refused(refused):
    body = form(
        b'--cut\r\nContent-Disposition: form-data; name="i"; filename="a"\r\n'
        b"Content-Transfer-Encoding: base64\r\n\r\nAAAA"
    )
    assert refused(body, FORM)[0] == 415


def test_a_large_part_is_refused(refused):
    assert refused(form(part("a.png", bytes(2**20 + 1))), FORM)[0] == 413


def test_a_name_keeps_no_control_characters(client, image):
    name = "two\x1b[31mwords.png"
    answer = client.post(
        "/v1/predict", content=form(part(name, image)), headers={"content-type": FORM}
    ).json()
    assert answer[0]["name"] == "two\\x1b[31mwords.png"


def test_a_damaged_picture_has_a_sentence(refused, image):
    status, words = refused(image[: len(image) // 2])
    assert status == 422
    assert words.startswith("The image is ")


def test_nothing_is_written_to_disk(client, image, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("a temporary file")

    monkeypatch.setattr("tempfile.SpooledTemporaryFile", refuse)
    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    monkeypatch.setattr("tempfile.mkstemp", refuse)
    large = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (900, 1000), dtype=np.uint8)
    Image.fromarray(noise).save(large, "PNG")
    body = form(part("a.png", large.getvalue()), part("b.png", image))
    answers = client.post("/v1/predict", content=body, headers={"content-type": FORM}).json()
    assert all("scores" in answer for answer in answers)
