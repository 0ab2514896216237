from dataclasses import replace

import numpy as np
from samples import make_dataset

from radapt.artefacts import EXAMPLE_IMAGES
from radapt.evaluation.scores import Outcome
from radapt.predictions import Predictions
from radapt.study.domains import shifted_domains
from radapt.study.example_images import SHOWN, WORST, _worst, save_example_images


def outcome_with_errors(images, wrong):
    """An outcome that is sure of every image and wrong about some, the surer the earlier they are named."""
    positive = images.labels * 0.98 + 0.01
    for place, row in enumerate(wrong):
        positive[row] = abs((1 - images.labels[row]) - 0.02 * (place + 1))
    scores = np.stack([1 - positive, positive], axis=1)
    said = Predictions(scores, images.labels, images.patients, images.ids, images.classes)
    return Outcome("head", 8, {"target": [said], "source": [said]})


def test_the_most_confident_errors_are_shown_first(tmp_path):
    domains = shifted_domains(make_dataset(), "original", seed=0)
    test, wrong = domains.target_test, [5, 2, 9]
    about = save_example_images(tmp_path, domains, outcome_with_errors(test, wrong))
    assert [row["id"] for row in about["worst"]] == [str(test.ids[row]) for row in wrong]
    assert [row["strategy"] for row in about["worst"]] == ["head"] * 3
    assert all(row["predicted"] != row["label"] for row in about["worst"])
    with np.load(tmp_path / EXAMPLE_IMAGES) as stored:
        assert np.array_equal(stored["worst"], test.pixels[wrong])


def test_no_more_than_a_page_bears_are_shown_and_both_sides_are_of_the_same_images(tmp_path):
    domains = shifted_domains(make_dataset(), "original", seed=0)
    about = save_example_images(tmp_path, domains, outcome_with_errors(domains.target_test, range(20)))
    assert len(about["worst"]) == WORST
    assert len(about["source"]) == SHOWN
    assert about["source"] == about["target"]


def test_of_findings_the_map_is_of_the_one_that_is_missed_by_most():
    domains = shifted_domains(make_dataset(), "original", seed=0)
    test = domains.target_test
    labels = np.zeros((len(test), 2), dtype=np.float32)
    labels[:, 0], labels[1, 1] = 1, np.nan
    test = replace(test, labels=labels)
    scores = np.tile([0.9, 0.2], (len(test), 1))
    scores[3] = [0.8, 0.99]
    scores[1] = [0.05, 0.99]
    said = Predictions(scores, labels, test.patients, test.ids, test.classes)
    shown, about, targets = _worst(test, Outcome("head", 8, {"target": [said], "source": [said]}))
    assert [row["id"] for row in about] == shown.ids.tolist()
    assert dict(zip(shown.ids.tolist(), targets, strict=True)) == {str(test.ids[1]): 0, str(test.ids[3]): 1}
