"""Several studies of one command: of several models, several targets, or every site."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from radapt.cli import options
from radapt.cli.data_options import (
    DataOptions,
    load_images,
    load_options,
    load_options_for,
    load_target,
    split_commas,
)
from radapt.cli.printing import interval_words, print_table, say

if TYPE_CHECKING:
    from radapt.images.imageset import Dataset
    from radapt.models.classifier import Classifier
    from radapt.study.multi_target import Member, Target
    from radapt.study.plan import Plan
    from radapt.study.protocol import Protocol

WIDTH = 100  # of the terminal that a table fits


def split_models(model: str, models: str | None, weights: Path | None) -> tuple[str, ...]:
    """Return the models of --model or --models.

    Raises
    ------
    AskedWrongly
        If both are given, or one file of weights for several models.
    """
    from radapt.errors import AskedWrongly

    names = split_commas(models)
    if names is None:
        return (model,)
    if model != "compact":
        raise AskedWrongly(f"Got both --model {model} and --models {models}: give one of them.")
    if not names:
        raise AskedWrongly(f"--models takes names between commas, as compact,lite0. Got {models!r}.")
    if weights is not None and len(names) > 1:
        raise AskedWrongly(
            f"Got --weights {weights} for several models, and it holds those of one: leave it out, or give "
            "--pretrained."
        )
    return names


def plans_of(
    plan: "Plan",
    models: Sequence[str],
    start_from: tuple[bool, Path | None],
    tune: str | None,
    claim: "Protocol | None",
    *,
    usual: bool = False,
) -> "list[Plan]":
    """Return the plan of each model with its pretrained weights, which have to be those of a protocol.

    `start_from` are --pretrained and --weights. Of several models --pretrained is for those that have
    published weights. With `usual`, and without a protocol, each gets the default strategies that work on it.
    """
    from radapt.cli.progress import watcher
    from radapt.models.table import check_model, has_pretrained, is_frozen
    from radapt.study.protocol import check_weights

    for name in models:
        check_model(name)
    plans, (pretrained, weights) = [], start_from
    for name in models:
        published = pretrained and (len(models) == 1 or (has_pretrained(name) and not is_frozen(name)))
        start = options.initial_weights(name, published, weights, watcher())
        if claim is not None:
            check_weights(claim, start)
        part = options.part_to_tune(name, tune, start)
        strategies = () if usual and claim is None else plan.strategies
        plans.append(replace(plan, model=name, weights=start, tune=part, strategies=strategies))
    return plans


def load(
    plan: "Plan",
    data: Path,
    images: DataOptions,
    target: Sequence[Path],
    shifts: Sequence[str],
    base: "Classifier | None" = None,
) -> "tuple[Dataset, list[Target]]":
    """Load the source and the targets as a model reads them, and print which part val images play.

    A base model that is there already prescribes its classes and how images are read.
    """
    from radapt.models.table import default_size
    from radapt.study.domains import val_of_study
    from radapt.study.multi_target import Target
    from radapt.study.plan import default_budgets

    if base is None:
        requests = load_options(images, [data, *target], size=default_size(plan.model))
    else:
        requests = load_options_for(base, images, [data, *target])
    source = load_images(data, requests[0], None if base is None else base.spec.classes)
    targets = [
        Target(target=load_target(path, request, source))
        for path, request in zip(target, requests[1:], strict=True)
    ]
    targets += [Target(text) for text in shifts]
    is_labelled = any(each.shift for each in targets) and "val" in (
        plan.budgets or default_budgets(source, None)
    )
    for dataset in (source, *(each.target for each in targets)):
        if dataset is None or (plan.folds and dataset is not source):
            continue
        if note := val_of_study(dataset, labelled=is_labelled and dataset is source):
            say(note, error=True)
    return source, targets


def members_of(
    plans: "Sequence[Plan]",
    read: "Mapping[str, tuple[Dataset, list[Target]]]",
    by_site: bool,
) -> "tuple[list[Member], list[str]]":
    """Return the studies, and the sentences, printed here, on the sites that are left out."""
    from radapt.study.leave_one_site_out import site_members
    from radapt.study.multi_target import grid

    if not by_site:
        return grid(plans, read), []
    members, left_out = site_members(plans, {model: source for model, (source, _) in read.items()})
    for sentence in left_out:
        say(sentence, error=True)
    return members, left_out


def load_all(
    plans: "Sequence[Plan]",
    data: Path,
    images: DataOptions,
    target: Sequence[Path],
    shifts: Sequence[str],
    base: "Classifier | None" = None,
) -> "dict[str, tuple[Dataset, list[Target]]]":
    """Load the images at the size of each model, each size once; by the model's name."""
    from radapt.models.table import default_size

    if base is not None:
        return {plans[0].model: load(plans[0], data, images, target, shifts, base)}
    by_size: dict[int, tuple[Dataset, list[Target]]] = {}
    read = {}
    for plan in plans:
        size = images.get("size") or default_size(plan.model)
        if size not in by_size:
            by_size[size] = load(plan, data, images, target, shifts)
        read[plan.model] = by_size[size]
    return read


