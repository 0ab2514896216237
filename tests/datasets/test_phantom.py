import json
import re
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from radapt.datasets.phantom import draw, draw_dataset, write
from radapt.errors import AskedWrongly, UnknownName, WrongFolder
from radapt.images.imageset import Dataset, ImageSet
from radapt.images.patients import patients_of
from radapt.phantom.anatomy import draw_chest
from radapt.phantom.canvas import Frame, View, smooth
from radapt.phantom.drawing import CLASSES, HOSPITALS
from radapt.phantom.pneumonia import draw_pneumonia, fluid

SIZE = 48  # pixels; images this small take a millisecond or two each

# boxes of an image as shares of its height and width: (top, bottom, left, right)
RIGHT_LUNG, LEFT_LUNG = (0.35, 0.55, 0.22, 0.36), (0.35, 0.55, 0.68, 0.80)
HEART, BESIDE_HEART = (0.50, 0.60, 0.56, 0.62), (0.50, 0.60, 0.36, 0.41)
ABDOMEN, AIR = (0.90, 1.0, 0.40, 0.60), (0.0, 0.03, 0.0, 0.10)


def mean(images: ImageSet, box: tuple[float, float, float, float]) -> NDArray[np.float64]:
    top, bottom, left, right = (round(share * images.pixels.shape[1]) for share in box)
    return images.pixels[:, top:bottom, left:right].mean(axis=(1, 2))


def roughness(images: ImageSet) -> float:
    """The mean bend from pixel to pixel in the abdomen beside the spine: little but noise."""
    rows = images.pixels[:, -10:-4, 13:20].astype(float)
    return float(np.abs(np.diff(rows, n=2, axis=2)).mean())


@pytest.fixture(scope="module")
def images() -> ImageSet:
    return draw(120, size=SIZE)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return draw_dataset(train=40, val=6, test=20, size=SIZE)


def test_images_are_grey_bytes_with_label_patient_and_name(images: ImageSet) -> None:
    assert images.pixels.shape == (120, SIZE, SIZE)
    assert images.pixels.dtype == np.uint8
    assert images.classes == CLASSES == ("NORMAL", "PNEUMONIA")
    assert len(set(images.ids.tolist())) == 120
    for name, patient in zip(images.ids.tolist(), images.patients.tolist(), strict=True):
        assert re.fullmatch(r"phantom-\d{4}_\d{3}\.png", name)
        assert name.startswith(f"{patient}_")


def test_patients_are_told_from_the_names_as_they_were_drawn(images: ImageSet) -> None:
    patients, rule, _ = patients_of(images.ids.tolist())
    assert (patients, rule) == (images.patients.tolist(), "phantom")


def test_a_patient_has_one_to_three_images_and_one_diagnosis(images: ImageSet) -> None:
    counts = []
    for patient in set(images.patients[:-3].tolist()):
        own = images.labels[images.patients == patient]
        assert len(set(own.tolist())) == 1
        counts.append(len(own))
    assert set(counts) == {1, 2, 3}


def test_images_of_one_patient_are_not_the_same_picture(images: ImageSet) -> None:
    follow_ups = [row for row, name in enumerate(images.ids.tolist()) if name.endswith("_001.png")]
    assert follow_ups
    for row in follow_ups:
        assert np.mean(images.pixels[row] != images.pixels[row - 1]) > 0.5


def test_the_same_seed_draws_the_same_images(images: ImageSet) -> None:
    assert draw(120, size=SIZE).digest() == images.digest()
    assert draw(120, size=SIZE, seed=1).digest() != images.digest()


def test_a_image_does_not_depend_on_how_many_are_drawn(images: ImageSet) -> None:
    few = draw(17, size=SIZE)
    assert few.digest() == images.take(range(17)).digest()


def test_drawing_leaves_global_random_numbers_alone() -> None:
    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    draw(2, size=32)
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


@pytest.mark.parametrize("prevalence", [0.0, 0.2, 0.5, 1.0])
def test_the_asked_share_of_images_shows_pneumonia(prevalence: float) -> None:
    labels = draw(120, size=32, prevalence=prevalence, seed=4).labels
    assert abs(labels.mean() - prevalence) <= (0.09 if 0 < prevalence < 1 else 0)


def test_no_images_can_be_asked_for() -> None:
    assert draw(0, size=SIZE).pixels.shape == (0, SIZE, SIZE)


def test_lungs_are_dark_and_heart_abdomen_and_bones_are_white() -> None:
    images = draw(60, size=SIZE, prevalence=0)
    lungs = (mean(images, RIGHT_LUNG) + mean(images, LEFT_LUNG)) / 2
    assert np.mean(mean(images, HEART) > lungs + 40) > 0.95
    assert np.mean(mean(images, ABDOMEN) > lungs + 60) > 0.95
    assert np.mean(mean(images, AIR) < lungs) > 0.9


