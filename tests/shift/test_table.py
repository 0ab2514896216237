"""Every shift keeps its contract at every severity, and a shifted set is the same on every run."""

from dataclasses import FrozenInstanceError, fields, replace

import numpy as np
import pytest
import torch
from PIL import Image
from samples import smooth_pixels

from radapt.images.imageset import ImageSet
from radapt.shift.corruption import (
    GeometricCorruption,
    IntensityCorruption,
    PixelCorruption,
    SelectionCorruption,
)
from radapt.shift.counter_rng import image_keys
from radapt.shift.expression import at, parse_shift
from radapt.shift.presets import CHEXPHOTO, MEDMNIST_C, PRESETS, SUITES
from radapt.shift.shifted import shift_images
from radapt.shift.table import SEVERITIES, SHIFTS

SIZES = [(1, 1), (1, 9), (33, 20), (64, 64)]
PIXELS = [name for name, kind in SHIFTS.items() if not isinstance(kind.levels[0], SelectionCorruption)]
EVERY = [*PIXELS, *PRESETS, *MEDMNIST_C, "medmnist-c", *CHEXPHOTO, "chexphoto"]
# alike at all severities; at severity 1 nothing on images as small as these; and within black at all of them
UNORDERED = ["chexphoto_exposure", "chexphoto_blur", "chexphoto_motion", "chexphoto_translation"]
STRONGEST = [f"{name}@5" for name in EVERY] + ["original"]


def draw_images(count: int, height: int = 64, width: int = 64) -> ImageSet:
    pixels = smooth_pixels(count, height, width).numpy()
    ids = np.array([f"test/image-{number}.png" for number in range(count)])
    return ImageSet(pixels, np.arange(count) % 2, ids, ids, ("NORMAL", "PNEUMONIA"))


@pytest.mark.parametrize("name", EVERY)
def test_severity_zero_is_the_identity_to_the_bit(name):
    images = draw_images(4)
    shifted, drawn = shift_images(images, at(name, 0), seed=1)
    assert np.array_equal(shifted.pixels, images.pixels)
    assert drawn == {}


@pytest.mark.parametrize("name", [name for name in EVERY if name not in UNORDERED])
def test_a_higher_severity_changes_images_more(name):
    images = draw_images(48)
    changes = []
    for severity in SEVERITIES:
        shifted, _ = shift_images(images, at(name, severity), seed=2)
        changes.append(np.abs(shifted.pixels.astype(int) - images.pixels).mean())
    assert changes[0] > 0
    assert changes == sorted(changes)
    assert changes[4] > 1.3 * changes[0]


@pytest.mark.parametrize("text", STRONGEST)
@pytest.mark.parametrize("size", SIZES)
def test_shape_and_kind_are_kept(text, size):
    pixels = torch.from_numpy(draw_images(5, *size).pixels)
    shift = parse_shift(text)
    shifted = shift.apply(pixels, shift.draw(image_keys(list("abcde")), 0))
    assert shifted.shape == pixels.shape
    assert shifted.dtype == torch.uint8


@pytest.mark.parametrize("text", STRONGEST)
@pytest.mark.parametrize("level", [0, 255])
def test_black_and_white_images_stay_images(text, level):
    images = draw_images(6)
    flat = images.with_pixels(np.full_like(images.pixels, level))
    shift = parse_shift(text)
    shifted, drawn = shift_images(flat, shift, seed=0)
    assert all(np.isfinite(column).all() for column in drawn.values())
    again, _ = shift_images(flat, shift, seed=0)
    assert np.array_equal(shifted.pixels, again.pixels), "what is not a number would come out anyhow"


@pytest.mark.parametrize("text", STRONGEST)
def test_a_set_is_shifted_alike_on_every_run_whatever_its_order_and_labels(text):
    images, shift = draw_images(40), parse_shift(text)
    shifted, drawn = shift_images(images, shift, seed=1)
    order = np.random.default_rng(0).permutation(40)
    relabelled = replace(images, labels=1 - images.labels).take(order)
    again, drawn_again = shift_images(relabelled, shift, seed=1)
    assert np.array_equal(again.pixels, shifted.pixels[order])
    assert drawn_again.keys() == drawn.keys()
    for column in drawn:
        assert np.array_equal(drawn_again[column], drawn[column][order])


