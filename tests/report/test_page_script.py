"""The script of the pages, in a real browser: tables are sorted, copied and saved as they stand there."""

from importlib.resources import files

import pytest
from browser import visit

SCRIPT = files("radapt.report").joinpath("templates", "page.js").read_text(encoding="utf-8")
TABLE = """<section id="differences"><figure class="table"><table>
<thead><tr><th>Strategy</th><th>AUROC</th><th>Verdict</th><th>Images</th><th>Patients</th></tr></thead>
<tbody>
<tr class="group"><th colspan="5">Target, all</th></tr>
<tr><th>head</th><td>+2.0</td><td>better</td><td>16</td><td>5</td></tr>
<tr><th>tta</th><td colspan="2">not compared</td><td>0</td><td>9</td></tr>
<tr><th>full, warm</th><td>\N{MINUS SIGN}1.5</td><td>worse</td><td>8</td><td>7</td></tr>
</tbody></table></figure></section>"""
# Copied and saved words go where the test reads them, in place of the clipboard and a file.
PROBE = """async () => {
  const buttons = [...document.querySelectorAll("button")];
  const press = (words) => buttons.find((each) => each.textContent === words).click();
  const writeText = async (words) => { seen.copied = words; };
  const seen = {};
  let blob;
  Object.defineProperty(navigator, "clipboard", { value: { writeText } });
  URL.createObjectURL = (made) => { blob = made; return "#"; };
  press("Copy");
  press("Save as CSV");
  for (const heading of ["Images", "AUROC"]) {
    press(heading);
    seen[heading] = [...document.querySelectorAll("tbody tr:not(.group) th")].map((cell) => cell.textContent);
  }
  return { ...seen, saved: await blob.text() };
}"""


@pytest.fixture(scope="module")
def seen(browser, tmp_path_factory):
    """What the script does with a table of which one cell lies over two columns."""
    page = tmp_path_factory.mktemp("page") / "page.html"
    page.write_text(f"<!doctype html><meta charset=utf-8>{TABLE}<script>{SCRIPT}</script>", encoding="utf-8")
    with visit(browser, page.as_uri()) as opened:
        return opened.evaluate(PROBE)


def test_a_cell_over_two_columns_keeps_those_after_it_in_their_place(seen):
    assert seen["saved"].split("\r\n") == [
        "Strategy,AUROC,Verdict,Images,Patients",
        '"Target, all",,,,',
        "head,+2.0,better,16,5",
        "tta,not compared,,0,9",
        '"full, warm",-1.5,worse,8,7',
    ]
    assert [line.count("\t") for line in seen["copied"].split("\n")] == [4] * 5
    assert "tta\tnot compared\t\t0\t9" in seen["copied"]


def test_a_column_is_sorted_by_its_own_cells(seen):
    assert seen["Images"] == ["tta", "full, warm", "head"]
    assert seen["AUROC"] == ["full, warm", "head", "tta"]
