"""Pictures of images side by side."""

import numpy as np
import pytest
from PIL import Image
from samples import make_images

from radapt.display.grid import image_grid, save_grid, save_preview
from radapt.errors import AskedWrongly
from radapt.shift.shifted import shifted_pixels


def test_a_grid_sets_the_shifted_image_right_below_its_original():
    images = make_images(5).pixels
    picture = np.asarray(image_grid([images, 255 - images], columns=3, side=16))
    gap = 16 + 8
    for row in range(2):
        for column in range(3):
            image = 3 * row + column
            if image == 5:
                continue
            y, x = 16 + row * (2 * gap + 8), 16 + column * gap
            assert np.array_equal(picture[y : y + 16, x : x + 16], images[image])
            assert np.array_equal(picture[y + gap : y + gap + 16, x : x + 16], 255 - images[image])


def test_a_grid_has_room_for_labels_and_shortens_captions_that_do_not_fit():
    images = make_images(4).pixels
    plain = image_grid([images], side=40)
    told = image_grid([images], side=40, labels=["as it is"], captions=["x" * 200] * 4)
    assert told.width > plain.width
    assert told.height > plain.height
    right = np.asarray(told)[:, -12:]
    assert (right == 255).all()  # nothing runs over the edge


def test_a_grid_of_nothing_or_of_unequal_rows_is_refused():
    images = make_images(4).pixels
    with pytest.raises(AskedWrongly, match="Got 0 images"):
        image_grid([])
    with pytest.raises(AskedWrongly, match="Got rows of 4, 3"):
        image_grid([images, images[:3]])
    with pytest.raises(AskedWrongly, match="takes 4 captions, or none. Got 1"):
        image_grid([images], captions=["one"])


def test_a_preview_shows_each_class_and_the_shift_below(tmp_path):
    images = make_images(40, size=32)
    six = images.spread(6)
    save_preview(six, [], tmp_path / "plain.png", labels=[])
    for name in ("shifted.png", "again.png"):
        shifted = shifted_pixels(six, ["original"], seed=0)
        save_preview(six, shifted, tmp_path / name, labels=["original"])
    with Image.open(tmp_path / "plain.png") as plain, Image.open(tmp_path / "shifted.png") as picture:
        assert picture.height - plain.height == 160 + 8
        assert picture.format == "PNG"
    assert (tmp_path / "again.png").read_bytes() == (tmp_path / "shifted.png").read_bytes()
    save_preview(images.spread(64), [], tmp_path / "all.png", labels=[])
    assert (tmp_path / "all.png").is_file()


def test_a_picture_that_is_no_png_is_refused(tmp_path):
    with pytest.raises(AskedWrongly, match=r"ends in \.png. Got 'images.jpg'"):
        save_grid(Image.new("L", (4, 4)), tmp_path / "images.jpg")
    assert list(tmp_path.iterdir()) == []
