"""A page printed to a PDF by a real browser."""

import pytest

from radapt.errors import RadaptError
from radapt.report.pdf import find_browser, write_pdf

PAGE = "<!doctype html><meta charset=utf-8><title>t</title><p>A page of one line.</p>"


@pytest.mark.skipif(find_browser() is None, reason="there is no browser that prints to PDF")
def test_a_page_is_printed_beside_itself(tmp_path):
    page = tmp_path / "report.html"
    page.write_text(PAGE)
    pdf = write_pdf(page)
    assert pdf == tmp_path / "report.pdf"
    assert pdf.read_bytes().startswith(b"%PDF")


def test_without_a_browser_a_sentence_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    page = tmp_path / "report.html"
    page.write_text(PAGE)
    with pytest.raises(RadaptError, match="neither was found"):
        write_pdf(page)
    assert not page.with_suffix(".pdf").exists()
