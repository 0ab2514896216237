import builtins

import pandas
import pytest

from radapt.display.table import Listing, html_table, text_table, written
from radapt.errors import RadaptError

ROWS = [{"name": "<b>", "value": 0.12345, "n": 1200}, {"name": "b", "value": None, "n": 2}]


def test_rows_become_a_data_frame_in_one_call():
    table = Listing(ROWS)
    frame = table.to_frame()
    assert list(frame.columns) == ["name", "value", "n"]
    assert frame["n"].tolist() == [1200, 2]
    assert pandas.DataFrame(table.rows()).equals(frame)


def test_without_pandas_one_sentence_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "pandas":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(RadaptError, match="pip install pandas"):
        Listing(ROWS).to_frame()


def test_html_escapes_every_value_and_counts_the_rows_that_it_leaves_out():
    html = html_table(ROWS * 30, limit=20)
    assert "<b>" not in html
    assert "&lt;b&gt;" in html
    assert html.count("<tr>") == 21
    assert "40 more rows" in html


def test_text_has_a_line_a_row_under_the_names():
    assert text_table(ROWS).splitlines() == ["name  value  n", "<b>   0.123  1,200", "b            2"]
    assert repr(Listing([])) == "No rows."


def test_values_are_written_as_in_a_table():
    assert [written(value) for value in (0.5, 3000, True, None, float("nan"), "a\x1b")] == [
        "0.500",
        "3,000",
        "yes",
        "",
        "",
        "a\\x1b",
    ]
