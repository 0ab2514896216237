"""Two finished studies side by side: the same strategies and budgets, and what differs between the plans."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from radapt.artefacts import CELLS, STUDY
from radapt.errors import AskedWrongly, BadArtefact
from radapt.evaluation.scores import Outcome, Score
from radapt.files import read_document
from radapt.metrics.table import metric as find_metric
from radapt.runs.learned import Digests, read_learned
from radapt.stats.estimate import Estimate, verdict
from radapt.stats.independent import independent_difference
from radapt.stats.shared_samples import SharedSamples
from radapt.study.cells import read_predictions
from radapt.study.comparison import tested_together
from radapt.study.model_comparison import Model, match
from radapt.study.plan import Cell, Plan, cells
from radapt.text import counted, joined, listed

DOMAINS = ("target", "source")
FURTHER = "auroc"  # compared beside the metrics of both plans
PAIRED, UNPAIRED = "paired", "unpaired"
TOO_WIDE = ", which makes the intervals too wide"


@dataclass(frozen=True, slots=True, eq=False)
class FinishedStudy:
    """What a comparison needs of a finished study."""

    folder: Path
    name: str
    plan: Plan
    budgets: Mapping[str, int]  # images of each label
    scores: Mapping[tuple[str, int, str, str], Estimate]  # by strategy, images, domain and metric
    facts: Mapping[str, str]  # of plan, data and software, in words

    @property
    def models(self) -> list[tuple[str, str]]:
        """Its strategies with the label of each budget; "" of what needs no labels."""
        return list(dict.fromkeys((cell.strategy, cell.budget) for cell in cells(self.plan)))

    def images(self, label: str) -> int:
        """Return the number of labelled images of a budget."""
        return self.budgets[label] if label else 0


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """A strategy at a budget on one test set by one metric, in both studies."""

    strategy: str
    budget: str  # its label; "" without labels
    images: tuple[int, int]  # labelled, in each study
    domain: str
    metric: str
    scores: tuple[Estimate, Estimate]
    difference: Estimate  # the second less the first
    how: str  # PAIRED on the same images, or UNPAIRED
    verdict: str  # of the second; of paired ones allowing for all comparisons

    def as_dict(self) -> dict[str, Any]:
        """Return a row for JSON."""
        return {
            **{name: getattr(self, name) for name in ("strategy", "budget", "domain", "metric")},
            "images": list(self.images),
            "scores": [each.as_dict() for each in self.scores],
            "difference": self.difference.as_dict(),
            "how": self.how,
            "verdict": self.verdict,
        }


@dataclass(frozen=True, slots=True, eq=False)
class TwoStudies:
    """Two studies compared; the first is the reference."""

    names: tuple[str, str]
    rows: tuple[ComparedRow, ...]
    differs: tuple[tuple[str, str, str], ...]  # what, and what it is in each study
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return a value for JSON."""
        return {
            "studies": list(self.names),
            "differs": [{"what": what, "values": [one, other]} for what, one, other in self.differs],
            "rows": [row.as_dict() for row in self.rows],
            "notes": list(self.notes),
        }


def compare_studies(first: Path, second: Path) -> TwoStudies:
    """Compare two finished studies.

    Where both tested the same images, by name and label, a difference is paired, and its verdict allows for
    all comparisons by the same metric on these images; else, and where other data sets only share names, it
    is that of independent sets (`radapt.stats.independent`).

    Raises
    ------
    AskedWrongly
        If they are the same, or have no strategy at the same budget in common.
    BadArtefact
        If one of them is damaged.
    """
    studies = (_read(first), _read(second))
    if first.resolve() == second.resolve():
        raise AskedWrongly(f"Two studies are compared, and {first} was given twice: give another.")
    if studies[0].name == studies[1].name:
        studies = (_renamed(studies[0]), _renamed(studies[1]))
    one, other = studies
    common = [key for key in one.models if key in other.models]
    if not common:
        raise AskedWrongly(
            "Two studies are compared by the strategies and budgets that both have. "
            f"{one.name} has {_models(one)}, and {other.name} {_models(other)}."
        )
    rows, notes = list[ComparedRow](), list[str]()
    for domain in DOMAINS:
        pairs, why = _paired(studies, common, domain)
        notes += [f"{domain.capitalize()} images: {sentence}" for sentence in why]
        for metric in _metrics(studies):
            rows += _rows(studies, common, (domain, metric), pairs)
    return TwoStudies((one.name, other.name), tuple(rows), _differing(studies), (*notes, *_left_out(studies)))


