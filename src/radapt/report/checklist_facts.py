"""Facts from the records of a folder that reporting guidelines ask for, in sentences."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from radapt.artefacts import CELLS, CLASSIFIER, RECORD, STUDY
from radapt.evaluation.scores import Score
from radapt.files import read_document
from radapt.images.notice import Notice, from_rows
from radapt.metrics.table import metric as find_metric
from radapt.report import run_text, stress, wording
from radapt.report.folder import Run, Study, expected_in
from radapt.report.methods import MODEL_SELECTION, methods
from radapt.report.performance import threshold_warnings
from radapt.report.warnings import study_warnings
from radapt.runs.holdout import DatasetRecord, ImageCount
from radapt.study.plan import Plan
from radapt.text import counted, joined

Facts = dict[str, str]  # by the names that the items use; "" where nothing is known


def run_facts(run: Run, folder: Path) -> Facts:
    """Return the facts of a run.

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
            "occlusion": _hidden(run.shortcut_checks.occlusion),
            "limits": _limits([*run_text.warnings(run)]),
            "clusters": _sites(record.get("sites") or {}),
            "centres": _centres(record.get("sites") or {}),
            "internal": _tested(run.scores, "source"),
            "fingerprints": f"The images have the fingerprint {record['data']}." if "data" in record else "",
        }


def study_facts(study: Study) -> Facts:
    """Return the facts of a study.

    Raises
    ------
    BadArtefact
        If what it says of its models is damaged.
    """
    plan, target = study.plan, study.target
    target_name = (
        target.origin.name if target else f"the same images under the simulated shift “{plan.shift}”"
    )
    name = study.source.origin.name
    ways = joined([f"“{name}”" for name in plan.strategies if name != "none"] or ["no strategy"])
    most = max((row.budget for row in study.scores), default=0)
    test = wording.images_of(study.roles["source test"])
    return {
        **_of_models(study),
        **_of_sources(study.datasets),
        **_of_scores([row for row in study.scores if row.strategy == "none" or row.budget == most]),
        **_of_software(study.provenance),
        "goal": f"Development of a classifier on {name}, and its adaptation to {target_name} by {ways}.",
        "chosen": dict(methods(study, ""))[MODEL_SELECTION],
        "detectable": _detectable(study),
        "subsets": f"Labelled target images were drawn by patient, as budgets of {', '.join(plan.budgets)}."
        if plan.budgets
        else "No labelled target image was used.",
        "updating": f"Adaptation by {ways}.",
        "updated": study.recommendation,
        "recommendation": study.recommendation,
        "clusters": "Source and target are scored separately." if target else "",
        "centres": f"Two data sets: {name} and {target.origin.name}." if target else "",
        "apart": _apart(study),
        "claim": study.verdict.reason if study.verdict else "",
        "protocol": _protocol(study),
        **_performance(study),
        "robustness": " ".join(_baselines(study.shortcut_checks.baselines)),
        "occlusion": " ".join(
            [
                *(
                    f"Of {wording.model(each['strategy'], each['budget'])}, "
                    f"{wording.DOMAINS[each['domain']]}: {_hidden(each['occlusion'])}"
                    for each in study.occlusions
                ),
                *_maps(study),
            ]
        ),
        "limits": _limits([*study_warnings(study), *threshold_warnings(study)]),
        "internal": "None that was held out from model selection: the test images chose each epoch."
        if plan.protocol == "original"
        else f"The held-out source images: {test}.",
        "external": f"{target.origin.name}: {wording.images_of(study.roles['target test'])}."
        if target
        else f"None. The target is simulated by the shift “{plan.shift}”, which is not another hospital.",
        "failures": _failures(study),
        "ensemble": "None: no predictions of several models are combined.",
        "files": "Below cells, of each: model.safetensors (weights) and classifier.json (what feeds them).",
    }


def _of_models(study: Study) -> Facts:
    """Return facts on the models of a study and their training."""
    base = study.base.cell
    spec = read_document(study.folder / CELLS / base.name / CLASSIFIER)
    raw = read_document(study.folder / STUDY)["cells"]
    with expected_in(study.folder / STUDY):
        balanced = sorted({cell["strategy"] for cell in raw if (cell["recipe"] or {}).get("balance")})
        own = next(cell["recipe"] for cell in raw if cell["name"] == base.name)
        recipe = f" The base model: {_recipe(own)}." if own else ""
        return {
            **_of_spec(spec),
            "training": f"{counted(len(study.models), 'model')}, from "
            f"{counted(study.plan.seeds, 'seed')}.{recipe} The recipe of each is in its run.json.",
            "initial": f"{_initial(study.plan)}, from each model's seed; adapted models, except "
            "scratch, started from the base model of their seed.",
            "imbalance": f"Rare classes had larger weights in the loss of {joined(balanced)}."
            if balanced
            else "None was used.",
        }


