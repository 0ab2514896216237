"""What a folder knows that reporting guidelines ask for, in sentences; what it does not know is not said."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from radapt.artefacts import CELLS, CLASSIFIER, RECORD, STUDY
from radapt.files import read_json
from radapt.metrics.table import metric as find_metric
from radapt.report import run_text, stress, wording
from radapt.report.folder import Count, Run, Score, Source, Study, expected_in
from radapt.report.methods import methods
from radapt.report.performance import threshold_warnings
from radapt.text import counted

Facts = dict[str, str]  # by the names that the items use; "" where nothing is known

CHOSEN = "What chose each model’s epoch"  # noqa: RUF001


def run_facts(run: Run, folder: Path) -> Facts:
    """Say what a run knows.

    Raises
    ------
    BadArtefact
        If its record, or a stress test in it, is damaged.
    """
    with expected_in(folder / RECORD):
        record = run.record
        spec, recipe = record.get("spec") or {}, record.get("recipe") or {}
        return {
            **_of_spec(spec),
            **_of_sources([run.source] if run.source else []),
            **_of_scores(run.scores),
            **_of_training(record, recipe),
            **_of_software(record.get("provenance", {})),
            "robustness": " ".join(_robust(run, folder)),
            "occlusion": _hidden(run.beneath.occlusion),
            "limits": _limits([*run_text.warnings(run)]),
            "clusters": _sites(record.get("sites") or {}),
            "centres": _centres(record.get("sites") or {}),
            "internal": _tested(run.scores, "source"),
            "fingerprints": f"The images have the fingerprint {record['data']}." if "data" in record else "",
        }


def study_facts(study: Study) -> Facts:
    """Say what a study knows.

    Raises
    ------
    BadArtefact
        If what it says of its models is damaged.
    """
    asked, target = study.asked, study.target
    new = target.name if target else f"the same images under the simulated shift “{asked.shift}”"
    ways = wording.listed([f"“{name}”" for name in asked.strategies if name != "none"] or ["no strategy"])
    most = max((row.budget for row in study.scores), default=0)
    test = wording.images_of(study.roles["source test"])
    return {
        **_of_models(study),
        **_of_sources(wording.sources(study)),
        **_of_scores([row for row in study.scores if row.strategy == "none" or row.budget == most]),
        **_of_software(study.provenance),
        "goal": f"Development of a classifier on {study.source.name}, and its adaptation to {new} by {ways}.",
        "chosen": dict(methods(study, ""))[CHOSEN],
        "detectable": _detectable(study),
        "subsets": f"Labelled target images were drawn by patient, as budgets of {', '.join(asked.budgets)}.",
        "updating": f"Adaptation by {ways}.",
        "updated": study.recommendation,
        "recommendation": study.recommendation,
        "clusters": "Both hospitals are scored apart." if target else "",
        "centres": f"Two data sets: {study.source.name} and {target.name}." if target else "",
        "apart": _apart(study),
        "claim": study.claim.reason if study.claim else "",
        "protocol": _protocol(study),
        **_appraised(study),
        "robustness": " ".join(_baselines(study.beneath.rows)),
        "occlusion": " ".join(
            f"Of {wording.model(each['strategy'], each['budget'])}, {wording.DOMAINS[each['domain']]}: "
            f"{_hidden(each['occlusion'])}"
            for each in study.occlusions
        ),
        "limits": _limits([*wording.warnings(study), *threshold_warnings(study)]),
        "internal": "None that had no part in choosing: the test images chose each epoch."
        if asked.protocol == "original"
        else f"The source images that were set apart: {test}.",
        "external": f"{target.name}: {wording.images_of(study.roles['target test'])}."
        if target
        else f"None. The second hospital is the simulated shift “{asked.shift}”, which is no other hospital.",
        "failures": _failures(study),
        "ensemble": "None: no predictions of several models are combined.",
        "files": "Below cells, of each: model.safetensors (weights) and classifier.json (what feeds them).",
    }


def _of_models(study: Study) -> Facts:
    """Say what the models of a study are and how they were trained."""
    base = next(cell for cell in study.cells if cell.strategy == "none")
    spec = read_json(study.folder / CELLS / base.name / CLASSIFIER)
    raw = read_json(study.folder / STUDY)["cells"]
    with expected_in(study.folder / STUDY):
        weighed = sorted({cell["strategy"] for cell in raw if (cell["recipe"] or {}).get("balance")})
        own = next(cell["recipe"] for cell in raw if cell["name"] == base.name)
        began = f" The base model: {_recipe(own)}." if own else ""
        return {
            **_of_spec(spec),
            "training": f"{counted(len(study.cells), 'model')}, from "
            f"{counted(study.asked.seeds, 'seed')}.{began} The recipe of each is in its run.json.",
            "initial": f"{_begun(study.asked.weights)}, from each model's seed; what was adapted, but for "
            "scratch, began from the base model of its seed.",
            "imbalance": f"Rare classes were weighed up in the loss of {wording.listed(weighed)}."
            if weighed
            else "None was used.",
        }


def _begun(weights: str | None) -> str:
    return "Random" if weights is None else f"Pretrained weights ({weights}) and a random head"


def _recipe(recipe: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in recipe.items() if value is not None)


def _of_spec(spec: Mapping[str, Any]) -> Facts:
    """Say what the model is."""
    if not spec:
        return {}
    names, size = wording.listed(spec["classes"]), spec["size"]
    outputs = {"softmax": "a probability for each class, adding up to 1", "sigmoid": "a score for each class"}
    outputs["findings"] = "a probability for each finding"
    reading = {name: spec[name] for name in ("size", "fit", "levels", "trim", "mean", "std") if name in spec}
    given = outputs.get(spec.get("outputs", "softmax"), "")
    return {
        "kind": f"Deep learning: an image classifier, model “{spec['model']}”, for {names}.",
        "model": f"“{spec['model']}” on images of {size} x {size} pixels.",
        "input": f"The grey levels of the whole image at {size} x {size} pixels, and nothing else.",
        "output": f"{given.capitalize()}.",
        "preprocessing": f"Read with {wording.preprocessing_words(reading)}.",
        "outcome": f"The labels {names}, as the data set gives them.",
        "threshold": f"{wording.THRESHOLD:g}, fixed beforehand and tuned on nothing."
        if len(spec["classes"]) == 2 or spec.get("outputs") == "findings"
        else "None: an image is given its most probable class.",
        "prediction": "By radapt predict, or radapt.predict from Python, in single precision.",
        "poor-input": "radapt predict names a file that cannot be read and leaves it out.",
    }


def _of_sources(sources: Sequence[Source]) -> Facts:
    """Say where the images came from, how they were read and how they were parted."""
    if not sources:
        return {}
    counts = [
        f"{source.name}, {name}: {wording.images_of(count)} ({_by_class(count)})"
        for source in sources
        for name, count in source.splits.items()
    ]
    return {
        "sources": _sentences(source.name for source in sources),
        "preprocessing": _sentences(
            f"{source.name}: {wording.preprocessing_words(source.preprocessing)}" for source in sources
        ),
        "excluded": _sentences(
            f"{source.name}: {counted(len(source.failed), 'file')} left out as unreadable"
            for source in sources
        ),
        "partition": _sentences(f"{source.name}, splits: {source.split_rule}" for source in sources),
        "disjoint": _sentences(f"{source.name}: {_disjoint(source)}" for source in sources),
        "counts": _sentences(counts),
        "sizes": _sentences(counts),
    }


def _disjoint(source: Source) -> str:
    """Say at which level splits are disjoint, as far as it is known."""
    words = f"patients are {wording.patient_words(source.patient_rule)}"
    if source.patient_rule == "file" or source.shared is None:
        return f"{words}; whether a patient is in two splits is not known"
    if source.shared:
        shared = counted(source.shared, "patient")
        return f"not by patient: {shared} with images in two splits; {words}"
    return f"by patient: none has images in two splits; {words}"


def _by_class(count: Count) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in count.classes.items())


def _of_scores(scores: Sequence[Score]) -> Facts:
    """Say how well models did, by what, and how sure that is."""
    if not scores:
        return {}
    lines: dict[tuple[str, int, str], list[str]] = {}
    for row in scores:
        metric = find_metric(row.metric)
        given = wording.number(row.metric, row.estimate)
        value = f"{given.value} {metric.unit}".rstrip()
        text = f"{metric.title} {value} {given.interval}".rstrip()
        lines.setdefault((row.strategy, row.budget, row.domain), []).append(text)
    several = len({key[:2] for key in lines}) > 1
    said = []
    for (strategy, budget, domain), texts in lines.items():
        images = f" with {counted(budget, 'labelled image')}" * (budget > 0)
        who = f"{strategy}{images} on "
        said.append(f"{who * several}{wording.DOMAINS.get(domain, domain)}: {', '.join(texts)}")
    metrics = dict.fromkeys(find_metric(row.metric).title for row in scores)
    return {
        "performance": _sentences(said),
        "metrics": f"{', '.join(metrics)}; ROC curves in the report.",
        "intervals": f"95 % intervals: {wording.method_words([row.estimate for row in scores])}.",
    }


def _of_training(record: Mapping[str, Any], recipe: Mapping[str, Any]) -> Facts:
    """Say how a single model was trained."""
    strategy, adapted = str(record.get("strategy", "")), record.get("kind") == "adapt"
    chosen = record.get("validated_on")
    pretrained = record.get("pretrained")
    begins = f"The weights of the base model ({record.get('base')})" if adapted else ""
    if not adapted and pretrained is not None:
        begins = f"Pretrained weights ({pretrained})" if pretrained else "Random weights"
    return {
        "goal": f"Adaptation of a classifier to other images by “{strategy}”, and its evaluation."
        if adapted
        else "Development of a classifier, and its evaluation on images set apart.",
        "training": f"One model; seed {record.get('seed')}; {record.get('epochs')} epochs; {_recipe(recipe)}."
        if recipe
        else "",
        "chosen": _chosen(recipe, chosen),
        "initial": f"{begins}, seed {record.get('seed')}." if begins else "",
        "imbalance": ("Rare classes were weighed up in the loss." if recipe["balance"] else "None was used.")
        if "balance" in recipe
        else "",
        "updating": f"“{strategy}”, with {record.get('images')} labelled images." if adapted else "None.",
        "ensemble": "None: it is one model.",
        "files": "model.safetensors (weights) and classifier.json (what feeds them), in this folder.",
    }


def _chosen(recipe: Mapping[str, Any], images: Mapping[str, Any] | None) -> str:
    if not recipe:
        return ""
    if not images:
        return "The last epoch was kept; no image chose it."
    chose = counted(images["images"], "image")
    return f"The best epoch by {recipe.get('monitor')} on {chose} that were not trained on."


def _of_software(given: Mapping[str, Any]) -> Facts:
    said = dict(wording.provenance(given))
    named = [f"{name} {said[name]}" for name in ("radapt", "Python") if name in said]
    return {"software": ", ".join([*named, *([said["Libraries"]] if "Libraries" in said else [])])}


def _robust(run: Run, folder: Path) -> Iterable[str]:
    """Say what cheap classifiers and simulated damage showed."""
    yield from _baselines(run.beneath.rows)
    for section in stress.sections(stress.read_stresses(folder)):
        yield f"{section.title}. {section.lead}"


def _baselines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    said = [
        f"{row['name']} {row['auroc']:.3f} [{row['low']:.3f}, {row['high']:.3f}] "
        f"(fitted on {wording.DOMAINS[row['trained_on']]}, tested on {wording.DOMAINS[row['domain']]})"
        for row in rows
        if row["auroc"] is not None
    ]
    return [f"AUROC without looking at the lungs: {', '.join(said)}."] if said else []


def _appraised(study: Study) -> Facts:
    """Say how the models that were looked at closely were appraised; nothing in folders of before."""
    chosen = []
    for found in study.appraisal:
        who = wording.model(found["strategy"], found["budget"])
        for row in found["findings"]:
            at = row["threshold"]
            chosen.append(f"{who}, {row['finding']}: {at['value']:.3g}, {at['chosen_on']}")
    if not chosen:
        return {}
    return {
        "appraisal": "Of no adaptation and what is recommended at each budget: predictive values, calibration"
        " intercept, slope and expected error, reliability and decision curves.",
        "chosen_thresholds": f"For the appraisal: {_sentences(chosen)}",
    }


def _hidden(rows: Sequence[Mapping[str, Any]]) -> str:
    said = [
        f"{row['mask']} {row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"
        for row in rows
        if row["metric"] == "auroc" and row["value"] is not None
    ]
    return f"AUROC with parts of every image hidden: {', '.join(said)}." if said else ""


def _limits(warned: Sequence[wording.Warned]) -> str:
    return " ".join(f"{one.title} {one.text}" for one in warned)


def _tested(scores: Sequence[Score], domain: str) -> str:
    found = next((row for row in scores if (row.domain, row.metric) == (domain, "accuracy")), None)
    if found is None:
        return ""
    count = Count(found.estimate.n, found.estimate.patients, {})
    return f"Images of the same data set that were set apart: {wording.images_of(count)}."


def _centres(sites: Mapping[str, Any]) -> str:
    names = [f"{name} ({counted(images, 'image')})" for name, images in sites.get("images", {}).items()]
    return f"Sites that the data name: {', '.join(names)}." if names else ""


def _sites(sites: Mapping[str, Any]) -> str:
    return " ".join(map(str, sites.get("warnings", ())))


def _detectable(study: Study) -> str:
    own = [gap.smallest for gap in study.gaps if gap.metric == study.asked.metric]
    seen = [smallest for smallest in own if smallest > 0]  # NaN is not
    if not seen:
        return ""
    least, most = (wording.size(study.asked.metric, pick(seen)) for pick in (min, max))
    return f"Smallest differences that these images would show four times out of five: {least} to {most}."


def _apart(study: Study) -> str:
    if study.target is None:
        return f"The target images are the old ones under the simulated shift “{study.asked.shift}”."
    said = [
        f"{side} {wording.images_of(study.roles[role])} ({_by_class(study.roles[role])})"
        for side, role in (("Old for training:", "source train"), ("new for testing:", "target test"))
    ]
    return f"{'; '.join(said)}."


def _protocol(study: Study) -> str:
    if study.claim is None:
        return "None was frozen with radapt."
    return f"Frozen on {study.claim.frozen_at[:10]}, digest {study.claim.digest}."


def _failures(study: Study) -> str:
    worst = study.images["worst"]
    images = counted(len(worst), "image")
    return f"The report shows {images} that were called wrongly with the greatest certainty." if worst else ""


def _sentences(parts: Iterable[str]) -> str:
    return " ".join(f"{part}." for part in parts)
