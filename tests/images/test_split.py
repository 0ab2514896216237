"""Sets are divided by patient, alike in every class, and the same way every time."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import make_images

from radapt.errors import AskedWrongly
from radapt.images.imageset import ImageSet
from radapt.images.split import choose_budget, choose_patients, fold_of, split_by_patient, split_off

THREE = {"train": 0.7, "val": 0.1, "test": 0.2}


def draw_images(labels, patients):
    count = len(labels)
    return ImageSet(
        pixels=np.arange(count, dtype=np.uint8).reshape(-1, 1, 1),
        labels=np.asarray(labels, dtype=np.int64),
        patients=np.asarray(patients, dtype=np.str_),
        ids=np.asarray([f"{row:04d}.png" for row in range(count)], dtype=np.str_),
        classes=("normal", "pneumonia"),
    )


@st.composite
def sets(draw, least=1):
    """Images of patients with one to nine images, a few patients with images of both classes."""
    sizes = draw(st.lists(st.integers(1, 9), min_size=least, max_size=30))
    patients = [f"p{number}" for number, size in enumerate(sizes) for _ in range(size)]
    kinds = draw(st.lists(st.integers(0, 1), min_size=len(sizes), max_size=len(sizes)))
    mixed = draw(st.integers(0, len(sizes) - 1))
    labels = [kind for kind, size in zip(kinds, sizes, strict=True) for _ in range(size)]
    first = patients.index(f"p{mixed}")
    labels[first] = 1 - labels[first]
    return draw_images(labels, patients)


def sides(one, other):
    return set(one.patients.tolist()) & set(other.patients.tolist())


@settings(max_examples=60, deadline=None)
@given(sets(), st.integers(0, 5))
def test_no_patient_is_in_two_splits_whatever_the_order_of_the_images(images, seed):
    names = split_by_patient(images.labels, images.patients, fractions=THREE, seed=seed)
    for patient in np.unique(images.patients):
        assert len(set(names[images.patients == patient])) == 1
    order = np.random.default_rng(seed).permutation(len(images))
    again = split_by_patient(images.labels[order], images.patients[order], fractions=THREE, seed=seed)
    assert np.array_equal(again, names[order])


def test_each_class_is_spread_in_the_shares_that_were_asked_for():
    rng = np.random.default_rng(0)
    patients = np.array([f"p{number}" for number in rng.integers(0, 400, 2000)])
    labels = np.array([int(int(name[1:]) % 4 == 0) for name in patients])
    names = split_by_patient(labels, patients, fractions=THREE, seed=1)
    for label in (0, 1):
        for split, share in THREE.items():
            assert np.mean(names[labels == label] == split) == pytest.approx(share, abs=0.02)


def test_three_patients_of_a_class_are_enough_for_three_splits():
    names = split_by_patient(np.zeros(3, int), np.array(["a", "b", "c"]), fractions=THREE, seed=0)
    assert sorted(names) == ["test", "train", "val"]


def test_another_seed_draws_other_patients():
    patients = np.array([f"p{number}" for number in range(100)])
    one, other = (
        split_by_patient(np.zeros(100, int), patients, fractions=THREE, seed=seed) for seed in (0, 1)
    )
    assert (one != other).any()


@pytest.mark.parametrize("fractions", [{"a": 0.5, "b": 0.4}, {"a": 1.0, "b": 0.0}, {}])
def test_shares_that_do_not_add_up_are_refused(fractions):
    with pytest.raises(AskedWrongly, match="add up to 1"):
        split_by_patient(np.zeros(2, int), np.array(["a", "b"]), fractions=fractions, seed=0)


@settings(max_examples=60, deadline=None)
@given(sets(), st.floats(0.05, 0.9), st.integers(0, 5))
def test_carving_parts_a_set_by_patient(images, fraction, seed):
    rest, part = split_off(images, fraction, seed=seed)
    assert sorted([*rest.ids, *part.ids]) == sorted(images.ids)
    assert not sides(rest, part)


def test_carving_leaves_a_patient_of_each_class_on_each_side():
    images = draw_images([0, 0, 1, 1, 1, 1], ["a", "b", "c", "c", "c", "d"])
    for seed in range(10):
        rest, part = split_off(images, 0.1, seed=seed)
        assert set(rest.labels) == set(part.labels) == {0, 1}
    lone = draw_images([0, 1, 1], ["a", "b", "c"])
    assert set(split_off(lone, 0.5, seed=0)[0].labels) == {0, 1}


def test_a_carved_share_is_about_what_was_asked_for():
    images = draw_images(np.arange(300) % 2, [f"p{row // 2 * 2 + row % 2}" for row in range(300)])
    rest, part = split_off(images, 0.15, seed=3)
    assert len(part) == pytest.approx(45, abs=2)
    assert part.counts() == pytest.approx({"normal": 22.5, "pneumonia": 22.5}, abs=1)
    assert len(rest) + len(part) == 300


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5])
def test_a_share_that_leaves_nothing_is_refused(fraction):
    with pytest.raises(AskedWrongly, match="between 0 and 1"):
        split_off(draw_images([0, 1], ["a", "b"]), fraction, seed=0)


@settings(max_examples=40, deadline=None)
@given(sets(least=4), st.integers(0, 5))
def test_budgets_are_exact_nested_and_as_mixed_as_the_set(images, seed):
    smaller = set()
    kinds = len(np.unique(images.labels))
    for count in range(kinds, len(images) + 1):
        chosen = choose_budget(images, count, seed=seed)
        assert len(chosen) == count
        assert smaller <= set(chosen.ids.tolist())
        smaller = set(chosen.ids.tolist())
        share = np.mean(images.labels == 0) * count
        assert abs(chosen.counts()["normal"] - share) <= 1
    assert smaller == set(images.ids.tolist())


def test_a_budget_takes_whole_patients_but_the_last():
    patients = [f"p{row // 5}" for row in range(100)]
    images = draw_images([0] * 50 + [1] * 50, patients)
    chosen = choose_budget(images, 26, seed=2)
    for label in (0, 1):
        _, sizes = np.unique(chosen.patients[chosen.labels == label], return_counts=True)
        assert sorted(sizes) == [3, 5, 5]


def test_a_budget_does_not_depend_on_the_order_of_the_images():
    images = draw_images([0, 0, 0, 1, 1, 1], list("aabccd"))
    other = images.take(np.array([5, 3, 1, 0, 2, 4]))
    for count in range(2, 7):
        one, two = (choose_budget(each, count, seed=0).ids.tolist() for each in (images, other))
        assert sorted(one) == sorted(two)


@pytest.mark.parametrize("count", [0, 1, 7])
def test_a_budget_beyond_the_set_or_below_its_classes_is_refused(count):
    with pytest.raises(AskedWrongly, match=str(count)):
        choose_budget(draw_images([0, 0, 0, 1, 1, 1], list("aabccd")), count, seed=0)


def test_sites_are_spread_alike_and_patients_stay_whole():
    rng = np.random.default_rng(0)
    patients = np.repeat([f"p{number}" for number in range(200)], 2)
    labels, sites = (
        np.repeat(rng.integers(0, 2, 200), 2),
        np.repeat(rng.choice(["north", "south"], 200, p=[0.8, 0.2]), 2),
    )
    named = split_by_patient(labels, patients, fractions=THREE, seed=0, sites=sites)
    for split, share in THREE.items():
        for site in ("north", "south"):
            for label in (0, 1):
                group = (sites == site) & (labels == label)
                assert abs((named[group] == split).sum() - share * group.sum()) <= 4, "two patients too many"
    assert all(len(set(named[patients == patient])) == 1 for patient in set(patients))
    order = rng.permutation(400)
    again = split_by_patient(labels[order], patients[order], fractions=THREE, seed=0, sites=sites[order])
    assert np.array_equal(again, named[order])


@settings(max_examples=100, deadline=None)
@given(sets(), st.integers(1, 12), st.sampled_from([{"a": 0.5, "b": 0.5}, THREE]), st.integers(0, 3))
def test_every_split_has_a_patient_of_every_class_that_has_enough_however_many_sites(
    images, sites, fractions, seed
):
    places = np.array([f"s{int(patient[1:]) % sites}" for patient in images.patients])
    named = split_by_patient(images.labels, images.patients, fractions=fractions, seed=seed, sites=places)
    of_patient = most_common_class(images)
    for patient in of_patient:
        assert len(set(named[images.patients == patient].tolist())) == 1
    for label in (0, 1):
        members = [patient for patient, kind in of_patient.items() if kind == label]
        met = {str(named[images.patients == patient][0]) for patient in members}
        assert len(met) == min(len(members), len(fractions))
    order = np.random.default_rng(seed).permutation(len(images))
    again = split_by_patient(
        images.labels[order], images.patients[order], fractions=fractions, seed=seed, sites=places[order]
    )
    assert np.array_equal(again, named[order])


def most_common_class(images):
    return {
        patient: int(2 * images.labels[images.patients == patient].sum() > (images.patients == patient).sum())
        for patient in set(images.patients.tolist())
    }


@pytest.mark.parametrize(("sites", "each"), [(1000, 1), (100, 2), (50, 6), (7, 40), (2, 300)])
def test_a_class_is_spread_in_its_shares_whether_its_sites_are_large_or_small(sites, each):
    count = sites * each
    patients = np.array([f"p{row}" for row in range(count)])
    labels, places = np.arange(count) % 2, np.repeat([f"s{site}" for site in range(sites)], each)
    named = split_by_patient(labels, patients, fractions=THREE, seed=0, sites=places)
    for split, share in THREE.items():
        for label in (0, 1):
            assert (named[labels == label] == split).sum() == pytest.approx(share * count / 2, abs=1)
            if each >= 40:
                for site in set(places.tolist()):
                    group = (places == site) & (labels == label)
                    assert (named[group] == split).sum() == pytest.approx(share * group.sum(), abs=1)


@settings(max_examples=100, deadline=None)
@given(sets(least=8), st.integers(2, 5), st.integers(1, 12), st.integers(0, 3))
def test_every_patient_is_in_one_fold_and_every_fold_has_every_class(images, folds, sites, seed):
    places = np.array([f"s{int(patient[1:]) % sites}" for patient in images.patients])
    images = replace(images, columns={"site": places})
    kinds = list(most_common_class(images).values())
    if min(kinds.count(label) for label in set(images.labels.tolist())) < folds:
        with pytest.raises(AskedWrongly, match=r"Every fold needs a patient of each class. The rarest class"):
            fold_of(images, folds, seed=seed)
        return
    numbers = fold_of(images, folds, seed=seed)
    for patient in set(images.patients.tolist()):
        assert len(set(numbers[images.patients == patient].tolist())) == 1
    for fold in range(folds):
        assert set(images.labels[numbers == fold].tolist()) == set(images.labels.tolist())
    order = np.random.default_rng(seed).permutation(len(images))
    assert np.array_equal(fold_of(images.take(order), folds, seed=seed), numbers[order])


def test_folds_are_of_nearly_one_size():
    numbers = fold_of(draw_images(np.arange(103) % 2, [f"p{row}" for row in range(103)]), 5, seed=0)
    assert sorted(np.bincount(numbers).tolist()) == [20, 20, 20, 21, 22]


def test_fewer_than_two_folds_are_refused():
    with pytest.raises(AskedWrongly, match="2 folds or more. Got 1"):
        fold_of(draw_images([0, 1] * 8, [f"p{row}" for row in range(16)]), 1, seed=0)


def test_what_is_carved_off_is_spread_over_sites_that_the_set_knows():
    patients = [f"p{row}" for row in range(80)]
    sites = np.array(["north"] * 60 + ["south"] * 20)
    images = replace(draw_images([row % 2 for row in range(80)], patients), columns={"site": sites})
    rest, part = split_off(images, 0.25, seed=1)
    assert 4 <= (part.columns["site"] == "south").sum() <= 6
    assert 44 <= (rest.columns["site"] == "north").sum() <= 46


def test_a_budget_of_patients_brings_all_their_images():
    images = make_images(40)
    chosen = choose_patients(images, 6, seed=1)
    assert len(set(chosen.patients)) == 6
    assert len(chosen) == 12
    assert chosen.counts() == {"NORMAL": 6, "PNEUMONIA": 6}
    assert set(chosen.ids) <= set(choose_patients(images, 12, seed=1).ids)
    with pytest.raises(AskedWrongly, match="20 labelled patients. Got a budget of 21"):
        choose_patients(images, 21, seed=1)


def test_no_images_at_all_can_be_taken():
    assert len(make_images(6).take([])) == 0
    assert len(make_images(6).take(np.zeros(6, dtype=bool))) == 0
