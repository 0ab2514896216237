"""An audit finds and names what is planted, and nothing where nothing is."""

import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from audits import Plants, audit_of, paths, plant
from dicoms import make_dicom
from PIL import Image, ImageOps

from radapt.auditing.audit import Audit
from radapt.auditing.finding import KINDS, SEVERITIES, Finding, in_order
from radapt.datasets.phantom import draw_dataset, write
from radapt.errors import AskedWrongly, WrongFolder
from radapt.images.load import LoadOptions, load_dataset


@pytest.fixture(scope="session")
def drawn(tmp_path_factory) -> Path:
    where = tmp_path_factory.mktemp("drawn") / "drawn"
    write(draw_dataset(train=140, val=12, test=60), where)
    return where


@pytest.fixture(scope="session")
def few(shared, tmp_path_factory) -> Path:
    """Some real images of chest_xray, whole patients."""
    where = tmp_path_factory.mktemp("few") / "few"
    for split, share in (("train", 10), ("val", 1), ("test", 4)):
        for folder in sorted((shared / "data" / "chest_xray" / split).iterdir()):
            (where / split / folder.name).mkdir(parents=True)
            for image in sorted(folder.iterdir()):
                if sum(image.name.split("-0001")[0].split("_")[0].encode()) % share == 0:
                    shutil.copy(image, where / split / folder.name)
    return where


def check_found(found: Audit, plants: Plants) -> None:
    assert len(plants.leaks) == len(plants.identical) == len(plants.saved_again) == 5
    assert paths(found, "patient-leak") == plants.leaks
    assert paths(found, "duplicate", "error") == plants.identical
    wrongly_saved = {pair for pair in plants.conflicts if pair not in paths(found, "duplicate")}
    assert len(wrongly_saved) == 1
    assert paths(found, "near-duplicate") == plants.saved_again | wrongly_saved
    assert paths(found, "conflicting-labels", "error") == plants.conflicts - wrongly_saved
    assert paths(found, "conflicting-labels", "warning") == wrongly_saved
    assert paths(found, "unreadable") == {frozenset([name]) for name in plants.broken}
    assert len(plants.broken) == 6
    mirrored = [
        each for each in found.findings if "mirrored" in each.detail and each.kind == "near-duplicate"
    ]
    assert len(mirrored) == 1
    for each in found.findings:
        if each.kind == "near-duplicate" or (each.kind, each.severity) == ("conflicting-labels", "warning"):
            assert "suspected" in each.detail.lower()


@pytest.fixture(scope="module")
def spoilt(few, tmp_path_factory) -> Plants:
    return plant(Path(shutil.copytree(few, tmp_path_factory.mktemp("spoilt") / "spoilt")))


def test_all_that_is_planted_among_real_images_is_found_and_nothing_else(few, spoilt):
    before = audit_of(few)
    for kind in ("patient-leak", "near-duplicate", "conflicting-labels", "unreadable", "negative", "turned"):
        assert paths(before, kind) == set()
    assert paths(before, "duplicate", "error") == set()
    check_found(audit_of(spoilt.root), spoilt)


def test_all_that_is_planted_among_drawings_is_found_and_nothing_else(drawn, tmp_path):
    plants = plant(Path(shutil.copytree(drawn, tmp_path / "spoilt")))
    check_found(audit_of(plants.root, patient_regex=r"(person\d+|IM-\d+|phantom-\d+)"), plants)


def test_real_images_are_not_said_to_leak(shared):
    children, adults = (audit_of(shared / "data" / name) for name in ("chest_xray", "nih_adult"))
    assert {each.kind for each in children.findings if each.severity != "note"} == {"duplicate"}
    assert {each.kind for each in adults.findings if each.severity != "note"} == set()
    same = paths(children, "duplicate")
    assert len(same) == 24
    assert all(len({path.split("/")[0] for path in group}) == 1 for group in same), "none across splits"
    assert paths(children, "duplicate", "warning") == same
    assert frozenset(f"train/PNEUMONIA/person1343_bacteria_{number}.jpeg" for number in (3413, 3414)) in same
    reached = {baseline.name: baseline.estimate.value for baseline in children.shortcuts.baselines}
    assert reached == pytest.approx(
        {"border": 0.96, "corners": 0.94, "thumbnail": 0.99, "grey": 0.86, "file": 0.90}, abs=0.01
    )