@pytest.mark.parametrize("text", STRONGEST)
def test_an_image_is_shifted_alike_alone_and_among_64(text):
    images, shift = draw_images(64), parse_shift(text)
    shifted, _ = shift_images(images, shift, seed=1)
    for row in range(0, 64, 7):
        alone, _ = shift_images(images.take([row]), shift, seed=1)
        assert np.array_equal(alone.pixels[0], shifted.pixels[row])


@pytest.mark.parametrize("text", STRONGEST)
def test_a_image_is_shifted_without_being_changed_itself(text):
    images = draw_images(4)
    pixels = torch.from_numpy(images.pixels.copy())
    shift = parse_shift(text)
    shifted = shift.apply(pixels, shift.draw(image_keys(images.ids), 0))
    assert np.array_equal(pixels.numpy(), images.pixels)
    assert shifted.data_ptr() != pixels.data_ptr()


@pytest.mark.parametrize("name", SHIFTS)
def test_every_cause_says_what_it_does_and_cannot_be_changed(name):
    kind = SHIFTS[name]
    for corruption in kind.levels:
        assert corruption.name == name
        assert type(corruption) is type(kind.levels[0])
        assert any(
            isinstance(corruption, what)
            for what in (GeometricCorruption, IntensityCorruption, PixelCorruption, SelectionCorruption)
        )
        for option in fields(corruption):
            with pytest.raises(FrozenInstanceError):
                setattr(corruption, option.name, 0)
    assert kind.about
    assert kind.about == kind.about.strip(".")


@pytest.mark.parametrize("name", SHIFTS)
@pytest.mark.parametrize("severity", SEVERITIES)
def test_a_shift_is_written_as_it_can_be_asked_for_again(name, severity):
    shift = at(name, severity)
    assert parse_shift(str(shift)) == shift


def test_suites_name_shifts_that_there_are():
    for names in SUITES.values():
        for name in names:
            at(name, 1)


def test_everything_but_the_pixels_is_kept():
    images = draw_images(6)
    shifted, drawn = shift_images(images, parse_shift("original"), seed=0)
    for column in ("labels", "patients", "ids"):
        assert np.array_equal(getattr(shifted, column), getattr(images, column))
    assert shifted.classes == images.classes
    assert all(len(column) == 6 for column in drawn.values())


def test_a_read_only_memory_map_of_more_than_one_run_is_shifted(tmp_path):
    images = draw_images(70, 150, 150)
    np.save(tmp_path / "pixels.npy", images.pixels)
    mapped = images.with_pixels(np.load(tmp_path / "pixels.npy", mmap_mode="r"))
    expected, _ = shift_images(images, parse_shift("original"), seed=0)
    shifted, _ = shift_images(mapped, parse_shift("original"), seed=0)
    assert np.array_equal(shifted.pixels, expected.pixels)


def test_an_empty_set_stays_empty():
    shifted, drawn = shift_images(
        draw_images(4).take(np.array([], dtype=np.intp)), parse_shift("original"), seed=0
    )
    assert len(shifted) == len(drawn["theta"]) == 0


def test_real_images_come_out_as_bright_as_drawn(shared):
    folder = shared / "data" / "chest_xray" / "test" / "NORMAL"
    if not folder.is_dir():
        pytest.skip("the real images are not in the shared folder")
    files = sorted(folder.iterdir())[:6]
    pixels = np.stack([np.asarray(Image.open(file).convert("L").resize((150, 150))) for file in files])
    ids = np.array([file.name for file in files])
    images = ImageSet(pixels, np.zeros(6, dtype=np.int64), ids, ids, ("NORMAL",))
    shifted, drawn = shift_images(images, parse_shift("original"), seed=0)
    means = shifted.pixels.mean(axis=(1, 2)) / pixels.mean(axis=(1, 2))
    # geometry moves the mean far less than brightness does
    assert np.corrcoef(means, drawn["brightness"])[0, 1] > 0.8
