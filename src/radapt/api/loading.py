"""Loading from Python."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from radapt.api.options import check_names, field_names, picked, watch_for
from radapt.images import load
from radapt.images.class_rules import ClassRules
from radapt.images.imageset import Dataset
from radapt.images.load_options import HeldOut, LoadOptions
from radapt.images.table_options import TableOptions

PLAIN = ("size", "resize", "intensity", "trim", "patient_regex", "split_seed", "unsafe_image_split")
RULES = ("drop", "positive")


def load_dataset(
    path: Path | str,
    *,
    size: int | None = None,
    cache: Path | str | None = None,
    progress: bool = False,
    **options: Any,
) -> Dataset:
    """Load the images of class folders, a table, a MedMNIST file or a store, as every command does.

    Images are read once into a store in the cache folder; nothing is written beside them. What has no train,
    val and test is split by patient.

    Parameters
    ----------
    path
        `{train,val,test}/CLASS/` or `CLASS/` folders; a `.csv`, `.tsv` or `.parquet` table; a `.npz` of
        MedMNIST; a store; or a `.toml` that describes one of these.
    size
        Height and width of the images in pixels; None: those of a store, else 128.
    cache
        The cache folder: by default `$RADAPT_CACHE`, `$XDG_CACHE_HOME/radapt` or `~/.cache/radapt`.
    progress
        Whether to print how far reading is.
    **options
        By the names of the options of the command line: `resize`, `intensity`, `trim`, `patient_regex`,
        `split_seed`, `unsafe_image_split`; `classes` (`{"theirs": "ours"}`, or names in their order), `drop`
        and `positive`; `test_after` and `test_site`; and of a table the fields of
        `radapt.images.table_options.TableOptions`, such as `label`, `images`, `patient` and `root`.

    Returns
    -------
    Dataset
        Image sets by split: `data["train"]`.

    Raises
    ------
    UnknownName
        If there is no such option.
    AskedWrongly
        If the path is missing or holds no data set, or an option is not for it.
    BadArtefact
        If the store is damaged.
    """
    folder = None if cache is None else Path(cache)
    return load.load_dataset(path, options_of(size, options), cache=folder, watch=watch_for(progress))


def options_of(size: int | None, options: Mapping[str, Any]) -> LoadOptions:
    """Return the loading options of a call.

    Raises
    ------
    UnknownName
        If there is no such option.
    """
    columns = field_names(TableOptions)
    check_names(options, [*PLAIN, *RULES, *columns, "test_after", "test_site"])
    classes = options.get("classes")
    mapped = tuple(classes.items()) if isinstance(classes, Mapping) else ()
    table = {name: _frozen(value) for name, value in picked(options, TableOptions).items()}
    if classes is not None:
        table["classes"] = None if mapped else tuple(classes)
    rules = ClassRules(mapped, _names(options.get("drop")), options.get("positive"), True)
    return LoadOptions(
        size=size,
        table=TableOptions(**table),
        rules=rules,
        held_out=HeldOut(options.get("test_after"), _names(options.get("test_site"))),
        **{name: options[name] for name in PLAIN if name in options},
    )


def _frozen(value: Any) -> Any:
    """Return a list as the tuple that options take, and pairs of a mapping."""
    if isinstance(value, Mapping):
        return tuple(value.items())
    return tuple(value) if isinstance(value, list) else value


def _names(value: Any) -> tuple[str, ...]:
    return () if value is None else (value,) if isinstance(value, str) else tuple(value)
