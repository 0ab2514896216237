"""One call makes a data set of a folder of images, and makes it once."""

import json
import os
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest
from pictures import load_options
from PIL import Image
from samples import Steps

from radapt.errors import AskedWrongly, BadArtefact, UnknownName, WrongFolder
from radapt.images.load import LoadOptions, load_dataset, packed
from radapt.images.store.location import cache_folder
from radapt.images.store.store import is_store, verify_store


def make_images(root, splits=("train", "test"), patients=6, count=2):
    rng = np.random.default_rng(0)
    for split in splits:
        for label in ("A", "B"):
            folder = root / split / label
            folder.mkdir(parents=True)
            for patient in range(patients):
                for image in range(count):
                    pixels = rng.integers(0, 256, (20, 16), dtype=np.uint8)
                    Image.fromarray(pixels).save(folder / f"{split}{label}{patient}_{image}.png")
    return root


@pytest.fixture
def image_folder(tmp_path):
    return make_images(tmp_path / "images")


@pytest.fixture
def read(image_folder, cache):
    """Load the images, and say how many had to be decoded."""

    def call(path=image_folder, **options):
        seen = []
        data = load_dataset(
            path,
            load_options(size=8, **options),
            cache=cache,
            watch=Steps(lambda done, total: seen.append((done, total))),
        )
        return data, seen[0][1] - seen[0][0] if seen else 0

    return call


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def test_a_folder_is_packed_once_and_opened_afterwards(read):
    first, packed = read()
    again, packed_again = read()
    assert (packed, packed_again) == (24 * 2, 0)
    assert first.origin == again.origin
    for split in ("train", "test"):
        assert first[split].digest() == again[split].digest()
        assert first[split].counts() == {"A": 12, "B": 12}


def test_another_option_packs_anew(read):
    read()
    assert read(resize="pad")[1] == 48
    assert read(patient_regex=r"^(\w+)_")[1] == 48
    assert read(split_seed=1)[1] == 0  # it is split already, so the seed draws nothing


def test_only_images_that_were_added_or_changed_are_decoded_again(read, image_folder, cache):
    before, _ = read()
    image = image_folder / "train/A/trainA0_0.png"
    Image.fromarray(np.full((20, 16), 77, dtype=np.uint8)).save(image)
    os.utime(image, ns=(1, 1))
    changed, decoded = read()
    assert decoded == 1
    row = changed["train"].ids.tolist().index("train/A/trainA0_0.png")
    assert (changed["train"].pixels[row] == 77).all()
    others = [name != "train/A/trainA0_0.png" for name in changed["train"].ids.tolist()]
    assert np.array_equal(changed["train"].pixels[others], before["train"].pixels[others])
    shutil.copy(image, image_folder / "test/B/new_1.png")
    image.unlink()
    grown, decoded = read()
    assert decoded == 1
    assert (len(grown["train"]), len(grown["test"])) == (23, 25)
    assert grown["test"].pixels[grown["test"].ids == "test/B/new_1.png"].max() == 77
    assert len(list(cache.iterdir())) == 1, "the store that is out of date is gone"
    image = image_folder / "test/B/new_1.png"
    image.rename(image_folder / "test/A/new_1.png")
    assert "test/A/new_1.png" in read()[0]["test"].ids


def test_nothing_is_written_beside_the_images(read, image_folder):
    before = sorted(image_folder.rglob("*"))
    read()
    assert sorted(image_folder.rglob("*")) == before


def test_a_folder_that_is_not_split_is_split_by_patient(tmp_path, read):
    root = tmp_path / "one"
    make_images(root, splits=("",), patients=20, count=3)
    data, _ = read(root, patient_regex=r"^(\w+)_")
    assert {split: len(images) for split, images in data.splits.items()} == {
        "train": 84,
        "val": 12,
        "test": 24,
    }
    assert data.origin.split_rule == "by patient: 70% train, 20% test, 10% val, seed 0"
    whose = [set(images.patients.tolist()) for images in data.splits.values()]
    assert sum(map(len, whose)) == len(set.union(*whose)) == 40
    other, packed = read(root, patient_regex=r"^(\w+)_", split_seed=1)
    assert packed == 120
    assert set(other["test"].patients) != set(data["test"].patients)


def test_the_origin_says_how_the_images_were_read(read, image_folder):
    (image_folder / "train/B/image.png").write_bytes(b"")
    origin = read()[0].origin
    assert (origin.name, origin.patient_rule, origin.split_rule) == ("images", "file", "folders")
    assert origin.preprocessing == {
        **{"size": 8, "resize": "squash", "intensity": "window", "trim": False},
        "reader": 2,
    }
    assert origin.failed == (("train/B/image.png", "is empty (0 bytes)"),)
    assert "each of the 49 files counts as one patient" in origin.notes[0]


