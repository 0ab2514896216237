"""Every failure of a server is one sentence, in which there is neither a patient nor a secret."""

import json
import shutil
import socket
import subprocess
from pathlib import Path

import numpy as np
import pytest
from dicoms import DEFLATED, radiograph, uid
from dicomweb import JSON, MULTIPART, answering, part
from orthanc import SECRET, USER
from requests.auth import _basic_auth_str

from radapt.datasets.download import Patience
from radapt.errors import RadaptError
from radapt.pacs import server as module
from radapt.pacs.login import Login
from radapt.pacs.server import NotStored, Server, Unreachable

ASKED = {"PatientID": "MRN-4711"}


def at(url: str, login: Login | None = None, **patience: float) -> Server:
    return Server(url, login or Login(), patience=Patience(**({"waits": (0.0, 0.0)} | patience)))


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ((401, JSON, b""), "asks for a log-in"),
        ((403, JSON, b""), "asks for a log-in"),
        ((404, "text/html", b"<html>"), "has no DICOMweb for this"),
        ((500, "text/plain", b"MRN-4711 broke it"), r"failed \(HTTP 500\)"),
        ((503, "text/plain", b""), "is busy"),
        ((200, "text/html", b"<html>MRN-4711"), "is not DICOMweb"),
        ((200, JSON, b"[1, 2]"), "is not DICOMweb"),
        ((200, JSON, b'[{"0020000D": 3}]'), "is not DICOMweb"),
        ((302, JSON, b"http://127.0.0.1:9/"), "sends on to another address"),
    ],
)
def test_a_search_that_fails_ends_in_a_sentence(answer, sentence):
    with answering(answer) as (url, asked), pytest.raises(RadaptError, match=sentence) as failed:
        at(url).studies(ASKED)
    assert "MRN" not in str(failed.value)
    assert "MRN-4711" in asked[0][0]
    assert len(asked) == (3 if answer[0] == 503 else 1)


def test_a_server_that_is_busy_once_is_asked_again():
    study = {"0020000D": {"vr": "UI", "Value": [uid("s")]}}
    found = (200, JSON, json.dumps([study]).encode())
    with answering((503, JSON, b""), found, (200, JSON, b"[]")) as (url, asked):
        assert at(url).studies(ASKED) == [study]
    assert ["offset=1" in path for path, _ in asked] == [False, False, True]


def test_a_server_that_gives_the_same_page_for_ever_is_left():
    study = {"0020000D": {"vr": "UI", "Value": [uid("s")]}}
    with answering((200, JSON, json.dumps([study] * 3).encode())) as (url, asked):
        assert at(url).studies({}) == [study]
    assert len(asked) == 2


def test_the_log_in_goes_to_the_server_alone():
    with answering((401, JSON, b"")) as (url, asked):
        for login in (Login("alice", "secret"), Login(token="secret")):
            with pytest.raises(Unreachable, match="refuses this log-in") as failed:
                at(url, login).studies({})
            assert "secret" not in str(failed.value)
    sent = [headers["Authorization"] for _, headers in asked]
    assert sent == [_basic_auth_str("alice", "secret"), "Bearer secret"]
    assert asked[0][1]["Host"] == url.split("/")[2]  # with its port


def test_no_connection_no_certificate_and_no_answer(caplog):
    with pytest.raises(Unreachable, match="There is no connection"):
        at("http://127.0.0.1:9/dicom-web").studies({})
    with answering((200, JSON, b"[]")) as (url, _), pytest.raises(Unreachable, match="does not speak https"):
        at(f"https{url[4:]}").studies({})
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(Unreachable, match="did not answer in time"):
            at(url, read=0.05).studies({})
    assert not caplog.records  # in which retries would put their tracebacks


@pytest.fixture
def certificate(tmp_path) -> Path:
    """The certificate of this machine, by no authority, with its key."""
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost -days 2"
    names = ("-keyout", tmp_path / "key.pem", "-out", tmp_path / "own.pem")
    program = shutil.which("openssl") or pytest.skip("there is no openssl")
    alternative = ("-addext", "subjectAltName=IP:127.0.0.1")
    subprocess.run([program, *words.split(), *names, *alternative], check=True, capture_output=True)
    return tmp_path / "own.pem"


