"""What was left out is said and counted: files of other kinds, rows without a file or a label."""

import json
import zipfile

import numpy as np
import pytest
from samples import make_dataset, write_images


@pytest.fixture
def image_folder(tmp_path):
    folder = write_images(tmp_path / "images", make_dataset(train=16, val=8, test=8))
    for name in ("a.txt", "b.txt", "c.TXT", "d.mp4", "README"):
        (folder / "train/NORMAL" / name).write_text("no picture")
    return folder


def test_files_of_other_kinds_are_counted_by_every_command(image_folder, tmp_path, radapt):
    said = "passed over: 1 .mp4, 3 .txt, 1 without an ending\n"
    passed = {".mp4": 1, ".txt": 3, "no ending": 1}
    code, out, err = radapt("pack", image_folder, "--size", 16, "--out", tmp_path / "store", "--json")
    assert (code, json.loads(out)["passed"]) == (0, passed)
    code, _, err = radapt("pack", image_folder, "--size", 16, "--out", tmp_path / "store")
    assert (code, said in err) == (0, True)
    code, out, err = radapt("audit", image_folder, "--size", 16, "--json")
    assert (code, json.loads(out)["passed"], said in err) == (0, passed, True)
    words = ["--size", 16, "--epochs", 1, "--steps", 1, "--out", tmp_path / "run"]
    code, _, err = radapt("train", image_folder, *words)
    assert (code, said in err) == (0, True)
    about = json.loads((tmp_path / "run/run.json").read_text())["data_set"]
    assert (about["passed"], about["left_out"], about["outside"]) == (passed, {}, 0)


def test_rows_of_a_table_that_give_no_image_are_counted_with_their_reasons(image_folder, tmp_path, radapt):
    files = sorted(file.relative_to(image_folder).as_posix() for file in image_folder.rglob("*.png"))
    rows = [f"{file},{number % 2}" for number, file in enumerate(files)]
    rows += ["gone.png,1", "gone2.png,0"]
    rows[3] = f"{files[3]},"
    (image_folder / "labels.csv").write_text("\n".join(["file,sick", *rows]) + "\n")
    words = ["--images", "file", "--label", "sick", "--size", 16, "--out", tmp_path / "store", "--json"]
    code, out, err = radapt("pack", image_folder / "labels.csv", *words)
    assert code == 0
    left = json.loads(out)["left_out"]
    assert sum(left.values()) == 3
    assert left["no such file"] == 2
    words.pop()
    code, _, err = radapt("pack", image_folder / "labels.csv", *words)
    assert "left out: " in err
    assert "no such file (2)" in err


def test_which_of_two_tellings_of_a_finding_was_taken_is_said(image_folder, tmp_path, radapt):
    files = sorted(file.relative_to(image_folder).as_posix() for file in image_folder.rglob("*.png"))
    said = (["No Finding", 0], ["Mass", 1])
    rows = [f"{file},{said[n % 2][0]},{n},PA,{said[n % 2][1]}" for n, file in enumerate(files)]
    header = "Image Index,Finding Labels,Patient ID,View Position,Mass"
    (image_folder / "labels.csv").write_text("\n".join([header, *rows]) + "\n")
    words = ["pack", image_folder / "labels.csv", "--label", "Mass", "--size", 16]
    code, _, err = radapt(*words, "--out", tmp_path / "one")
    assert (code, "both agree: 'Finding Labels' was used." in err) == (0, True)
    code, _, err = radapt(*words, "--findings", "columns", "--out", tmp_path / "two")
    assert (code, "was used" in err) == (0, False)


def test_images_mostly_outside_their_window_are_counted(tmp_path, radapt):
    dicoms = pytest.importorskip("dicoms")
    pytest.importorskip("pydicom")
    values = np.random.default_rng(0).integers(0, 4096, (32, 32)).astype(np.uint16)
    for number in range(8):
        path = tmp_path / "images" / "AB"[number % 2] / f"{number}.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        narrow = {"WindowCenter": 2048, "WindowWidth": 200 if number == 2 else 4096}
        path.write_bytes(dicoms.make_dicom(values, bits=12, PatientID=f"P{number}", **narrow))
    words = ["--size", 16, "--out", tmp_path / "store"]
    code, out, err = radapt("pack", tmp_path / "images", *words, "--json")
    assert (code, json.loads(out)["outside"]) == (0, 1)
    code, _, err = radapt("pack", tmp_path / "images", *words)
    assert "1 image lies mostly outside the window that the file asks for." in err


