"""A model card as Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from radapt.metrics.table import metric as find_metric
from radapt.text import counted, listed

MANY = 40  # rows of one table, beyond which it is cut

Facts = Mapping[str, Any]


def card_text(card: Facts) -> str:
    """Write a card, as `radapt.exporting.model_card.model_card` returns it."""
    use, model = card["use"], card["model"]
    parts = [
        f"# Model card: {_plain(card['name'])}",
        f"**{use['sentence']}** Written by radapt {card['radapt']} from the records of the run; what they do "
        "not say is listed under [open](#open).",
        f"## Intended use\n\n{_plain(use['for'])}\n\nNot for: {_plain(use['not_for'])}",
        "## Model\n\n" + _model(model),
        "## Data and splits\n\n" + (_data(card["data"]) or _none()),
        "## Scores\n\n" + _scores(card),
        "## Subgroups\n\n" + (_subgroups(card["subgroups"]) or _none()),
        "## Shifts tried\n\n" + (_shifts(card["shifts"]) or _none()),
        "## Shortcut baselines\n\n" + (_baselines(card["baselines"]) or _none()),
        "## Limits\n\n" + (_list(card["limits"]) or "No notice was recorded."),
        "## Licence\n\n" + _list(f"{name}: {text}" for name, text in card["licence"].items()),
        *([_file(card["file"])] if card["file"] else []),
        "## Open\n\n" + _list(card["open"]),
    ]
    return "\n\n".join(parts) + "\n"


def _none() -> str:
    return "**open**"


def _model(model: Facts) -> str:
    reading, size = model["reading"], model["reading"]["size"]
    adapted = "a base model" if model["strategy"] == "none" else f"adapted by {model['strategy']}"
    labels = f" with {counted(model['labels'], 'labelled image')}" if model["labels"] else ""
    lines = [
        f"Network: {model['network']}"
        + (f", {model['members']} members" if model["members"] > 1 else "")
        + (f", the mean over {model['views']} views" if model["views"] > 1 else ""),
        f"How it was made: {adapted}{labels}; seed {model['seed']}, epochs {model['epochs']}",
        f"Began from: {model['began_from'] or 'weights drawn at random'}",
        f"Input: grey images, {size} x {size} pixels, {reading['resize']}, grey levels by "
        f"{reading['intensity']}" + (", borders trimmed" if reading["trim"] else ""),
        f"Output: probabilities of {listed(model['classes'])} ({model['outputs']})",
    ]
    return _list(lines)


def _data(sets: Sequence[Facts]) -> str:
    parts = []
    for each in sets:
        about = f"{_plain(str(each['name']))} ({each['role']}): split by {each['split_rule']}, patients by "
        digest = f"; fingerprint `{str(each['fingerprint'])[:12]}`" if each["fingerprint"] else ""
        about += f"{each['patient_rule']}{digest}."
        rows = [
            [part["name"], part["images"], part["patients"], _counts(part["classes"] or {})]
            for part in each["splits"]
        ]
        parts.append(about + "\n\n" + _table(["part", "images", "patients", "classes"], rows))
    return "\n\n".join(parts)


def _counts(classes: Facts) -> str:
    return ", ".join(f"{name} {count}" for name, count in classes.items())


def _scores(card: Facts) -> str:
    rows = [[row["on"], *_estimate(row)] for row in card["numbers"]]
    parts = [_table(["test images", *_ESTIMATE], rows) if rows else _none()]
    for point in card["operating_points"]:
        at = point["threshold"] or {}
        said = f"{point['finding']} on {point['on']}, positive from {at.get('value', 0):.3g} on "
        said += f"({at.get('chosen_on')}):"
        parts.append(_plain(said) + "\n\n" + _table(_ESTIMATE, map(_estimate, point["estimates"])))
    parts.append("Intervals are 95 %, by patient.")
    return "\n\n".join(parts)


_ESTIMATE = ("metric", "value", "95 % interval", "images", "patients")


def _estimate(row: Facts) -> list[Any]:
    return [
        find_metric(row["metric"]).title,
        _number(row["value"]),
        _interval(row),
        row["images"],
        row["patients"],
    ]


def _subgroups(groups: Sequence[Facts]) -> str:
    rows = [
        [group["column"], group["group"], *_estimate(row)] for group in groups for row in group["estimates"]
    ]
    return _table(["column", "group", *_ESTIMATE], rows) if rows else ""


def _shifts(rows: Sequence[Facts]) -> str:
    lines = [[row["shift"], row["severity"] or "", row["metric"] or "", *_drop(row["drop"])] for row in rows]
    return _table(["shift", "severity", "metric", "loss", "95 % interval"], lines) if lines else ""


def _drop(drop: Facts | None) -> list[str]:
    return ["see the study", ""] if drop is None else [_number(drop["value"]), _interval(drop)]


def _baselines(rows: Sequence[Facts]) -> str:
    lines = [
        [row["name"], row["about"], row["domain"], _number(row["auroc"]), _interval(row)] for row in rows
    ]
    head = ["classifier of", "what it sees", "test images", "AUROC", "95 % interval"]
    return _table(head, lines) if lines else ""


def _file(file: Facts) -> str:
    held = file["agreement"]
    lines = [
        f"File: `{file['name']}`, {file['bytes']:,} bytes, sha256 `{file['sha256']}`",
        f"Held against the run on {held['what']}: probabilities differ by at most {held['largest']:.1e}",
    ]
    lines += [
        f"{name} from {row['value']:.3g} on, {row['chosen_on']}" for name, row in file["thresholds"].items()
    ]
    if file["int8"]:
        lines.append(f"Weights of 8 bits: {file['int8'].get('sentence', '')}")
    return "## File\n\n" + _list(lines)


def _number(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.3f}"


def _interval(row: Facts) -> str:
    low, high = row["low"], row["high"]
    return "" if low is None or high is None else f"{low:.3f} to {high:.3f}"


def _list(lines: Iterable[str]) -> str:
    return "\n".join(f"- {_plain(line)}" for line in lines)


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [[_plain("" if cell is None else str(cell)) for cell in row] for row in rows]
    cut = len(lines) - MANY
    shown = ["| " + " | ".join(line) + " |" for line in [list(head), ["---"] * len(head), *lines[:MANY]]]
    return "\n".join(shown) + (f"\n\n{counted(cut, 'further row')} in the JSON." if cut > 0 else "")


def _plain(text: str) -> str:
    """Return text that Markdown takes as it is: one line, without cells or tags."""
    return " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")