def test_a_certificate_is_trusted_where_its_authority_is(certificate, tmp_path, monkeypatch):
    with answering((200, JSON, b"[]"), certificate=certificate) as (url, asked):
        with pytest.raises(Unreachable, match="certificate of 127.0.0.1 could not be verified"):
            at(url).studies({})
        assert not asked
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "key.pem"))
        assert Server(url, Login(), certificates=certificate).studies({}) == []
    assert len(asked) == 1


def test_an_answer_without_end_is_left(monkeypatch):
    monkeypatch.setattr(module, "MAX_BYTES", 1000)
    with (
        answering((200, JSON, b" " * 2000)) as (url, _),
        pytest.raises(RadaptError, match="no radiograph needs"),
    ):
        at(url).studies({})


@pytest.mark.parametrize("kind", [MULTIPART, f"{MULTIPART}; note=json", "application/dicom", JSON])
def test_a_deflated_object_is_refused_before_it_is_expanded(kind):
    deflated = radiograph(1, syntax=DEFLATED, values=np.zeros((2000, 2000), dtype=np.uint16))
    assert len(deflated) < 50_000
    body = part(deflated) if kind.startswith("multipart") else deflated
    with answering((200, kind, body)) as (url, _), pytest.raises(RadaptError, match="^is deflated"):
        at(url).retrieve("1.2", "1.3", "1.4")


def test_an_object_that_quotes_the_deflated_syntax_is_taken():
    content = radiograph(1, InstitutionName=f"DICM {DEFLATED}")
    with answering((200, MULTIPART, part(content))) as (url, _):
        assert at(url).retrieve("1.2", "1.3", "1.4").InstitutionName.endswith(DEFLATED)


def test_a_search_with_results_for_ever_is_left(monkeypatch):
    monkeypatch.setattr(module, "_MAX_PAGES", 3)
    pages = [
        (200, JSON, json.dumps([{"0020000D": {"vr": "UI", "Value": [f"1.{n}"]}}]).encode()) for n in range(9)
    ]
    with answering(*pages) as (url, asked), pytest.raises(RadaptError, match="results without end"):
        at(url).studies({})
    assert len(asked) == 3


def test_nothing_goes_to_a_proxy_in_the_clear(monkeypatch):
    """The address need not exist: over plain http a proxy would be asked to look it up."""
    with answering((200, JSON, b"[]")) as (url, asked), answering((200, JSON, b"[]")) as (proxy, through):
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy)
        monkeypatch.delenv("no_proxy", raising=False)
        assert at(url, Login("alice", "secret")).studies(ASKED) == []
        for other in ("http://pacs.invalid/dicom-web", "https://127.0.0.1:9/dicom-web"):
            with pytest.raises(Unreachable, match="There is no connection"):
                at(other, Login("alice", "secret")).studies(ASKED)
        assert (len(asked), through) == (1, [])
        with pytest.raises(Unreachable):
            at("https://pacs.invalid/dicom-web", Login("alice", "secret")).studies(ASKED)
        assert [path for path, headers in through if "Authorization" not in headers] == ["pacs.invalid:443"]


def failed(reason: int) -> bytes:
    item = {"00081155": {"vr": "UI", "Value": [uid("x")]}, "00081197": {"vr": "US", "Value": [reason]}}
    return json.dumps({"00081198": {"vr": "SQ", "Value": [item]}}).encode()


def test_a_refused_object_comes_with_what_the_server_says_of_it(read):
    with answering((409, JSON, failed(0x0122))) as (url, _), pytest.raises(NotStored) as refused:
        at(url).store(read(radiograph(1)))
    assert refused.value.answer.FailedSOPSequence[0].FailureReason == 0x0122
    with answering((413, "text/html", b"<html>")) as (url, _), pytest.raises(NotStored) as refused:
        at(url).store(read(radiograph(1)))
    assert (refused.value.status, refused.value.answer) == (413, None)


def test_an_object_comes_back_as_it_was_sent(server, read):
    sent = read(radiograph(11))
    server.store(sent)
    names = (sent.StudyInstanceUID, sent.SeriesInstanceUID, sent.SOPInstanceUID)
    assert server.names_in(names[0]) == {names[2]}
    assert server.retrieve(*names) == sent
    with pytest.raises(RadaptError, match="^is not there any more"):
        server.retrieve(*names[:2], uid("nothing"))
    with pytest.raises(Unreachable, match="refuses this log-in"):
        at(server._url, Login(USER, SECRET[:-1])).studies({})
