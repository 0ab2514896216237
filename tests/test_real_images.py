"""The whole way on real images: slow, and kept as small as it can be."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from browser import PHONE, assert_accessible, assert_fits, visit

from radapt.images.load import load_dataset
from radapt.images.load_options import LoadOptions

RADAPT = str(Path(sys.executable).with_name("radapt"))


@pytest.fixture(scope="module")
def study(shared, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("real") / "study"
    words = [
        "--size",
        "64",
        "--shift",
        "original",
        "--budget",
        "256",
        "--strategies",
        "none,linear-probe,full",
        "--epochs",
        "4",
        "--steps",
        "25",
        "--out",
        str(out),
    ]
    subprocess.run(
        [RADAPT, "study", str(shared / "data" / "chest_xray"), *words], check=True, capture_output=True
    )
    return out


@pytest.mark.slow
def test_a_study_on_real_images_finds_the_shift_and_says_what_adapting_bought(study):
    numbers = json.loads((study / "study.json").read_text())
    auroc = {
        (row["strategy"], row["budget"], row["domain"]): row
        for row in numbers["estimates"]
        if row["metric"] == "auroc"
    }
    here, there = auroc["none", 0, "source"], auroc["none", 0, "target"]
    assert here["n"] == there["n"] == 624
    assert here["value"] > 0.9
    assert here["value"] - there["value"] > 0.05
    assert {budget["images"] for budget in numbers["budgets"]} == {256}
    assert numbers["roles"]["source test"]["patients"] == 423
    assert "labelled images" in numbers["recommendation"]


@pytest.mark.slow
def test_the_report_fits_a_browser_and_a_telephone(study, browser):
    with visit(browser, (study / "report.html").as_uri()) as page:
        for width in (1100, PHONE):
            assert_fits(page, width)
        assert_accessible(page)
        pictures = page.evaluate("[...document.images].map((each) => each.naturalWidth)")
    assert len(pictures) > 16
    assert all(pictures)


def test_real_folders_are_read_with_their_patients(shared):
    dataset = load_dataset(shared / "data" / "chest_xray", LoadOptions(size=64))
    assert {name: len(images) for name, images in dataset.splits.items()} == {
        "train": 4576,
        "val": 16,
        "test": 624,
    }
    assert dataset.origin.patient_rule == "kermany"
    assert dataset.origin.failed == ()
    everyone = [set(images.patients.tolist()) for images in dataset.splits.values()]
    assert not everyone[0] & everyone[2], "no patient is in training and test"
    adults = load_dataset(shared / "data" / "nih_adult", LoadOptions(size=64))
    assert adults.origin.patient_rule == "nih"
    assert adults.classes == dataset.classes
