"""Studies from Python."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from radapt.api.given import AnyData, data_of
from radapt.api.options import check_names, field_names, listed_of, watch_for
from radapt.device import select_device
from radapt.images.load_options import LoadOptions
from radapt.images.reclassify import aligned
from radapt.models.table import check_model, default_size, find_weights
from radapt.report.folder import Study, read_study
from radapt.report.performance import page_notices
from radapt.report.render import write_report
from radapt.runs.base import default_tune
from radapt.study import experiment
from radapt.study.plan import Plan

SEVERAL = ("strategies", "budgets", "by")
WITHOUT = (
    "model",
    "shift",
    "base",
    "precision",
    "deadline",
    "quick",
)  # given otherwise, or follows from the machine


def run_study(
    source: AnyData,
    target: AnyData | None = None,
    *,
    out: Path | str,
    shift: str | None = None,
    model: str = "compact",
    device: str = "auto",
    progress: bool = False,
    **options: Any,
) -> Study:
    """Compare ways to adapt a model to another hospital: train base models, adapt them, score and report.

    A study that was stopped goes on with the same call. Its page is `report.html` in its folder.

    Parameters
    ----------
    source
        Images of the source hospital: a data set with `train`, `test` and perhaps `val`; or a path as for
        `radapt.load_dataset`, read at the size that the model is made for.
    target
        Images of the target hospital, the same: `train` and `test`; None where `shift` makes them.
    out
        The study's folder.
    shift
        The simulated difference, as `"original"` or `"phone-photo@3"`; None where there is a `target`.
    model
        A name of `radapt.list_models()`.
    device
        As for `radapt.train`.
    progress
        Whether to print how far it is, and at the end what limits the results; `print` of the study says
        that too.
    **options
        Fields of `radapt.study.plan.Plan`, such as `strategies` (`["head", "full"]`; `none` is added),
        `budgets` (`[16, "all"]`: labelled images; `"8p"`: patients), `seeds`, `metric`, `margin`, `epochs`,
        `by` and `checks` (whether scores with parts of the images hidden are measured).

    Returns
    -------
    Study
        The finished study, as `radapt.read_study(out)` gives it.

    Raises
    ------
    UnknownName
        If there is no such strategy, shift, model or option.
    AskedWrongly
        If the images do not suit the plan, or `out` holds another study.
    """
    check_names(options, field_names(Plan, without=WITHOUT))
    values: dict[str, Any] = {
        name: listed_of(value) if name in SEVERAL else value for name, value in options.items()
    }
    if values.get("strategies"):
        values["strategies"] = tuple(dict.fromkeys(("none", *values["strategies"])))
    check_model(model)
    watch, reading = watch_for(progress), LoadOptions(default_size=default_size(model))
    source = data_of(source, reading, watch)
    if target is not None:
        reading = replace(reading, **source.origin.reading.as_dict())
        target = aligned(data_of(target, reading, watch), source.classes)
    values.setdefault("weights", find_weights(model, False, watch))
    values.setdefault("tune", default_tune(pretrained=values["weights"] is not None))
    plan = Plan(model=model, shift=shift, **values)
    folder = Path(out)
    experiment.run_study(plan, source, target, folder, hardware=select_device(device), watch=watch)
    write_report(folder)
    study = read_study(folder)
    for notice in page_notices(study) if progress else ():
        watch.say(f"{notice.severity.upper()}: {notice.title} {notice.text}")
    return study
