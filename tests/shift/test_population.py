"""Shifts of the population take whole patients, the same ones whatever the order of the images."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from radapt.errors import AskedWrongly
from radapt.evaluation.stress import shifts_of
from radapt.images.imageset import ImageSet
from radapt.shift.expression import at, parse_shift
from radapt.shift.population import AgeMix, Prevalence, Subsample
from radapt.shift.shifted import selects_images, shift_images
from radapt.shift.table import SEVERITIES, SHIFTS

POPULATION = [name for name, kind in SHIFTS.items() if kind.group == "population"]


def draw_images(patients: int, share: float = 0.5, *, seed: int = 0, mixed: float = 0.0) -> ImageSet:
    """One to four images of each patient, most of a patient's with or without the finding."""
    rng = np.random.default_rng(seed)
    owner = np.repeat(np.arange(patients), rng.integers(1, 5, patients))
    ill = rng.random(patients) < share
    ill[:2] = (True, False)
    labels = (ill[owner] ^ (rng.random(len(owner)) < mixed)).astype(np.int64)
    order = rng.permutation(len(owner))
    return ImageSet(
        pixels=rng.integers(0, 256, (len(owner), 3, 3), dtype=np.uint8),
        labels=labels[order],
        patients=np.array([f"p{number}" for number in owner])[order],
        ids=np.array([f"image-{number}" for number in range(len(owner))])[order],
        classes=("NORMAL", "PNEUMONIA"),
        columns={"age": np.clip(rng.normal(48, 15, patients), 1, 90).astype(int).astype(str)[owner][order]},
    )


def taken(images: ImageSet, text: str, seed: int = 0) -> ImageSet:
    return shift_images(images, parse_shift(text), seed=seed)[0]


def test_all_are_told_from_shifts_of_images():
    assert POPULATION == ["prevalence", "subsample", "age-mix"]
    assert all(selects_images(at(name, 3)) for name in POPULATION)
    assert not {name for name, _, _ in shifts_of("all")} & set(POPULATION)
    with pytest.raises(AskedWrongly, match="takes images away"):
        shifts_of("prevalence")


@pytest.mark.parametrize("name", POPULATION)
@pytest.mark.parametrize("mixed", [0.0, 0.2])
def test_severity_zero_takes_all_and_a_higher_one_fewer(name, mixed):
    images = draw_images(300, 0.6, mixed=mixed)
    counts = [len(taken(images, f"{name}@{severity}")) for severity in (0, *SEVERITIES)]
    assert counts[0] == len(images)
    assert counts == sorted(counts, reverse=True)
    assert len(set(counts)) == 6


def ages(images: ImageSet) -> np.ndarray:
    return images.columns["age"].astype(float)


@pytest.mark.parametrize("years", [5, 10, 20, -5, -15, -20])
def test_the_mean_age_moves_as_far_as_was_asked_and_hardly_further(years):
    images = draw_images(800)
    left = taken(images, f"age-mix({years})")
    assert 0 <= np.sign(years) * (ages(left).mean() - ages(images).mean() - years) < 0.5
    assert len(left) > 0.05 * len(images)


def test_ages_are_thinned_more_the_further_they_lie_from_where_the_mean_goes():
    images = draw_images(4000)
    left = taken(images, "age-mix(10)")
    kept = [
        np.isin(images.ids, left.ids)[(ages(images) >= low) & (ages(images) < low + 10)].mean()
        for low in range(15, 75, 10)
    ]
    assert all(more > less for less, more in pairwise(kept))
    assert 0 < kept[0] < 0.25, "the youngest are few, and not cut off"
    assert np.isin(images.ids, left.ids)[ages(images) > 70].all()


def test_labels_do_not_say_who_is_of_another_age():
    images = draw_images(300)
    other = replace(images, labels=np.random.default_rng(5).integers(0, 2, len(images)))
    assert taken(images, "age-mix@4").ids.tolist() == taken(other, "age-mix@4").ids.tolist()


def test_a_mean_that_cannot_be_reached_is_gone_towards_as_far_as_it_goes():
    images = draw_images(300)
    oldest = taken(images, "age-mix(90)")
    assert set(oldest.patients) < set(taken(images, "age-mix(20)").patients)
    assert ages(oldest).mean() > ages(images).mean() + 20
    same = replace(images, columns={"age": np.full(len(images), "40")})
    assert len(taken(same, "age-mix@5")) == len(images)


def test_patients_of_unknown_age_leave_as_those_of_mean_age_do():
    images = draw_images(3000)
    hidden = np.char.endswith(images.patients, "3")
    partly = replace(images, columns={"age": np.where(hidden, "", images.columns["age"])})
    left = taken(partly, "age-mix(10)")
    share = np.isin(images.patients, left.patients)[hidden].mean()
    middle = ~hidden & (np.abs(ages(images) - 48) < 3)
    assert share == pytest.approx(np.isin(images.patients, left.patients)[middle].mean(), abs=0.1)
    known = left.columns["age"] != ""
    before = ages(images)[~hidden].mean()
    assert left.columns["age"][known].astype(float).mean() == pytest.approx(before + 10, abs=0.5)


@pytest.mark.parametrize("columns", [{}, {"site": "s"}, {"age": ""}, {"age": "old"}])
def test_without_ages_it_says_how_to_name_them(columns):
    images = draw_images(20)
    blind = replace(images, columns={name: np.full(len(images), text) for name, text in columns.items()})
    with pytest.raises(
        AskedWrongly, match=r"none is known for these images\. Name the table's column of ages with --age"
    ):
        taken(blind, "age-mix@1")
    assert len(taken(blind, "age-mix@0")) == len(images)