def _initial(plan: Plan) -> str:
    if plan.base:
        return f"The base model is a run that was given (weights {plan.base}); of new models random"
    if plan.weights is None:
        return "Random"
    return f"Pretrained weights ({plan.weights.name}) and a random head"


def _recipe(recipe: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in recipe.items() if value is not None)


def _of_spec(spec: Mapping[str, Any]) -> Facts:
    """Return facts on the model."""
    if not spec:
        return {}
    names, size = joined(spec["classes"]), spec["size"]
    outputs = {"softmax": "a probability for each class, adding up to 1", "sigmoid": "a score for each class"}
    outputs["findings"] = "a probability for each finding"
    reading = {
        name: spec[name] for name in ("size", "resize", "intensity", "trim", "mean", "std") if name in spec
    }
    output = outputs.get(spec.get("outputs", "softmax"), "")
    return {
        "kind": f"Deep learning: an image classifier, model “{spec['model']}”, for {names}.",
        "model": f"“{spec['model']}” on images of {size} x {size} pixels.",
        "input": f"The grey levels of the whole image at {size} x {size} pixels, and nothing else.",
        "output": f"{output.capitalize()}.",
        "preprocessing": f"Read with {wording.preprocessing_words(reading)}.",
        "outcome": f"The labels {names}, as the data set gives them.",
        "threshold": f"{wording.THRESHOLD:g}, fixed beforehand and not tuned."
        if len(spec["classes"]) == 2 or spec.get("outputs") == "findings"
        else "None: an image is given its most probable class.",
        "prediction": "By radapt predict, or radapt.predict from Python, in single precision.",
        "poor-input": "radapt predict names a file that cannot be read and leaves it out.",
    }


def _of_sources(sources: Sequence[DatasetRecord]) -> Facts:
    """Return facts on the source, preprocessing and splits of the images."""
    if not sources:
        return {}
    counts = [
        f"{source.origin.name}, {name}: {wording.images_of(count)} ({_by_class(count)})"
        for source in sources
        for name, count in source.splits.items()
    ]
    return {
        "sources": _sentences(source.origin.name for source in sources),
        "preprocessing": _sentences(
            f"{source.origin.name}: {wording.preprocessing_words(source.origin.preprocessing)}"
            for source in sources
        ),
        "excluded": _sentences(
            f"{source.origin.name}: {counted(len(source.origin.failed), 'file')} left out as unreadable"
            for source in sources
        ),
        "partition": _sentences(
            f"{source.origin.name}, splits: {source.origin.split_rule}" for source in sources
        ),
        "disjoint": _sentences(f"{source.origin.name}: {_disjoint(source)}" for source in sources),
        "counts": _sentences(counts),
        "sizes": _sentences(counts),
    }


def _disjoint(source: DatasetRecord) -> str:
    """Return a sentence on whether splits are disjoint by patient or by image, as far as known."""
    words = f"patients are {wording.patient_words(source.origin.patient_rule)}"
    if source.origin.patient_rule == "file":
        return f"{words}; whether a patient is in two splits is not known"
    if source.shared_patients:
        shared = counted(source.shared_patients, "patient")
        return f"not by patient: {shared} with images in two splits; {words}"
    return f"by patient: none has images in two splits; {words}"


def _by_class(count: ImageCount) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in count.classes.items())


def _of_scores(scores: Sequence[Score]) -> Facts:
    """Return facts on performance, metrics and uncertainty."""
    if not scores:
        return {}
    lines: dict[tuple[str, int, str], list[str]] = {}
    for row in scores:
        metric = find_metric(row.metric)
        number = wording.number(row.metric, row.estimate)
        value = f"{number.value} {metric.unit}".rstrip()
        text = f"{metric.title} {value} {number.interval}".rstrip()
        lines.setdefault((row.strategy, row.budget, row.domain), []).append(text)
    several = len({key[:2] for key in lines}) > 1
    sentences = []
    for (strategy, budget, domain), texts in lines.items():
        images = f" with {counted(budget, 'labelled image')}" * (budget > 0)
        who = f"{strategy}{images} on "
        sentences.append(f"{who * several}{wording.DOMAINS.get(domain, domain)}: {', '.join(texts)}")
    metrics = dict.fromkeys(find_metric(row.metric).title for row in scores)
    return {
        "performance": _sentences(sentences),
        "metrics": f"{', '.join(metrics)}; ROC curves in the report.",
        "intervals": f"95 % intervals: {wording.method_words([row.estimate for row in scores])}.",
    }


