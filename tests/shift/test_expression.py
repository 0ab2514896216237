"""A shift is asked for by name, with options or a severity, on the command line and in a file alike."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from radapt.errors import AskedWrongly
from radapt.shift import geometry
from radapt.shift.chain import Chain
from radapt.shift.counter_rng import image_keys
from radapt.shift.detector import Noise
from radapt.shift.exposure import Gamma
from radapt.shift.expression import at, parse_shift, read_shift
from radapt.shift.noise_fields import draw_grain, normals, uniforms
from radapt.shift.original import OriginalShift
from radapt.shift.painting import beyond
from radapt.shift.pose import Rotation
from radapt.shift.table import SHIFTS

KEYS = image_keys([f"image-{number}" for number in range(32)])
PIXELS = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (32, 24, 24), dtype=np.uint8))


def test_terms_are_read_in_their_order():
    asked = parse_shift("rotation(10) + noise(sigma=3)+gamma@2")
    assert asked == Chain((Rotation(10), Noise(3), SHIFTS["gamma"].levels[1]))
    assert parse_shift("noise") == at("noise", 3)
    assert parse_shift("noise@0") == Chain()
    assert parse_shift("noise(3) + noise(4)") == Chain((Noise(3), Noise(4)))
    assert parse_shift("original") == OriginalShift()
    assert parse_shift("original + noise(3)") == Chain((OriginalShift(), Noise(3)))
    assert parse_shift("original(horizontal_flip=0)") == Chain((OriginalShift(horizontal_flip=0),))
    assert parse_shift("gamma()") == Chain((Gamma(),))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nose", "Did you mean 'noise'"),
        ("noise(sgma=3)", "There is no option of 'noise' called 'sgma'. Did you mean 'sigma'"),
        ("noise(3, 4)", "noise has 1 options: sigma"),
        ("noise(much)", "is a number. Got 'much'"),
        ("noise(3, sigma=4)", "given twice"),
        ("noise@7", "A severity is 0 to 5. Got noise@7"),
        ("noise +", "nothing on one side"),
        ("", "nothing at all"),
        ("noise)3(", "is no shift. One is written like"),
        ("original@2", "has one strength"),
    ],
)
def test_what_is_written_wrongly_is_told_in_a_sentence(text, says):
    with pytest.raises(AskedWrongly) as told:
        parse_shift(text)
    assert says in str(told.value)


def test_a_file_says_the_same_in_steps_or_in_a_line(tmp_path):
    path = tmp_path / "unit.toml"
    path.write_text('about = "ours"\nshift = "rotation(10) + noise@2"\n')
    expected = parse_shift("rotation(10) + noise@2")
    assert read_shift(path) == expected
    path.write_text('[[steps]]\nname = "rotation"\ndegrees = 10\n[[steps]]\nname = "noise"\nseverity = 2\n')
    assert read_shift(path) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('shift = "nose"', "Did you mean 'noise'"),
        ("shift = 3", "defines no shift"),
        ("shft = 'noise'", "There is no key in unit.toml called 'shft'. Did you mean 'shift'"),
        ("[[steps]]\nsigma = 3", "has no name"),
        ("[[steps]]\nname = 'noise'\nsigma = 'much'", "is a number"),
        ("[[steps]]\nname = 'noise'\nsigma = 1\nseverity = 1", "either a whole severity or options"),
        ("shift = ", "could not be read as TOML"),
    ],
)
def test_a_file_that_says_no_shift_is_told_in_a_sentence(tmp_path, text, says):
    path = tmp_path / "unit.toml"
    path.write_text(text)
    with pytest.raises(AskedWrongly) as told:
        read_shift(path)
    assert says in str(told.value)
    with pytest.raises(AskedWrongly, match="There is no file"):
        read_shift(tmp_path / "none.toml")


def test_a_chain_moves_the_image_once_before_all_else():
    chain = Chain((Noise(0), Rotation(20), Rotation(10)))
    drawn = chain.draw(KEYS, 0)
    turned = drawn["rotation.degrees"] + drawn["rotation-2.degrees"]
    matrices = geometry.rotation(turned)
    moved = geometry.warp(PIXELS, matrices)
    expected = (moved * (1 - beyond(matrices, moved))).add(0.5).floor().to(torch.uint8)
    difference = (chain.apply(PIXELS, drawn).int() - expected.int()).abs()
    assert difference.max() <= 1
    assert np.abs(drawn["rotation.degrees"]).max() > 15
    assert not np.array_equal(drawn["rotation.degrees"] / 2, drawn["rotation-2.degrees"])


def test_a_cause_draws_the_same_alone_and_in_a_chain():
    alone, among = Chain((Noise(3),)), Chain((Rotation(10), Noise(3)))
    assert np.array_equal(alone.draw(KEYS, 4)["noise.grain"], among.draw(KEYS, 4)["noise.grain"])


def test_the_seed_alone_and_as_a_cause_are_the_same():
    seed = OriginalShift()
    chain = Chain((seed,))
    assert torch.equal(chain.apply(PIXELS, chain.draw(KEYS, 5)), seed.apply(PIXELS, seed.draw(KEYS, 5)))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(1.0, 3.0), min_size=1, max_size=4), st.booleans())
def test_grades_together_are_those_one_after_the_other(factors, moved):
    chain = Chain((*((Rotation(0),) if moved else ()), *map(Gamma, factors)))
    drawn = chain.draw(KEYS, 0)
    exponent = np.prod([values for name, values in drawn.items() if "exponent" in name], axis=0)
    expected = 255 * (PIXELS.double() / 255) ** torch.from_numpy(exponent)[:, None, None]
    got = chain.apply(PIXELS, drawn).double()
    assert (got - expected).abs().max() <= 0.51


def test_pixel_noise_is_even_normal_and_independent():
    grain = draw_grain(KEYS, 0, "test")
    even = uniforms(grain, 64, 64, PIXELS.device)
    assert even.min() > 0
    assert even.max() < 1
    counts = np.bincount((even.numpy().ravel() * 16).astype(int), minlength=16)
    assert np.abs(counts / counts.sum() - 1 / 16).max() < 0.002
    z = normals(grain, 64, 64, PIXELS.device).numpy()
    assert abs(z.mean()) < 0.01
    assert abs(z.std() - 1) < 0.01
    neighbours = [(z[:, :, 1:], z[:, :, :-1]), (z[:, 1:], z[:, :-1]), (z[1:], z[:-1])]
    other = normals(grain, 64, 64, PIXELS.device, part=1).numpy()
    for one, two in [*neighbours, (z, other)]:
        assert abs(np.corrcoef(one.ravel(), two.ravel())[0, 1]) < 0.01


def test_pixel_noise_is_finite_where_every_bit_is_set():
    grain, place = np.array([351.0]), 30492  # found by trying
    even = uniforms(grain, 1, place + 1, PIXELS.device)
    assert even.max() == even[0, 0, place] == 1 - 2**-24
    assert normals(grain, 1, place + 1, PIXELS.device).isfinite().all()
