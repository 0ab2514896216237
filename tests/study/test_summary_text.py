import pytest

from radapt.stats.estimate import Estimate
from radapt.stats.max_t import Adjusted
from radapt.study.comparison import Difference
from radapt.study.summary import BEST_OF_EACH, NO_ADAPTATION, Compared, Key, Row, Summary
from radapt.study.summary_text import answer, in_words

BEST, RIVAL = Key("lite0", "head", "64"), Key("compact", "full", "all")
NONE = Key("lite0", "none", "")


def row(key: Key, value: float) -> Row:
    each = Estimate(value, value - 0.05, value + 0.05, 100, 90)
    return Row(key, (64, 64), {"a": each, "b": each}, each, "b", each, each)


def compared(kind: str, key: Key, against: Key, value: float, p: float) -> Compared:
    estimate = Estimate(value, value - 0.02, value + 0.02, 100, 90, p=p)
    adjusted = Adjusted(p, value - 0.03, value + 0.03, 0.05)
    return Compared(
        kind, key, against, Difference(key.strategy, "x", 1, "target", "auroc", estimate, adjusted)
    )


def summary(p_models: float, p_gain: float, seeds: int = 5) -> Summary:
    rows = (row(BEST, 0.9), row(RIVAL, 0.8), row(NONE, 0.75))
    return Summary(
        "auroc",
        seeds,
        rows,
        (
            compared(NO_ADAPTATION, BEST, NONE, 0.15, p_gain),
            compared(BEST_OF_EACH, RIVAL, BEST, -0.1, p_models),
        ),
    )


def test_a_model_that_is_shown_to_be_best_is_to_be_taken():
    text = answer(summary(0.001, 0.001))
    assert text.startswith(
        "Take lite0 with head and 64 labelled images: it has the highest mean AUROC over 2 targets"
    )
    assert "+10.0 points [8.0, 12.0] from compact with full and all labelled images" in text
    assert "From no adaptation of lite0 it differs by +15.0 points" in text
    assert "At its worst target, b, it scores 0.900 [0.850, 0.950]" in text
    assert "trained again" not in text


def test_models_that_cannot_be_told_apart_are_named_in_the_first_sentence():
    text = answer(summary(0.2, 0.2, seeds=1))
    assert text.startswith(
        "These test images cannot tell which model is best: lite0 with head and 64 labelled"
    )
    assert "is not shown to differ from compact with full and all labelled images." in text
    assert "That it gains over no adaptation of lite0 is not shown" in text
    assert "models of 1 training seed" in text


@pytest.mark.parametrize(
    ("p", "begins"), [(0.01, "Take lite0 with head"), (0.3, "These test images cannot tell")]
)
def test_of_one_model_the_strategy_is_what_is_asked(p, begins):
    of_one = Summary(
        "auroc", 5, (row(BEST, 0.9), row(NONE, 0.75)), (compared(NO_ADAPTATION, BEST, NONE, 0.15, p),)
    )
    assert answer(of_one).startswith(begins)


def test_where_no_adaptation_is_best_nothing_helps():
    of_one = Summary(
        "auroc", 5, (row(NONE, 0.9), row(BEST, 0.75)), (compared(NO_ADAPTATION, BEST, NONE, -0.15, 0.01),)
    )
    assert answer(of_one).startswith("Nothing was shown to help")


def test_budgets_are_written_in_words():
    assert in_words(NONE) == "lite0 without adaptation"
    assert in_words(Key("a", "tent", "")) == "a with tent"
    assert in_words(Key("a", "head", "16p")) == "a with head and the labelled images of 16 patients"
    assert in_words(Key("a", "head", "val")) == "a with head and the labelled val images"