def _of_training(record: Mapping[str, Any], recipe: Mapping[str, Any]) -> Facts:
    """Return facts on the training of a single model."""
    strategy, adapted = str(record.get("strategy", "")), record.get("kind") == "adapt"
    chosen = record.get("validated_on")
    pretrained = record.get("pretrained")
    begins = f"The weights of the base model ({record.get('base')})" if adapted else ""
    if not adapted and pretrained is not None:
        begins = f"Pretrained weights ({pretrained})" if pretrained else "Random weights"
    return {
        "goal": f"Adaptation of a classifier to other images by “{strategy}”, and its evaluation."
        if adapted
        else "Development of a classifier, and its evaluation on held-out images.",
        "training": f"One model; seed {record.get('seed')}; {record.get('epochs')} epochs; {_recipe(recipe)}."
        if recipe
        else "",
        "chosen": _chosen(recipe, chosen),
        "initial": f"{begins}, seed {record.get('seed')}." if begins else "",
        "imbalance": (
            "Rare classes had larger weights in the loss." if recipe["balance"] else "None was used."
        )
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


def _of_software(provenance: Mapping[str, Any]) -> Facts:
    facts = dict(wording.provenance(provenance))
    named = [f"{name} {facts[name]}" for name in ("radapt", "Python") if name in facts]
    return {"software": ", ".join([*named, *([facts["Libraries"]] if "Libraries" in facts else [])])}


def _robust(run: Run, folder: Path) -> Iterable[str]:
    """Return facts on shortcut baselines and stress tests."""
    yield from _baselines(run.shortcut_checks.baselines)
    for section in stress.sections(stress.read_stresses(folder)):
        yield f"{section.title}. {section.lead}"


def _baselines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    aurocs = [
        f"{row['name']} {row['auroc']:.3f} [{row['low']:.3f}, {row['high']:.3f}] "
        f"(fitted on {wording.DOMAINS[row['trained_on']]}, tested on {wording.DOMAINS[row['domain']]})"
        for row in rows
        if row["auroc"] is not None
    ]
    return [f"AUROC of shortcut baselines: {', '.join(aurocs)}."] if aurocs else []


def _performance(study: Study) -> Facts:
    """Return facts on how performance was evaluated; none with three or more classes."""
    chosen = []
    for model in study.performance:
        who = wording.model(model["strategy"], model["budget"])
        for row in model["findings"]:
            at = row["threshold"]
            chosen.append(f"{who}, {row['finding']}: {at['value']:.3g}, {at['chosen_on']}")
    if not chosen:
        return {}
    return {
        "performance_measures": "Of no adaptation and the recommended model at each budget: predictive "
        "values, calibration intercept, slope and expected error, reliability diagrams and decision curves.",
        "chosen_thresholds": f"For the performance in detail: {_sentences(chosen)}",
    }


def _hidden(rows: Sequence[Mapping[str, Any]]) -> str:
    aurocs = [
        f"{row['mask']} {row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"
        for row in rows
        if row["metric"] == "auroc" and row["value"] is not None
    ]
    return f"AUROC with parts of every image hidden: {', '.join(aurocs)}." if aurocs else ""


def _limits(warned: Sequence[Notice]) -> str:
    return " ".join(f"{one.title} {one.text}" for one in warned)


def _tested(scores: Sequence[Score], domain: str) -> str:
    accuracy = next((row for row in scores if (row.domain, row.metric) == (domain, "accuracy")), None)
    if accuracy is None:
        return ""
    count = ImageCount(accuracy.estimate.n, accuracy.estimate.patients, {})
    return f"Held-out images of the same data set: {wording.images_of(count)}."


def _centres(sites: Mapping[str, Any]) -> str:
    names = [f"{name} ({counted(images, 'image')})" for name, images in sites.get("images", {}).items()]
    return f"Sites that the data name: {', '.join(names)}." if names else ""


def _sites(sites: Mapping[str, Any]) -> str:
    return " ".join(notice.text for notice in from_rows(sites.get("warnings", ())))


def _detectable(study: Study) -> str:
    metric = study.plan.metric
    sizes = [row.detectable for row in study.differences if row.metric == metric and row.detectable > 0]
    if not sizes:
        return ""
    low, high = (wording.size(metric, pick(sizes)) for pick in (min, max))
    return f"Differences that these images would show with 80 % power: {low} to {high}."


def _apart(study: Study) -> str:
    if study.target is None:
        return f"The target images are the source images under the simulated shift “{study.plan.shift}”."
    sides = [
        f"{side} {wording.images_of(study.roles[role])} ({_by_class(study.roles[role])})"
        for side, role in (("Source for training:", "source train"), ("target for testing:", "target test"))
    ]
    return f"{'; '.join(sides)}."


def _protocol(study: Study) -> str:
    if study.registered is None:
        return "None was registered with radapt."
    return f"Registered on {study.registered.registered_at[:10]}, digest {study.registered.digest}."


def _maps(study: Study) -> list[str]:
    drawn = sum(image.drawn is not None for image in study.images["worst"])
    what = f"Grad-CAM of the {counted(drawn, 'image')} with the most confident errors"
    return [f"{what}, held against that of random weights."] if drawn else []


def _failures(study: Study) -> str:
    worst = study.images["worst"]
    images = counted(len(worst), "image")
    return f"The report shows the {images} with the most confident errors." if worst else ""


def _sentences(parts: Iterable[str]) -> str:
    return " ".join(f"{part}." for part in parts)
