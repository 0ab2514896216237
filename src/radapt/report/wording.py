"""The wording of a report: names, formatted numbers, and sentences about a study."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from radapt.adaptation.scratch import Scratch
from radapt.adaptation.table import get_strategy
from radapt.metrics.table import metric as find_metric
from radapt.report.folder import ModelRecord, Study
from radapt.runs.holdout import ImageCount
from radapt.stats.estimate import Estimate
from radapt.study.comparison import NO_RETRAINING
from radapt.study.plan import Plan
from radapt.text import counted, joined

DOMAINS: dict[str, str] = {"target": "target images", "source": "source images"}
PATIENTS: dict[str, str] = {
    "kermany": "read from the file names, by type and number",
    "nih": "read from the file names, by their first number",
    "phantom": "drawn with the images",
    "file": "unknown, so each file was counted as a patient of its own",
}
THRESHOLD = 0.5  # an image is predicted positive from this probability on, in every table of scores

_UNDEFINED = "not defined"
_MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True, slots=True)
class Number:
    """A formatted estimate; where there is a value, there is an interval."""

    value: str
    interval: str  # "[91.2, 95.1]"; "" only where the value is not defined


def in_percent(metric: str) -> bool:
    """Return whether a metric is shown in percent."""
    return find_metric(metric).unit == "%"


def number(metric: str, estimate: Estimate) -> Number:
    """Write a score: `93.4 [91.2, 95.1]` in percent, or `0.987 [0.981, 0.992]` as of an area."""
    return _written(metric, estimate, sign="")


def share(estimate: Estimate) -> Number:
    """Write a share in percent, as `5.1 [2.6, 8.1]`."""
    return _written("accuracy", estimate, sign="")


def change(metric: str, estimate: Estimate) -> Number:
    """Write a difference: `+6.1 [2.0, 10.4]` in percentage points, or `+0.031 [0.012, 0.050]` of an area."""
    return _written(metric, estimate, sign="+")


def size(metric: str, value: float) -> str:
    """Write the size of a difference, in points or, for an area, as it is."""
    if math.isnan(value):
        return _UNDEFINED
    return f"{value:.3f}" if not in_percent(metric) else f"{100 * value:.1f}"


def validated_on(model: ModelRecord) -> str:
    """Name the images that chose the epoch of a model."""
    if not model.epochs:
        return "nothing was trained"
    if model.validated_on is not None:
        return images_of(model.validated_on)
    return f"{counted(model.folds, 'fold')} of these" if model.folds else "last epoch kept"


def images_of(count: ImageCount) -> str:
    """Write `624 images of 428 patients`."""
    return f"{counted(count.images, 'image')} of {counted(count.patients, 'patient')}"


def strategy(name: str, plan: Plan) -> str:
    """Return a description of a strategy in a study."""
    about = get_strategy(name).about
    if plan.weights is not None and isinstance(get_strategy(name), Scratch):
        return f"{about}, from the pretrained weights of the base model"
    return about


def title(study: Study) -> str:
    """Return the title of a study's page: its source and its target."""
    if study.target is not None:
        return f"From {study.source.origin.name} to {study.target.origin.name}"
    return f"{study.source.origin.name} under the shift “{study.plan.shift}”"


def lead(study: Study) -> tuple[str, str, str]:
    """Return three sentences: source and target, what was compared, and on which images."""
    plan, roles, name = study.plan, study.roles, study.source.origin.name
    target = (
        f"images of {study.target.origin.name}, the target"
        if study.target is not None
        else f"images of {name} under the simulated shift “{plan.shift}”, the target"
    )
    sizes = [f"{count.images:,}" for _, count in study.budgets]
    labels = f"with {joined(sizes, 'or')} labelled" if sizes else "without labelled"
    names = joined([f"“{strategy}”" for strategy in plan.strategies])
    compared = (
        f"{names} are compared, {labels} target images."
        if len(plan.strategies) > 1
        else f"{names} was scored."
    )
    folds = f" The target was {out_of_fold(plan)}." if plan.folds else ""
    source_test, target_test = (images_of(roles[f"{side} test"]) for side in ("source", "target"))
    return (
        f"A “{plan.model}” classifier, trained on {images_of(roles['source train'])} of {name}, the source, "
        f"was adapted to {target}.",
        f"The strategies {compared}" if len(plan.strategies) > 1 else f"The strategy {compared}",
        f"All were tested on the same {target_test.replace('image', 'target image', 1)} and, to measure "
        f"forgetting, on {source_test.replace('image', 'source image', 1)}.{folds}",
    )


def out_of_fold(plan: Plan) -> str:
    """Say how the target images were tested where they are in folds; "" where they are not."""
    return f"tested out of fold, {plan.folds} folds" if plan.folds else ""


