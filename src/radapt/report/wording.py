"""The words of a report: names, numbers as they are written, and the sentences that go with them."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from radapt.adapt.scratch import Scratch
from radapt.adapt.table import get_strategy
from radapt.images.load import UNSAFE
from radapt.metrics.table import metric as find_metric
from radapt.report.folder import Asked, Cell, Count, Gap, Source, Study
from radapt.stats.estimate import Estimate
from radapt.study.comparison import NO_RETRAINING
from radapt.text import counted

DOMAINS: dict[str, str] = {"target": "target images", "source": "source images"}
PATIENTS: dict[str, str] = {
    "kermany": "read from the file names, by type and number",
    "nih": "read from the file names, by their first number",
    "phantom": "drawn with the images",
    "file": "unknown, so each file was counted as a patient of its own",
}
THRESHOLD = 0.5  # from which probability on an image is called the finding; the one that scores are made with
LISTED = 20  # unreadable files that are named; the rest are counted

_UNDEFINED = "not defined"
_MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True, slots=True)
class Number:
    """An estimate as it is written; the interval is never left out where there is a value."""

    value: str
    interval: str  # "[91.2, 95.1]"; "" only where the value is not defined


@dataclass(frozen=True, slots=True)
class Warned:
    """Something that limits what the numbers mean."""

    title: str
    text: str
    files: tuple[tuple[str, str], ...] = ()  # (file, reason)
    grave: bool = False


def in_percent(metric: str) -> bool:
    """Say whether a metric is written in percent."""
    return find_metric(metric).unit == "%"


def number(metric: str, given: Estimate) -> Number:
    """Write a score: `93.4 [91.2, 95.1]` in percent, or `0.987 [0.981, 0.992]` as of an area."""
    return _written(metric, given, sign="")


def share(given: Estimate) -> Number:
    """Write a share in percent, as `5.1 [2.6, 8.1]`."""
    return _written("accuracy", given, sign="")


def change(metric: str, given: Estimate) -> Number:
    """Write a difference: `+6.1 [2.0, 10.4]` in percentage points, or `+0.031 [0.012, 0.050]` of an area."""
    return _written(metric, given, sign="+")


def size(metric: str, value: float) -> str:
    """Write the size of a difference, in points or, for an area, as it is."""
    if math.isnan(value):
        return _UNDEFINED
    return f"{value:.3f}" if not in_percent(metric) else f"{100 * value:.1f}"


def chosen_on(cell: Cell) -> str:
    """Say what chose a model's epoch, if it was trained."""
    if not cell.epochs:
        return "nothing was trained"
    if cell.validated_on is not None:
        return images_of(cell.validated_on)
    return f"{counted(cell.folds, 'fold')} of these" if cell.folds else "last epoch kept"


def images_of(count: Count) -> str:
    """Write `624 images of 428 patients`."""
    return f"{counted(count.images, 'image')} of {counted(count.patients, 'patient')}"


def strategy(name: str, asked: Asked) -> str:
    """Say what a strategy does in a study."""
    about = get_strategy(name).about
    if asked.weights is not None and isinstance(get_strategy(name), Scratch):
        return f"{about}, from the pretrained weights that the base model began with"
    return about


def listed(names: Iterable[str], last: str = "and") -> str:
    """Write `a`, `a and b`, `a, b and c`."""
    *rest, end = names
    return f"{', '.join(rest)} {last} {end}" if rest else end


def title(study: Study) -> str:
    """Say in a line what was done: which model went where."""
    if study.target is not None:
        return f"From {study.source.name} to {study.target.name}"
    return f"{study.source.name} under the shift “{study.asked.shift}”"


def lead(study: Study) -> tuple[str, str]:
    """Say in two sentences what was compared, and on whom."""
    asked, roles = study.asked, study.roles
    new = (
        f"to the images of {study.target.name}"
        if study.target is not None
        else f"to such images under the simulated shift “{asked.shift}”"
    )
    budgets = listed([f"{count.images:,}" for _, count in study.budgets], "or")
    names = listed([f"“{name}”" for name in asked.strategies])
    several = len(asked.strategies) > 1
    compared = (
        f"{names} are compared, given {budgets} labelled target images" if several else f"{names} was tried"
    )
    old_test, new_test = (images_of(roles[f"{side} test"]) for side in ("source", "target"))
    return (
        f"A “{asked.model}” classifier, trained on {images_of(roles['source train'])} of "
        f"{study.source.name}, "
        f"was taken {new}; {compared}.",
        f"All were tested on the same {new_test.replace('image', 'target image', 1)} and, "
        f"to see what was forgotten, on {old_test.replace('image', 'source image', 1)}.",
    )


