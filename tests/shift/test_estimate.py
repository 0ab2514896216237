"""The shift between two sets is found again where it was planted, and none where there is none."""

import json

import numpy as np
import pytest

from radapt.datasets.phantom import draw_dataset, write
from radapt.errors import AskedWrongly
from radapt.shift.chain import Chain
from radapt.shift.estimate import SEARCHED, estimate_shift, statistics, words, write_shift
from radapt.shift.expression import parse_shift, read_shift, resolved
from radapt.shift.shifted import shift_images
from radapt.shift.table import CORRUPTIONS


@pytest.fixture(scope="module")
def phantoms():
    return draw_dataset(train=100, val=0, test=100, size=64, seed=0)


def planted(phantoms, text):
    shifted, _ = shift_images(phantoms["test"], parse_shift(text), seed=5)
    return estimate_shift(phantoms["train"], shifted)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [("noise(10)", 8, 12.5), ("power(1.7)", 1.5, 1.9), ("blur(3.5)", 2.4, 3.6), ("rotation(20)", 14, 26)],
)
def test_a_planted_shift_is_found_again(phantoms, text, low, high):
    found = planted(phantoms, text)
    kind = type(parse_shift(text).corruptions[0])
    (strength,) = (corruption for corruption in found.shift.corruptions if isinstance(corruption, kind))
    assert low <= getattr(strength, kind.__match_args__[0]) <= high
    assert found.closed > 0.8
    assert any(text.partition("(")[0] in sentence for sentence in words(found))


def test_between_two_halves_of_one_set_there_is_none(phantoms):
    estimated = estimate_shift(phantoms["train"], phantoms["test"])
    assert estimated.shift == Chain()
    assert estimated.before == estimated.after
    assert words(estimated)[0].startswith("No simulated shift")
    assert "are not measured by these statistics" in words(estimated)[-1]


def test_labels_change_nothing(phantoms):
    shifted, _ = shift_images(phantoms["test"], parse_shift("power(0.6)"), seed=1)
    estimated = estimate_shift(phantoms["train"], shifted)
    shuffled = shifted.take(np.random.default_rng(0).permutation(len(shifted)))
    assert str(estimate_shift(phantoms["train"], shuffled).shift) == str(estimated.shift)


def test_statistics_are_those_of_known_pictures():
    rng = np.random.default_rng(0)
    noisy = np.clip(rng.normal(128, 7, (2, 128, 128)), 0, 255).astype(np.uint8)
    flat = np.full((1, 128, 128), 50, dtype=np.uint8)
    bar = np.zeros((1, 128, 128), dtype=np.uint8)
    bar[:, :, 40:88] = 200
    assert statistics(noisy)["noise"] == pytest.approx([7, 7], rel=0.06)
    assert statistics(flat)["noise"] == statistics(flat)["spread"] == 0
    assert statistics(bar)["width"][0] == pytest.approx(48 / 128 / np.sqrt(12), rel=1e-3)
    assert statistics(bar)["border"][0] < statistics(bar)["mean"][0]


def test_every_cause_that_is_searched_has_its_strength_first():
    for name, values in SEARCHED.items():
        for value in values:
            assert parse_shift(f"{name}({value})") == Chain((CORRUPTIONS[name](value),))


def test_what_is_estimated_is_written_as_it_can_be_asked_for(tmp_path):
    shift = parse_shift("power(0.7) + noise(6)")
    write_shift(tmp_path / "mine.toml", shift, 'from "a" to b')
    assert read_shift(tmp_path / "mine.toml") == shift
    write_shift(tmp_path / "none.toml", Chain(), "\N{HOSPITAL}")
    assert read_shift(tmp_path / "none.toml") == Chain()
    for text in ("nothing", "original", "chexphoto@3", "noise(3) + blur@2"):
        (tmp_path / "any.toml").write_text(f'shift = "{text}"')
        assert parse_shift(resolved(str(tmp_path / "any.toml"))) == parse_shift(text)
    assert resolved(str(tmp_path / "none.toml")) == "nothing"


def test_too_few_images_and_other_sizes_are_refused(phantoms):
    with pytest.raises(AskedWrongly, match="20 images of the source and of the target. Got 100 and 3"):
        estimate_shift(phantoms["train"], phantoms["test"].take(range(3)))
    small = phantoms["test"].with_pixels(phantoms["test"].pixels[:, ::2, ::2])
    with pytest.raises(AskedWrongly, match="must have the same size"):
        estimate_shift(phantoms["train"], small)


def test_the_command_estimates_writes_and_shifts(phantoms, radapt, tmp_path):
    write(phantoms, tmp_path / "one")
    toml, size = tmp_path / "mine.toml", ("--size", "32")
    code, out, _ = radapt("shift", tmp_path / "one", "--shift", "noise(12)", "--out", tmp_path / "two", *size)
    assert (code, "200 images under noise(sigma=12)" in out) == (0, True)
    words = ["shift", "--estimate", tmp_path / "one", tmp_path / "two", *size, "--out", toml]
    code, out, err = radapt(*words, "--json", "--quiet")
    document = json.loads(out)
    assert (code, "Estimating" in err, "reading" in err) == (0, False, False)
    assert "noise" in document["shift"]
    assert 0 <= document["closed"] <= 1
    assert str(read_shift(toml)) == document["shift"]
    toml.write_text("mine")
    code, out, err = radapt(*words)
    assert (code, out) == (2, "")
    assert err == f"radapt: {toml} exists already, and is never overwritten: give --out another name.\n"
    toml.write_text(f'shift = "{document["shift"]}"')
    code, out, _ = radapt("preview", tmp_path / "one", "--shift", toml, "--out", tmp_path / "p.png", *size)
    assert (code, "noise" in out) == (0, True)
    for wrong in (["shift", tmp_path / "one"], ["shift", "--estimate", tmp_path / "one"]):
        code, _, err = radapt(*wrong)
        assert (code, "--estimate needs two" in err) == (2, True)
