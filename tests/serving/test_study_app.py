"""A study in the browser: its strategies, its page, and the images whose answers changed."""

import re

import pytest
from browser import assert_accessible, assert_fits, assert_keyboard_reaches_controls, visit
from live_service import listening
from starlette.testclient import TestClient

from radapt.serving.limits import Limits
from radapt.serving.security import Guard
from radapt.serving.study_app import make_study_app
from radapt.serving.study_changes import open_study


@pytest.fixture(scope="module")
def view(study, study_images):
    return open_study(study, study_images)


@pytest.fixture(scope="module")
def pages(view):
    return TestClient(Guard(make_study_app(view)), base_url="http://127.0.0.1")


def test_every_link_leads_somewhere_and_every_image_is_shown(pages, view):
    index = pages.get("/").text
    assert view.headline in index.replace("&#39;", "'")
    addresses = re.findall(r'href="(/[^"]*)"', index)
    assert {"/report", *(f"/changed/{name}" for name in view.cells)} <= set(addresses)
    shown = 0
    for address in addresses:
        page = pages.get(address)
        assert page.status_code == 200
        for image in re.findall(r'<img src="(/image/[^"]*)"', page.text):
            shown += 1
            assert pages.get(image).content.startswith(b"\x89PNG")
    assert shown == sum(len(view.changed(name)) for name in view.cells) > 0


def test_the_report_is_drawn_once(pages, monkeypatch):
    first = pages.get("/report").text
    monkeypatch.setattr("radapt.serving.study_app.render", None)
    assert pages.get("/report").text == first


def test_the_report_keeps_its_own_policy(pages):
    policy = pages.get("/report").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "img-src data:" in policy


@pytest.mark.parametrize(
    "path", ["/changed/none", "/changed/..%2f..", "/image/none/0", "/assets/x", "/image/none/x"]
)
def test_what_is_not_there_is_not_found(pages, path):
    answer = pages.get(path)
    assert answer.status_code in (404, 422)
    assert list(answer.json()) == ["error"]


def test_without_its_token_nothing_of_a_study_is_shown(view):
    token = "a-token-of-twenty-letters"
    client = TestClient(Guard(make_study_app(view), None, token.encode(), True), base_url="http://10.0.0.1")
    refused = client.get("/")
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, 'Basic realm="radapt"')
    assert client.get("/", auth=("anybody", "another")).status_code == 401
    assert client.get("/", headers={"authorization": "Basic !"}).status_code == 401
    assert client.get("/", auth=("anybody", token)).status_code == 200


def test_the_pages_are_accessible_and_fit_a_telephone(browser, view):
    most = max(view.cells, key=lambda name: len(view.changed(name)))
    with listening(Guard(make_study_app(view)), Limits()) as address:
        for path in ("", f"changed/{most}"):
            with visit(browser, address + path) as page:
                assert_accessible(page)
                assert_fits(page)
                assert_keyboard_reaches_controls(page)