def warnings(study: Study) -> list[Warned]:
    """Say what limits the numbers, the gravest first."""
    found = []
    if study.asked.protocol == "original":
        found.append(
            Warned(
                "These scores are optimistic.",
                "This study repeats the original demonstration, in which the test images also chose "
                "the epoch "
                "that each model was kept from. On images that had no part in that choice, expect lower "
                f"scores than those below. {_original_claim(study.gaps)}",
                grave=True,
            )
        )
    found += [notice_of(notice) for source in sources(study) for notice in source.notices]
    if study.claim is not None:
        found += [Warned("Not the protocol that was frozen.", one, grave=True) for one in study.claim.notices]
    found += [warning_of(warning) for warning in study.beneath.warnings]
    found += [
        suspected_shortcut(
            one, f"Of {model(row['strategy'], row['budget'])}, on the {DOMAINS[row['domain']]}: "
        )
        for row in study.occlusions
        for one in row["suspicions"]
    ]
    for source in sources(study):
        found += unknown_patients(source)
        if source.failed:
            found.append(unread(source))
    if study.asked.seeds == 1:
        found.append(
            Warned(
                "Every model was trained once.",
                "The intervals hold the luck of which patients were tested and none of the luck of training: "
                "with another seed the scores would move further than they say.",
            )
        )
    return found


def unknown_patients(source: Source) -> list[Warned]:
    """Say what follows where it is not known whose images are, all of them or some."""
    if source.patient_rule == "file":
        title, each = f"The patients of {source.name} are unknown.", "Each file"
    elif source.unnamed:
        images = "1 image is" if source.unnamed == 1 else f"{source.unnamed:,} images are"
        title = f"The table of {source.name} does not say whose {images}."
        each = "It" if source.unnamed == 1 else "Each of these"
    else:
        return []
    return [
        Warned(
            title,
            f"{each} was counted as a patient of its own. Where one patient has several images, these may "
            "stand on both sides of a split, and the intervals are too narrow.",
        )
    ]


def notice_of(notice: str) -> Warned:
    """Say what a data set was noted with."""
    title = "Unsafe split." if notice == UNSAFE else "Tested on what it learned from."
    return Warned(title, notice, grave=True)


def warning_of(warning: str) -> Warned:
    """Say what a score is worth beside what can be told without looking at the lungs."""
    return Warned("No lungs are needed for this.", warning)


def suspected_shortcut(suspicion: str, of: str = "") -> Warned:
    """Say what a model was caught at with parts of images hidden; `of` says which model, on which images."""
    title, _, text = suspicion.partition(": ")
    return Warned(f"{title}.", f"{of}{text}" if of else f"{text[:1].upper()}{text[1:]}")


def model(name: str, budget: int) -> str:
    """Name a model of a study: `the base model`, or `head with 64 labelled images`."""
    if name == "none":
        return "the base model"
    return f"{name} with {counted(budget, 'labelled image')}" if budget else name


def unread(source: Source) -> Warned:
    """Say which files were left out because they could not be read."""
    files = source.failed[:LISTED]
    rest = len(source.failed) - len(files)
    more = f" The first {len(files)} of them:" if rest else ""
    they, were, them = ("It", "was", "it") if len(source.failed) == 1 else ("They", "were", "them")
    return Warned(
        f"{counted(len(source.failed), 'file')} of {source.name} could not be read.",
        f"{they} {were} left out, so nothing below speaks for {them}.{more}",
        files,
    )


def sources(study: Study) -> list[Source]:
    """Give the data sets that a study was made of."""
    return [study.source] if study.target is None else [study.source, study.target]


def drop(study: Study) -> str:
    """Say how well the base model does on either side; "" where that was not scored."""
    found = {
        row.domain: number("accuracy", row.estimate)
        for row in study.scores
        if row.strategy == "none" and row.metric == "accuracy"
    }
    if set(found) != {"source", "target"}:
        return ""
    old, new = found["source"], found["target"]
    return (
        f"As it is, the base model is right on {old.value} % {old.interval} of the source images "
        f"and on {new.value} % {new.interval} of the new ones."
    )


