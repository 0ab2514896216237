"""Models compared by the command line, from tables, runs and studies."""

import csv
import json
from pathlib import Path

import pytest

from radapt.predictions import Predictions

COLUMNS = ["--score", "NORMAL,PNEUMONIA", "--label", "class", "--patient", "patient", "--images", "file"]


@pytest.fixture(scope="module")
def tables(studied, tmp_path_factory) -> list[Path]:
    """What each model of a study said of the target test images, no adaptation first."""
    out = tmp_path_factory.mktemp("tables")
    cells = json.loads((studied / "study.json").read_text())["cells"]
    paths = []
    for cell in cells:
        predictions = Predictions.load(
            studied / "cells" / cell["name"] / "predictions" / "target-test.parquet"
        )
        paths.append(out / f"{cell['strategy']}.csv")
        with paths[-1].open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["file", "patient", "class", *predictions.classes])
            for row, scores in enumerate(predictions.scores.tolist()):
                label = predictions.classes[predictions.labels[row]]
                writer.writerow([predictions.ids[row], predictions.patients[row], label, *map(repr, scores)])
    return paths


def test_a_comparison_of_scores_alone_equals_the_study_that_made_them(tables, studied, radapt):
    study = json.loads((studied / "study.json").read_text())
    code, out, err = radapt("compare", *tables, *COLUMNS, "--json")
    assert code == 0, err
    document = json.loads(out)

    def bare(row):
        return {
            key: value for key, value in row.items() if key not in ("strategy", "budget", "domain", "model")
        }

    def of_target(rows, key):
        return {
            (row[key], row["metric"]): bare(row)
            for row in rows
            if row.get("domain", "target") == "target" and row.get("against", "none") == "none"
        }

    assert len(tables) > 3
    for rows in ("estimates", "differences"):
        assert of_target(document[rows], "model") == of_target(study[rows], "strategy")


def test_tables_runs_and_predictions_of_one_model_are_the_same(tables, studied, radapt):
    run = studied / "cells" / "none-s0"
    words = ["compare", tables[0], run, run / "predictions" / "target-test.parquet", *COLUMNS]
    code, out, err = radapt(*words, "--json")
    assert code == 0, err
    document = json.loads(out)
    assert [model["about"] for model in document["models"]] == [
        *("none.csv", "target-test of none-s0", "target-test.parquet")
    ]
    assert {row["value"] for row in document["differences"]} == {0}
    assert {row["verdict"] for row in document["differences"]} == {"inconclusive"}


def test_a_comparison_is_printed_and_drawn(tables, radapt, tmp_path):
    with tables[1].open() as file:
        lines = file.readlines()
    fewer = tmp_path / "fewer.csv"
    fewer.write_text("".join(lines[:-4]))
    code, out, err = radapt("compare", tables[0], fewer, *COLUMNS, "--html", tmp_path / "page.html")
    assert code == 0, err
    assert f"fewer: {len(lines) - 5} of {len(lines) - 5} images (fewer.csv)" in out
    assert "4 unmatched" in out
    assert f"Page: {tmp_path / 'page.html'}" in out
    page = (tmp_path / "page.html").read_text()
    assert "none and fewer compared" in page
    assert page.count("<figure") == 3
    assert "Differences from none" in page


def test_studies_are_compared_by_their_best_and_no_adaptation(studied, radapt):
    code, out, err = radapt("compare", studied, studied, "--json")
    assert (code, "each with a name of its own" in err) == (2, True)
    best = json.loads((studied / "study.json").read_text())["the_best"]["strategy"]
    code, out, err = radapt("compare", studied, studied / "cells" / "linear-probe-val-s0", "--json")
    assert code == 0, err
    document = json.loads(out)
    names = [model["name"] for model in document["models"]]
    assert names[0].startswith(f"{studied.name}: {best}")
    assert names[-1] == "linear-probe-val-s0"
    assert document["paired"]


def test_tables_without_names_of_images_are_refused(tables, radapt):
    code, _, err = radapt("compare", *tables[:2], *COLUMNS[:-2])
    assert code == 2
    assert "name the column of images" in err
    assert "Traceback" not in err


def test_a_claim_written_before_is_tested_and_shown(tables, radapt, tmp_path):
    claim, page = tmp_path / "claim.toml", tmp_path / "page.html"
    words = [
        "--metric",
        "accuracy",
        "--claim",
        "not-worse",
        "--margin",
        0.5,
        "--threshold",
        f"{tables[1].stem}=0.4",
    ]
    code, out, err = radapt("protocol", "scores", *tables[:2], *COLUMNS, *words, "--out", claim)
    assert code == 0, err
    assert f"--protocol {claim}" in out
    code, out, err = radapt("compare", *tables[:2], *COLUMNS, "--protocol", claim, "--html", page, "--json")
    assert code == 0, err
    document = json.loads(out)
    assert document["protocol"]["verdict"]["word"] in ("Accept", "Inconclusive", "Reject")
    assert [model["threshold"] for model in document["models"]] == [0.5, 0.4]
    assert document["metric"] == "accuracy"
    assert document["protocol"]["verdict"]["reason"].split(":")[0] in page.read_text()
    code, _, err = radapt("compare", tables[1], tables[0], *COLUMNS, "--protocol", claim)
    assert (code, "comes first" in err) == (2, True)
    code, out, err = radapt("compare", *tables[:2], *COLUMNS, "--threshold", f"{tables[1].stem}=1", "--json")
    assert (code, [model["threshold"] for model in json.loads(out)["models"]]) == (0, [0.5, 1.0]), err
    code, _, err = radapt("compare", *tables[:2], *COLUMNS, "--threshold", "1.1")
    assert (code, "a probability from 0 to 1" in err) == (2, True)
    code, _, err = radapt("compare", *tables[:2], *COLUMNS, "--threshold", "nobody=0.4")
    assert (code, "no model called 'nobody'" in err) == (2, True)
