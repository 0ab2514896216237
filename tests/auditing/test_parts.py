"""What an audit is made of: similarity, shares, and the page."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest
from audits import audit_of, collection, plant
from pages import SCRIPT, Page

from radapt.auditing.audit import run_audit
from radapt.auditing.class_balance import compare_grey, find_imbalance, find_prevalence, parts_of
from radapt.auditing.collection import Pool
from radapt.auditing.duplicates import find_duplicates
from radapt.auditing.near_duplicates import MIN_AGREEMENT, candidates, descriptors, matches
from radapt.auditing.shortcuts import measure_shortcuts
from radapt.datasets.phantom import draw_dataset
from radapt.report.audit_page import OPEN, render_audit, write_audit


@pytest.fixture(scope="module")
def drawings() -> np.ndarray:
    return draw_dataset(train=60, val=0, test=4)["train"].pixels


def test_mirrored_negative_and_brighter_images_are_recognised_and_others_not(drawings):
    images = drawings[:40]
    made = np.stack(
        [
            images[0][:, ::-1],
            255 - images[1],
            (images[2] * 0.6 + 30).astype(np.uint8),
            np.zeros_like(images[3]),
        ]
    )
    pixels = np.concatenate([images, made])
    described = descriptors(pixels)
    assert not described[-1].any()
    duplicates = list(matches(candidates(described), lambda row: pixels[row], lambda row: pixels[row]))
    assert {(each.first, each.second): (each.mirrored, each.negative) for each in duplicates} == {
        (0, 40): (True, False),
        (1, 41): (False, True),
        (2, 42): (False, False),
    }
    assert all(MIN_AGREEMENT <= each.agreement <= 1 for each in duplicates)


def test_the_pixels_of_many_pairs_are_compared_with_progress(drawings, monkeypatch):
    from radapt.auditing import near_duplicates

    ticks = []

    class Watch:
        def begin(self, task, total, unit):
            ticks.append((task, total, unit))

        def advance(self, done, detail=""):  # noqa: ARG002
            ticks.append(done)

        def end(self):
            ticks.append("end")

    pixels = np.concatenate([drawings[:2]] * 2)
    pairs = np.array([[0, 2, 0], [1, 3, 0], [0, 1, 0]])
    assert len(list(matches(pairs, pixels.__getitem__, pixels.__getitem__, Watch()))) == 2
    assert ticks == [], "few pairs take no time"
    monkeypatch.setattr(near_duplicates, "_MANY_PAIRS", 2)
    monkeypatch.setattr(near_duplicates, "_PAIRS", 2)
    assert len(list(matches(pairs, pixels.__getitem__, pixels.__getitem__, Watch()))) == 2
    assert ticks == [("comparing pixels", 3, "pair"), 2, 3, "end"]


def test_images_in_other_blocks_are_compared_too(drawings, monkeypatch):
    from radapt.auditing import near_duplicates

    pixels = np.concatenate([drawings[:30], drawings[3:6, :, ::-1], drawings[7:9]])
    whole = {tuple(pair) for pair in candidates(descriptors(pixels)).tolist()}
    assert {(3, 30, 1), (4, 31, 1), (5, 32, 1), (7, 33, 0), (8, 34, 0)} <= whole
    monkeypatch.setattr(near_duplicates, "_CHUNK", 4)
    monkeypatch.setattr(near_duplicates, "_ACROSS", 7)
    assert {tuple(pair) for pair in candidates(descriptors(pixels)).tolist()} == whole
    apart = candidates(descriptors(pixels[:30]), descriptors(pixels[30:]))
    assert {(3, 0, 1), (7, 3, 0)} <= {tuple(pair) for pair in apart.tolist()}


def test_images_linked_by_others_are_one_group(drawings):
    chain = np.stack([drawings[0], drawings[0] // 2, drawings[0] // 2 + 40, drawings[1]])
    duplicates = find_duplicates(Pool.of(collection(chain, splits=["train", "test", "val", "test"])))
    assert [each.paths for each in duplicates] == [("0.png", "1.png", "2.png")]
    assert "in train, test and val" in duplicates[0].detail


def test_what_is_not_known_of_a_image_is_no_conflict(drawings):
    pair = drawings[[0, 0]]
    same = Pool.of(collection(pair, [[1, math.nan], [math.nan, 0]]))
    assert [each.kind for each in find_duplicates(same)] == ["near-duplicate"]
    unlike = Pool.of(collection(pair, [[1, 1], [1, 0]]))
    assert [each.kind for each in find_duplicates(unlike)] == ["near-duplicate", "conflicting-labels"]


def test_between_two_data_sets_only_what_is_in_both_counts(drawings):
    here = collection(drawings[[0, 0, 1]], name="here")
    there = collection(drawings[[1, 2, 2]], [[0, 1]] * 3, classes=("NORMAL", "COVID"), name="there")
    duplicates = find_duplicates(Pool.of(here, there))
    assert [(each.kind, each.paths) for each in duplicates] == [
        ("near-duplicate", ("2.png", "there/0.png")),
        ("conflicting-labels", ("2.png", "there/0.png")),
    ]
    assert "in here and there" in duplicates[0].detail


def prevalence_gap(images_each: int, *, patients: str) -> tuple[float, float, float]:
    """The difference of prevalences, with its interval, between 56 of 70 and 48 of 80, each repeated."""
    has = np.concatenate([np.arange(70) < 56, np.arange(80) < 48])
    truth = np.stack([~has, has], axis=1).repeat(images_each, axis=0)
    rows = np.arange(len(truth))
    images = collection(
        np.zeros((len(truth), 4, 4), np.uint8),
        truth,
        splits=np.repeat(["train", "test"], [70, 80]).repeat(images_each),
        patients=(rows // images_each if patients == "shared" else rows).astype(str),
    )
    (finding,) = find_prevalence(images)
    value, low, high = map(float, re.findall(r"[+-]\d+\.\d", finding.detail))
    return value, low, high


def test_differences_of_prevalences_are_those_of_newcombe():
    assert prevalence_gap(1, patients="own") == (20.0, 5.2, 33.4)  # 0.0524 to 0.3339 in his table II


def test_images_of_one_patient_are_not_several_facts():
    single, shared, own = (
        prevalence_gap(1, patients="own"),
        prevalence_gap(5, patients="shared"),
        prevalence_gap(5, patients="own"),
    )
    assert shared == pytest.approx(single, abs=0.3)
    assert own[2] - own[1] < 0.6 * (shared[2] - shared[1])


def test_a_prevalence_of_nothing_is_not_compared():
    truth = np.array([[1, 0]] * 20 + [[math.nan, math.nan]] * 20)
    images = collection(np.zeros((40, 4, 4), np.uint8), truth, splits=["train"] * 20 + ["test"] * 20)
    assert find_prevalence(images) == []


def test_imbalance_and_grey_levels_are_said_from_their_limits_on():
    dark = np.full((40, 16, 16), 60, np.uint8)
    images = collection(np.concatenate([dark, dark + 32]), splits=["train"] * 40 + ["val"] * 40)
    said = [each.detail for each in compare_grey(parts_of(images))]
    assert said == [
        "Grey levels of train and val lie 32 apart on average (of 255); their means are 62 and 94."
    ]
    near = collection(np.concatenate([dark, dark + 4]), splits=["train"] * 40 + ["val"] * 40)
    assert compare_grey(parts_of(near)) == []
    for rare, kinds in ((10, ["imbalance"]), (15, [])):
        truth = np.eye(2)[(np.arange(40) >= rare).astype(int)]
        one = collection(dark, truth)
        assert [each.kind for each in find_imbalance(one, parts_of(one))] == kinds


def test_nothing_is_said_of_shortcuts_where_there_are_too_few_images():
    pixels = draw_dataset(train=18, val=0, test=4)["train"].pixels
    assert measure_shortcuts(collection(pixels, np.eye(2)[np.arange(18) % 2])).baselines == ()


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> str:
    from radapt.datasets.phantom import write

    root = tmp_path_factory.mktemp("page") / "images"
    write(draw_dataset(train=140, val=12, test=60), root)
    plants = plant(root)
    (root / "train" / "NORMAL" / "<script>alert(1)<").write_bytes(b"")
    (root / "train" / "NORMAL" / "<img src=x>.png").write_bytes(b"")
    assert plants.leaks
    return render_audit(audit_of(root, patient_regex=r"(person\d+|IM-\d+|phantom-\d+)"))


def test_the_page_shows_suspected_duplicates_side_by_side_and_every_section(page):
    read = Page(page)
    for heading in (
        "Findings",
        "Suspected duplicates, side by side",
        "Images, patients and classes",
        "Grey levels",
    ):
        assert heading in read.words
    assert "Shortcut baselines: what predicts the label without the lungs" in read.words
    shown = [attributes["alt"] for tag, attributes in read.tags if tag == "img"]
    assert len(shown) == 2 * (5 + 3)
    assert "Image test/PNEUMONIA/person9102_virus_9102.jpeg" in shown
    assert read.open == []


def test_the_page_needs_no_other_file_and_obeys_no_name(page):
    assert not re.search(r"https?:|@import|url\((?!#)", re.sub(r"data:image/png;base64,[^\"]*", "", page))
    assert "<img src=x>" not in page
    assert page.count("<script") == 1  # its own
    for tag, attributes in Page(page).tags:
        for name in ("src", "href"):
            assert attributes.get(name, "#").startswith(("#", "data:image/png;base64,")), tag


def test_a_page_says_what_was_passed_over_and_left_out(drawings, tmp_path):
    images = collection(drawings[[0, 0, 1]])
    said = replace(images.origin, passed={".txt": 2, "no ending": 1}, left_out={"no such file": 3})
    write_audit(run_audit(replace(images, origin=said)), tmp_path / "audit.html")
    text = Page((tmp_path / "audit.html").read_text()).text
    assert "2 .txt, 1 without an ending" in text
    assert "no such file (3)" in text


def test_names_that_mean_harm_are_shown_and_not_obeyed(drawings, tmp_path):
    images = collection(drawings[[0, 0, 1]], classes=(SCRIPT, "B"), name=SCRIPT)
    images = replace(
        images, origin=replace(images.origin, failed=((SCRIPT, "<i>is cut</i>"),), notes=("<em>",))
    )
    write_audit(run_audit(images), tmp_path / "audit.html")
    text = (tmp_path / "audit.html").read_text()
    assert text.count("<script") == 1  # its own
    assert "<i>is cut" not in text
    assert "<em>" not in text
    assert SCRIPT in Page(text).text


def test_many_findings_are_folded_and_counted(drawings):
    images = collection(drawings[:5])
    failed = tuple((f"{number}.png", "is empty (0 bytes)") for number in range(250))
    text = render_audit(run_audit(replace(images, origin=replace(images.origin, failed=failed))))
    read = Page(text)
    assert f"{200 - OPEN} more" in read.text
    assert "And 50 more" in read.text
