import functools
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from radapt.errors import AskedWrongly
from radapt.parquet import read_table
from radapt.study.plan import DEFAULT_STRATEGIES

RADAPT = (sys.executable, "-m", "radapt")


def test_a_study_leaves_a_report_and_numbers_for_scripts(studied, radapt):
    assert "<html" in (studied / "report.html").read_text()
    code, out, _ = radapt("report", studied, "--json")
    numbers = json.loads(out)
    assert code == 0
    assert {"estimates", "recommendation"} <= numbers.keys()
    assert {"strategy", "budget", "domain", "metric", "value", "low", "high", "n"} <= numbers["estimates"][
        0
    ].keys()
    assert {row["strategy"] for row in numbers["estimates"]} == {*DEFAULT_STRATEGIES}


def test_an_old_study_can_be_drawn_again(studied, radapt):
    before = (studied / "report.html").read_bytes()
    (studied / "report.html").unlink()
    assert radapt("report", studied)[0] == 0
    assert (studied / "report.html").read_bytes() == before


def test_training_leaves_a_history_with_a_row_an_epoch(trained):
    lines = (trained / "history.csv").read_text().splitlines()
    head = lines[0].split(",")
    assert {"loss", "valid_auroc", "valid_accuracy", "seconds", "images_per_second"} <= set(head)
    assert len(lines) == 3


def test_evaluation_gives_rows_with_intervals(trained, folder, radapt):
    code, out, _ = radapt("evaluate", trained, folder, "--json")
    rows = json.loads(out)["estimates"]
    assert code == 0
    assert {row["domain"] for row in rows} == {"source"}
    assert {row["metric"] for row in rows} >= {"accuracy", "auroc", "sensitivity", "specificity"}
    _, out, _ = radapt("evaluate", trained, folder, "--shift", "original", "--json")
    assert {row["domain"] for row in json.loads(out)["estimates"]} == {"target"}
    code, out, _ = radapt("evaluate", trained, folder)
    assert "accuracy" in out
    assert "[" in out


def test_evaluation_hides_parts_only_when_asked(trained, folder, radapt):
    _, out, _ = radapt("evaluate", trained, folder, "--json")
    assert "occlusion" not in json.loads(out)
    _, out, _ = radapt("evaluate", trained, folder, "--occlusion", "--json")
    document = json.loads(out)
    assert {row["mask"] for row in document["occlusion"]} == {"centre only", "border only", "corners hidden"}
    assert {row["metric"] for row in document["occlusion"]} == {"auroc", "accuracy"}
    for row in document["occlusion"]:
        assert row["change"]["low"] <= row["change"]["value"] <= row["change"]["high"]
    code, out, _ = radapt("evaluate", trained, folder, "--occlusion")
    assert code == 0
    assert "With parts of the images hidden:" in out


def test_what_hiding_parts_cannot_tell_is_given_a_reason(trained, folder, radapt, tmp_path):
    one, other = (path.name for path in sorted((folder / "test").iterdir()))
    for name, called in ((one, other), (other, one)):
        shutil.copytree(folder / "test" / name, tmp_path / "wrong" / called)
    code, out, _ = radapt("evaluate", trained, tmp_path / "wrong", "--part", "all", "--occlusion")
    assert code == 0
    assert "A share is not defined: on these images" in out


def test_evaluation_scores_the_groups_of_a_table_apart(trained, folder, tmp_path, radapt):
    images = sorted(folder.glob("test/*/*.png"))
    rows = [
        f"{path},{path.parent.name},test,{'PA' if row % 2 else 'AP'},{30 + row}"
        for row, path in enumerate(images)
    ]
    rows += [f"{path},{path.parent.name},train,PA,40" for path in sorted(folder.glob("train/*/*.png"))]
    (tmp_path / "images.csv").write_text("\n".join(["file,class,part,view,age", *rows]))
    words = [
        "evaluate",
        trained,
        tmp_path / "images.csv",
        "--images",
        "file",
        "--label",
        "class",
        "--split",
        "part",
    ]
    words += [
        "--view",
        "view",
        "--age",
        "age",
        "--root",
        "/",
        "--by",
        "view",
        "--by",
        "age",
        "--min-images",
        "10",
    ]
    code, out, err = radapt(*words, "--json")
    assert code == 0, err
    by_view, by_age = json.loads(out)["subgroups"]
    assert {each["group"]: each["images"] for each in by_view["groups"]} == {"AP": 20, "PA": 20}
    assert {each["metric"] for each in by_view["gaps"]} == {"auroc", "sensitivity", "specificity", "accuracy"}
    assert [each["group"] for each in by_age["groups"]] == ["40 to 59"]
    assert {each["group"]: each["reason"] for each in by_age["too_small"]} == {
        "20 to 39": "no image of PNEUMONIA",
        "60 to 79": "no image of NORMAL",
    }
    code, out, _ = radapt(*words)
    assert "By view:" in out
    assert "auroc: " in out
    code, _, err = radapt(*words, "--by", "ward")
    assert code == 2
    assert "'ward'" in err


def test_a_model_of_a_study_is_at_home_on_the_source(studied, folder, radapt):
    _, out, _ = radapt("evaluate", studied / "cells" / "linear-probe-val-s0", folder, "--json")
    rows = json.loads(out)["estimates"]
    assert {(row["strategy"], row["budget"], row["domain"]) for row in rows} == {
        ("linear-probe", 16, "source")
    }


