"""A file is written only if it is the model, and says what it is."""

import onnx
import pytest
from exporting_samples import AT, RECORD, lively
from samples import CLASSES

from radapt.errors import AskedWrongly, RadaptError, UnknownName
from radapt.exporting import formats
from radapt.exporting.agreement import drawn_sample
from radapt.exporting.export import check_out, export_model
from radapt.models.checkpoint import model_digest
from radapt.models.table import new_spec


def test_a_file_says_what_its_run_says(pair):
    about = pair.written.metadata
    assert (about.model, about.classes, about.strategy, about.images) == (
        "compact",
        CLASSES,
        "linear-probe",
        16,
    )
    assert about.digests == {"model": model_digest(pair.classifier), "source": "ab12", "target": "cd34"}
    assert about.chosen == AT
    assert about.agreement["images"] == 16
    assert about.agreement["largest"] < 1e-6
    assert pair.written.bytes == pair.written.path.stat().st_size


def test_one_that_differs_is_not_written(pair, tmp_path, hardware, monkeypatch):
    spec = new_spec("compact", CLASSES, size=32)
    monkeypatch.setattr(formats, "export_program", lambda _: None)
    monkeypatch.setattr(formats, "onnx_of", lambda _: onnx.load(pair.written.path))  # of another model
    with pytest.raises(RadaptError, match=r"not written.+ differ by at most \d"):
        export_model(lively(spec, seed=5), RECORD, tmp_path / "it.onnx", drawn_sample(spec.reading), hardware)
    assert not any(tmp_path.iterdir())


def test_a_name_has_to_fit_its_format(tmp_path):
    with pytest.raises(AskedWrongly, match=r"ends in \.onnx"):
        check_out(tmp_path / "model.pt", "onnx")
    with pytest.raises(UnknownName, match="format"):
        check_out(tmp_path / "model.onnx", "tflite")
