"""Storage: files are those that Pillow writes, and equalisation is the one that is written down."""

from io import BytesIO

import numpy as np
import pytest
import torch
from corruptions import KEYS, check_refused
from PIL import Image
from samples import smooth_pixels

from radapt.shift.clahe import equalised
from radapt.shift.expression import parse_shift
from radapt.shift.storage import LARGER, SMALLER, Clahe, Inversion, Jpeg, ResizeChain


def saved(image: Image.Image, quality: int) -> Image.Image:
    file = BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(BytesIO(file.getvalue()))


@pytest.mark.parametrize("text", ["resize-chain(0)", "resize-chain(factor=1, quality=100)", "inversion(0)"])
def test_an_option_that_does_nothing_changes_hardly_a_level(text):
    shift, pixels = parse_shift(text), smooth_pixels(8, 40, 25)
    changed = shift.apply(pixels, shift.draw(KEYS[:8], 0))
    most = (changed.int() - pixels.int()).abs().max()
    assert most <= (6 if "100" in text else 0)  # a JPEG is never quite what was saved


@pytest.mark.parametrize(
    "text",
    ["jpeg(0)", "jpeg(101)", "resize-chain(9)", "resize-chain(factor=0.5)", "inversion(1.1)", "clahe(0.5)"],
)
def test_an_option_out_of_range_is_refused(text):
    check_refused(text)


@pytest.mark.parametrize("quality", [100, 75, 30, 7])
@pytest.mark.parametrize("size", [(1, 1), (33, 20), (150, 150)])
def test_a_jpeg_is_pillows_own(quality, size):
    pixels = smooth_pixels(3, *size)
    shift = parse_shift(f"jpeg({quality})")
    shifted = shift.apply(pixels, shift.draw(KEYS[:3], 0))
    for image, got in zip(pixels.numpy(), shifted.numpy(), strict=True):
        assert np.array_equal(got, np.asarray(saved(Image.fromarray(image), quality)))


def test_levels_are_rounded_before_they_are_saved():
    exact = smooth_pixels(1, 30, 30).float()
    corruption = Jpeg(40)
    drawn = corruption.draw(KEYS[:1], 0)
    assert torch.equal(corruption.transform(exact + 0.4, drawn), corruption.transform(exact.clone(), drawn))
    assert torch.equal(corruption.transform(exact - 0.4, drawn), corruption.transform(exact.clone(), drawn))


def test_a_image_passed_on_once_is_made_smaller_saved_and_made_larger():
    pixels = smooth_pixels(64, 60, 90)
    corruption = ResizeChain(1, 2, 60)
    got = corruption.transform(pixels.float(), corruption.draw(KEYS, 0)).numpy()
    for image, own in zip(pixels.numpy()[:4], got, strict=False):
        grey = Image.fromarray(image)
        possible = []
        for width in range(45, 61):
            height = range(int(width / 1.5) - 1, int(width / 1.5) + 2)
            for size in ((width, each) for each in height):
                for smaller in SMALLER:
                    small = saved(grey.resize(size, smaller), 60)
                    possible += [np.asarray(small.resize((90, 60), each)) for each in LARGER]
        assert any(np.array_equal(own, each) for each in possible)


def test_images_are_passed_on_each_in_its_own_way():
    same = smooth_pixels(1, 60, 60).float().repeat(64, 1, 1)
    corruption = ResizeChain(2, 2, 60)
    changed = corruption.transform(same, corruption.draw(KEYS, 0))
    assert len({image.numpy().tobytes() for image in changed}) == 64


def test_filters_are_those_named_whichever_pillow_has():
    names = [[each.name for each in filters] for filters in (SMALLER, LARGER)]
    assert names == [["NEAREST", "BOX", "BILINEAR", "BICUBIC"], ["NEAREST", "BILINEAR", "BICUBIC"]]


def test_a_longer_chain_begins_as_a_shorter_one():
    pixels = smooth_pixels(5, 60, 60).float()
    once, twice = ResizeChain(1, 2, 60), ResizeChain(2, 2, 60)
    drawn = once.draw(KEYS[:5], 0)
    assert np.array_equal(drawn["grain"], twice.draw(KEYS[:5], 0)["grain"])
    first, both = once.transform(pixels.clone(), drawn), twice.transform(pixels.clone(), drawn)
    assert (both - first).abs().mean() < (first - pixels).abs().mean()
    assert not torch.equal(first, both)