def test_prediction_names_what_it_cannot_read_and_goes_on(trained, folder, tmp_path, radapt):
    radiograph = next(folder.glob("test/PNEUMONIA/*.png"))
    (tmp_path / "text.jpeg").write_text("hello")
    (tmp_path / "empty.png").write_bytes(b"")
    shutil.copy(radiograph, tmp_path / "image.png")
    code, out, _ = radapt("predict", trained, tmp_path, radiograph, "--json")
    result = json.loads(out)
    assert code == 0
    assert [Path(image["path"]).name for image in result["images"]] == ["image.png", radiograph.name]
    assert result["images"][0]["scores"] == result["images"][1]["scores"]
    assert sum(result["images"][0]["scores"].values()) == pytest.approx(1)
    assert result["images"][0]["label"] in ("NORMAL", "PNEUMONIA")
    assert sorted(Path(failed["path"]).name for failed in result["failed"]) == ["empty.png", "text.jpeg"]
    code, out, _ = radapt("predict", trained, tmp_path)
    assert (code, out.splitlines()[-1]) == (0, "1 of 3 images were read.")
    assert f"not read: {tmp_path / 'empty.png'} is empty (0 bytes)" in out
    code, out, _ = radapt("predict", trained, tmp_path / "empty.png")
    assert (code, out.splitlines()[-1]) == (1, "0 of 1 image was read.")


def test_a_prediction_is_what_evaluation_scored(trained, folder, radapt):
    from radapt.predictions import Predictions

    scored = Predictions.load(trained / "predictions" / "source-test.parquet")
    _, out, _ = radapt("predict", trained, folder / "test", "--json")
    given = {Path(image["path"]).name: image["scores"]["PNEUMONIA"] for image in json.loads(out)["images"]}
    for name, score in zip(scored.ids, scored.scores[:, 1], strict=True):
        assert given[Path(name).name] == pytest.approx(score, abs=1e-5)


def test_adaptation_prints_its_layers_and_what_trains(trained, folder, tmp_path, radapt):
    words = [
        "--strategy",
        "head",
        "--shift",
        "original",
        "--budget",
        16,
        "--epochs",
        1,
        "--out",
        tmp_path / "adapted",
    ]
    code, out, _ = radapt("adapt", trained, folder, *words)
    assert code == 0
    layers = out.partition("parameters, of which")[0]
    lines = {line.split()[0]: line for line in layers.splitlines()}
    assert lines["head"].endswith("trains")
    assert lines["trunk.stem.0"].endswith("frozen")
    assert "32 x 8 x 8" in lines["trunk.stem.0"]
    assert "of which 514 train" in out
    code, out, _ = radapt("models", tmp_path / "adapted")
    assert code == 0
    assert "stem, stage1" in out


def test_adapting_another_base_into_one_folder_is_refused(trained, folder, tmp_path, radapt):
    out = tmp_path / "adapted"
    words = [folder, "--strategy", "none", "--out", out]
    assert radapt("adapt", trained, *words)[0] == 0
    assert radapt("adapt", trained, *words)[0] == 0
    again = ["--size", 32, "--epochs", 2, "--seed", 1, "--out", tmp_path / "other"]
    assert radapt("train", folder, *again)[0] == 0
    code, _, err = radapt("adapt", tmp_path / "other", *words)
    assert code == 2
    assert "it differs in base" in err


def test_images_of_other_classes_are_refused_before_anything_is_trained(trained, folder, tmp_path, radapt):
    other = tmp_path / "other"
    for split in ("train", "test"):
        shutil.copytree(folder / split / "NORMAL", other / split / "NORMAL")
        shutil.copytree(folder / split / "PNEUMONIA", other / split / "TUMOUR")
    code, _, err = radapt("adapt", trained, other, "--out", tmp_path / "out")
    assert code == 2
    assert "The model knows the classes NORMAL, PNEUMONIA; the images have NORMAL, TUMOUR." in err
    assert not (tmp_path / "out").exists()


def test_a_refused_model_leaves_the_folder_free(folder, tmp_path, radapt):
    out = tmp_path / "out"
    code, _, err = radapt("train", folder, "--model", "timm:resnt18", "--size", 32, "--out", out)
    assert code == 2
    assert "Did you mean 'resnet18'?" in err
    assert not out.exists()


def test_models_are_listed(radapt):
    code, out, _ = radapt("models")
    assert code == 0
    assert all(name in out for name in ("compact", "original-cnn", "timm:"))


def test_a_preview_shows_images_and_their_shifted_twins(folder, tmp_path, radapt):
    plain, both = tmp_path / "plain.png", tmp_path / "both.png"
    assert radapt("preview", folder, "--out", plain)[0] == 0
    assert radapt("preview", folder, "--shift", "original", "--out", both)[0] == 0
    with Image.open(plain) as one, Image.open(both) as two:
        assert two.height > 1.5 * one.height


def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def missing(tmp: Path) -> None:
    shutil.rmtree(tmp)


def empty_class(tmp: Path) -> None:
    shutil.rmtree(tmp / "train" / "NORMAL")
    (tmp / "train" / "NORMAL").mkdir()


