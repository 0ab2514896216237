"""Example images are read with their maps, and without them where a study has none."""

import numpy as np
import pytest

from radapt.errors import BadArtefact
from radapt.report.example_images import map_legend, overlaid, read_images

CAPTION = {"id": "a.png", "label": "NORMAL", "strategy": "none", "budget": 0, "predicted": "PNEUMONIA"}


def write(folder, maps=None):
    pixels = np.full((1, 8, 8), 100, dtype=np.uint8)
    np.savez(folder / "images.npz", source=pixels, target=pixels, worst=pixels)
    if maps is not None:
        np.savez(folder / "maps.npz", drawn=maps)
    return folder / "images.npz"


def captions(**more):
    plain = [{"id": "a.png", "label": "NORMAL"}]
    return {
        "source": plain,
        "target": plain,
        "worst": [{**CAPTION, "true_class_probability": 0.1, **more}],
    }


def test_a_study_without_maps_is_read_as_before(tmp_path):
    (image,) = read_images(write(tmp_path), captions())["worst"]
    assert (image.drawn, image.explained, image.alike) == (None, "", None)
    assert image.predicted == "PNEUMONIA"


def test_a_map_is_read_and_drawn(tmp_path):
    maps = np.zeros((1, 8, 8), dtype=np.uint8)
    known = captions(explained="PNEUMONIA", alike_with_random_weights=0.25)
    (empty,) = read_images(write(tmp_path, maps), known)["worst"]
    assert (empty.explained, empty.alike) == ("PNEUMONIA", 0.25)
    maps[0, 2, 2] = 255
    (image,) = read_images(write(tmp_path, maps), known)["worst"]
    assert overlaid(image) != overlaid(empty)
    assert map_legend().startswith("data:image/png;base64,")
    (tmp_path / "maps.npz").unlink()
    with pytest.raises(BadArtefact, match=r"maps\.npz is missing"):
        read_images(write(tmp_path), known)
