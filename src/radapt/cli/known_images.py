"""Which images of a data set a run is scored on, and which of them it knows already."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from radapt.cli.printing import say
from radapt.cli.unlabelled import learned_from
from radapt.images.notice import Notice
from radapt.text import counted

if TYPE_CHECKING:
    from radapt.images.imageset import Dataset


def scored_part(dataset: "Dataset", part: str | None, run: Path, *, whole: bool = True) -> str:
    """Return the part of a data set to score: "test", or "all" for a data set without splits of its own.

    It is "test" if the run learned from the data set, or knows images with the same pixels or of the same
    names: a copy of the data set, or the same images read with other options, has another fingerprint.

    Parameters
    ----------
    part
        The part that the user asks for, which is returned as it is.
    whole
        Whether "all" may be returned; False where other images of the data set are needed for fitting.
    """
    from radapt.runs.learned import count_known, read_learned

    if part is not None:
        return part
    if not (whole and dataset.split_here) or dataset.origin.fingerprint in learned_from(run):
        return "test"
    sets, digests = dataset.splits.values(), read_learned(run)
    shared = 0 if digests is None else sum(count_known(each, digests["learned"]) for each in sets)
    what = "trained the run or chose its epoch"
    if not shared:
        names = _known_names(run)
        shared = sum(name in names for each in sets for name in each.ids.tolist())
        what = "named as the run's validation or test images, so the others may be among its training images"
    if not shared:
        return "all"
    say(
        f"{dataset.origin.name}: {counted(shared, 'image')} {what}. A fifth is scored, split off by patient, "
        "and may contain such images too; --part all scores all.",
        error=True,
    )
    return "test"


def learned_images(
    dataset: "Dataset", part: str, run: Path
) -> tuple[Mapping[str, int | None], tuple[Notice, ...]]:
    """Return how many images to score the run learned from and was tested on, and a notice of the first.

    Both counts are None if the run keeps no digests of its images.
    """
    from radapt.runs.learned import count_known, read_learned

    digests = read_learned(run)
    if digests is None:
        return {"learned_from": None, "tested_on": None}, ()
    images = dataset[part]
    counts = {
        name: count_known(images, digests[kind])
        for name, kind in (("learned_from", "learned"), ("tested_on", "tested"))
    }
    text = (
        f"{counts['learned_from']:,} of the {counted(len(images), 'image')} to score trained the run "
        "or chose its epoch, pixel for pixel. Scores on them look better than they are."
    )
    return counts, (Notice("learned", "invalid", text),) if counts["learned_from"] else ()


def _known_names(run: Path) -> frozenset[str]:
    """Return the names of a run's validation and test images."""
    from radapt.artefacts import prediction_files
    from radapt.predictions import Predictions

    return frozenset(name for path in prediction_files(run) for name in Predictions.load(path).ids.tolist())