def test_the_originals_of_another_copy_are_found_and_their_patients(shared):
    audit = audit_of(shared / "data" / "nih_originals", shared / "data" / "nih_adult")
    near = paths(audit, "near-duplicate")
    assert len(near) == 22
    for pair in near:
        names = {Path(path).stem for path in pair}
        assert len(pair) == 2
        assert len(names) == 1
        assert sum(path.startswith("nih_adult/") for path in pair) == 1
    assert len(paths(audit, "patient-leak", "error")) == 14
    said = " ".join(each.detail for each in audit.findings)
    assert "nih_originals has 1024 x 1024 (100 %); nih_adult has 512 x 512 (100 %)" in said
    assert "PNEUMONIA is 9.1 % of nih_originals and 52.3 % of nih_adult" in said


def test_two_hospitals_share_nothing(shared):
    audit = audit_of(shared / "data" / "nih_adult", shared / "data" / "chest_xray")
    assert not [path for each in audit.findings for path in each.paths if path.startswith("chest_xray/")]
    assert {"prevalence", "odd-size"} <= {each.kind for each in audit.findings}


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("negative", ImageOps.invert),
        ("turned", lambda picture: picture.rotate(90)),
        ("turned", lambda picture: picture.rotate(-90)),
        ("turned", lambda picture: picture.rotate(180)),
        ("turned", ImageOps.flip),
        ("blank", lambda picture: Image.new("L", picture.size, 40)),
        ("blank", lambda picture: Image.new("L", picture.size, 0)),
    ],
)
def test_odd_images_are_found_among_real_ones(few, tmp_path, kind, change):
    copy = Path(shutil.copytree(few, tmp_path / "images"))
    images = sorted((copy / "train" / "NORMAL").iterdir())[:3]
    for image in images:
        change(Image.open(image).convert("L")).save(image, quality=90)
    audit = audit_of(copy)
    assert paths(audit, kind) == {frozenset([image.relative_to(copy).as_posix()]) for image in images}
    assert not (paths(audit, "negative") | paths(audit, "turned") | paths(audit, "blank")) - paths(
        audit, kind
    )


def test_what_one_small_folder_lacks_is_no_reason_to_stop(drawn, tmp_path):
    copy = Path(shutil.copytree(drawn, tmp_path / "images"))
    for image in (copy / "train" / "NORMAL").iterdir():
        image.write_bytes(b"not an image")
    audit = audit_of(copy)
    assert len(paths(audit, "unreadable")) == audit.files - len(audit.images) > 30
    assert "The split train has no image of NORMAL." in [each.detail for each in audit.findings]
    assert not audit.is_clean
    with pytest.raises(AskedWrongly, match="images of the class 'NORMAL' in train can be read"):
        load_dataset(copy)
    with pytest.raises(AskedWrongly, match="images of the class 'NORMAL' in train can be read"):
        load_dataset(copy)  # although the store is there


def test_one_class_an_empty_one_and_one_that_train_lacks_are_audited(drawn, tmp_path):
    alone = tmp_path / "alone"
    shutil.copytree(drawn / "train" / "NORMAL", alone / "NORMAL")
    assert "All images are of one class, NORMAL" in audit_of(alone).findings[0].detail
    with pytest.raises(AskedWrongly, match="only one class"):
        load_dataset(alone)
    (alone / "EMPTY").mkdir()
    said = [each.detail for each in audit_of(alone).findings]
    assert any("has no image of EMPTY" in each for each in said)
    with pytest.raises(WrongFolder, match="holds no images"):
        load_dataset(alone)
    copy = Path(shutil.copytree(drawn, tmp_path / "outer" / "copy"))
    (copy / "train" / "PNEUMONIA").rename(copy / "train" / "TUMOUR")
    said = [each.detail for each in audit_of(copy).findings]
    assert "The split train has no image of PNEUMONIA." in said
    with pytest.raises(AskedWrongly, match="holds only the folder 'copy', which holds the splits"):
        audit_of(copy.parent)


def test_a_folder_of_broken_files_alone_is_reported(tmp_path, radapt):
    for name in ("A", "B"):
        (tmp_path / "images" / name).mkdir(parents=True)
        for number in range(3):
            (tmp_path / "images" / name / f"{number}.png").write_bytes(b"no image")
    code, out, _ = radapt("audit", tmp_path / "images")
    assert code == 0
    assert out.count("is not an image") == 6
    assert "0 of 6 images of images were read." in out
    code, out, _ = radapt("audit", tmp_path / "images", "--json", "--strict", "--html", tmp_path / "a.html")
    assert code == 1
    assert json.loads(out)["images"] == 0
    assert "0 of 6 files of images were read" in (tmp_path / "a.html").read_text()


