import pytest

from radapt.errors import AskedWrongly
from radapt.pacs.login import (
    PASSWORD,
    TOKEN,
    Login,
    check_address,
    check_certificates,
    check_timeout,
    read_login,
)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("pacs.example/dicom-web", "begins with https://"),
        ("ftp://pacs.example", "begins with https://"),
        ("https://", "begins with https://"),
        ("https://host:port", "begins with https://"),
        ("https://jane:secret@pacs.example", "holds a name or a password"),
        ("https://pacs.example?x=1", r"has no \? or #"),
        ("http://pacs.example/dicom-web", "in the clear"),
        ("http://127.0.0.1.pacs.example/", "in the clear"),
    ],
)
def test_other_addresses_are_refused_in_a_sentence_without_the_password(url, sentence):
    with pytest.raises(AskedWrongly, match=sentence) as refused:
        check_address(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("host", ["127.0.0.1:80", "localhost", "[::1]:8042", "127.8.8.8"])
def test_http_goes_to_this_machine_and_elsewhere_where_it_is_allowed(host):
    assert check_address(f"http://{host}/dicom-web/") == f"http://{host}/dicom-web"
    assert check_address("http://pacs.example", allow_http=True) == "http://pacs.example"


def test_secrets_come_from_files_or_the_environment_and_are_not_shown(tmp_path, monkeypatch):
    (tmp_path / "secret").write_text("wonder-land\nsecond line\n")
    assert read_login("alice", tmp_path / "secret", None) == Login("alice", "wonder-land")
    assert read_login(None, None, tmp_path / "secret") == Login(token="wonder-land")
    assert not read_login(None, None, None).is_given
    monkeypatch.setenv(TOKEN, "abc")
    assert read_login(None, None, None) == Login(token="abc")
    monkeypatch.setenv(PASSWORD, "def")
    assert read_login("alice", None, None) == Login("alice", "def")
    assert "wonder" not in repr(read_login("alice", tmp_path / "secret", None))


def test_half_a_login_is_refused(tmp_path):
    secret, empty, letters = (tmp_path / name for name in ("secret", "empty", "letters"))
    secret.write_text("x")
    empty.write_text("\n")
    letters.write_text("größe")
    for given, sentence in (
        (("alice", None, None), "has no password"),
        ((None, secret, None), "give --user"),
        (("alice", secret, secret), "or a token"),
        (("a:b", secret, None), "colon"),
        (("alice", tmp_path, None), "cannot be read"),
        (("alice", empty, None), "no secret"),
        (("alice", letters, None), "beyond ASCII"),
        (
            ("Łukasz", secret, None),
            "What --user holds is nothing to log in with: it has letters beyond ASCII",
        ),
    ):
        with pytest.raises(AskedWrongly, match=sentence):
            read_login(*given)


@pytest.mark.parametrize("seconds", [0.5, 1e300, float("inf"), float("nan")])
def test_a_time_that_no_server_can_be_given_is_refused(seconds):
    check_timeout(60.0)
    with pytest.raises(AskedWrongly, match="--timeout takes seconds, from 1 to 3,600"):
        check_timeout(seconds)


def test_a_file_without_certificates_is_refused(tmp_path):
    check_certificates(None)
    (tmp_path / "ca.pem").write_text("none")
    for path in (tmp_path / "ca.pem", tmp_path / "missing"):
        with pytest.raises(AskedWrongly, match="holds no certificates"):
            check_certificates(path)
