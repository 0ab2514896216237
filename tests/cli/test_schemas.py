"""Every JSON document that commands write or print satisfies its schema in docs/schemas."""

import json
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource
from samples import make_dataset, write_images

from radapt.artefacts import SCHEMA
from radapt.images.notice import KINDS, SEVERITIES

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "schemas"
SCHEMAS = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
REGISTRY = Registry().with_resources(
    [(f"{name}.json", Resource.from_contents(schema)) for name, schema in SCHEMAS.items()]
)


def check(name: str, document: dict[str, Any]) -> None:
    """Refuse a document that its schema does not allow."""
    assert next(iter(document)) == "schema"
    jsonschema.Draft202012Validator(SCHEMAS[name], registry=REGISTRY).validate(document)


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


def lacking(document: Any) -> list[Any]:
    """Return copies of a document, each of which lacks a key of it."""
    return [{key: value for key, value in document.items() if key != name} for name in document]


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one_and_names_itself(name):
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])
    assert SCHEMAS[name]["$id"] == f"{name}.json"
    if name != "common":
        assert SCHEMAS[name]["properties"]["schema"] == {"const": SCHEMA}
        assert "schema" in SCHEMAS[name]["required"]


def test_the_schema_of_a_notice_has_every_kind_and_severity():
    fields = SCHEMAS["common"]["$defs"]["notices"]["items"]["properties"]
    assert fields["kind"]["enum"] == list(KINDS)
    assert fields["severity"]["enum"] == list(SEVERITIES)


def check_run(folder: Path) -> None:
    for name in ("run", "scores", "performance", "classifier"):
        check(name, read(folder / f"{name}.json"))


def test_a_run_writes_what_its_schemas_allow(trained):
    check_run(trained)
    check("reference", read(trained / "reference.json"))


def test_explanations_are_what_their_schema_allows(trained, folder, radapt, tmp_path):
    image, out = min((folder / "test").rglob("*.png")), tmp_path / "maps"
    assert radapt("explain", trained, image, "--out", out)[0] == 0
    check("explanations", read(out / "explanations.json"))


def test_a_model_card_is_what_its_schema_allows(trained, radapt):
    assert radapt("report", trained, "--card")[0] == 0
    check("model-card", read(trained / "model_card.json"))


def test_two_studies_print_what_their_schema_allows(studied, radapt, tmp_path):
    other = shutil.copytree(studied, tmp_path / "other")
    code, printed, err = radapt("report", studied, other, "--json")
    assert code == 0, err
    document = json.loads(printed)
    check("report-two-studies", document)
    assert document["differs"] == []
    assert {(row["how"], row["verdict"]) for row in document["rows"]} == {("paired", "inconclusive")}
    assert {row["difference"]["value"] for row in document["rows"]} == {0}


def test_an_adapted_run_writes_what_its_schemas_allow(trained, folder, radapt, tmp_path):
    out = tmp_path / "adapted"
    words = ["--shift", "original", "--epochs", 1, "--out", out]
    assert radapt("adapt", trained, folder, *words)[0] == 0
    check_run(out)
    assert not (out / "reference.json").exists()  # too few labelled images to set any aside for it


def test_a_study_writes_what_its_schemas_allow(studied):
    document = read(studied / "study.json")
    check("study", document)
    check("plan", read(studied / "plan.json"))
    check("occlusion", read(studied / "occlusion.json"))
    for incomplete in lacking(document):
        with pytest.raises(jsonschema.ValidationError, match="is a required property"):
            jsonschema.Draft202012Validator(SCHEMAS["study"], registry=REGISTRY).validate(incomplete)


def test_a_study_out_of_fold_says_so_and_writes_what_its_schemas_allow(folder, radapt, tmp_path):
    target, out = write_images(tmp_path / "other", make_dataset(train=24, val=8, test=16)), tmp_path / "out"
    words = ["--target", target, "--cv", 2, "--strategies", "none,recalibrate", "--budget", 8, "--size", 32]
    code, said, err = radapt("study", folder, *words, "--epochs", 1, "--steps", 2, "--out", out)
    assert code == 0, err
    assert "The target images were tested out of fold, 2 folds." in said
    assert "val images of other" not in err, "they are tested as the others are"
    document = read(out / "study.json")
    check("study", document)
    check("plan", read(out / "plan.json"))
    assert [cell["fold"] for cell in document["cells"][1:]] == [1, 2]


