from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).resolve().parents[1] / "notebooks" / "transfer_learning.ipynb"


@pytest.mark.filterwarnings("default")  # of the notebook's own machinery
def test_the_notebook_runs_from_top_to_bottom_on_drawn_images(monkeypatch):
    monkeypatch.setenv("RADAPT_IMAGES", "120")
    monkeypatch.setenv("RADAPT_SIZE", "32")
    monkeypatch.setenv("RADAPT_EPOCHS", "2")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    printed = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))
    assert "target" in printed
    assert "gained" in printed
    assert sum("image/png" in o.get("data", {}) for c in notebook.cells for o in c.get("outputs", [])) >= 3


def test_the_notebook_is_kept_without_outputs():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)
