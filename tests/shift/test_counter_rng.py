"""What an image gets depends on (seed, image id, parameter name) alone, and is the same on every machine."""

import subprocess
import sys

import numpy as np
import pytest

from radapt.shift.counter_rng import _splitmix64, derived_seed, image_keys, uniform

IDS = np.array([f"test/NORMAL/IM-{number:04}-0001.jpeg" for number in range(4000)])


def test_mixing_is_that_of_the_published_generator():
    # the first outputs of SplitMix64 from the state 1234567, as published with the reference implementation
    steps = np.arange(5, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    assert _splitmix64(np.uint64(1234567) + steps).tolist() == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


def test_keys_are_the_digests_of_the_ids():
    # BLAKE2b-64 of "a", as `printf a | b2sum -l 64` prints it
    assert image_keys(["a"]).astype("<u8").tobytes().hex() == "40f89e395b66422f"


def test_draws_stay_what_they_were_in_the_first_release():
    drawn = uniform(image_keys(["a", "b"]), 0, "theta", low=-30, high=30)
    np.testing.assert_allclose(drawn, [-25.203423279947195, 2.7633471713978963], rtol=1e-14)


def test_keys_of_different_ids_differ_and_of_equal_ids_are_equal():
    keys = image_keys(IDS)
    assert keys.dtype == np.uint64
    assert len(np.unique(keys)) == len(IDS)
    assert np.array_equal(keys, image_keys(IDS.tolist()))


def test_no_ids_give_no_keys_and_no_draws():
    keys = image_keys(np.array([], dtype=np.str_))
    assert keys.shape == uniform(keys, 0, "theta").shape == (0,)


def test_an_id_from_a_file_name_that_is_not_utf8_has_a_key():
    name = b"caf\xe9.png".decode("utf-8", "surrogateescape")
    assert image_keys([name])[0] != image_keys(["café.png"])[0]


def test_a_draw_does_not_depend_on_the_other_images_or_their_order():
    keys = image_keys(IDS)
    whole = uniform(keys, 7, "theta")
    order = np.random.default_rng(0).permutation(len(keys))
    assert np.array_equal(uniform(keys[order], 7, "theta"), whole[order])
    assert np.array_equal(np.concatenate([uniform(keys[[row]], 7, "theta") for row in range(64)]), whole[:64])


@pytest.mark.parametrize(("seed", "name"), [(1, "theta"), (0, "shear"), (-1, "theta"), (2**80, "theta")])
def test_another_seed_or_name_gives_unrelated_draws(seed, name):
    keys = image_keys(IDS)
    one, other = uniform(keys, 0, "theta"), uniform(keys, seed, name)
    assert not (one == other).any()
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.06  # 4 standard deviations at 4,000 images


def test_draws_are_even_over_the_range_asked_for():
    drawn = uniform(image_keys(IDS), 3, "zoom", low=0.8, high=1.2)
    counts, _ = np.histogram(drawn, bins=10, range=(0.8, 1.2))
    assert counts.sum() == len(IDS)
    assert abs(counts - 400).max() < 80  # 4 standard deviations


def test_derived_seeds_are_stable_and_share_nothing():
    seeds = {
        derived_seed(seed, epoch, step) for seed in range(10) for epoch in range(10) for step in range(10)
    }
    assert len(seeds) == 1000
    assert derived_seed(0, 1, 2) == 16458573689347739231
    assert derived_seed(0, 1) != derived_seed(1, 0)


def test_drawing_needs_no_torch():
    code = "import sys, radapt.shift.counter_rng, radapt.shift.draws; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
