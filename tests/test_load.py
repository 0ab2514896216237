"""One call makes a data set of a folder of films, and makes it once."""

import os
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from radapt.errors import AskedWrongly, UnknownName, WrongFolder
from radapt.images.load import cache_folder, load
from radapt.images.pack import is_store


def make_films(root, splits=("train", "test"), patients=6, films=2):
    rng = np.random.default_rng(0)
    for split in splits:
        for label in ("A", "B"):
            folder = root / split / label
            folder.mkdir(parents=True)
            for patient in range(patients):
                for film in range(films):
                    pixels = rng.integers(0, 256, (20, 16), dtype=np.uint8)
                    Image.fromarray(pixels).save(folder / f"{split}{label}{patient}_{film}.png")
    return root


@pytest.fixture
def films(tmp_path):
    return make_films(tmp_path / "films")


@pytest.fixture
def read(films, cache):
    """Load the films, and say how many had to be decoded."""

    def call(path=films, **options):
        seen = []
        data = load(
            path, size=8, cache=cache, progress=lambda done, total: seen.append((done, total)), **options
        )
        return data, seen[-1][1] if seen else 0

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


def test_a_change_of_a_file_or_an_option_packs_anew(read, films):
    read()
    assert read(fit="pad")[1] == 48
    assert read(patient_regex=r"^(\w+)_")[1] == 48
    film = films / "train/A/trainA0_0.png"
    os.utime(film, ns=(1, 1))
    assert read()[1] == 48
    film.unlink()
    assert read()[1] == 47
    assert read(split_seed=1)[1] == 0  # it is split already, so the seed draws nothing


def test_nothing_is_written_beside_the_films(read, films):
    before = sorted(films.rglob("*"))
    read()
    assert sorted(films.rglob("*")) == before


def test_a_folder_that_is_not_split_is_split_by_patient(tmp_path, read):
    root = tmp_path / "one"
    make_films(root, splits=("",), patients=20, films=3)
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


def test_the_origin_says_how_the_films_were_read(read, films):
    (films / "train/B/film.png").write_bytes(b"")
    origin = read()[0].origin
    assert (origin.name, origin.patient_rule, origin.split_rule) == ("films", "file", "folders")
    assert origin.preprocessing == {
        **{"size": 8, "fit": "squash", "levels": "window", "trim": False},
        "reader": 1,
    }
    assert origin.failed == (("train/B/film.png", "is empty (0 bytes)"),)
    assert "each of the 49 files counts as one patient" in origin.notes[0]


def test_a_patient_on_two_sides_and_a_class_that_is_missing_are_noted(read, films):
    shutil.copy(films / "train/A/trainA0_0.png", films / "test/A/trainA0_9.png")
    shutil.rmtree(films / "test/B")
    notes = read(patient_regex=r"^(\w+)_")[0].origin.notes
    assert notes[0].startswith("Patients with films both in train and in test: 1.")
    assert notes[1:] == ("The split test has no film of: B.",)


def test_a_store_is_opened_as_it_is_and_a_damaged_one_in_the_cache_is_made_anew(read, cache):
    data, _ = read()
    (store,) = cache.iterdir()
    assert is_store(store)
    digest = data["train"].digest()
    assert load(store, size=99)["train"].digest() == digest
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


def test_wrong_requests_are_the_askers_fault(read, films):
    with pytest.raises(WrongFolder, match="Did you mean"):
        read(films.with_name("film"))
    with pytest.raises(UnknownName, match="no fit"):
        read(fit="stretch")
    with pytest.raises(AskedWrongly, match="is not a regular expression"):
        read(patient_regex="(")
    with pytest.raises(AskedWrongly, match="1 to 4096"):
        load(films, size=0)


def test_a_name_that_is_not_utf_8_is_read_and_written_readably(read, films):
    odd = os.fsencode(films / "train/A") + b"/na\xefve.png"
    shutil.copy(films / "train/A/trainA0_0.png", odd)
    assert "train/A/na\\xefve.png" in read()[0]["train"].ids


def test_reading_images_needs_neither_torch_nor_pandas(films, cache):
    code = (
        "import sys; from pathlib import Path; from radapt.images.load import load; "
        "[load(sys.argv[1], size=8, cache=Path(sys.argv[2])) for _ in range(2)]; "
        "print(sorted({'torch', 'pandas', 'sklearn', 'matplotlib', 'timm'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code, str(films), str(cache)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_the_films_of_children_are_read_whole_and_opened_at_once(shared, cache):
    data = load(shared / "data/chest_xray", size=16, cache=cache)
    counts = {split: tuple(images.counts().values()) for split, images in data.splits.items()}
    assert counts == {"train": (1099, 3477), "val": (8, 8), "test": (234, 390)}
    assert (data.origin.patient_rule, data.origin.failed, data.origin.notes) == ("kermany", (), ())
    start = time.perf_counter()
    load(shared / "data/chest_xray", size=16, cache=cache)
    assert time.perf_counter() - start < 2  # 0.1 s where nothing else runs


def test_the_films_of_adults_are_read_with_their_patients(shared, cache):
    data = load(shared / "data/nih_adult", size=16, cache=cache)
    assert data.origin.patient_rule == "nih"
    assert {split: len(set(images.patients)) for split, images in data.splits.items()} == {
        "train": 245,
        "test": 129,
    }