def test_json_is_all_there_is_on_standard_output(spoilt, radapt):
    code, out, err = radapt("audit", spoilt.root, "--json")
    document = json.loads(out)
    assert code == 0
    counts = {"rows", "passed", "left_out", "outside", "uncertain"}
    assert set(document) == {"schema", "images", "characteristics", "findings", "notices", *counts}
    assert {"train", "test"} <= {group["name"] for group in document["characteristics"]["groups"]}
    assert {frozenset(each) for each in document["findings"]} == {
        frozenset(["kind", "severity", "paths", "detail"])
    }
    assert {each["kind"] for each in document["findings"]} <= KINDS.keys()
    assert {each["severity"] for each in document["findings"]} == set(SEVERITIES)
    assert "comparing images" in err
    assert radapt("audit", spoilt.root, "--json", "--strict")[0] == 1


def test_a_summary_names_every_broken_file_and_counts_the_rest(spoilt, radapt):
    code, out, _ = radapt("audit", spoilt.root)
    assert code == 0
    for name in spoilt.broken:
        assert name in out
    assert re.search(r"border +0\.\d+ \[0\.\d+, \d\.\d+\]", out)
    number, total = map(int, re.search(r"(\d+) of (\d+) images of spoilt were read\.", out).groups())
    assert total - number == 6


def test_the_headline_names_what_is_worst(spoilt, drawn):
    headline = audit_of(spoilt.root).headline
    assert headline.startswith("Not fit to train and test on as it is: mend ")
    assert "patients in two splits, or in two data sets; " in headline
    assert "the label can be predicted without the lungs (from the " in audit_of(drawn).headline


def test_notes_alone_pass_the_gate(drawn, radapt):
    code, out, _ = radapt("audit", drawn, "--strict", "--json")
    assert {each["severity"] for each in json.loads(out)["findings"]} <= {"note"}
    assert code == 0


def test_what_needs_no_network_of_neurons_loads_none(drawn):
    import subprocess

    script = (
        "import sys; from radapt.cli.app import app;"
        f"app(['audit', {str(drawn)!r}], standalone_mode=False); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_a_file_of_medmnist_is_audited_as_far_as_it_goes(drawn, tmp_path):
    dataset = load_dataset(drawn, LoadOptions(size=28))
    arrays = {}
    for split, images in dataset.splits.items():
        arrays[f"{split}_images"], arrays[f"{split}_labels"] = images.pixels.copy(), images.labels[:, None]
    arrays["test_images"][3] = arrays["train_images"][5]
    np.savez(tmp_path / "images.npz", **arrays)
    audit = audit_of(tmp_path / "images.npz")
    assert paths(audit, "duplicate", "error") == {frozenset(["train/000005", "test/000003"])}
    assert "The same pixels, in train and test." in [each.detail for each in audit.findings]
    assert len(paths(audit, "patients-unknown")) == 1
    assert not paths(audit, "odd-size")


def test_dicom_images_go_by_codes(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(40):
        folder = tmp_path / "images" / ("train" if number % 4 else "test") / "AB"[number % 2] / "DOE^JANE"
        folder.mkdir(parents=True, exist_ok=True)
        values = rng.integers(0, 4096, (32, 32), dtype=np.uint16)
        (folder / f"{number}.dcm").write_bytes(make_dicom(values, bits=12, PatientID=f"MRN-{number // 2}"))
    audit = audit_of(tmp_path / "images")
    text = json.dumps(audit.as_dict())
    assert "DOE" not in text
    assert "MRN" not in text
    assert paths(audit, "patient-leak")


def test_sizes_and_depths_out_of_the_ordinary_are_named(drawn, tmp_path):
    copy = Path(shutil.copytree(drawn, tmp_path / "images"))
    one, two = sorted((copy / "train" / "NORMAL").iterdir())[:2]
    Image.open(one).resize((300, 90)).save(one)
    levels = np.asarray(Image.open(two).convert("L")).astype(np.uint16) * 257
    Image.fromarray(levels).save(two)
    audit = audit_of(copy)
    assert paths(audit, "odd-size") == {frozenset([one.relative_to(copy).as_posix()])}
    assert paths(audit, "odd-depth") == {frozenset([two.relative_to(copy).as_posix()])}
    said = [each.detail for each in audit.findings]
    assert "300 x 90 pixels, where 211 of 212 images have 128 x 128." in said
    assert "16 bits, where 211 of 212 images have 8 bits." in said


def test_findings_come_in_the_order_of_what_matters():
    given = [
        Finding("shortcut", "note", (), "c"),
        Finding("unreadable", "warning", (), "b"),
        Finding("duplicate", "warning", (), "a"),
        Finding("duplicate", "error", (), "d"),
    ]
    assert "".join(each.detail for each in in_order(given)) == "dabc"