def test_an_inverted_image_is_its_negative_and_others_stay():
    pixels = smooth_pixels(64, 20, 30)
    shift = parse_shift("inversion(0.4)")
    drawn = shift.draw(KEYS, 0)
    inverted = torch.from_numpy(drawn["inversion.inverted"] == 1)
    assert 14 < inverted.sum() < 38
    shifted = shift.apply(pixels, drawn)
    assert torch.equal(shifted[inverted], 255 - pixels[inverted])
    assert torch.equal(shifted[~inverted], pixels[~inverted])


def test_images_inverted_at_a_low_probability_are_so_at_a_higher():
    low, high = (Inversion(probability).draw(KEYS, 3)["inverted"] for probability in (0.2, 0.6))
    assert low.sum() < high.sum()
    assert (low <= high).all()
    assert Inversion(1).draw(KEYS, 3)["inverted"].all()


def curve(tile: np.ndarray, clip: float) -> np.ndarray:
    """Give what becomes of each level in a tile, plainly."""
    counts = [int((tile == level).sum()) for level in range(256)]
    limit = max(1, int(clip * tile.size / 256))
    above = sum(max(0, count - limit) for count in counts)
    counts = [min(count, limit) + above // 256 for count in counts]
    left = above % 256
    level, step = 0, max(1, 256 // max(1, left))
    while left and level < 256:
        counts[level] += 1
        level, left = level + step, left - 1
    return np.clip(np.round(np.cumsum(counts) * 255 / tile.size), 0, 255)


def plain(image: np.ndarray, clip: float) -> np.ndarray:
    """Equalise an image pixel by pixel."""
    height, width = image.shape
    down, across = min(8, height), min(8, width)
    high, wide = -(-height // down), -(-width // across)
    mirrored = np.pad(image, ((0, high * down - height), (0, wide * across - width)), mode="reflect")
    curves = [
        [curve(mirrored[row * high : (row + 1) * high, column * wide : (column + 1) * wide], clip)
         for column in range(across)]
        for row in range(down)
    ]  # fmt: skip
    grey = np.zeros(image.shape)
    for y in range(height):
        for x in range(width):
            row, column = (y / high) - 0.5, (x / wide) - 0.5
            first_row, first_column = int(np.floor(row)), int(np.floor(column))
            for r in (first_row, first_row + 1):
                for c in (first_column, first_column + 1):
                    weight = (1 - abs(row - r)) * (1 - abs(column - c))
                    near = curves[np.clip(r, 0, down - 1)][np.clip(c, 0, across - 1)]
                    grey[y, x] += weight * near[image[y, x]]
    return grey


@pytest.mark.parametrize("clip", [1, 2.5, 6, 256])
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (3, 5), (8, 8), (9, 17), (40, 40), (64, 75)])
def test_equalisation_is_the_one_done_pixel_by_pixel(clip, size):
    pixels = smooth_pixels(2, *size)
    got = equalised(pixels.float(), np.full(2, float(clip)))
    for image, own in zip(pixels.numpy(), got.numpy(), strict=True):
        assert np.allclose(own, plain(image, clip), atol=1e-3)


def test_images_are_equalised_each_to_its_own_limit_however_many_they_are():
    pixels, clips = smooth_pixels(70, 24, 16).float(), np.linspace(1, 9, 70)
    together = equalised(pixels.clone(), clips)
    for row in (0, 33, 63, 64, 69):
        alone = equalised(pixels[row : row + 1].clone(), clips[row : row + 1])
        assert torch.equal(alone[0], together[row])


@pytest.mark.parametrize("clip", [1, 2, 4])
def test_faint_grain_gets_as_much_contrast_as_the_limit_allows(clip):
    faint = torch.from_numpy(np.random.default_rng(0).integers(100, 130, (1, 400, 400))).float()
    grey = Clahe(clip).transform(faint.clone(), {"clip": np.array([float(clip)])})
    # 30 levels keep that many times the mean, and what they had above it is spread over all 256
    assert (grey.std() / faint.std()).item() == pytest.approx(clip + 1 - clip * 30 / 256, rel=0.05)
