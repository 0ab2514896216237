import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
SMALL = {"RADAPT_IMAGES": "120", "RADAPT_SIZE": "32", "RADAPT_EPOCHS": "2", "RADAPT_SEVERITIES": "1,5"}


def outputs(notebook, kind):
    """The outputs of a kind, such as "image/png", or "text" of what was printed."""
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    if kind == "text":
        return [each["text"] for each in shown if each.get("name") == "stdout"]
    return [each["data"][kind] for each in shown if kind in each.get("data", {})]


@pytest.fixture
def executed(monkeypatch, tmp_path):
    """Runs a notebook from top to bottom on drawn images, with as little to do as possible."""
    (tmp_path / "temporary").mkdir()
    places = {"RADAPT_CACHE": "cache", "RADAPT_OUT": "", "TMPDIR": "temporary"}
    for name, value in (SMALL | {name: str(tmp_path / place) for name, place in places.items()}).items():
        monkeypatch.setenv(name, value)

    def execute(name):
        notebook = nbformat.read(FOLDER / name, as_version=4)
        NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
        return notebook

    return execute


@pytest.mark.filterwarnings("default")  # of the notebook's own machinery
def test_transfer_learning_tells_what_was_gained(executed):
    done = executed("transfer_learning.ipynb")
    printed = "".join(outputs(done, "text"))
    assert len(re.findall(r"gained -?\d\.\d{3} \[", printed)) == 3
    assert len(outputs(done, "image/png")) == 5
    html = "".join(outputs(done, "text/html"))
    assert "120" in html
    assert "lite0, linear-probe" in html


@pytest.mark.filterwarnings("default")
def test_my_hospital_goes_from_the_audit_to_numbers_in_files(executed, tmp_path):
    done = executed("my_hospital.ipynb")
    assert any("labelled images" in text for text in outputs(done, "text"))
    assert (tmp_path / "study" / "report.html").is_file()
    assert "linear-probe" in (tmp_path / "scores.csv").read_text()
    assert "verdict" in (tmp_path / "differences.csv").read_text()
    assert len(outputs(done, "image/png")) == 2


@pytest.mark.filterwarnings("default")
def test_robustness_ranks_shifts_and_draws_them_over_their_severities(executed):
    done = executed("robustness.ipynb")
    assert any(re.match(r"Under [\w-]+@5: ", text) for text in outputs(done, "text"))
    assert len(outputs(done, "image/png")) == 7
    assert any("Without a shift: accuracy" in html for html in outputs(done, "text/html"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_kept_without_outputs_and_take_public_names_alone(path):
    notebook = nbformat.read(path, as_version=4)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)
    source = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    assert "import radapt\n" in source
    assert not re.search(r"from radapt|import radapt\.", source)
