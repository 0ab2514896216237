"""The page in a real browser: images are dropped and answered, by keyboard, narrow, dark, and as a table."""

import base64
import csv
import io
from pathlib import Path

import pytest
from browser import assert_accessible, assert_fits, assert_keyboard_reaches_controls, visit
from live_service import served
from playwright.sync_api import expect

from radapt.serving.page import assets, render_page

TOKEN = b"a-token-of-twenty-letters"
DROP = """(files) => {
  const data = new DataTransfer();
  for (const [name, text] of files) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    data.items.add(new File([bytes], name));
  }
  document.getElementById("drop").dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true }));
}"""


@pytest.fixture(scope="module")
def address(service):
    with served(service) as address:
        yield address


@pytest.fixture
def files(image, deep, dicom, tmp_path) -> list[Path]:
    names = {"one.png": image, "deep.png": deep, "three.dcm": dicom, "words.png": b"These are words."}
    for name, data in names.items():
        (tmp_path / name).write_bytes(data)
    return [tmp_path / name for name in names]


def wait(page) -> None:
    page.locator("#status", has_text="All done").wait_for()


def choose(page, files) -> None:
    page.set_input_files("#files", files)
    wait(page)


def test_dropped_images_are_answered_and_words_get_a_sentence(browser, address, files):
    with visit(browser, address) as page:
        page.evaluate(DROP, [[path.name, base64.b64encode(path.read_bytes()).decode()] for path in files])
        wait(page)
        cards = page.locator(".card")
        assert cards.count() == 4
        for number in range(3):
            words = cards.nth(number).inner_text()
            assert "PNEUMONIA 0." in words
            assert "threshold 0.5" in words
            assert "base model (base)" in words
            assert "ike the images that this model was made with" in words
            assert cards.nth(number).locator("img").evaluate("(image) => image.naturalWidth") == 32
        assert "whatever its name says" in cards.nth(3).inner_text()
        errors = [said.text for said in page.console_messages() if said.type == "error"]
        assert all("415" in each for each in errors), errors  # the browser notes an answer that refuses
        assert not page.page_errors()


def test_the_answered_page_is_accessible_narrow_and_dark(browser, address, files):
    with visit(browser, address) as page:
        choose(page, files[:3])
        page.get_by_role("button", name="Show a map of one.png").click()
        page.wait_for_selector(".map img")
        assert "For research." in page.locator(".map").first.inner_text()
        assert_accessible(page)
        assert_fits(page)
        assert_keyboard_reaches_controls(page)
        assert "Of the last" in page.locator("#recent").inner_text()


def test_the_keyboard_alone_saves_the_answers_as_a_table(browser, address, files):
    with visit(browser, address) as page:
        page.keyboard.press("Tab")
        expect(page.locator("#files")).to_be_focused()
        page.locator(":focus").set_input_files(files)  # the browser's own window for files cannot be driven
        wait(page)
        page.keyboard.press("Tab")
        with page.expect_download() as download:
            page.keyboard.press("Enter")
        rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text())))
        assert [row["file"] for row in rows] == [path.name for path in files]
        scores = [float(row["score:NORMAL"]) + float(row["score:PNEUMONIA"]) for row in rows[:3]]
        assert scores == pytest.approx([1, 1, 1])
        assert rows[3]["error"].startswith("The file is no image")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert page.locator(".card").count() == 0


def test_an_image_under_way_is_forgotten_with_the_others(browser, address, files):
    with visit(browser, address) as page:
        held = []
        page.route("**/v1/predict*", lambda route: held.append(route))
        with page.expect_request("**/v1/predict*"):
            page.set_input_files("#files", files[:1])
        page.click("#clear")
        with page.expect_request("**/v1/recent"):  # asked for when nothing is under way any more
            held[0].continue_()
        assert page.locator("#status").inner_text() == ""


def test_a_token_is_asked_for_and_used(browser, service, files):
    with served(service, TOKEN) as address, visit(browser, address) as page:
        page.fill("#secret", TOKEN.decode())
        page.keyboard.press("Enter")
        choose(page, files[:1])
        assert "PNEUMONIA 0." in page.locator(".card").inner_text()


def test_the_page_loads_nothing_from_elsewhere_and_runs_nothing_inline(client, service):
    page = render_page(service.model, None)
    assert page.count("<script") == page.count('<script src="/assets/serve.js"') == 1
    assert "<style" not in page
    assert "http" not in page.replace("http-equiv", "")
    for name in assets():
        answer = client.get(f"/assets/{name}")
        assert answer.status_code == 200
        assert b"http" not in answer.content.replace(b"http://www.w3.org/2000/svg", b"")
    assert client.get("/assets/../page.py").status_code == 404
    assert client.get("/").headers["content-security-policy"].startswith("default-src 'none'")