def the_one(read: "Mapping[str, tuple[Dataset, list[Target]]]") -> "tuple[Dataset, Dataset | None]":
    """Return the source of a study of one model, and its target where that is a data set."""
    ((source, targets),) = read.values()
    return source, targets[0].target if targets else None


def print_all(
    results: Iterable[tuple[Path, dict[str, Any]]], out: Path, printed: Sequence[str], *, wide: bool = False
) -> None:
    """Print the results of the studies in `out` and their summary, and write their page.

    Of what is left out, the sentences that were `printed` already are not printed again.
    """
    from radapt.artefacts import SEVERAL
    from radapt.cli.study_tables import print_study
    from radapt.files import read_document
    from radapt.report.multi_target import write_overview

    for folder, result in results:
        say("")
        say(", ".join(folder.parts))
        print_study(result, out / folder, wide=wide)
    document = read_document(out / SEVERAL)
    for sentence in document["left_out"]:
        if sentence not in printed:
            say(sentence, error=True)
    say("")
    print_summary(document["summary"])
    say(f"All studies: {write_overview(out)}")


def print_summary(summary: Mapping[str, Any]) -> None:
    """Print the answer of a summary and its table, the best mean first, in lines of 100 characters."""
    from radapt.metrics.table import metric as find_metric

    say(summary["answer"])
    say("")
    rows = summary["rows"]
    targets = len(rows[0]["targets"])
    name = find_metric(summary["metric"]).words
    head = ["model", "strategy", "labels", f"mean of {targets} targets" if targets > 1 else "target"]
    lines = [
        [row["model"], row["strategy"], row["budget"] or "0", interval_words(row["mean"])] for row in rows
    ]
    if targets > 1:
        head += ["worst target", "which"]
        lines = [
            [*line, interval_words(row["worst"]), row["worst"]["target"]]
            for line, row in zip(lines, rows, strict=True)
        ]
    else:
        head.append("source")
        lines = [[*line, interval_words(row["source"])] for line, row in zip(lines, rows, strict=True)]
    say(f"By {name}:")
    print_table(head, _fitted(head, lines))


def _fitted(head: Sequence[str], lines: Sequence[Sequence[str]]) -> list[list[str]]:
    """Shorten the names of strategies, models and targets, the longest first, until a line fits."""
    fitted = [list(line) for line in lines]
    names = [column for column in (0, 1, 5) if column < len(head)]
    while True:
        widths = [max(len(line[column]) for line in [head, *fitted]) for column in range(len(head))]
        longest = max(names, key=lambda column: widths[column])
        if sum(widths) + 2 * (len(head) - 1) <= WIDTH or widths[longest] <= 8:
            return fitted
        for line in fitted:
            if len(line[longest]) >= widths[longest]:
                line[longest] = f"{line[longest][: widths[longest] - 4].rstrip('.')}..."