def one_class(tmp: Path) -> None:
    for split in ("train", "val", "test"):
        shutil.rmtree(tmp / split / "NORMAL")


def extra_class(tmp: Path) -> None:
    shutil.copytree(tmp / "test" / "NORMAL", tmp / "test" / "COVID")


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (missing, "does not exist|There is no"),
        (empty_class, "NORMAL.*holds no images"),
        (one_class, "PNEUMONIA"),
        (extra_class, "COVID"),
    ],
)
def test_a_folder_that_cannot_be_trained_on_is_named_in_one_sentence(
    folder, tmp_path, radapt, damage, sentence
):
    broken = copy(folder, tmp_path)
    damage(broken)
    code, out, err = radapt("train", broken, "--out", tmp_path / "out")
    assert code == 2
    assert re.search(sentence, err), err
    assert len(err.strip().splitlines()) == 1
    assert out == ""


def test_broken_images_are_named_counted_and_left_out(folder, tmp_path, radapt):
    images = copy(folder, tmp_path)
    normal = images / "train" / "NORMAL"
    (normal / "text.jpeg").write_text("This is no image.")
    (normal / "empty.png").write_bytes(b"")
    noise = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)
    Image.fromarray(noise).save(normal / "cut.jpeg")
    whole = (normal / "cut.jpeg").read_bytes()
    (normal / "cut.jpeg").write_bytes(whole[: len(whole) // 2])
    words = ["--size", 32, "--epochs", 1, "--steps", 1, "--out", tmp_path / "out"]
    code, out, err = radapt("train", images, *words)
    assert code == 0
    assert "3 files could not be read and were left out." in err
    assert all(name in err for name in ("text.jpeg", "empty.png", "cut.jpeg"))
    assert "images, in 1 epoch: " in out
    for name in ("text.jpeg", "empty.png"):
        (normal / name).unlink()
    code, out, err = radapt("pack", images, "--size", 32, "--out", tmp_path / "store")
    assert (code, "\n1 file could not be read and was left out." in err) == (0, True)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["study", "IMAGES", "--shift", "orignal"], "Did you mean 'original'?"),
        (["study", "IMAGES", "--shift", "original", "--model", "compct"], "Did you mean 'compact'?"),
        (["study", "IMAGES", "--shift", "original", "--strategies", "none,haed"], "Did you mean 'head'?"),
        (["study", "IMAGES"], "give --shift NAME or --target DIR"),
        (
            ["study", "IMAGES", "--shift", "original", "--size", "32", "--budget", "100000"],
            "A budget of 100000 is more",
        ),
        (["train", "IMAGES", "--device", "cuda:9"], "It has: cpu"),
        (["train", "IMAGES", "--augment", "midl"], "Did you mean 'mild'?"),
        (["evaluate", "IMAGES", "IMAGES"], "holds no trained model"),
        (["predict", "RUN", "nowhere.png"], "There is no file or folder"),
        (["report", "IMAGES"], "study"),
        (["adapt", "RUN", "IMAGES", "--strategy", "all"], "There is no strategy called 'all'"),
        (
            ["adapt", "RUN/run.json", "IMAGES"],
            "run.json is a file. Give the folder of a run",
        ),
        (
            ["adapt", "RUN", "nowhere"],
            "There is no folder nowhere. Give one that holds a folder for each class",
        ),
        (["adapt", "RUN", "EMPTY", "--label", "x"], "is empty. A table begins with a line of column names"),
        (["adapt", "RUN", "IMAGES", "--strategy", "last-k,"], "There is no strategy called 'last-k,'"),
        (
            ["study", "IMAGES", "--shift", "original", "--strategies", ","],
            "names separated by commas, as none,head",
        ),
        (
            ["study", "IMAGES", "--shift", "original", "--size", "32", "--budget", "1"],
            "A budget of 1 image cannot hold one of each of 2 classes: give 2 or more.",
        ),
        (["study", "IMAGES", "--protocol", "ODD"], "it says none. `radapt protocol init` writes one."),
        (["train", "IMAGES", "--model", "timm:"], " more."),
        (["demo", "--hospital", "nope"], "There is no hospital called 'nope'. There are: children, digital"),
        (["advise", "RUN", "IMAGES", "--strategies", ","], "A list takes names separated by commas"),
    ],
)
def test_a_wrong_request_is_said_in_one_sentence(folder, trained, radapt, words, sentence, tmp_path):
    places = {"IMAGES": folder, "RUN": trained, "RUN/run.json": trained / "run.json"}
    places |= {"EMPTY": tmp_path / "empty.csv", "ODD": tmp_path / "odd.toml"}
    places["EMPTY"].write_text("")
    places["ODD"].write_text("a = 1")
    out = ["--out", tmp_path / "out"] if words[0] in ("study", "train", "adapt", "demo") else []
    code, _, err = radapt(*[places.get(word, word) for word in words], *out)
    assert code == 2
    *progress, said = err.strip().splitlines()
    assert said.startswith("radapt: ")
    assert sentence in said
    assert all(line.startswith(("reading ", "The ")) for line in progress)


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("run.json", ["adapt", "RUN", "IMAGES"]),
        ("classifier.json", ["predict", "RUN", "IMAGES"]),
        ("scores.json", ["report", "RUN", "--json"]),
        ("asked.json", ["train", "IMAGES", "--size", 32, "--out", "RUN"]),
    ],
)
@pytest.mark.parametrize("content", ["[]", "{", "{}"])
def test_a_damaged_record_is_said_in_one_sentence(folder, trained, radapt, tmp_path, file, words, content):
    run = shutil.copytree(trained, tmp_path / "run")
    (run / file).write_text(content)
    out = ["--out", tmp_path / "out"] if words[0] == "adapt" else []
    code, _, err = radapt(*[{"RUN": run, "IMAGES": folder}.get(word, word) for word in words], *out)
    if content == "{}" and file == "asked.json":
        assert code == 2  # a request that says nothing is not this work
    else:
        assert code == 1
        assert f"{run / file}" in err
    assert "should not have happened" not in err


