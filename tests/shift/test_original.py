"""The original's shift matches what Keras computed, and treats every image for itself."""

import json

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance
from samples import random_pixels
from scipy import ndimage

from radapt.errors import AskedWrongly
from radapt.shift.counter_rng import image_keys
from radapt.shift.original import COLUMNS, OriginalShift

SHIFT = OriginalShift()
KEYS = image_keys([f"image-{number}" for number in range(5000)])
IDENTITY = {name: 1.0 if name in ("zx", "zy", "brightness") else 0.0 for name in COLUMNS}


def table(count: int, **values: float) -> dict[str, np.ndarray]:
    return {name: np.full(count, value) for name, value in (IDENTITY | values).items()}


def keras_by_hand(image: np.ndarray, row: dict[str, float]) -> np.ndarray:
    """One square image through Keras's recipe, with the parts that Keras itself uses: SciPy and Pillow."""
    angle, lean = np.deg2rad(row["theta"]), np.deg2rad(row["shear"])
    centre = np.array([[1, 0, len(image) / 2 - 0.5], [0, 1, len(image) / 2 - 0.5], [0, 0, 1]])
    matrix = (
        centre
        @ [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
        @ [[1, 0, row["tx"]], [0, 1, row["ty"]], [0, 0, 1]]
        @ [[1, -np.sin(lean), 0], [0, np.cos(lean), 0], [0, 0, 1]]
        @ np.diag([row["zx"], row["zy"], 1])
        @ np.linalg.inv(centre)
    )[[1, 0, 2]][:, [1, 0, 2]]  # SciPy counts rows before columns
    moved = ndimage.affine_transform(
        image.astype(np.float32), matrix[:2, :2], matrix[:2, 2], order=1, mode="nearest"
    )
    levels = np.clip(moved + row["channel_shift_intensity"], moved.min(), moved.max())
    levels = levels[:: -1 if row["flip_vertical"] else 1, :: -1 if row["flip_horizontal"] else 1]
    return np.asarray(
        ImageEnhance.Brightness(Image.fromarray(levels.astype(np.uint8))).enhance(row["brightness"])
    )


def agrees_with_keras(shifted: np.ndarray, expected: np.ndarray) -> bool:
    apart = np.abs(shifted.astype(np.float64) - expected)
    # 0.05 would do; 0.0003 is reached on images
    return bool(apart.mean() < 0.002 and (apart <= 1).mean() > 0.999)


@pytest.mark.parametrize("case", range(24))
def test_what_keras_computed_is_matched(shared, case):
    with np.load(shared / "golden" / "keras_image_data_generator.npz") as golden:
        row = json.loads(str(golden["params"]))[case]
        pixels, expected = golden["inputs"][[case]], golden["outputs"][case]
    shifted = SHIFT.apply(torch.from_numpy(pixels), table(1, **row))
    assert shifted.dtype == torch.uint8
    assert agrees_with_keras(shifted[0].numpy(), expected)


@pytest.mark.parametrize("size", [40, 41])
def test_what_scipy_and_pillow_make_of_keras_recipe_is_matched(size):
    wide = OriginalShift(rotation=90, zoom=(0.5, 2), shear=20, channel_shift=40, brightness=(0, 2))
    pixels = random_pixels(30, size, size)
    drawn = wide.draw(KEYS[:30], 0)
    drawn |= {
        "tx": drawn["theta"] / 10,
        "ty": drawn["shear"] / 2,
        "flip_vertical": drawn["flip_horizontal"][::-1],
    }
    shifted = wide.apply(pixels, drawn)
    for number in range(30):
        row = {name: float(column[number]) for name, column in drawn.items()}
        assert agrees_with_keras(shifted[number].numpy(), keras_by_hand(pixels[number].numpy(), row))


def test_the_table_has_the_columns_of_keras_and_a_row_for_each_image():
    drawn = SHIFT.draw(KEYS, 0)
    assert tuple(drawn) == COLUMNS
    assert {column.shape for column in drawn.values()} == {(len(KEYS),)}
    assert {column.dtype for column in drawn.values()} == {np.dtype(np.float64)}


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("theta", -30, 30),
        ("shear", -0.2, 0.2),
        ("zx", 0.8, 1.2),
        ("zy", 0.8, 1.2),
        ("channel_shift_intensity", -0.9, 0.9),
        ("brightness", 0.5, 1.5),
    ],
)
def test_draws_fill_the_ranges_of_the_reference(name, low, high):
    column = SHIFT.draw(KEYS, 0)[name]
    margin = 0.01 * (high - low)
    assert low <= column.min() < low + margin
    assert high - margin < column.max() <= high


def test_half_of_the_images_are_mirrored_and_none_is_moved_or_turned_upside_down():
    drawn = SHIFT.draw(KEYS, 0)
    assert set(drawn["flip_horizontal"]) == {0.0, 1.0}
    assert 0.47 < drawn["flip_horizontal"].mean() < 0.53
    for name in ("tx", "ty", "flip_vertical"):
        assert not drawn[name].any()


