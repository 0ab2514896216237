from dataclasses import replace

import numpy as np
import pytest
from samples import make_dataset

from radapt.errors import AskedWrongly
from radapt.images.imageset import Dataset
from radapt.study.leave_one_site_out import large_sites, leave_out, site_members
from radapt.study.plan import Plan

PLAN = Plan(shift=None, budgets=("8",))


def of_sites(names: tuple[str, ...], *, test: int = 80) -> Dataset:
    """A data set whose patients, with two images each, go round the sites; classes are balanced in each."""
    dataset = make_dataset(train=120, val=0, test=test)
    splits = {}
    for split, images in dataset.splits.items():
        if len(images):
            sites = np.array([names[row // 4 % len(names)] for row in range(len(images))])
            splits[split] = replace(images, columns={"site": sites})
    return Dataset(splits, dataset.origin)


def test_each_site_is_the_target_once_and_all_others_the_source():
    data = of_sites(("A", "B", "C"))
    sites, sentences = large_sites(data)
    assert (sites, sentences) == (["A", "B", "C"], [])
    source, target = leave_out(data, "B")
    for split in ("train", "test"):
        assert set(target[split].columns["site"]) == {"B"}
        assert set(source[split].columns["site"]) == {"A", "C"}
        assert len(source[split]) + len(target[split]) == len(data[split])
        assert not set(source[split].patients) & set(target["train"].patients)
    assert source.origin.fingerprint != target.origin.fingerprint
    assert leave_out(data, "A")[0].origin.fingerprint != source.origin.fingerprint


def test_patients_of_the_site_left_out_are_not_of_the_source():
    data = of_sites(("A", "B"))
    sites = data["train"].columns["site"].copy()
    sites[0] = "B"  # the first patient has an image at A and one at B
    assert data["train"].patients[0] == data["train"].patients[1]
    moved = {**data.splits, "train": replace(data["train"], columns={"site": sites})}
    source, target = leave_out(Dataset(moved, data.origin), "B")
    assert data["train"].patients[0] in target["train"].patients
    assert data["train"].patients[0] not in source["train"].patients


def test_small_sites_and_images_of_unknown_sites_are_named():
    data = of_sites(("A", "B"))
    sites = data["test"].columns["site"].copy()
    sites[:4], sites[4:8] = "C", ""
    splits = {**data.splits, "test": replace(data["test"], columns={"site": sites})}
    large, sentences = large_sites(Dataset(splits, data.origin))
    assert large == ["A", "B"]
    assert sentences[0].startswith(
        "The site 'C' is left out as a target: 'C' has 0 patients of NORMAL in train"
    )
    assert sentences[1] == "4 images of an unknown site are not used."


def test_without_sites_or_with_small_ones_alone_it_is_refused():
    with pytest.raises(AskedWrongly, match="images of two sites or more. squares has 0 sites: give --site"):
        site_members([PLAN], {"compact": make_dataset()})
    with pytest.raises(
        AskedWrongly, match="No site of squares can be left out: 'A' has 2 patients of NORMAL in test"
    ):
        site_members([PLAN], {"compact": of_sites(("A", "B"), test=16)})


def test_each_model_has_a_study_of_each_site():
    data = of_sites(("A", "B"))
    members, _ = site_members([PLAN, replace(PLAN, seed=1)], {"compact": data})
    assert [(member.plan.seed, member.target) for member in members] == [
        (0, "A"),
        (0, "B"),
        (1, "A"),
        (1, "B"),
    ]
    source, target = members[1].load()
    assert set(target["test"].columns["site"]) == {"B"}
    assert "B" not in source["test"].columns["site"]
