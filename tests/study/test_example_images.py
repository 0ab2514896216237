import numpy as np
from samples import make_dataset

from radapt.artefacts import EXAMPLE_IMAGES
from radapt.evaluation.scores import Outcome
from radapt.predictions import Predictions
from radapt.study.domains import shifted_domains
from radapt.study.example_images import SHOWN, WORST, save_example_images


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
