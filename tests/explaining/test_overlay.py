"""A map is drawn over its image, at the size of the image, and hides nothing where it is nothing."""

import numpy as np
from matplotlib import colormaps

from radapt.explaining import overlay as overlays
from radapt.explaining.overlay import overlay, palette, shares

IMAGE = np.random.default_rng(0).integers(0, 256, (30, 40), dtype=np.uint8)


def test_where_the_map_is_nothing_or_negative_the_image_shows_alone():
    drawn = np.full((30, 40), -1, dtype=np.float32)
    drawn[10:20, 10:20] = 2
    picture = overlay(IMAGE, drawn)
    assert picture.shape == (30, 40, 3)
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(picture[:10], np.repeat(IMAGE[:10, :, None], 3, axis=2))
    assert (picture[10:20, 10:20, 0].astype(int) - picture[10:20, 10:20, 2]).min() > 30  # yellow


def test_bands_of_a_large_image_are_those_of_the_whole(monkeypatch):
    drawn = np.random.default_rng(1).random((30, 40), dtype=np.float32)
    whole = overlay(IMAGE, drawn)
    monkeypatch.setattr(overlays, "bands", lambda *shape: [slice(0, 7), slice(7, shape[0])])
    np.testing.assert_array_equal(overlay(IMAGE, drawn), whole)


def test_a_small_map_is_drawn_large_and_one_of_nothing_changes_nothing():
    small = np.zeros((3, 4), dtype=np.float32)
    np.testing.assert_array_equal(overlay(IMAGE, small), np.repeat(IMAGE[..., None], 3, axis=2))
    small[0, 0] = 1
    assert (overlay(IMAGE, small)[:4, :4] != IMAGE[:4, :4, None]).any()


def test_shares_are_of_the_largest_value_and_not_of_what_is_no_number():
    assert shares(np.array([[np.nan, -3, 1, 4]], dtype=np.float32)).tolist() == [[0, 0, 0.25, 1]]


def test_colours_are_those_of_matplotlib():
    wanted = 255 * colormaps["inferno"](np.arange(256))[:, :3]
    assert np.abs(palette() - wanted).max() < 8


def test_colours_grow_lighter_evenly_so_that_they_are_told_apart_without_hue():
    red, green, blue = palette().astype(float).T
    lightness = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    assert (np.diff(lightness) >= -0.5).all()
    assert lightness[0] < 5
    assert lightness[-1] > 240