def test_an_out_folder_that_holds_another_study_is_left_alone(studied, folder, radapt):
    before = (studied / "study.json").read_bytes()
    words = ["--shift", "original", "--size", 32, "--epochs", 1, "--seed", 5, "--out", studied]
    code, _, err = radapt("study", folder, *words)
    assert code == 2
    assert "holds other work: it differs in plan" in err
    assert (studied / "study.json").read_bytes() == before


@pytest.mark.parametrize(("asked", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_study_stopped_by_a_signal_goes_on(folder, tmp_path, asked, code):
    out = tmp_path / "out"
    words = ["study", folder, "--shift", "original", "--size", 32, "--epochs", 250, "--budget", 8]
    words += ["--steps", 2, "--strategies", "none,recalibrate"]
    command = [str(word) for word in (*RADAPT, *words, "--out", out)]
    state = out / "cells" / "none-s0" / "training.pt"
    # A shell's background jobs ignore SIGINT, and so would what they start.
    heed = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=heed) as stopped:
        deadline = time.monotonic() + 120
        while not state.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        stopped.send_signal(asked)
        _, err = stopped.communicate(timeout=60)
    assert stopped.returncode == code
    assert err.strip().splitlines()[-1] == (
        "radapt: Stopped. What was done is kept: the same command goes on from there."
    )
    assert "Traceback" not in err
    assert state.exists()
    if asked == signal.SIGINT:  # what goes on does so alike after both
        subprocess.run(command, capture_output=True, check=True)
        assert (out / "report.html").exists()
        assert not state.exists()


@pytest.mark.parametrize(
    "words", [["audit"], ["predict", "RUN"], ["study", "DATA", "--target"]], ids=" ".join
)
def test_a_name_that_is_too_long_is_said_to_be(words, folder, trained, radapt):
    paths = {"RUN": trained, "DATA": folder}
    code, _, error = radapt(*[paths.get(word, word) for word in words], "a" * 5000)
    assert code == 2
    assert "too long for this system: give a shorter path" in error
    assert len(error) < 500


@pytest.mark.skipif(not hasattr(os, "mkfifo") or not Path("/dev/full").exists(), reason="needs a full device")
def test_a_full_disk_is_said_in_one_sentence_and_loses_nothing(tmp_path):
    from radapt.errors import RadaptError
    from radapt.files import write_text

    kept = tmp_path / "kept.txt"
    write_text(kept, "before")
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)); "
    code = (
        f"{limit}import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "from pathlib import Path; from radapt.files import write_text; "
    )
    saving = (
        "from radapt.models.table import build, new_spec; "
        "from radapt.models.checkpoint import save_classifier; "
        f"save_classifier(build(new_spec('compact', ('A', 'B'))), Path({str(tmp_path)!r}))"
    )
    for work in (f"write_text(Path({str(kept)!r}), 'x' * 10_000)", saving):
        process = subprocess.run(
            [sys.executable, "-c", code + work], capture_output=True, text=True, check=False
        )
        assert "Could not write" in process.stderr.strip().splitlines()[-1]
    assert kept.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["kept.txt"]
    with pytest.raises(RadaptError, match="Could not write"):
        write_text(Path("/dev/null/inside.txt"), "x")


def test_help_and_import_never_load_torch():
    for code in ("import radapt", "import radapt.__main__, radapt.cli.app"):
        heavy = "('torch', 'numpy', 'rich', 'filelock')"
        check = f"{code}; import sys; print([m for m in {heavy} if m in sys.modules])"
        process = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
        assert process.stdout.strip() == "[]"