def test_images_that_trained_a_run_are_known_by_their_pixels_whatever_they_are_called(tmp_path, radapt):
    folder = write_images(tmp_path / "images", make_dataset(train=24, val=8, test=12))
    words = ["--size", 16, "--epochs", 1, "--steps", 1]
    assert radapt("train", folder, *words, "--out", tmp_path / "run")[0] == 0
    code, out, err = radapt("evaluate", tmp_path / "run", folder, "--json")
    assert (code, json.loads(out)["learned_from"], "INVALID: " in err) == (0, 0, False)
    for number, file in enumerate(sorted((folder / "train").rglob("*.png"))[::3]):
        copy = tmp_path / "other" / "test" / file.parent.name / f"renamed-{number}.png"
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
    for file in (folder / "test").rglob("*.png"):
        (tmp_path / "other" / "test" / file.parent.name / file.name).write_bytes(file.read_bytes())
    said = "INVALID: The model has learned from these images. 8 of the 20 images to score trained"
    code, out, err = radapt("evaluate", tmp_path / "run", tmp_path / "other", "--json")
    document = json.loads(out)
    assert (code, document["learned_from"], document["tested_on"], said in err) == (0, 8, 12, True)
    stress = ["stress", tmp_path / "run", tmp_path / "other", "--suite", "noise", "--severities", 1, "--json"]
    code, out, err = radapt(*stress, "--out", tmp_path / "stress")
    document = json.loads(out)
    assert (code, document["images"], document["patients"], document["learned_from"], said in err) == (
        0,
        20,
        20,
        8,
        True,
    )
    flat = (tmp_path / "other" / "test").rename(tmp_path / "flat")
    code, out, err = radapt("evaluate", tmp_path / "run", flat, "--json")
    assert (code, json.loads(out)["part"]) == (0, "test")
    assert "flat: 8 images trained the run or chose its epoch. A fifth is scored" in err
    whole = (tmp_path / "run/learned.npz").read_bytes()
    for damaged in (b"nothing", whole[: len(whole) // 2], b""):
        (tmp_path / "run/learned.npz").write_bytes(damaged)
        code, _, err = radapt("evaluate", tmp_path / "run", folder)
        assert (code, "learned.npz could not be read" in err) == (1, True)
    (tmp_path / "run/learned.npz").unlink()  # as in a run of before these were kept
    words = ["adapt", tmp_path / "run", folder, "--strategy", "recalibrate", "--budget", 8]
    assert radapt(*words, "--out", tmp_path / "adapted")[0] == 0
    code, out, _ = radapt("evaluate", tmp_path / "adapted", folder, "--part", "train", "--json")
    assert (code, json.loads(out)["learned_from"]) == (0, None)


def test_an_array_that_no_memory_holds_is_said_in_a_sentence(tmp_path, radapt):
    about = {"descr": "|u1", "fortran_order": False}
    with zipfile.ZipFile(tmp_path / "large.npz", "w") as archive:
        for name, shape in (("train_images", (1_000_000, 2000, 1500)), ("train_labels", (1_000_000, 1))):
            with archive.open(f"{name}.npy", "w") as file:
                np.lib.format.write_array_header_1_0(file, {**about, "shape": shape})
    code, _, err = radapt("audit", tmp_path / "large.npz")
    assert code in (1, 2)
    assert err.count("\n") == 1
    assert "should not have happened" not in err


def test_what_has_no_splits_is_scored_whole_and_every_score_says_on_what(tmp_path, dataset, radapt):
    image_folder = write_images(tmp_path / "images", dataset)
    assert (
        radapt("train", image_folder, "--size", 16, "--epochs", 1, "--steps", 2, "--out", tmp_path / "run")[0]
        == 0
    )
    split = json.loads(radapt("evaluate", tmp_path / "run", image_folder, "--json")[1])
    assert (split["part"], split["images"], split["patients"]) == ("test", 40, 40)
    other = tmp_path / "other"
    for path in image_folder.glob("test/*/*.png"):
        (other / path.parent.name).mkdir(parents=True, exist_ok=True)
        path.rename(other / path.parent.name / path.name)
    code, out, _ = radapt("evaluate", tmp_path / "run", other)
    assert code == 0
    assert "On 40 images of 40 patients: all of other." in out
    whole = json.loads(radapt("evaluate", tmp_path / "run", other, "--json")[1])
    assert (whole["part"], whole["images"]) == ("all", 40)
    fifth = json.loads(radapt("evaluate", tmp_path / "run", other, "--part", "test", "--json")[1])
    assert fifth["images"] < 20


@pytest.mark.parametrize("command", ["evaluate", "stress"])
def test_a_copy_of_what_the_run_was_trained_on_is_not_scored_whole(tmp_path, dataset, radapt, command):
    split = write_images(tmp_path / "split", dataset)
    image_folder = tmp_path / "images"
    for path in split.glob("*/*/*.png"):
        (image_folder / path.parent.name).mkdir(parents=True, exist_ok=True)
        path.rename(image_folder / path.parent.name / path.name)
    run = tmp_path / "run"
    assert radapt("train", image_folder, "--size", 16, "--epochs", 1, "--steps", 2, "--out", run)[0] == 0
    next(image_folder.glob("NORMAL/train-*.png")).unlink()
    more = ["--suite", "gamma", "--severities", 1, "--out", tmp_path / "out"] if command == "stress" else []
    for words, said in (
        ((), "trained the run or chose its epoch"),
        (["--patient-regex", r"(\w+)-\d"], "named as the run's validation or test images"),
    ):
        code, out, err = radapt(command, run, image_folder, *words, *more, "--json")
        assert code == 0, err
        assert json.loads(out)["part"] == "test"
        assert said in err
        (run / "learned.npz").unlink(missing_ok=True)  # as of an older run
        assert "--part all" in err
        more = [str(word).replace("/out", "/again") for word in more]