def test_several_studies_write_what_their_schema_allows(several):
    document = read(several / "several.json")
    check("several", document)
    check("several", {**document, "summary": None})
    for incomplete in (
        *lacking(document),
        *({**document, "summary": each} for each in lacking(document["summary"])),
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.Draft202012Validator(SCHEMAS["several"], registry=REGISTRY).validate(incomplete)


def test_a_study_with_a_protocol_writes_what_its_schemas_allow(folder, radapt, tmp_path):
    path, out = tmp_path / "protocol.toml", tmp_path / "out"
    words = ["--shift", "original", "--strategies", "none,recalibrate", "--strategy", "recalibrate"]
    words += ["--budget", 8, "--seeds", 1, "--size", 32]
    study = ["study", folder, "--protocol", path, "--size", 32, "--out", out]
    assert radapt("protocol", "init", folder, *words, "--out", path)[0] == 0
    assert radapt(*study)[0] == 0
    check("protocol", read(out / "protocol.json"))
    check("study", read(out / "study.json"))
    path.write_text(path.read_text().replace("superiority_margin = 0.0", "superiority_margin = 0.05"))
    assert radapt(*study)[0] == 0
    check("protocol", read(out / "protocol.json"))


PRINTED = {
    "evaluate": ["evaluate", "RUN", "DATA", "--occlusion", "--threshold", "youden"],
    "evaluate with a recalibration": ["evaluate", "RUN", "DATA", "--recalibrate", "platt"],
    "evaluate of a table of scores": [
        *["evaluate", "STUDY/cells/none-s0/predictions/target-test.parquet", "--threshold", "youden"],
        *["--recalibrate", "platt", "--on", "0.3"],
    ],
    "compare": [
        *["compare", "STUDY/cells/none-s0", "STUDY/cells/linear-probe-val-s0"],
        "STUDY/cells/norm-refresh-s0/predictions/target-test.parquet",
    ],
    "predict": ["predict", "RUN", "DATA/test"],
    "predict into a table": [
        "predict",
        "RUN",
        "DATA/test",
        "--threshold",
        "youden",
        "--out",
        "OUT/scores.csv",
    ],
    "export": [
        *["export", "RUN", "DATA/test", "--format", "torch", "--threshold", "youden"],
        *["--out", "OUT/model.pt2"],
    ],
    "drift": ["drift", "RUN", "DATA", "--reference", "DATA", "--shift", "noise@3"],
    "drift without labels": ["drift", "RUN", "DATA/test/NORMAL", "--reference", "DATA"],
    "prevalence": ["prevalence", "STUDY/cells/none-s0", "DATA/test/NORMAL", "--labelled", "DATA"],
    "audit": ["audit", "DATA"],
    "locate": ["locate", "DATA", "test/NORMAL/test-0.png"],
    "pack": ["pack", "DATA", "--size", "32", "--out", "OUT/images.store"],
    "shift": ["shift", "DATA", "--preset", "noise@2", "--size", "32", "--out", "OUT/shifted"],
    "plan-printed": ["plan", "--pilot", "STUDY", "--points", "5,10"],
    "plan-printed from assumptions": ["plan", "--score", "0.8", "--prevalence", "0.3"],
    "shifts": ["shifts"],
    "shifts-name": ["shifts", "noise"],
    "report-study": ["report", "STUDY"],
    "report-run": ["report", "RUN"],
    "import": [
        *["import", "RUN/model.safetensors", "--model", "compact", "--classes", "NORMAL,PNEUMONIA"],
        *["--size", "32", "--threshold", "0.4", "--check", "DATA", "--out", "OUT/imported"],
    ],
    "models": ["models"],
    "models-run": ["models", "RUN"],
    "strategies": ["strategies"],
    "data-list": ["data", "list"],
    "advise": ["advise", "RUN", "DATA", "--labels", "16", "--source", "DATA", "--strategies", "recalibrate"],
}


def placed(word: str, places: dict[str, Path]) -> str:
    """Return a word with the name of a place before its first slash replaced by that place."""
    head, slash, rest = word.partition("/")
    return f"{places[head]}{slash}{rest}" if head in places else word


@pytest.mark.parametrize("name", PRINTED)
def test_a_command_prints_what_its_schema_allows(name, trained, studied, folder, radapt, tmp_path):
    places = {"RUN": trained, "STUDY": studied, "DATA": folder, "OUT": tmp_path}
    words = [placed(word, places) for word in PRINTED[name]]
    code, out, err = radapt(*words, "--json")
    assert code == 0, err
    document = json.loads(out)
    check(name.partition(" ")[0], document)
    for extra in ({"schema": SCHEMA + 1}, {"unknown": 1}):
        with pytest.raises(jsonschema.ValidationError):
            check(name.partition(" ")[0], {**document, **extra})


def test_a_stress_test_writes_and_prints_what_its_schemas_allow(trained, folder, radapt, tmp_path):
    words = ["stress", trained, folder, "--suite", "noise,original", "--severities", "3", "--out", tmp_path]
    code, out, err = radapt(*words, "--json")
    assert code == 0, err
    check("stress-printed", json.loads(out))
    check("stress", read(tmp_path / "stress.json"))
    check("cells", read(tmp_path / "cells.json"))
