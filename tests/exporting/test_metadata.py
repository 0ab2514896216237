"""What an exported file says of itself comes back as it was, and nothing else is taken for it."""

import json
from dataclasses import replace

import pytest
from exporting_samples import AT

from radapt.errors import BadArtefact
from radapt.exporting.metadata import Metadata, parse_metadata
from radapt.images.preprocessing import Preprocessing

ABOUT = Metadata(
    radapt="1.0",
    model="compact",
    classes=("NORMAL", "PNEUMONIA"),
    outputs="softmax",
    reading=Preprocessing(size=64, resize="pad").as_dict(),
    thresholds={"PNEUMONIA": AT["PNEUMONIA"].as_dict()},
    strategy="none",
    images=0,
    digests={"model": "ab", "source": None},
    licence="none",
    agreement={"largest": 1e-7},
    golden=(0.25, 0.75),
)


def test_it_comes_back_as_it_was_written():
    again = parse_metadata(ABOUT.to_json(), "model.onnx")
    assert again == ABOUT
    assert again.chosen == AT
    assert again.preprocessing == Preprocessing(size=64, resize="pad")
    assert "no medical device" in again.use


@pytest.mark.parametrize(
    "change",
    [
        {"classes": []},
        {"classes": "NORMAL"},
        {"outputs": "regression"},
        {"reading": {"size": None}},
        {"reading": {"resize": "stretch"}},
        {"thresholds": {"PNEUMONIA": {"value": "high"}}},
        {"images": "many"},
        {"unknown": 1},
        {"classes": ["NORMAL", "NORMAL"]},
        {"golden": [0.5]},
        {"golden": [0.5, float("nan")]},
        {"thresholds": {"NORMAL": AT["PNEUMONIA"].as_dict()}},
        {"thresholds": {"PNEUMONIA": AT["PNEUMONIA"].as_dict() | {"value": 1.5}}},
    ],
)
def test_what_is_damaged_is_refused(change):
    text = json.dumps(json.loads(ABOUT.to_json()) | change)
    with pytest.raises(BadArtefact, match=r"^model\.onnx"):
        parse_metadata(text, "model.onnx")


def test_a_description_without_a_number_is_not_written():
    with pytest.raises(ValueError, match="JSON compliant"):
        replace(ABOUT, agreement={"largest": float("nan")}).to_json()
