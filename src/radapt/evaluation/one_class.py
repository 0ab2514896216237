"""Whether a model calls nearly all images one class at the usual threshold, whatever they show."""

from collections.abc import Iterator
from dataclasses import dataclass

from radapt.images.notice import Notice
from radapt.predictions import Predictions
from radapt.text import counted, listed

SHARE = 0.95  # of the images that are called one class: from here on it is nearly all
MISSED = 0.9  # and of the images of other classes: a rare finding that is found is no fault
MIN_OTHERS = 5  # images of other classes, fewer of which show nothing


@dataclass(frozen=True, slots=True)
class _OneClass:
    """The class that nearly all images are called."""

    name: str
    called: int  # images that are called so
    images: int
    wrongly: int  # of those that are of another class
    others: int  # images of other classes


def one_class_notice(predictions: Predictions, model: str, images: str) -> list[Notice]:
    """Return a notice if a model calls nearly all images one class; none if it does not.

    Nearly all are `SHARE` of the images, and `MISSED` of those that are of other classes. Of two classes, or
    a finding, an image is called positive from a probability of 0.5 on; of more classes it is called the
    most probable one. Findings are counted each for itself.

    Parameters
    ----------
    model
        The words for the model, as they begin a sentence.
    images
        The words for an image, such as "target test image".
    """
    sides = [predictions] if predictions.exclusive else [finding for _, finding in predictions.apart()]
    found = [one for side in sides for one in _of_one_class(side)]
    if not found:
        return []
    if predictions.exclusive and not predictions.binary:
        how, remedy = "by the most probable class", "recalibration"
    else:
        how, remedy = (
            "at threshold 0.5",
            "a threshold chosen on validation images, or recalibration,",
        )
    (first, *more) = found
    of = counted(first.images, images)
    wrongly = f"among them {first.wrongly:,} of the {first.others:,} that are not"
    alike = f", and likewise {listed(one.name for one in more)}" if more else ""
    text = f"{model} calls {first.called:,} of {of} {first.name} {how}, {wrongly}{alike}; {remedy} may help."
    return [Notice("one-class", "caution", text)]


def _of_one_class(predictions: Predictions) -> Iterator[_OneClass]:
    called = predictions.decide()
    for number, name in enumerate(predictions.classes):
        so, others = called == number, predictions.labels != number
        if others.sum() < MIN_OTHERS or so.mean() < SHARE or so[others].mean() < MISSED:
            continue
        yield _OneClass(name, int(so.sum()), len(so), int(so[others].sum()), int(others.sum()))