def test_a_prediction_with_the_default_model_loads_nothing_heavy_but_torch(trained, folder):
    image = next(folder.glob("test/NORMAL/*.png"))
    code = (
        f"import sys; sys.argv = ['radapt', 'predict', {str(trained)!r}, {str(image)!r}]\n"
        "from radapt.cli.app import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = ('timm', 'sklearn', 'pandas', 'matplotlib', 'torchvision', 'pyarrow', 'torch._dynamo')\n"
        "heavy += ('filelock',)\n"
        "print([m for m in heavy if m in sys.modules])"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout.strip().splitlines()[-1] == "[]"


def test_a_store_is_packed_once_brought_up_to_date_and_taken_as_data(folder, radapt, tmp_path):
    images, store = tmp_path / "images", tmp_path / "images.store"
    shutil.copytree(folder, images)
    code, out, _ = radapt("pack", images, "--size", "24", "--out", store)
    assert code == 0
    assert "152 images of 24 x 24" in out
    assert "Decoded 152 of 152 files" in out
    assert "Nothing has changed" in radapt("pack", images, "--size", "24", "--out", store)[1]
    next((images / "train/NORMAL").iterdir()).unlink()
    (images / "train/NORMAL/broken.png").write_bytes(b"")
    code, out, err = radapt("pack", images, "--size", "24", "--out", store, "--json", "--verify")
    about = json.loads(out)
    assert (about["images"], about["decoded"], about["verified"]) == (151, 1, True)
    assert about["failed"] == [{"path": "train/NORMAL/broken.png", "error": "is empty (0 bytes)"}]
    assert radapt("train", store, "--epochs", "1", "--steps", "1", "--out", tmp_path / "run")[0] == 0
    assert json.loads((tmp_path / "run/classifier.json").read_text())["size"] == 24
    code, _, err = radapt("train", store, "--size", "32", "--out", tmp_path / "other")
    assert code == 2
    assert "was read with size 24; size 32 is requested" in err
    code, _, err = radapt("predict", tmp_path / "run", store)
    assert (code, "is a store, which `radapt evaluate` scores" in err) == (2, True)
    with (store / "pixels.npy").open("r+b") as file:
        file.write(b"damage")
    code, _, err = radapt("pack", store, "--verify")
    assert (code, "has changed since it was packed" in err) == (1, True)
    assert radapt("pack", images)[0] == 2


def test_a_model_takes_no_store_that_was_read_otherwise(folder, trained, radapt, tmp_path):
    radapt("pack", folder, "--size", "24", "--out", tmp_path / "store")
    code, _, err = radapt("evaluate", trained, tmp_path / "store")
    assert code == 2
    assert "was read with size 24; size 32 is requested" in err


def test_one_fold_is_left_out_and_scored(folder, radapt, tmp_path):
    words = ["train", folder, "--size", "16", "--epochs", "1", "--steps", "1"]
    ids = []
    for fold in (1, 2, 3):
        assert radapt(*words, "--fold", f"{fold}/3", "--out", tmp_path / str(fold))[0] == 0
        table = read_table(tmp_path / str(fold) / "predictions" / "source-test.parquet")
        ids += table["id"].tolist()
    assert len(ids) == len(set(ids)) == 96
    for wrong in ("4/3", "0/3", "two", "1/400"):
        code, _, err = radapt(*words, "--fold", wrong, "--out", tmp_path / "wrong")
        assert (code, err.splitlines()[-1].startswith("radapt: ")) == (2, True)


def test_an_unsafe_split_is_noted_on_every_page(folder, radapt, tmp_path):
    images = tmp_path / "images"
    for row, path in enumerate(sorted(folder.rglob("*.png"))):
        copy = images / path.parent.name / f"phantom-{row // 3}_{row}.png"
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    words = [images, "--size", "16", "--epochs", "1", "--steps", "1"]
    code, _, err = radapt("train", *words, "--patient-regex", "file", "--out", tmp_path / "no")
    assert (code, "--unsafe-image-split" in err) == (2, True)
    unsafe = [*words, "--unsafe-image-split"]
    code, _, err = radapt("train", *unsafe, "--out", tmp_path / "run")
    assert (code, "INVALID: Unsafe split. These images were split image by image" in err) == (0, True)
    radapt("report", tmp_path / "run")
    code, _, err = radapt(
        "study", *unsafe, "--shift", "original", "--budget", "8", "--out", tmp_path / "study"
    )
    assert code == 0, err
    pages = [tmp_path / name for name in ("run/report.html", "study/report.html", "audit.html")]
    code, _, err = radapt("audit", *unsafe[:3], unsafe[-1], "--html", pages[-1])
    assert (code, "INVALID: Unsafe split. These images were split image by image" in err) == (0, True)
    for page in pages:
        assert '<div class="warning grave">\n<p><strong>Unsafe split.</strong>' in page.read_text()
    for data in ([folder], [images, "--unsafe-image-split"]):
        code, out, err = radapt("evaluate", tmp_path / "run", *data, "--json")
        notices = json.loads(out)["notices"]
        kinds = [notice["kind"] for notice in notices]
        assert (code, kinds.count("unsafe-split"), err.count("INVALID: Unsafe split.")) == (0, 1, 1)
        assert notices[0]["text"].startswith("These images were split image by image")


def test_images_whose_table_names_no_patient_are_told_of_on_every_page(folder, radapt, tmp_path):
    images = [path.relative_to(folder) for path in sorted(folder.rglob("*.png"))]
    lines = [f"{path},{path.parent.name},{'' if row < 3 else f'p{row}'}" for row, path in enumerate(images)]
    table = tmp_path / "images.csv"
    table.write_text("\n".join(["file,kind,who", *lines]))
    words = [
        table,
        "--root",
        folder,
        "--images",
        "file",
        "--label",
        "kind",
        "--patient",
        "who",
        "--size",
        "16",
    ]
    quick = ["--epochs", "1", "--steps", "1", "--out"]
    code, _, err = radapt("train", *words, *quick, tmp_path / "run")
    assert (code, "each counted as one patient: 3." in err) == (0, True)
    radapt("report", tmp_path / "run")
    code, _, err = radapt("study", *words, "--shift", "original", "--budget", "8", *quick, tmp_path / "study")
    assert code == 0, err
    for name in ("run", "study"):
        page = (tmp_path / name / "report.html").read_text()
        assert "The table of images.csv names no patient for 3 images." in page, name
    radapt("audit", *words, "--html", tmp_path / "audit.html")
    assert (
        "does not say whose 3 images are: each counts as one patient" in (tmp_path / "audit.html").read_text()
    )


def test_what_becomes_of_a_few_val_images_is_said(folder, radapt, tmp_path):
    quick = ["--size", "16", "--epochs", "1", "--steps", "1"]
    code, _, err = radapt("train", folder, *quick, "--out", tmp_path / "run")
    assert code == 0
    assert re.search(
        r"The val images of \S+ are not used: 16 are too few to choose an epoch by \(100 would", err
    )
    words = ["study", folder, *quick, "--shift", "original", "--strategies", "none,recalibrate"]
    code, _, err = radapt(*words, "--out", tmp_path / "by-val")
    assert (code, "shifted, are the labelled target images of the budget 'val'." in err) == (0, True)
    code, _, err = radapt(*words, "--budget", "8", "--out", tmp_path / "by-number")
    assert (code, "The 16 val images" in err, "are not used: labelled target images" in err) == (
        0,
        True,
        True,
    )


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (["--budget", "8,foo"], "Got 'foo'."),
        (["--target-patients", "half"], "own, shared"),
        (["--cv", "5"], "is for a target data set"),
    ],
)
def test_a_study_refuses_what_it_cannot_read_before_any_image(option, said, radapt, tmp_path):
    code, _, err = radapt(
        "study", tmp_path / "missing", "--shift", "original", *option, "--out", tmp_path / "out"
    )
    assert (code, said in err, "missing" in err) == (2, True, False)


