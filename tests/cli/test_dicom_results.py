"""The model behind a DICOM result is the same in a run and in the file that was exported from it."""

from dataclasses import replace

import pytest

from radapt.cli.dicom_results import check_captures, identity_of_file, identity_of_run
from radapt.cli.models import open_classifier
from radapt.errors import AskedWrongly
from radapt.exporting.metadata import Metadata
from radapt.models.checkpoint import model_digest


@pytest.fixture
def metadata(trained) -> Metadata:
    """What a file says that was exported from the run."""
    classifier = open_classifier(trained)
    return Metadata(
        radapt="1.2.3",
        model=classifier.spec.model,
        classes=classifier.spec.classes,
        outputs="softmax",
        reading=classifier.spec.reading.as_dict(),
        thresholds={},
        strategy="none",
        images=0,
        digests={"model": model_digest(classifier)},
        licence="none",
        agreement={},
    )


def test_an_exported_file_has_the_identity_of_its_run(trained, metadata, tmp_path):
    own = identity_of_run(trained, open_classifier(trained))
    assert own.name == "compact"
    assert own.digest == model_digest(open_classifier(trained))
    assert identity_of_file(tmp_path / "model.onnx", metadata) == own
    assert (
        identity_of_file(tmp_path / "model.onnx", replace(metadata, strategy="head")).name == "compact, head"
    )


def test_one_with_weights_of_8_bits_has_its_own(metadata, tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"smaller")
    own = identity_of_file(tmp_path / "model.onnx", metadata)
    smaller = identity_of_file(tmp_path / "model.onnx", replace(metadata, int8={}))
    assert smaller.digest != own.digest


def test_what_gives_scores_alone_gets_no_map(tmp_path):
    with pytest.raises(AskedWrongly, match="gives scores alone, and no map"):
        check_captures(tmp_path / "model.onnx", None)