def model(name: str, budget: int) -> str:
    """Name a model of a study: `the base model`, or `head with 64 labelled images`."""
    if name == "none":
        return "the base model"
    return f"{name} with {counted(budget, 'labelled image')}" if budget else name


def base_accuracy(study: Study) -> str:
    """Return a sentence with the base model's plain accuracy on both sides; "" where it was not scored."""
    scores = {
        row.domain: number("accuracy", row.estimate)
        for row in study.scores
        if row.strategy == "none" and row.metric == "accuracy"
    }
    if set(scores) != {"source", "target"}:
        return ""
    source, target = scores["source"], scores["target"]
    return (
        f"Without adaptation, the base model is right on {source.value} % {source.interval} of the source "
        f"images and on {target.value} % {target.interval} of the target images (plain accuracy)."
    )


def not_compared(study: Study) -> str:
    """Return a sentence on the differences that the table leaves out, with a leading space; "" if none."""
    cheap = list(dict.fromkeys(row.against for row in study.differences if row.against in NO_RETRAINING))
    if not cheap:
        return ""
    metric = find_metric(study.plan.metric).words
    return (
        " To see whether retraining was worth it, the retrained models are also compared with "
        f"{joined(cheap, 'or')}, the best strategy at each budget that trains nothing. This is done by "
        f"{metric} on the target images only; other metrics are not compared."
    )


def method_words(estimates: Sequence[Estimate]) -> str:
    """Return the methods of the intervals, the most frequent first, without a final full stop."""
    methods = [estimate.method for estimate in estimates if estimate.method]
    order = {name: -methods.count(name) for name in dict.fromkeys(methods)}
    first, *rest = sorted(order, key=lambda name: order[name]) or [""]
    return f"{first}. Elsewhere: {'; or '.join(rest)}" if rest else first


def preprocessing_words(values: Mapping[str, str | int]) -> str:
    """Write how the pixels were read: `size 128, resize squash`."""
    return ", ".join(f"{name} {value}" for name, value in values.items())


def patient_words(rule: str) -> str:
    """Return how patients were identified."""
    kind, _, pattern = rule.partition(" ")
    if kind == "regex":
        return f"read from the file names by the regular expression {pattern}"
    return PATIENTS.get(rule, rule)


def duration(seconds: float) -> str:
    """Write `4.2 s`, `42 s`, `3 min 5 s` or `2 h 10 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def plan_facts(plan: Plan) -> list[tuple[str, str]]:
    """Return the options of a study's plan."""
    return [
        ("Model", plan.model),
        *([] if plan.weights is None else [("Pretrained weights", plan.weights.name)]),
        ("Target", f"the shift “{plan.shift}”" if plan.shift else "a data set of its own"),
        ("Strategies", ", ".join(plan.strategies)),
        ("Budgets", ", ".join(plan.budgets) or "none"),
        *([("Folds of the target", str(plan.folds))] if plan.folds else []),
        ("Protocol", plan.protocol),
        ("Metric of the recommendation", find_metric(plan.metric).words),
        ("Margin on the source images", f"{100 * plan.margin:g} points"),
        ("Training seeds", f"{plan.seeds}, from {plan.seed} on"),
        ("Epochs", "as in each recipe" if plan.epochs is None else str(plan.epochs)),
        ("Steps per epoch", "as in each recipe" if plan.steps is None else str(plan.steps)),
        ("Precision of training", plan.precision),
    ]


def provenance(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the software, hardware and times of the computation, as far as known."""
    hardware = {"precision": "", **record.get("hardware", {})}
    values = {
        "radapt": " ".join(filter(None, [str(record.get("radapt", "")), str(record.get("revision", ""))])),
        "Command": str(record.get("command", "")),
        "Hardware": ", ".join(
            str(hardware[name]) for name in ("name", "device", "precision") if hardware.get(name)
        ),
        "Threads": str(hardware.get("threads", "")),
        "Python": str(hardware.get("python", "")),
        "Libraries": ", ".join(f"{name} {value}" for name, value in record.get("versions", {}).items()),
        "Started": str(record.get("started", "")),
        "Finished": str(record.get("finished", "")),
    }
    return [(name, text) for name, text in values.items() if text]


def _written(metric: str, estimate: Estimate, sign: str) -> Number:
    if math.isnan(estimate.value):
        return Number(_UNDEFINED, "")
    scale, digits = (1, 3) if not in_percent(metric) else (100, 1)

    def write(value: float, plus: str) -> str:
        text = f"{scale * value:{plus}.{digits}f}"
        if not text.strip("+-0."):  # keep the sign of a difference that rounds to 0: -0.0 is below 0
            text = f"{0:.{digits}f}" if not sign or value == 0 else f"{math.copysign(0, value):+.{digits}f}"
        return text.replace("-", _MINUS)

    return Number(write(estimate.value, sign), f"[{write(estimate.low, '')}, {write(estimate.high, '')}]")