@pytest.mark.parametrize("name", POPULATION)
@pytest.mark.parametrize("severity", SEVERITIES)
def test_whole_patients_are_taken_with_images_as_they_are_in_the_order_of_the_set(name, severity):
    images = draw_images(120, mixed=0.1)
    left = taken(images, f"{name}@{severity}")
    rows = np.flatnonzero(np.isin(images.patients, left.patients))
    assert left.digest() == images.take(rows).digest()


@pytest.mark.parametrize("name", POPULATION)
def test_who_is_taken_depends_on_patient_and_seed_alone(name):
    images = draw_images(120, mixed=0.1)
    order = np.random.default_rng(1).permutation(len(images))
    left = taken(images, f"{name}@4")
    shuffled = replace(images.take(order), ids=np.array([f"other-{row}" for row in range(len(images))]))
    assert set(taken(shuffled, f"{name}@4").patients) == set(left.patients)
    assert set(taken(images, f"{name}@4", seed=1).patients) != set(left.patients)


@pytest.mark.parametrize("name", POPULATION)
@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_no_class_is_emptied(name, severity, share):
    images = draw_images(60, share, seed=3)
    assert min(images.counts().values()) > 0
    for seed in range(5):
        assert min(taken(images, f"{name}@{severity}", seed).counts().values()) > 0


@pytest.mark.parametrize("name", POPULATION)
def test_two_images_of_two_patients_are_both_kept(name):
    images = draw_images(20).take([0, 1])
    images = replace(images, labels=np.array([0, 1]), patients=np.array(["a", "b"]))
    assert len(taken(images, f"{name}@5")) == 2


@pytest.mark.parametrize("name", POPULATION)
def test_an_empty_set_stays_empty(name):
    assert len(taken(draw_images(4).take(np.zeros(0, dtype=np.intp)), f"{name}@5")) == 0


@pytest.mark.parametrize("share", [0.05, 0.2, 0.4, 0.55, 0.9])
@pytest.mark.parametrize("mixed", [0.0, 0.1])
def test_the_finding_gets_its_share_to_the_nearest_patient(share, mixed):
    images = draw_images(800, 0.5, mixed=mixed)
    left = taken(images, f"prevalence({share})")
    assert (left.labels == 1).mean() == pytest.approx(share, abs=0.02 if mixed else 4 / len(left))
    if not mixed:  # only patients of one class were left out
        kept = 0 if share < 0.5 else 1
        assert (left.labels == kept).sum() == (images.labels == kept).sum()


def test_the_finding_is_that_of_the_scores():
    images = replace(draw_images(200), classes=("covid-positive", "covid-negative"))
    assert (taken(images, "prevalence(0.1)").labels == 0).mean() == pytest.approx(0.1, abs=0.02)


def test_a_stronger_shift_leaves_out_whom_a_weaker_one_does():
    images = draw_images(200, 0.7)
    for name in POPULATION:
        left = [set(taken(images, f"{name}@{severity}").patients) for severity in SEVERITIES]
        assert all(more > less for more, less in pairwise(left))


def test_one_class_alone_has_no_prevalence_to_change():
    images = draw_images(10)
    images = replace(images, labels=np.zeros_like(images.labels))
    assert len(taken(images, "prevalence(0.1)")) == len(images)


def test_prevalence_is_refused_where_there_is_no_one_finding():
    images = draw_images(10)
    three = replace(images, classes=("a", "b", "c"))
    with pytest.raises(
        AskedWrongly, match=r"two classes, one of which is the finding. Got 3 classes: a, b, c"
    ):
        taken(three, "prevalence(0.1)")
    findings = replace(images, labels=np.zeros((len(images), 2), dtype=np.float32), classes=("a", "b"))
    with pytest.raises(AskedWrongly, match="Got 2 findings: a, b"):
        taken(findings, "prevalence(0.1)")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.25, 1.0])
def test_so_many_patients_are_taken(share):
    images = draw_images(100)
    patients = set(taken(images, f"subsample({share})").patients)
    assert len(patients) == max(2, round(share * 100))  # one of each class at least


def test_a_rare_finding_keeps_a_patient():
    images = draw_images(100)
    labels = np.zeros((len(images), 3), dtype=np.float32)
    labels[:, 0] = images.labels
    labels[images.patients == "p7", 1] = 1
    labels[:, 2] = np.nan
    findings = replace(images, labels=labels, classes=("effusion", "hernia", "unread"))
    left = taken(findings, "subsample(0.05)")
    assert "p7" in left.patients
    assert left.counts()["effusion"] > 0


def test_two_in_a_chain_take_after_each_other():
    images = draw_images(300, 0.6)
    left = taken(images, "prevalence(0.2) + subsample(0.5)")
    rare = taken(images, "prevalence(0.2)")
    assert set(left.patients) < set(rare.patients)
    assert len(set(left.patients)) == round(0.5 * len(set(rare.patients)))


@pytest.mark.parametrize("text", ["prevalence(2)", "prevalence(-0.1)", "subsample(1.1)", "subsample(nan)"])
def test_an_option_out_of_range_is_refused(text):
    with pytest.raises(AskedWrongly, match=f"^{text.partition('(')[0]}: The option 'share' is 0 to 1"):
        parse_shift(text)
    with pytest.raises(AskedWrongly, match="^age-mix: The option 'years' is -90 to 90"):
        parse_shift("age-mix(100)")


def test_causes_are_what_they_were_asked_to_be():
    assert parse_shift("prevalence + subsample + age-mix").corruptions == (
        Prevalence(0.2),
        Subsample(0.4),
        AgeMix(15),
    )
