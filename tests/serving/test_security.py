"""Only those may ask who are meant to."""

import pytest
from starlette.testclient import TestClient

from radapt.serving.app import make_app
from radapt.serving.security import POLICY, Guard, is_loopback

TOKEN = "a-token-of-twenty-letters"


@pytest.mark.parametrize(
    "host", ["evil.example:8000", "127.0.0.1.evil.example", "[::2]", "", "[", "10.0.0.1"]
)
def test_another_host_name_is_refused(client, host, image):
    answer = client.post("/v1/predict", content=image, headers={"host": host})
    assert answer.status_code == 403


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:8000", "[::1]:8000"])
def test_names_of_this_machine_are_answered(client, host):
    assert client.get("/healthz", headers={"host": host}).status_code == 200


def test_a_page_of_another_site_is_refused(client, image):
    for origin in ("https://evil.example", "null", "http://127.0.0.1:9", "http://["):
        answer = client.post("/v1/predict", content=image, headers={"origin": origin})
        assert answer.status_code == 403
    answer = client.post("/v1/predict", content=image, headers={"origin": "http://127.0.0.1"})
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_every_answer_has_the_headers_of_a_strict_page(client):
    for path in ("/healthz", "/nothing", "/openapi.json"):
        headers = client.get(path).headers
        assert headers["content-security-policy"] == POLICY
        assert headers["x-content-type-options"] == "nosniff"


def test_a_token_is_asked_for_where_there_is_one(service, client, image):
    assert client.get("/metrics").status_code == 200  # there is none here
    guarded = TestClient(Guard(make_app(service), None, TOKEN.encode()), base_url="http://10.0.0.1")
    assert guarded.get("/healthz").status_code == 200
    for given in ("", "Bearer", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer ü"):
        headers = {"authorization": given.encode()}
        for path in ("/metrics", "/openapi.json", "/v1/predict"):
            answer = guarded.get(path, headers=headers)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
    answer = guarded.post("/v1/predict", content=image, headers={"authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200


def test_loopback_addresses_are_known():
    assert all(map(is_loopback, ("127.0.0.1", "127.9.9.9", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "10.0.0.1", "example", "")))