def test_the_heart_is_larger_to_the_right_of_the_image() -> None:
    images = draw(60, size=SIZE, prevalence=0)
    assert mean(images, HEART).mean() > mean(images, BESIDE_HEART).mean() + 20


def test_ribs_cross_the_lungs() -> None:
    lungs = draw(20, size=128, prevalence=0).pixels[:, 40:75, 36:40].mean(axis=2)
    waves = np.abs(np.fft.rfft(lungs - lungs.mean(axis=1, keepdims=True), axis=1)).mean(axis=0)
    assert 2 <= waves[2:].argmax() + 2 <= 6  # bright bands in the 35 rows
    assert lungs.std(axis=1).mean() > 5


def test_pneumonia_makes_the_same_patients_lungs_whiter() -> None:
    well, ill = (draw(60, size=SIZE, prevalence=share) for share in (0.0, 1.0))
    assert well.ids.tolist() == ill.ids.tolist()
    change = mean(ill, RIGHT_LUNG) + mean(ill, LEFT_LUNG) - mean(well, RIGHT_LUNG) - mean(well, LEFT_LUNG)
    assert change.mean() > 8
    assert np.median(change) < 80  # many are subtle


def test_brightness_alone_does_not_tell_the_classes_apart() -> None:
    images = draw(240, size=32, seed=2)
    grey = images.pixels.mean(axis=(1, 2))
    ill, well = grey[images.labels == 1], grey[images.labels == 0]
    auroc = np.mean(ill[:, None] > well[None, :])
    assert 0.4 < auroc < 0.75


def test_fluid_fills_a_part_of_the_chest_and_no_more_than_all_of_its_air() -> None:
    rng = np.random.default_rng(0)
    frame = Frame(View(0, (0, 0), 1, 0, 0, 14, -2), SIZE)
    for _ in range(40):
        wet = fluid(draw_pneumonia(rng, draw_chest(rng, 0.1)), frame, rng)
        assert wet.shape == (SIZE, SIZE)
        assert wet.min() >= 0
        assert 0.1 < wet.max() < 1
        assert 0.001 < np.mean(wet > 0.1) < 0.6


@pytest.mark.parametrize("size", [32, 300])
def test_blurring_spreads_a_point_evenly_and_leaves_a_flat_picture_flat(size: int) -> None:
    flat, point = np.full((size, size), 3, np.float32), np.zeros((size, size), np.float32)
    point[size // 2, size // 2] = 1
    assert np.allclose(smooth(flat, 2.0), 3)
    spread = smooth(point, 2.0)
    assert spread.sum() == pytest.approx(1, abs=1e-4)
    assert np.allclose(spread, spread.T)
    assert spread[size // 2, size // 2 + 2] == pytest.approx(spread.max() * np.exp(-0.5), rel=1e-4)


@pytest.mark.parametrize("age", [0.0, 0.5, 1.0])
def test_anatomy_is_plausible_at_every_age(age: float) -> None:
    for seed in range(200):
        chest = draw_chest(np.random.default_rng(seed), age)
        assert -1 < chest.apex < min(chest.domes) < chest.base < 1
        assert 0.5 < chest.width < 0.95
        assert 0 < chest.wall < 0.3
        assert chest.heart[0] < chest.heart[1]  # the heart is on the left


def test_a_larger_image_shows_the_same_chest() -> None:
    small, large = draw(6, size=64), draw(6, size=256)
    shrunk = large.pixels.reshape(6, 64, 4, 64, 4).mean(axis=(2, 4))
    for one, other in zip(small.pixels, shrunk, strict=True):
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.98


def test_hospitals_differ_as_their_tables_say() -> None:
    children, digital, portable = (
        draw(60, hospital=name, size=SIZE, prevalence=0) for name in ("children", "digital", "portable")
    )
    assert roughness(portable) > 1.2 * roughness(children)
    assert roughness(children) > 1.2 * roughness(digital)
    assert mean(portable, RIGHT_LUNG).std() > 1.2 * mean(digital, RIGHT_LUNG).std()
    edges = [images.pixels[:, :, :2].mean() for images in (children, portable)]
    assert edges[1] < edges[0]  # the shutters
    heart_over_lung = [
        (mean(images, HEART) - mean(images, RIGHT_LUNG)).mean() for images in (children, portable)
    ]
    assert heart_over_lung[1] < 0.8 * heart_over_lung[0]  # flat images


def test_hospitals_of_one_seed_see_the_same_patients() -> None:
    here, there = draw(30, size=SIZE), draw(30, hospital="portable", size=SIZE)
    assert here.patients.tolist() == there.patients.tolist()
    assert here.labels.tolist() == there.labels.tolist()
    assert not np.array_equal(here.pixels, there.pixels)


@pytest.mark.parametrize("name", HOSPITALS)
def test_a_hospital_can_be_written_down_and_read_again(name: str) -> None:
    values = json.loads(json.dumps(asdict(HOSPITALS[name])))
    assert type(HOSPITALS[name])(**values) == HOSPITALS[name]


def test_a_hospital_of_ones_own_is_drawn() -> None:
    still = replace(HOSPITALS["children"], noise=0.0, marker="")
    assert roughness(draw(20, hospital=still, size=SIZE)) < 0.7 * roughness(draw(20, size=SIZE))


def test_a_hospital_can_turn_its_patients_far() -> None:
    turned = replace(HOSPITALS["children"], tilt=90.0, field=2.5)
    assert draw(10, hospital=turned, size=SIZE).pixels.max() > 150


def test_an_unknown_hospital_is_named_and_the_nearest_one_offered() -> None:
    with pytest.raises(UnknownName, match=r"no hospital called 'portabel'. Did you mean 'portable'\?"):
        draw(1, hospital="portabel")
    with pytest.raises(UnknownName, match="There are: children, digital, portable"):
        draw_dataset(train=1, val=1, test=1, hospital="zzz")


def test_an_unknown_marker_is_refused() -> None:
    with pytest.raises(UnknownName, match="side marker called 'X'. There are: L, R"):
        draw(1, hospital=replace(HOSPITALS["digital"], marker="X"))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"count": -1}, "Got counts -1"),
        ({"count": 1, "seed": -2}, "seed -2"),
        ({"count": 1, "size": 8}, "32 to 1024 pixels a side. Got 8"),
        ({"count": 1, "prevalence": 1.5}, "from 0 to 1. Got 1.5"),
    ],
)
def test_values_out_of_range_are_refused(asked: dict[str, int], said: str) -> None:
    with pytest.raises(AskedWrongly, match=said):
        draw(**asked)  # type: ignore[arg-type]