def test_no_two_parameters_are_related():
    drawn = SHIFT.draw(KEYS, 0)
    varying = [column for column in drawn.values() if column.any()]
    related = np.corrcoef(varying) - np.eye(len(varying))
    assert np.abs(related).max() < 0.06  # 4 standard deviations at 5,000 images


def test_ranges_are_options():
    still = OriginalShift(
        rotation=0, zoom=(1, 1), shear=0, horizontal_flip=0, channel_shift=0, brightness=(1, 1)
    )
    pixels = random_pixels(8, 20, 30)
    assert torch.equal(still.apply(pixels, still.draw(KEYS[:8], 0)), pixels)


def test_seeds_differ_and_one_seed_repeats():
    pixels = random_pixels(4, 30, 30)
    one, again, other = (SHIFT.apply(pixels, SHIFT.draw(KEYS[:4], seed)) for seed in (0, 0, 1))
    assert torch.equal(one, again)
    assert (one != other).any(dim=(1, 2)).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 1), (150, 150), (40, 61)])
def test_identity_parameters_change_no_bit(size):
    pixels = random_pixels(3, *size)
    shifted = SHIFT.apply(pixels, table(3))
    assert shifted.dtype == torch.uint8
    assert torch.equal(shifted, pixels)


def test_mirroring_alone_is_exact():
    pixels = random_pixels(2, 33, 50)
    assert torch.equal(SHIFT.apply(pixels, table(2, flip_horizontal=1)), pixels.flip(2))
    assert torch.equal(SHIFT.apply(pixels, table(2, flip_vertical=1)), pixels.flip(1))


@pytest.mark.parametrize("brightness", [0.0, 0.5, 0.77, 1.0, 1.13, 1.5, 3.0])
def test_brightness_is_that_of_pillow_on_every_grey_level(brightness):
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    expected = np.asarray(ImageEnhance.Brightness(Image.fromarray(levels)).enhance(brightness))
    shifted = SHIFT.apply(torch.from_numpy(levels)[None], table(1, brightness=brightness))
    assert np.array_equal(shifted[0].numpy(), expected)


@pytest.mark.parametrize(("intensity", "expected"), [(20.0, [30, 110, 150]), (-20.0, [10, 70, 130])])
def test_a_channel_shift_stays_within_the_range_of_the_image(intensity, expected):
    pixels = torch.tensor([[[10, 90, 150]]], dtype=torch.uint8)
    assert SHIFT.apply(pixels, table(1, channel_shift_intensity=intensity)).flatten().tolist() == expected


@pytest.mark.parametrize("level", range(0, 256, 15))
def test_a_plain_image_stays_plain_however_it_is_turned(level):
    count = 40
    drawn = SHIFT.draw(KEYS[:count], 5) | {"brightness": np.ones(count)}
    pixels = torch.full((count, 37, 52), level, dtype=torch.uint8)
    assert torch.equal(SHIFT.apply(pixels, drawn), pixels)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (33, 20)])
def test_black_stays_black_and_white_takes_the_brightness_alone(size):
    drawn = SHIFT.draw(KEYS[:30], 0)
    assert not SHIFT.apply(torch.zeros(30, *size, dtype=torch.uint8), drawn).any()
    white = SHIFT.apply(torch.full((30, *size), 255, dtype=torch.uint8), drawn)
    expected = np.minimum(np.float32(255) * drawn["brightness"].astype(np.float32), 255).astype(np.uint8)
    assert np.array_equal(white.numpy(), np.broadcast_to(expected[:, None, None], white.shape))


def test_an_image_comes_out_the_same_alone_in_a_batch_and_in_any_order():
    pixels, keys = random_pixels(64, 150, 150), KEYS[:64]
    whole = SHIFT.apply(pixels, SHIFT.draw(keys, 3))
    order = np.random.default_rng(0).permutation(64)
    assert torch.equal(SHIFT.apply(pixels[order], SHIFT.draw(keys[order], 3)), whole[order])
    for row in range(64):
        alone = SHIFT.apply(pixels[row : row + 1], SHIFT.draw(keys[row : row + 1], 3))
        assert torch.equal(alone[0], whole[row])


def test_the_given_pixels_are_left_alone():
    pixels = random_pixels(3, 20, 20)
    before = pixels.clone()
    SHIFT.apply(pixels, SHIFT.draw(KEYS[:3], 0))
    assert torch.equal(pixels, before)


def test_no_images_give_no_images():
    assert SHIFT.apply(torch.zeros(0, 8, 8, dtype=torch.uint8), SHIFT.draw(KEYS[:0], 0)).shape == (0, 8, 8)


def test_pixels_of_another_kind_are_refused():
    with pytest.raises(AskedWrongly, match=r"Got torch\.float32 of shape \(1, 4, 4\)"):
        SHIFT.apply(torch.zeros(1, 4, 4), table(1))


def test_a_table_that_lacks_a_column_or_a_row_is_refused():
    pixels = random_pixels(2, 4, 4)
    lacking = {name: column for name, column in table(2).items() if name != "shear"}
    with pytest.raises(AskedWrongly, match="lacks shear"):
        SHIFT.apply(pixels, lacking)
    with pytest.raises(AskedWrongly, match=r"Got 2 images and theta of shape \(1,\)"):
        SHIFT.apply(pixels, table(1))