def test_every_strategy_is_listed_with_what_it_needs(radapt):
    code, out, _ = radapt("strategies")
    assert code == 0
    assert re.search(r"^replay +labels, source images ", out, re.MULTILINE)
    listed = json.loads(radapt("strategies", "--json")[1])["strategies"]
    assert {"name": "last-k", "needs": "labelled", "source": False, "k": 1}.items() <= next(
        row for row in listed if row["name"] == "last-k"
    ).items()


def test_blocks_to_train_are_asked_for_by_number(trained, folder, radapt, tmp_path):
    words = ["adapt", trained, folder, "--strategy", "first-k", "--k", "2", "--epochs", "1"]
    code, out, _ = radapt(*words, "--out", tmp_path / "out")
    assert code == 0
    assert re.search(r"trunk\.stage1\.conv1 .* trains", out)
    assert re.search(r"trunk\.stage2\.conv1 .* frozen", out)
    assert json.loads((tmp_path / "out/run.json").read_text())["strategy"] == "first-k(k=2)"
    code, _, err = radapt(
        "adapt", trained, folder, "--strategy", "full", "--k", "2", "--out", tmp_path / "no"
    )
    assert code == 2
    assert "'full' has no option 'k'" in err


def test_source_images_are_given_to_strategies_that_go_back_to_them(trained, folder, radapt, tmp_path):
    words = ["adapt", trained, folder, "--strategy", "coral"]
    code, _, err = radapt(*words, "--out", tmp_path / "out")
    assert code == 2
    assert "Give their folder as --source" in err
    assert not (tmp_path / "out").exists()
    code, out, _ = radapt(*words, "--source", folder, "--out", tmp_path / "out")
    assert code == 0
    assert "Adapted by coral with no label" in out


def test_advice_is_had_before_a_study(trained, folder, radapt):
    words = [
        "advise",
        trained,
        folder,
        "--labels",
        "16",
        "--strategies",
        "recalibrate,head",
        "--source",
        folder,
    ]
    code, out, _ = radapt(*words)
    assert code == 0
    assert "From 16 labels and 96 images." in out
    assert "distinguishes source from target images with an AUROC of" in out
    document = json.loads(radapt(*words, "--json")[1])
    assert document["labels"] == 16


def test_scratch_begins_from_the_weights_that_the_run_was_begun_from(folder, radapt, tmp_path):
    weights, run = [tmp_path / f"{name}.safetensors" for name in ("w", "other")], tmp_path / "run"
    for path in weights:
        save_file(timm.create_model("test_resnet", in_chans=1).state_dict(), path)
    small = ["--epochs", 1, "--steps", 1]
    begun = ["--model", "timm:test_resnet", "--weights", weights[0], "--size", 32]
    code, _, err = radapt("train", folder, *begun, *small, "--out", run)
    assert (code, "--epochs and --steps would do nothing" in err, "--tune all" in err) == (2, True, True)
    code, out, err = radapt("train", folder, *begun, "--out", run)
    assert (code, "its head alone" in out) == (0, True), err
    assert json.loads((run / "run.json").read_text())["epochs"] == 0
    for words, more in (
        (["adapt", run, folder, "--strategy", "scratch", *small], ["--out", tmp_path / "out"]),
        (["advise", run, folder, "--strategies", "scratch", "--labels", 8], []),
    ):
        code, _, err = radapt(*words, *more)
        assert (code, "give that file as --weights" in err) == (2, True)
        code, _, err = radapt(*words, "--weights", weights[1], *more)
        assert (code, "which are not the weights that" in err) == (2, True)
    words = ["adapt", run, folder, "--strategy", "scratch", *small, "--out", tmp_path / "out"]
    moved = shutil.copy(weights[0], tmp_path / "moved.safetensors")
    code, _, err = radapt(*words, "--weights", moved)
    assert code == 0, err
    trained, start = load_file(tmp_path / "out" / "model.safetensors"), load_file(weights[0])
    kernels = [name for name, tensor in start.items() if tensor.ndim == 4]
    assert kernels
    for name in kernels:
        torch.testing.assert_close(trained[f"trunk.network.{name}"], start[name], atol=0.02, rtol=0)
    code, _, err = radapt("adapt", run, folder, "--weights", weights[0], "--out", tmp_path / "head")
    assert (code, "only scratch starts from pretrained weights: leave it out" in err) == (2, True)