def not_compared(study: Study) -> str:
    """Say why some differences are not told, beginning with a space; "" where all are."""
    cheap = list(dict.fromkeys(gap.against for gap in study.gaps if gap.against in NO_RETRAINING))
    if not cheap:
        return ""
    metric = find_metric(study.asked.metric).words
    return (
        f" Against {listed(cheap, 'or')}, the best at each budget of what adapts without training, one "
        f"question alone is asked, whether retraining was worth it: by {metric}, "
        "on the target images. By other metrics the two are not compared."
    )


def method_words(estimates: Sequence[Estimate]) -> str:
    """Say how the intervals were drawn, the commonest way first; no full stop at the end."""
    methods = [given.method for given in estimates if given.method]
    order = {name: -methods.count(name) for name in dict.fromkeys(methods)}
    return ". Elsewhere: ".join(sorted(order, key=lambda name: order[name]))


def preprocessing_words(values: Mapping[str, str | int]) -> str:
    """Write what made the pixels: `size 128, fit squash`."""
    return ", ".join(f"{name} {value}" for name, value in values.items())


def patient_words(rule: str) -> str:
    """Say how patients were told apart."""
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


def asked(given: Asked) -> list[tuple[str, str]]:
    """Say what a study was asked to do."""
    return [
        ("Model", given.model),
        *([] if given.weights is None else [("Pretrained weights", given.weights)]),
        ("Second hospital", f"the shift “{given.shift}”" if given.shift else "a data set of its own"),
        ("Strategies", ", ".join(given.strategies)),
        ("Budgets", ", ".join(given.budgets)),
        ("Protocol", given.protocol),
        ("Recommended by", find_metric(given.metric).words),
        ("Margin on the source images", f"{100 * given.margin:g} points"),
        ("Seeds", f"{given.seeds}, from {given.seed} on"),
        ("Epochs", "each recipe’s own" if given.epochs is None else str(given.epochs)),  # noqa: RUF001
        ("Steps an epoch", "each recipe’s own" if given.steps is None else str(given.steps)),  # noqa: RUF001
        ("Precision of training", given.precision),
    ]


def provenance(given: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Say what software and hardware made the numbers, and when; what is not known is left out."""
    hardware = {"precision": "", **given.get("hardware", {})}
    said = {
        "radapt": " ".join(filter(None, [str(given.get("radapt", "")), str(given.get("revision", ""))])),
        "Command": str(given.get("command", "")),
        "Hardware": ", ".join(
            str(hardware[name]) for name in ("name", "device", "precision") if hardware.get(name)
        ),
        "Threads": str(hardware.get("threads", "")),
        "Python": str(hardware.get("python", "")),
        "Libraries": ", ".join(f"{name} {value}" for name, value in given.get("versions", {}).items()),
        "Started": str(given.get("started", "")),
        "Finished": str(given.get("finished", "")),
    }
    return [(name, text) for name, text in said.items() if text]


def _original_claim(gaps: Sequence[Gap]) -> str:
    """Say whether what the original showed, that training the last layers further helps, is seen here."""
    claims = [
        gap
        for gap in gaps
        if (gap.strategy, gap.against, gap.domain, gap.metric) == ("head", "none", "target", "accuracy")
    ]
    if not claims:
        return ""
    gap = claims[0]
    shown = change("accuracy", gap.estimate)
    text = f"{shown.value} points {shown.interval} of accuracy on the shifted images"
    if gap.verdict == "better":
        return (
            "What the original claimed, that training the last layers further helps, shows here: "
            f"it brought {text}; but the images that show it also chose the epoch."
        )
    if gap.verdict == "worse":
        return (
            "What the original claimed, that training the last layers further helps, does not hold here: "
            f"it cost accuracy, {text}."
        )
    return (
        "What the original claimed, that training the last layers further helps, "
        f"cannot be told from nothing: it brought {text}, and this test set would probably "
        f"have missed any gain below {size('accuracy', gap.smallest)} points."
    )


def _written(metric: str, given: Estimate, sign: str) -> Number:
    if math.isnan(given.value):
        return Number(_UNDEFINED, "")
    scale, digits = (1, 3) if not in_percent(metric) else (100, 1)

    def write(value: float, plus: str) -> str:
        text = f"{scale * value:{plus}.{digits}f}"
        if not text.strip("+-0."):  # of a difference the side of 0 is what matters: -0.0 is below it
            text = f"{0:.{digits}f}" if not sign or value == 0 else f"{math.copysign(0, value):+.{digits}f}"
        return text.replace("-", _MINUS)

    return Number(write(given.value, sign), f"[{write(given.low, '')}, {write(given.high, '')}]")