def test_a_patient_on_two_sides_and_a_class_that_is_missing_are_noted(read, image_folder):
    shutil.copy(image_folder / "train/A/trainA0_0.png", image_folder / "test/A/trainA0_9.png")
    shutil.rmtree(image_folder / "test/B")
    origin = read(patient_regex=r"^(\w+)_")[0].origin
    assert origin.notes == ("The split test has no image of: B.",)
    same, whose = origin.notices
    assert "pixel for pixel, among the images" in same.text
    assert whose.text.startswith("1 of the ")
    assert "test patients of images has images among those that a model learns from" in whose.text


def test_a_store_of_ones_own_is_brought_up_to_date_and_never_mixed(image_folder, tmp_path):
    store, wanted, decoded = tmp_path / "store", LoadOptions(size=8), []

    def pack(path=image_folder, request=wanted):
        decoded.clear()
        packed(path, request, out=store, watch=Steps(lambda done, total: decoded.append(total - done)))
        return decoded[0] if decoded else 0

    assert (pack(), pack()) == (48, 0)
    (image_folder / "train/A/trainA0_0.png").unlink()
    shutil.copy(image_folder / "train/A/trainA0_1.png", image_folder / "train/B/more_1.png")
    assert pack() == 1
    verify_store(store)
    with pytest.raises(AskedWrongly, match="was read with size 8; size 16 is requested"):
        pack(request=LoadOptions(size=16))
    with pytest.raises(AskedWrongly, match="store of other images"):
        pack(make_images(tmp_path / "others"))
    with pytest.raises(AskedWrongly, match="is a store already"):
        packed(store, wanted, out=tmp_path / "again")
    with pytest.raises(AskedWrongly, match="would lie among the images"):
        packed(image_folder, wanted, out=image_folder / "train/store")
    assert load_dataset(store).origin.reading.size == 8
    with pytest.raises(AskedWrongly, match="was read with resize squash; resize pad is requested"):
        load_dataset(store, LoadOptions(resize="pad"))


def test_a_store_of_another_reader_is_refused_wherever_it_is_asked_for(image_folder, tmp_path):
    store = packed(image_folder, LoadOptions(size=8), out=tmp_path / "store")
    about = json.loads((store / "store.json").read_text())
    about["origin"]["preprocessing"]["reader"] += 1
    (store / "store.json").write_text(json.dumps(about | {"request": "another"}))
    for path, out in ((store, None), (image_folder, store)):
        with pytest.raises(AskedWrongly, match="by version .* of the reader; this radapt has version"):
            packed(path, LoadOptions(size=8), out=out)
    about["origin"]["preprocessing"] = None
    (store / "store.json").write_text(json.dumps(about))
    with pytest.raises(BadArtefact, match="damaged"):
        packed(store, LoadOptions(size=8))


def test_a_store_that_was_set_aside_when_the_power_went_is_put_back(image_folder, tmp_path):
    store = tmp_path / "store"
    packed(image_folder, LoadOptions(size=8), out=store)
    store.rename(tmp_path / ".store.radapt-aside")
    (tmp_path / "store.old").mkdir()
    seen = []
    packed(image_folder, LoadOptions(size=8), out=store, watch=Steps(lambda *done: seen.append(done)))
    assert seen == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images", "store", "store.old"]


def test_images_are_never_split_image_by_image_without_a_word(tmp_path, read):
    root = make_images(tmp_path / "one", splits=("",), patients=12, count=3)
    for image in list(root.rglob("*.png")):
        image.rename(image.with_name(f"phantom-{image.name[1:]}".replace("_", "_0")))
    assert read(root)[0].origin.patient_rule == "phantom"
    with pytest.raises(AskedWrongly, match="--unsafe-image-split"):
        read(root, patient_regex="file")
    data, _ = read(root, unsafe_image_split=True)
    assert data.origin.notices
    assert data.origin.split_rule.startswith("image by image, which is unsafe")
    assert set(data["train"].patients) & set(data["test"].patients)
    assert len(set(np.concatenate([images.patients for images in data.splits.values()]).tolist())) == 12
    assert read(root)[0].origin.notices == ()


def test_a_pattern_that_makes_every_image_a_patient_is_no_way_around_them(tmp_path, read):
    root = make_images(tmp_path / "one", splits=("",), patients=12, count=3)
    for image in list(root.rglob("*.png")):
        image.rename(image.with_name(f"phantom-{'AB'.index(image.name[0])}{image.name[1:]}"))
    with pytest.raises(AskedWrongly, match=r"Patients are known here \(phantom\)"):
        read(root, patient_regex="(.+)")
    assert read(root, patient_regex=r"phantom-(\d+)")[0].origin.notices == ()
    data, _ = read(root, patient_regex=r"-(\d\d)", unsafe_image_split=True)
    assert data.origin.patient_rule == r"regex -(\d\d)", "whose images they are is as the pattern says"
    assert data.origin.split_rule.startswith("image by image")
    assert len(data.origin.notices) == 1