def test_several_shifts_make_several_studies_and_one_page(folder, radapt, tmp_path):
    words = ["study", folder, "--shift", "original", "--shift", "noise@2", "--size", "32"]
    words += ["--epochs", "1", "--steps", "1"]
    code, out, _ = radapt(*words, "--strategies", "none,head", "--budget", "8", "--out", tmp_path / "out")
    assert code == 0
    assert f"All studies: {tmp_path / 'out' / 'report.html'}" in out
    assert (tmp_path / "out/noise_2/report.html").is_file()


def test_a_study_is_held_to_its_protocol(folder, radapt, tmp_path):
    path = tmp_path / "protocol.toml"
    asked = [
        "--shift",
        "original",
        "--strategies",
        "none,recalibrate",
        "--strategy",
        "recalibrate",
        "--budget",
        "8",
    ]
    code, out, _ = radapt("protocol", "init", folder, *asked, "--seeds", "1", "--size", "32", "--out", path)
    assert code == 0
    next_words = out.strip().splitlines()[-1].removeprefix("Next: radapt ").split()
    code, out, _ = radapt(*next_words, "--out", tmp_path / "out")
    assert code == 0, out
    assert re.search(r"^(Accept|Reject|Inconclusive)\. recalibrate with 8 labelled images", out, re.MULTILINE)
    path.write_text(path.read_text().replace("superiority_margin = 0.0", "superiority_margin = 0.05"))
    code, _, err = radapt(*next_words, "--out", tmp_path / "out")
    assert code == 0
    assert "INVALID: Not the registered protocol. The protocol was changed after its registration" in err


def test_a_study_is_held_to_the_weights_of_its_protocol(folder, radapt, tmp_path):
    path, weights, model = tmp_path / "protocol.toml", tmp_path / "w.safetensors", "timm:test_resnet"
    save_file(timm.create_model("test_resnet", in_chans=1).state_dict(), weights)
    asked = ["--strategies", "none,norm-refresh", "--strategy", "norm-refresh", "--seeds", 1]
    begun = ["--model", model, "--weights", weights, "--size", 32]
    code, out, err = radapt("protocol", "init", folder, "--shift", "original", *asked, *begun, "--out", path)
    assert code == 0, err
    next_words = out.strip().splitlines()[-1].removeprefix("Next: radapt ").split()
    assert next_words[next_words.index("--weights") + 1] == str(weights)
    other = ["--protocol", path, "--model", "compact", "--seeds", 3, "--shift", "noise", "--metric", "auroc"]
    code, _, err = radapt("study", folder, *other, "--size", 32, "--out", tmp_path / "out")
    assert (code, "and --shift, --seeds would contradict it: leave that out" in err) == (2, True)
    code, _, err = radapt("study", folder, "--protocol", path, "--size", 32, "--out", tmp_path / "out")
    assert (code, "start from the pretrained weights" in err, "Got random weights" in err) == (2, True, True)
    code, out, err = radapt(*next_words, "--out", tmp_path / "out")
    assert code == 0, err
    asked = json.loads((tmp_path / "out" / "plan.json").read_text())["plan"]
    assert asked["weights"] == hashlib.sha256(weights.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    "words", [["train"], ["study", "--shift", "original"], ["protocol", "init", "--shift", "original"]]
)
@pytest.mark.parametrize("weights", [["--pretrained"], ["--weights", "w.safetensors"]])
def test_weights_of_a_model_that_has_none_are_refused_before_images_are_looked_for(
    radapt, tmp_path, words, weights
):
    code, _, err = radapt(*words, tmp_path / "no images", *weights, "--out", tmp_path / "out.toml")
    assert code == 2
    assert err.strip() == (
        "radapt: The model 'compact' has no pretrained weights. "
        "Use one that has: lite0, lite1, lite2, xrv:densenet121, xrv:resnet50, timm:NAME or hf:DIR."
    )


@pytest.mark.parametrize(
    "words", [["train"], ["study", "--shift", "original"], ["protocol", "init", "--shift", "original"]]
)
def test_weights_are_refused_before_images_are_looked_for(radapt, tmp_path, words):
    (tmp_path / "text.pt").write_text("nothing of the kind")
    asked = [*words, tmp_path / "no images", "--model", "xrv:densenet121", "--out", tmp_path / "out.toml"]
    code, _, err = radapt(*asked, "--weights", tmp_path / "text.pt")
    assert (code, "radapt: text.pt is not what torch.save writes" in err) == (1, True)
    code, _, err = radapt(*asked, "--weights", "text.pt", "--pretrained")
    assert code == 2
    assert err.strip() == (
        "radapt: Got both --pretrained, which asks for published weights, and --weights text.pt: "
        "give one of them."
    )


