"""How a study was done, in sentences: what chose, what decided, what was drawn, what was compared."""

from collections.abc import Sequence

from radapt.report import wording
from radapt.report.folder import Asked, Cell, Source, Study
from radapt.text import counted

Method = tuple[str, str]  # (heading, sentences)


def methods(study: Study, finding: str) -> list[Method]:
    """Tell how the numbers came about.

    Parameters
    ----------
    finding
        The class that an image is called when its probability reaches the threshold; "" with more than two.
    """
    return [
        ("What chose each model’s epoch", _checkpoint(study)),  # noqa: RUF001
        *([] if study.asked.weights is None else [("What models began with", _began(study.asked))]),
        ("What decided", _decision(finding)),
        ("Intervals", _intervals(study)),
        ("Differences", _differences(study)),
        *[(f"The images of {source.name}", _source(source)) for source in wording.sources(study)],
        *([("The shift", _shift(study))] if study.target is None else []),
    ]


def _checkpoint(study: Study) -> str:
    if study.asked.protocol == "original":
        return (
            "The test images themselves, as in the original demonstration: the old ones for the base model, "
            "the new ones for every adapted one. This is what makes the scores optimistic."
        )
    base = next((cell for cell in study.cells if cell.strategy == "none"), None)
    told = []
    if base is not None and base.validated_on is not None:
        told.append(
            f"For the base model: {wording.images_of(base.validated_on)}, set aside from its training images."
        )
    for label, count in study.budgets:
        cells = [cell for cell in study.cells if cell.budget == label and cell.strategy != "none"]
        if cells:
            told.append(f"With {counted(count.images, 'labelled image')}: {_chosen_by(cells)}.")
    told.append("The test images had no part in it; they were scored once, at the end.")
    return " ".join(told)


def _chosen_by(cells: Sequence[Cell]) -> str:
    valid, folds = cells[0].validated_on, max(cell.folds for cell in cells)
    if valid is not None:
        return f"{wording.images_of(valid)} of these, set aside by patient"
    if folds:
        return (
            f"none was set aside; for {_list_folded(cells)} rate and epoch were chosen by cross-validation "
            f"among these, by patient ({counted(folds, 'fold')}), for others the last epoch was kept"
        )
    return "none was set aside, and the last epoch was kept"


def _list_folded(cells: Sequence[Cell]) -> str:
    return wording.listed(dict.fromkeys(cell.strategy for cell in cells if cell.folds))


def _began(asked: Asked) -> str:
    began = f"Base models began with pretrained weights ({asked.weights}) and a head drawn by their seed."
    if "scratch" not in asked.strategies:
        return began
    return (
        f"{began} So did “scratch”: what is better than it shows what the source images bought beyond these."
    )


def _decision(finding: str) -> str:
    if not finding:
        return "An image is given its most probable class. No threshold was tuned."
    return (
        f"An image is called {finding} from a probability of {wording.THRESHOLD:g} on. "
        "The threshold was fixed beforehand and tuned on nothing."
    )


def _intervals(study: Study) -> str:
    methods = wording.method_words([row.estimate for row in study.scores])
    level = {round(100 * row.estimate.level) for row in study.scores}
    seeds = study.asked.seeds
    trained = "once" if seeds == 1 else f"from {seeds} seeds, and a score is the mean over these"
    return (
        f"{wording.listed([f'{value} %' for value in sorted(level)])} intervals, drawn by patient since "
        f"two images of one patient are not two facts: {methods}. "
        f"Every model was trained {trained}."
    )


def _differences(study: Study) -> str:
    methods = wording.method_words([gap.estimate for gap in study.gaps])
    if not methods:
        return "Nothing was compared."
    return (
        f"Both sides are scored on the same images, and intervals are {methods}. "
        "Several comparisons are made in one study, and the largest of them is large by chance. So a "
        "difference is called better or worse only where a test that allows for all comparisons by that "
        "metric on these images shows it (max-T on shared bootstrap samples, Romano and Wolf 2005, at 5 %), "
        "and inconclusive otherwise: not the same as no difference. Its interval is that of one comparison "
        "alone and may leave 0 out all the same. The smallest difference beside it is one that would be "
        "shown so four times out of five."
    )


def _source(source: Source) -> str:
    splits = ", ".join(f"{name} {wording.images_of(count)}" for name, count in source.splits.items())
    told = [
        f"{splits}.",
        f"Splits: {source.split_rule}.",
        f"Patients: {wording.patient_words(source.patient_rule)}.",
        f"Pixels: {wording.preprocessing_words(source.preprocessing)}.",
        *source.notes,
    ]
    return " ".join(told)


def _whose(asked: Asked) -> str:
    if asked.target_patients == "own":
        return (
            "The labelled images under the shift are of half of the training patients, and the base "
            "model was "
            "trained on the other half: it had seen none of them."
        )
    if asked.protocol == "original":
        return "The labelled images under the shift are those of the val folder, as in the original."
    return (
        "The base model was trained on the same images that are labelled under the shift, before "
        "it: they add "
        "no patient, which flatters what keeps much of the base model."
    )


def _shift(study: Study) -> str:
    return (
        f"“{study.asked.shift}”, drawn once for every image from seed {study.asked.seed} and kept: "
        f"every model is tested on the same shifted images. {_whose(study.asked)} "
        "A simulated shift is not another hospital; what helps here may not there."
    )