def test_a_table_that_says_whose_test_set_are_is_not_overruled_without_a_word(tmp_path, read):
    make_images(tmp_path / "images/of", splits=("",), patients=12, count=2)
    lines = ["file,label,who"]
    for at, image in enumerate(sorted((tmp_path / "images/of").rglob("*.png"))):
        lines.append(f"{image.relative_to(tmp_path)},{image.parent.name},p{at // 4}")
    table = tmp_path / "images.csv"
    table.write_text("\n".join(lines))
    columns = {"images": "file", "label": "label", "patient": "who"}
    with pytest.raises(AskedWrongly, match=r"Patients are known here \(column who\)"):
        read(table, patient_regex="file", **columns)
    data, _ = read(table, patient_regex="file", unsafe_image_split=True, **columns)
    assert len(set(np.concatenate([images.patients for images in data.splits.values()]).tolist())) == 12
    assert data.origin.patient_rule == "column who"


def test_a_store_is_opened_as_it_is_and_a_damaged_one_in_the_cache_is_made_anew(read, cache):
    data, _ = read()
    (store,) = cache.iterdir()
    assert is_store(store)
    digest = data["train"].digest()
    assert load_dataset(store)["train"].digest() == digest
    (store / "pixels.npy").write_bytes(b"damage")
    again, packed = read()
    assert packed == 48
    assert again["train"].digest() == digest


def test_the_cache_is_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("RADAPT_CACHE", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine"
    monkeypatch.delenv("RADAPT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "radapt"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder().parts[-2:] == (".cache", "radapt")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RADAPT_CACHE", "~/images")
    assert cache_folder() == tmp_path / "home/images"


HOMELESS = """
import os, pwd
from radapt.errors import AskedWrongly
from radapt.images.store.location import cache_folder
os.setuid(54321)  # a user without a name
try:
    cache_folder()
except AskedWrongly as error:
    print(error)
"""


@pytest.mark.skipif(not hasattr(os, "setuid") or os.geteuid() != 0, reason="only root becomes somebody else")
def test_a_user_without_a_home_is_told_what_to_set():
    told = {name: value for name, value in os.environ.items() if name not in ("HOME", "RADAPT_CACHE")}
    told.pop("XDG_CACHE_HOME", None)
    words = [sys.executable, "-c", HOMELESS]
    ended = subprocess.run(words, env=told, capture_output=True, text=True, check=True, timeout=60)
    assert "Set RADAPT_CACHE to a folder" in ended.stdout


def test_wrong_requests_are_the_askers_fault(read, image_folder):
    with pytest.raises(WrongFolder, match="Did you mean"):
        read(image_folder.with_name("image"))
    with pytest.raises(UnknownName, match="no way to resize"):
        read(resize="stretch")
    with pytest.raises(AskedWrongly, match="is not a regular expression"):
        read(patient_regex="(")
    with pytest.raises(AskedWrongly, match="1 to 4096"):
        load_dataset(image_folder, LoadOptions(size=0))


def test_a_name_that_is_not_utf_8_is_read_and_written_readably(read, image_folder):
    odd = os.fsencode(image_folder / "train/A") + b"/na\xefve.png"
    shutil.copy(image_folder / "train/A/trainA0_0.png", odd)
    assert "train/A/na\\xefve.png" in read()[0]["train"].ids


def test_reading_images_needs_neither_torch_nor_pandas(image_folder, cache):
    code = (
        "import sys; from pathlib import Path; from radapt.images.load import LoadOptions, load_dataset; "
        "[load_dataset(sys.argv[1], LoadOptions(size=8), cache=Path(sys.argv[2])) for _ in range(2)]; "
        "print(sorted({'torch', 'pandas', 'sklearn', 'matplotlib', 'timm'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code, str(image_folder), str(cache)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_the_images_of_children_are_read_whole_and_opened_at_once(shared, cache):
    data = load_dataset(shared / "data/chest_xray", LoadOptions(size=16), cache=cache)
    counts = {split: tuple(images.counts().values()) for split, images in data.splits.items()}
    assert counts == {"train": (1099, 3477), "val": (8, 8), "test": (234, 390)}
    assert (data.origin.patient_rule, data.origin.failed, data.origin.notes) == ("kermany", (), ())
    start = time.perf_counter()
    load_dataset(shared / "data/chest_xray", LoadOptions(size=16), cache=cache)
    assert time.perf_counter() - start < 2  # 0.1 s where nothing else runs


def test_the_images_of_adults_are_read_with_their_patients(shared, cache):
    data = load_dataset(shared / "data/nih_adult", LoadOptions(size=16), cache=cache)
    assert data.origin.patient_rule == "nih"
    assert {split: len(set(images.patients)) for split, images in data.splits.items()} == {
        "train": 245,
        "test": 129,
    }
