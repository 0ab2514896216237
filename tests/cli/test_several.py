"""Studies of several models, targets and sites, through the command line."""

import csv
import json

import numpy as np
import pytest
from encoders import write_onnx
from PIL import Image
from samples import make_images

from radapt.cli.several import WIDTH, plans_of
from radapt.errors import AskedWrongly
from radapt.study.plan import DEFAULT_STRATEGIES, Plan


def test_several_models_and_targets_end_with_one_table_that_fits_the_terminal(several):
    printed = (several.parent / "printed.txt").read_text()
    summary = json.loads((several / "several.json").read_text())["summary"]
    assert summary["answer"] in printed
    table = printed.partition("By balanced accuracy:\n")[2].splitlines()
    assert table[0].split("  ")[0] == "model"
    assert "worst target" in table[0]
    lines = table[: 1 + len(summary["rows"])]
    assert max(map(len, lines)) <= WIDTH
    assert [line.split()[0] for line in lines[1:]] == [row["model"] for row in summary["rows"]]
    assert {(row["model"], row["strategy"]) for row in summary["rows"]} == {
        (model, strategy)
        for model in ("compact", "original-cnn")
        for strategy in ("none", "norm-refresh", "recalibrate")
    }


def test_the_page_of_several_studies_is_drawn_again(several, radapt):
    page, text = several / "report.html", (several / "report.html").read_text()
    page.unlink()
    code, out, _ = radapt("report", several)
    assert (code, out) == (0, f"All studies: {page}\n")
    assert page.read_text() == text
    for folder in ("compact/noise_3", "original-cnn/original"):
        assert f'href="{folder}/report.html"' in text
    code, out, _ = radapt("report", several, "--json")
    assert json.loads(out) == json.loads((several / "several.json").read_text())


def test_finished_studies_are_not_trained_again(several, folder, radapt):
    before = json.loads((several / "several.json").read_text())
    words = ["--shift", "noise@3", "--shift", "original", "--models", "compact,original-cnn", "--size", 48]
    words += ["--strategies", "none,norm-refresh,recalibrate", "--budget", 8, "--epochs", 1, "--steps", 4]
    weights = several / "compact/original/cells/none-s0/model.safetensors"
    written = weights.stat().st_mtime_ns
    code, _, err = radapt("study", folder, *words, "--out", several)
    assert code == 0, err
    assert weights.stat().st_mtime_ns == written
    assert json.loads((several / "several.json").read_text()) == before


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A table of images at three sites, one of them too small to be a target."""
    folder = tmp_path_factory.mktemp("sites")
    images = make_images(208)
    with (folder / "table.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["image", "patient", "class", "hospital", "split"])
        for row, pixels in enumerate(images.pixels):
            name = f"{row:03}.png"
            Image.fromarray(np.asarray(pixels)).save(folder / name)
            site = "small" if row >= 200 else ("north", "south")[row // 4 % 2]
            split = "train" if row % 100 < 60 else "test"
            rows.writerow([name, images.patients[row], images.classes[images.labels[row]], site, split])
    return folder / "table.csv"


COLUMNS = [
    "--label",
    "class",
    "--images",
    "image",
    "--patient",
    "patient",
    "--split",
    "split",
    "--site",
    "hospital",
]


def test_each_site_in_turn_is_the_target(table, radapt, tmp_path):
    out = tmp_path / "out"
    words = ["--strategies", "none,recalibrate", "--budget", 8, "--epochs", 1, "--size", 32, "--out", out]
    code, printed, err = radapt("study", table, *COLUMNS, "--leave-one-site-out", *words)
    assert code == 0, err
    assert "The site 'small' is left out as a target" in err
    document = json.loads((out / "several.json").read_text())
    assert [entry["folder"] for entry in document["studies"]] == ["north", "south"]
    assert document["summary"]["answer"] in printed
    north = json.loads((out / "north/study.json").read_text())
    assert north["source"]["name"] == "table.csv, without site north"
    assert north["roles"]["target test"]["images"] == 40
    row = document["summary"]["rows"][0]
    assert [each["target"] for each in row["targets"]] == ["north", "south"]
    assert row["mean"]["value"] == pytest.approx(np.mean([each["value"] for each in row["targets"]]))
    assert row["mean"]["patients"] == sum(each["patients"] for each in row["targets"])
    assert "The site &#39;small&#39; is left out" in (out / "report.html").read_text()


def test_each_model_gets_the_usual_strategies_that_work_on_it(tmp_path):
    models = ("compact", f"onnx:{write_onnx(tmp_path / 'encoder.onnx')}")
    plans = plans_of(Plan(shift="noise"), models, (False, None), None, None, usual=True)
    assert [plan.strategies for plan in plans] == [
        DEFAULT_STRATEGIES,
        ("none", "recalibrate", "linear-probe"),
    ]
    named = Plan(shift="noise", strategies=("none", "full"))
    with pytest.raises(AskedWrongly, match="full would change it"):
        plans_of(named, models, (False, None), None, None)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--shift", "noise", "--leave-one-site-out"], "or else --leave-one-site-out"),
        (
            ["--shift", "noise", "--model", "lite0", "--models", "compact"],
            "Got both --model lite0 and --models",
        ),
        (["--shift", "noise", "--models", ","], "--models takes names between commas"),
        (["--shift", "noise", "--models", "compact,lite0", "--weights", "w.pt"], "holds those of one"),
        (["--shift", "noise", "--models", "compact,nothing"], "There is no model"),
        (["--leave-one-site-out"], "images of two sites or more"),
    ],
)
def test_what_cannot_be_compared_is_refused(words, message, folder, radapt, tmp_path):
    code, _, err = radapt("study", folder, *words, "--size", 48, "--out", tmp_path / "out")
    assert code == 2
    assert message in err
    assert not (tmp_path / "out").exists()