def test_splits_have_the_asked_sizes_and_share_no_patient(dataset: Dataset) -> None:
    assert {split: len(images) for split, images in dataset.splits.items()} == {
        "train": 40,
        "val": 6,
        "test": 20,
    }
    seen = [set(images.patients.tolist()) for images in dataset.splits.values()]
    assert len(set.union(*seen)) == sum(map(len, seen))
    for images in dataset.splits.values():
        assert min(images.counts().values()) > 0


def test_the_test_images_stay_when_more_are_drawn_for_training(dataset: Dataset) -> None:
    more = draw_dataset(train=60, val=6, test=20, size=SIZE)
    assert more["test"].digest() == dataset["test"].digest()
    assert more["train"].take(range(40)).digest() == dataset["train"].digest()
    assert more.origin.fingerprint != dataset.origin.fingerprint


def test_a_split_of_no_images_is_left_out() -> None:
    assert list(draw_dataset(train=4, val=0, test=2, size=32).splits) == ["train", "test"]
    with pytest.raises(AskedWrongly, match="at least one image"):
        draw_dataset(train=0, val=0, test=0)


def test_the_origin_says_what_was_drawn_and_that_it_is_drawn(dataset: Dataset) -> None:
    origin = dataset.origin
    assert (origin.name, origin.patient_rule) == ("phantom", "phantom")
    assert origin.preprocessing["hospital"] == "children"
    assert origin.preprocessing["size"] == SIZE
    assert "no patient" in origin.notes[0]
    again = draw_dataset(train=40, val=6, test=20, size=SIZE)
    assert again.origin == origin


def test_written_images_are_read_again_to_the_byte(dataset: Dataset, tmp_path: Path) -> None:
    write(dataset, tmp_path / "images")
    assert [path.name for path in tmp_path.iterdir()] == ["images"]
    for split, images in dataset.splits.items():
        written = {path.name: path for path in (tmp_path / "images" / split).glob("*/*.png")}
        assert sorted(written) == sorted(images.ids.tolist())
        for pixels, label, name in zip(images.pixels, images.labels, images.ids.tolist(), strict=True):
            assert written[name].parent.name == CLASSES[label]
            with Image.open(written[name]) as image:
                assert image.mode == "L"
                assert np.array_equal(np.asarray(image), pixels)


def test_an_empty_folder_is_written_to_and_a_full_one_is_not(dataset: Dataset, tmp_path: Path) -> None:
    write(dataset, tmp_path)
    with pytest.raises(WrongFolder, match="is not empty"):
        write(dataset, tmp_path)
