"""The first screen of a page on one model."""

from dataclasses import replace

from radapt.evaluation.scores import Score
from radapt.images.notice import Notice
from radapt.report.run_answers import model_answers
from radapt.report.shortcut_checks import ShortcutChecks
from radapt.stats.estimate import Estimate

BASELINE = {"name": "thumbnail", "trained_on": "train", "domain": "test", "auroc": 0.9}
CHECKS = ShortcutChecks.from_dict({"baselines": [BASELINE]})


def scores(auroc: Estimate) -> list[Score]:
    rows = {
        "auroc": auroc,
        "sensitivity": Estimate(0.8, 0.7, 0.9, 40, 30),
        "balanced-accuracy": Estimate(0.7, 0.6, 0.8, 80, 60),
    }
    return [Score("none", 0, "target", metric, estimate) for metric, estimate in rows.items()]


def test_a_good_model_is_headed_by_its_scores_and_what_they_are_of():
    screen = model_answers(scores(Estimate(0.91, 0.85, 0.96, 80, 60)), CHECKS, [])
    assert screen.headline == (
        "AUROC 0.910 [0.850, 0.960], balanced accuracy 70.0 % [60.0, 80.0] on 80 images of 60 patients."
    )
    texts = {answer.question: answer.text for answer in screen.answers}
    assert texts["How does it decide, at a threshold of 0.5?"] == "sensitivity 80.0 % [70.0, 90.0]"
    assert "reaches an AUROC of 0.900, the model 0.910" in texts["Could it do without the lungs?"]
    assert "What did adapting change?" not in texts


def test_chance_is_called_chance_and_the_worst_notice_answers_the_last_question():
    notices = [Notice("leak", "invalid", "...")]
    screen = model_answers(scores(Estimate(0.54, 0.42, 0.66, 80, 60)), CHECKS, notices)
    assert screen.headline.startswith("This model is not shown to be better than chance: AUROC 0.540")
    assert screen.answers[-1].text == "No: test images among the training images."


def test_of_an_adapted_model_the_last_rows_count_and_the_change_is_shown():
    before = scores(Estimate(0.5, 0.4, 0.6, 80, 60))
    after = [replace(row, strategy="head") for row in scores(Estimate(0.9, 0.8, 0.95, 80, 60))]
    change = {"metric": "auroc", "value": 0.4, "low": 0.3, "high": 0.5}
    screen = model_answers([*before, *after], CHECKS, [], [change])
    assert screen.headline.startswith("AUROC 0.900")
    assert screen.answers[1].text == "AUROC +40.0 points [30.0, 50.0]"


def test_without_scores_there_is_no_first_screen():
    assert model_answers([], CHECKS, []) is None