def _read(folder: Path) -> FinishedStudy:
    raw = read_document(folder / STUDY)
    try:
        plan = Plan.from_dict(raw["plan"])
        estimates = [Score.from_dict(row) for row in raw["estimates"]]
        return FinishedStudy(
            folder=folder,
            name=folder.resolve().name,
            plan=plan,
            budgets={str(each["label"]): int(each["images"]) for each in raw["budgets"]},
            scores={(row.strategy, row.budget, row.domain, row.metric): row.estimate for row in estimates},
            facts=dict(_facts(raw)),
        )
    except (KeyError, TypeError, ValueError, AttributeError, AskedWrongly) as error:
        raise BadArtefact(f"{folder / STUDY} is damaged, or of another version of radapt: {error}.") from None


def _renamed(study: FinishedStudy) -> FinishedStudy:
    """Return a study under its whole path, where the last part does not tell it from the other."""
    values = {name: getattr(study, name) for name in ("folder", "plan", "budgets", "scores", "facts")}
    return FinishedStudy(name=str(study.folder), **values)


def _facts(raw: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what may differ between studies: each option of the plan, the data and the software."""
    for name, value in raw["plan"].items():
        yield f"plan: {name}", _word(value)
    for side in ("source", "target"):
        about = raw[side]
        yield f"{side}: data", _word(about.get("name", "the source under the shift of the plan"))
        yield f"{side}: fingerprint", str(about.get("fingerprint", ""))[:12]
        for name, value in about.get("preprocessing", {}).items():
            yield f"{side}: {name}", _word(value)
    for role, count in raw["roles"].items():
        images, patients = (counted(int(count[name]), name[:-1]) for name in ("images", "patients"))
        yield f"images: {role}", f"{images} of {patients}"
    made = raw["provenance"]
    yield "radapt", str(made.get("radapt", raw["radapt"]))
    for name, version in made.get("versions", {}).items():
        yield f"version: {name}", str(version)
    yield "device", _word(made.get("hardware", {}).get("device", ""))


def _word(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


def _differing(studies: Sequence[FinishedStudy]) -> tuple[tuple[str, str, str], ...]:
    one, other = (study.facts for study in studies)
    names = dict.fromkeys((*one, *other))
    pairs = [(name, one.get(name, "not given"), other.get(name, "not given")) for name in names]
    return tuple(pair for pair in pairs if pair[1] != pair[2])


def _left_out(studies: Sequence[FinishedStudy]) -> Iterator[str]:
    for study, other in (studies, tuple(reversed(studies))):
        only = [_named(*key) for key in study.models if key not in other.models]
        if only:
            yield f"In {study.name} alone, and not compared: {listed(only, len(only))}."


def _named(strategy: str, label: str) -> str:
    return f"{strategy} ({label})" if label else strategy


def _models(study: FinishedStudy) -> str:
    return listed(_named(*key) for key in study.models)


def _metrics(studies: Sequence[FinishedStudy]) -> list[str]:
    """Return the metrics of both plans and one more, as far as both studies have them."""
    asked = dict.fromkeys([*(study.plan.metric for study in studies), FURTHER])
    known = [{key[3] for key in study.scores} for study in studies]
    return [name for name in asked if all(name in each for each in known)]


def _paired(
    studies: Sequence[FinishedStudy], common: Sequence[tuple[str, str]], domain: str
) -> tuple[list[tuple[Outcome, Outcome]], tuple[str, ...]]:
    """Return the outcomes of both studies on the same images; none where the images differ, and why."""
    models = [
        Model(f"{study.name}: {_named(*key)}", _runs(study, key, domain), study.name)
        for study in studies
        for key in common
    ]
    ids = [set(model.runs[0].ids.tolist()) for model in (models[0], models[len(common)])]
    if ids[0] != ids[1]:
        people = [set(model.runs[0].patients.tolist()) for model in (models[0], models[len(common)])]
        shared = {"image": len(ids[0] & ids[1]), "patient": len(people[0] & people[1])}
        named = [counted(number, what) for what, number in shared.items() if number]
        also = f" ({joined(named)} of the same name are in both{TOO_WIDE})" if named else ""
        return [], (f"not the same in both studies{also}, so that differences are not paired.",)
    if _unrelated(studies, domain):
        return [], (
            "not paired. They have the same names in both studies, but come from other data sets, and no "
            "test image of one is in the other.",
        )
    try:
        matched, notes = match(models)
    except AskedWrongly as error:
        return [], (f"not paired. {error}",)
    outcomes = [
        Outcome(strategy, place, {domain: model.runs})
        for place, ((strategy, _), model) in enumerate(zip([*common, *common], matched, strict=True))
    ]
    pairs = list(zip(outcomes[len(common) :], outcomes[: len(common)], strict=True))
    return pairs, (*notes, *_other_pixels(studies))


def _runs(study: FinishedStudy, key: tuple[str, str], domain: str) -> tuple[Any, ...]:
    seeds = study.plan.training_seeds
    return tuple(read_predictions(study.folder, study.plan, Cell(*key, seed), domain) for seed in seeds)


def _kept(studies: Sequence[FinishedStudy]) -> list[Digests | None]:
    """Return the digests of images that the first base model of each study keeps."""
    return [read_learned(study.folder / CELLS / Cell("none", "", study.plan.seed).name) for study in studies]


def _unrelated(studies: Sequence[FinishedStudy], domain: str) -> bool:
    """Return whether the test images have nothing but their names in common, as far as that is known.

    Images that were prepared alike are told by their pixels; of others it is not known.
    """
    side = domain if all(study.facts.get(f"{domain}: fingerprint") for study in studies) else "source"
    prints = {study.facts.get(f"{side}: fingerprint") for study in studies}
    read = {
        tuple(study.facts.get(f"{side}: {name}") for name in ("size", "resize", "intensity", "trim"))
        for study in studies
    }
    one, other = _kept(studies)
    if len(prints) < 2 or len(read) > 1 or one is None or other is None:
        return False
    return not np.isin(one["tested"], other["tested"]).any()


def _other_pixels(studies: Sequence[FinishedStudy]) -> tuple[str, ...]:
    """Return a note if the same images were prepared or shifted otherwise, as far as that is known."""
    kept = _kept(studies)
    if None in kept or all(
        np.array_equal(each["tested"], kept[0]["tested"]) for each in kept if each and kept[0]
    ):
        return ()
    return (
        "the same by name, but their pixels are not (another size, reading or shift): a difference is one of "
        "the images as well as of the models.",
    )


def _rows(
    studies: Sequence[FinishedStudy],
    common: Sequence[tuple[str, str]],
    of: tuple[str, str],
    pairs: Sequence[tuple[Outcome, Outcome]],
) -> list[ComparedRow]:
    domain, metric = of
    paired: list[tuple[Estimate, str]] = []
    if pairs:
        runs = [run for pair in pairs for outcome in pair for run in outcome.predictions[domain]]
        together = tested_together(pairs, domain, SharedSamples(metric, runs))
        paired = [(row.estimate, row.verdict) for row in together]
    rows = []
    for place, (strategy, label) in enumerate(common):
        images = (studies[0].images(label), studies[1].images(label))
        keys = [(strategy, count, domain, metric) for count in images]
        if any(key not in study.scores for key, study in zip(keys, studies, strict=True)):
            continue
        one, other = (study.scores[key] for key, study in zip(keys, studies, strict=True))
        apart = independent_difference(other, one)
        difference, found = paired[place] if paired else (apart, verdict(apart))
        how = PAIRED if paired else UNPAIRED
        rows.append(
            ComparedRow(strategy, label, images, domain, metric, (one, other), difference, how, found)
        )
    return rows


def in_a_sentence(row: ComparedRow, names: Sequence[str]) -> str:
    """Return what a difference between two studies shows."""
    measure, model = find_metric(row.metric).words, _named(row.strategy, row.budget)
    if math.isnan(row.difference.value):
        return f"{model}: the difference in {measure} is not defined."
    gain = f"{row.difference.points} of {measure} on the {row.domain} images"
    if row.verdict == "inconclusive":
        return f"{model}: no difference between {names[0]} and {names[1]} was shown ({gain})."
    return f"{model}: {names[1]} scored {row.verdict} than {names[0]} ({gain})."
