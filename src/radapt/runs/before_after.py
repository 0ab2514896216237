"""A model before and after it was adapted, on the same test images."""

from collections.abc import Mapping
from typing import Any

from radapt.device import Hardware
from radapt.evaluation.scores import score_rows
from radapt.images.imageset import ImageSet
from radapt.metrics.table import compared_metrics, metrics_for
from radapt.models.classifier import Classifier
from radapt.models.inference import predict
from radapt.predictions import Predictions
from radapt.stats.inference import difference


def compare_with_before(
    before: Classifier, after: Mapping[str, Predictions], tests: Mapping[str, ImageSet], hardware: Hardware
) -> dict[str, list[dict[str, Any]]]:
    """Score a model before it was adapted, and compare the adapted one with it image by image.

    Parameters
    ----------
    after
        Predictions of the adapted model, by the names of the test sets, such as "target-test".
    tests
        The images of these test sets.

    Returns
    -------
    dict
        "before", rows as of `radapt.evaluation.scores.score_rows`; "changes", a row for each test set and
        metric, with the interval of after less before; each alone, not adjusted for the others.
    """
    own = {name: predict(before, images, hardware) for name, images in tests.items()}
    changes = [
        {
            "domain": name.partition("-")[0],
            "metric": metric,
            **difference(metric, [after[name]], [own[name]]).as_dict(),
        }
        for name in own
        for metric in compared_metrics()
        if metric in metrics_for(own[name])
    ]
    return {"before": score_rows(own, strategy="none", images=0), "changes": changes}