def test_a_model_is_evaluated_at_a_threshold_chosen_on_its_validation_images(trained, folder, radapt):
    words = ["evaluate", trained, folder, "--threshold", "sensitivity=0.9", "--prevalence", "0.05"]
    code, out, _ = radapt(*words)
    assert code == 0
    assert re.search(r"PNEUMONIA, positive from .* of the validation images of the run", out)
    (row,) = json.loads(radapt(*words, "--json")[1])["performance"]
    assert row["threshold"]["rule"] == "sensitivity=0.9"
    assert {"ppv@0.05", "npv@0.05", "brier", "mcc", "average-precision"} <= {
        each["metric"] for each in row["estimates"]
    }
    assert {"reliability", "decision_curve", "brier_parts", "expected_error"} <= row.keys()
    code, _, err = radapt("evaluate", trained, folder, "--threshold", "sensitivity=2")
    assert code == 2
    assert "from 0 to 1" in err


def test_a_runs_page_says_whether_its_probabilities_mean_what_they_say(trained, radapt):
    code, _, _ = radapt("report", trained)
    page = (trained / "report.html").read_text()
    assert code == 0
    assert "Calibration slope" in page
    assert "net benefit" in page
    assert (trained / "predictions" / "validation.parquet").is_file()


@pytest.mark.parametrize("left", [".asked.json.abc", ".asked.json.k3j_x9ab", ".classifier.json.00000000"])
def test_a_folder_that_a_kill_left_nothing_but_a_temporary_file_in_is_taken(tmp_path, left):
    from radapt.workfolder import reserve_folder

    (tmp_path / left).write_text("{")
    with reserve_folder(tmp_path, {"kind": "train"}, "asked.json") as begun:
        assert not begun
    others = [left] if left.endswith(".abc") else []  # perhaps of another program: it is left alone
    assert sorted(path.name for path in tmp_path.iterdir()) == [*others, "asked.json"]
    (tmp_path / "asked.json").unlink()
    (tmp_path / left).write_text("{")
    (tmp_path / "notes.json").write_text("{}")
    with (
        pytest.raises(AskedWrongly, match="not empty"),
        reserve_folder(tmp_path, {"kind": "train"}, "asked.json"),
    ):
        pass
    assert (tmp_path / left).exists()


@pytest.mark.parametrize(
    ("file", "advice"),
    [
        ("run.json", "Repeat the command that wrote FOLDER: it trains the model again."),
        ("scores.json", "Repeat the command that wrote FOLDER: it trains the model again."),
        ("performance.json", "Delete FOLDER/run.json and repeat the command that wrote FOLDER"),
        ("history.csv", "Delete FOLDER/run.json and repeat the command that wrote FOLDER"),
    ],
)
def test_a_report_of_a_run_with_a_damaged_file_says_what_to_do(trained, radapt, tmp_path, file, advice):
    run = shutil.copytree(trained, tmp_path / "run")
    cut_in_half(run / file)
    code, _, err = radapt("report", run)
    assert (code, err.startswith(f"radapt: {run / file} ")) == (1, True)
    assert advice.replace("FOLDER", str(run)) in err


@pytest.mark.parametrize(
    ("file", "advice"),
    [
        ("study.json", "Repeat the command that wrote FOLDER: it writes the file again"),
        ("images.npz", "Repeat the command that wrote FOLDER: it writes the file again"),
        ("cells/none-s0/history.csv", "Delete FOLDER/cells/none-s0 and repeat the command that wrote FOLDER"),
    ],
)
def test_a_report_of_a_study_with_a_damaged_file_says_what_to_do(studied, radapt, tmp_path, file, advice):
    study = shutil.copytree(studied, tmp_path / "study")
    cut_in_half(study / file)
    code, _, err = radapt("report", study)
    assert (code, err.startswith(f"radapt: {study / file} ")) == (1, True)
    assert advice.replace("FOLDER", str(study)) in err


def cut_in_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_images_held_out_by_site_are_counted_and_no_others_are_tested(radapt, tmp_path):
    rng, lines = np.random.default_rng(0), ["file,kind,person,place"]
    for row in range(48):
        Image.fromarray(rng.integers(0, 256, (16, 16), dtype=np.uint8)).save(tmp_path / f"{row}.png")
        lines.append(
            f"{row}.png,{'ab'[row % 2]},p{row},{'north' if row < 16 else 'south' if row < 47 else ''}"
        )
    (tmp_path / "images.csv").write_text("\n".join(lines))
    words = ["--images", "file", "--label", "kind", "--patient", "person", "--site", "place", "--size", 16]
    out = ["--test-site", "north", "--out", tmp_path / "out.store"]
    code, said, err = radapt("pack", tmp_path / "images.csv", *words, *out)
    assert code == 0, err
    assert (
        "Held out for testing: images of north. Left out: 0 images of other sites of 0 patients" in said + err
    )
    assert "1 image without a site" in said + err
