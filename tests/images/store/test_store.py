"""A store of a million images opens without its pixels, and trains from them without holding them."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch

from radapt.errors import RadaptError
from radapt.files import sha256, write_json
from radapt.images.imageset import DataProvenance
from radapt.images.preprocessing import Preprocessing
from radapt.images.store.store import ABOUT, DIGESTS, FORMAT, OF_FILES, PIXELS, TABLE, VERSION, open_store
from radapt.parquet import write_table
from radapt.shift.expression import parse_shift
from radapt.shift.shifted import shift_images
from radapt.training.batches import ImageBatches
from radapt.training.loop import steps_per_epoch
from radapt.training.recipe import Recipe

COUNT, SIZE = 1_000_000, 16
STATUS = Path("/proc/self/status")


def own_memory() -> int:
    """What this process holds by itself, in MiB; pages of mapped files are the system's."""
    return (
        next(int(line.split()[1]) for line in STATUS.read_text().splitlines() if line.startswith("RssAnon"))
        // 1024
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("million")
    numbers = np.arange(COUNT)
    text = {
        "id": np.array(
            [f"train/PNEUMONIA/person{number // 3}_bacteria_{number}.jpeg" for number in range(COUNT)]
        ),
        "patient": np.array([f"bacteria-person{number // 3}" for number in range(COUNT)]),
        "split": np.where(numbers < 900_000, "train", "test"),
    }
    files = {name: np.full(COUNT, SIZE, dtype=np.int64) for name in OF_FILES}
    digests = numbers.astype(np.uint64)
    write_table(folder / TABLE, {**text, **files, DIGESTS: digests, "label": numbers % 2})
    with (folder / PIXELS).open("wb") as file:
        about = {"descr": "|u1", "fortran_order": False, "shape": (COUNT, SIZE, SIZE)}
        np.lib.format.write_array_header_1_0(file, about)
        file.truncate(file.tell() + COUNT * SIZE * SIZE)  # nothing but a hole: it takes no room
    write_json(
        folder / ABOUT,
        {
            "format": FORMAT,
            "version": VERSION,
            "images": COUNT,
            "size": SIZE,
            "classes": ["A", "B"],
            "findings": False,
            "columns": [],
            "splits": {"train": [0, 900_000], "test": [900_000, COUNT]},
            "origin": asdict(
                DataProvenance("million", "made", "made", Preprocessing(SIZE).as_dict(), "million")
            ),
            "sha256": {name: sha256(folder / name) for name in (PIXELS, TABLE)},
        },
    )
    return folder


@pytest.mark.skipif(not STATUS.exists(), reason="what a process holds is only told by Linux")
def test_a_million_images_are_opened_and_trained_on_without_being_held(store):
    images = open_store(store)["train"]
    assert len(images) == 900_000
    assert isinstance(images.pixels.base.base, np.memmap)
    rows = ImageBatches(images, torch.device("cpu"))
    order = np.random.default_rng(0).permutation(len(rows))
    recipe = Recipe(batch_size=256)
    before = own_memory()
    for step in range(steps_per_epoch(len(rows), recipe)):
        batch = rows.batch(order[step * 256 : (step + 1) * 256], seed=step)
    assert batch.shape[1:] == (SIZE, SIZE)
    assert own_memory() - before < 64, "230 MiB of pixels went by"


def test_images_picked_out_of_many_lie_on_disk_and_are_the_same(store, monkeypatch):
    images = open_store(store)["train"]
    rows = np.random.default_rng(0).permutation(len(images))[:20_000]
    few = images.take(rows)
    monkeypatch.setattr("radapt.images.pixel_buffers.MAX_IN_MEMORY", 2**20)
    many = images.take(rows)
    assert isinstance(many.pixels.base, np.memmap)
    assert not isinstance(few.pixels.base, np.memmap)
    numbered = images.with_pixels(np.arange(len(images) * 4, dtype=np.uint8).reshape(-1, 2, 2))
    chosen = np.zeros(len(images), dtype=bool)
    chosen[rows] = True
    for which in (rows[:500], chosen):
        assert np.array_equal(numbered.take(which).pixels, numbered.pixels[which])
    assert np.array_equal(many.ids, few.ids)


def test_a_shifted_set_of_many_images_lies_on_disk_and_is_the_same_to_the_bit(store, monkeypatch):
    images = open_store(store)["train"].take(range(4_000))
    shift = parse_shift("rotation(10) + noise(3)")
    few, drawn = shift_images(images, shift, seed=3)
    assert not isinstance(few.pixels.base, np.memmap)
    monkeypatch.setattr("radapt.images.pixel_buffers.MAX_IN_MEMORY", 2**19)
    many, again = shift_images(images, shift, seed=3)
    assert isinstance(many.pixels.base, np.memmap)
    assert many.digest() == few.digest()
    assert all(np.array_equal(drawn[name], again[name]) for name in drawn)


@pytest.mark.skipif(not STATUS.exists(), reason="what a process holds is only told by Linux")
def test_shifting_many_images_holds_few_of_them(store, monkeypatch):
    monkeypatch.setattr("radapt.images.pixel_buffers.MAX_IN_MEMORY", 2**20)
    images, shift = open_store(store)["train"], parse_shift("power(0.6)")
    shift_images(images.take(range(1000)), shift, seed=3)
    before = own_memory()
    shifted, _ = shift_images(images, shift, seed=3)
    assert len(shifted) == len(images)
    assert own_memory() - before < 100, "230 MiB of pixels went by"


def test_where_there_is_no_room_for_many_images_the_folder_is_named(store, monkeypatch, tmp_path):
    images = open_store(store)["train"]
    monkeypatch.setattr("radapt.images.pixel_buffers.MAX_IN_MEMORY", 2**20)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    with pytest.raises(RadaptError, match="pixels could not be stored in .*none: No such file.*TMPDIR"):
        images.take(range(20_000))
