"""What `evaluate`, `stress` and `compare` return: numbers as rows, a short table in a notebook, figures."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from radapt.display.table import Row, Table, html_table, html_text
from radapt.images.notice import from_rows, in_order
from radapt.stats.estimate import Estimate
from radapt.study.model_comparison import ModelComparison
from radapt.text import counted, joined

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ENDS = ("value", "low", "high")


class Evaluation(Table):
    """The scores of a model on one set of images."""

    __slots__ = ("data", "details")

    def __init__(self, details: Mapping[str, Any], data: str) -> None:
        self.details = dict(details)  # all that was measured, as `radapt evaluate --json` prints it
        self.data = data  # the name of the data set

    def __repr__(self) -> str:
        return f"Evaluation({self._about()}; {joined(str(row['metric']) for row in self.rows())})"

    def _about(self) -> str:
        images, patients = self.details["images"], self.details["patients"]
        of = f"{counted(images, 'image')} of {counted(patients, 'patient')}"
        return f"{of}, {self.data}, {self.details['part']}"

    def rows(self) -> list[Row]:
        """Return a row for each metric, with its interval, and the images and patients behind it."""
        return [_scored(row) for row in self.details["estimates"]]

    @property
    def baselines(self) -> list[Row]:
        """The AUROC of each shortcut baseline, which sees no lung."""
        return [dict(row) for row in self.details["baselines"]]

    @property
    def notices(self) -> list[Row]:
        """What limits the scores, the most harmful first: kind, severity and text."""
        rows = (
            *self.details["notices"],
            *self.details["warnings"],
            *self.details.get("occlusion_warnings", ()),
        )
        return [
            {"severity": each.severity, "kind": each.kind, "text": f"{each.title} {each.text}"}
            for each in in_order(from_rows(rows))
        ]

    def _repr_html_(self) -> str:
        notices = "".join(html_text(f"{row['severity'].upper()}: {row['text']}") for row in self.notices)
        table = [{"metric": row["metric"], "score": _words(row)} for row in self.details["estimates"]]
        return html_text(self._about()) + html_table(table) + notices

    def plot(self) -> "Figure":
        """Draw every score with its interval."""
        from radapt.display.figure import intervals  # imports Matplotlib

        values = {row["metric"]: _ends(row) for row in self.details["estimates"]}
        return intervals(values, x="score, with 95 % interval")


class StressTest(Table):
    """The scores of a model under shifts of growing severity."""

    __slots__ = ("details",)

    def __init__(self, details: Mapping[str, Any]) -> None:
        self.details = dict(details)  # the content of `stress.json`

    def __repr__(self) -> str:
        return f"StressTest({self.details['suite']}: {counted(len(self.details['ranking']), 'shift')})"

    def rows(self) -> list[Row]:
        """Return a row for each shift, severity and metric: the score, and its change by the shift."""
        return [
            {
                "shift": row["shift"],
                "severity": row["severity"],
                **_scored(row),
                "change": row["drop"]["value"],
                "change low": row["drop"]["low"],
                "change high": row["drop"]["high"],
                "verdict": row["verdict"],
            }
            for row in self.details["cells"]
        ]

    @property
    def ranking(self) -> list[Row]:
        """The shifts by mean change of accuracy, the worst first, and the first severity that does harm."""
        return [
            {
                "shift": row["shift"],
                "mean change": row["mean_drop"],
                "lowest harmful severity": row["lowest_harmful_severity"],
            }
            for row in self.details["ranking"]
        ]

    def _repr_html_(self) -> str:
        clean = ", ".join(f"{row['metric']} {_words(row)}" for row in self.details["clean"])
        return html_text(f"Without a shift: {clean}.") + html_table(self.ranking)

    def plot(self, metric: str = "accuracy", *, shifts: int = 6) -> "Figure":
        """Draw the score over the severities, of the most harmful shifts.

        Parameters
        ----------
        metric
            "accuracy" or "auroc".
        shifts
            How many of them.
        """
        from radapt.display.figure import steps  # imports Matplotlib

        worst = [row["shift"] for row in self.details["ranking"]][:shifts]
        cells = [row for row in self.details["cells"] if row["metric"] == metric and row["value"] is not None]
        clean = next((row for row in self.details["clean"] if row["metric"] == metric), None)
        lines = {
            name: [(str(row["severity"]), _ends(row)) for row in cells if row["shift"] == name]
            for name in worst
        }
        levels = {} if clean is None else {"without a shift": clean["value"]}
        return steps(lines, x="severity", y=metric, levels=levels)


class Comparison(Table):
    """Models on the same images, and how they differ from the first of them."""

    __slots__ = ("details",)

    def __init__(self, details: ModelComparison) -> None:
        self.details = details

    def __repr__(self) -> str:
        return f"Comparison({joined(model.name for model in self.details.models)}, {self.details.metric})"

    @property
    def verdicts(self) -> tuple[str, ...]:
        """One sentence for each model other than the first."""
        return self.details.verdicts

    @property
    def scores(self) -> list[Row]:
        """A row for each model and metric, with its interval."""
        return [{"model": row.strategy, **_scored(row.as_dict())} for row in self.details.scores]

    def rows(self) -> list[Row]:
        """Return a row for each difference from the first model, with its interval and adjusted p-value."""
        return [
            {
                "model": row.strategy,
                "against": row.against,
                **_scored(row.as_dict()),
                "p adjusted": row.as_dict()["p_adjusted"],
                "verdict": row.verdict,
            }
            for row in self.details.differences
        ]

    def _repr_html_(self) -> str:
        table: dict[str, Row] = {}
        for row in self.details.scores:
            table.setdefault(row.strategy, {"model": row.strategy})[row.metric] = str(row.estimate)
        words = "".join(map(html_text, (*self.verdicts, *self.details.notes)))
        return html_table(list(table.values())) + words

    def plot(self, metric: str | None = None) -> "Figure":
        """Draw the differences from the first model with their intervals, by the metric of the verdicts."""
        from radapt.display.figure import intervals  # imports Matplotlib

        name = metric or self.details.metric
        rows = [row for row in self.details.differences if row.metric == name]
        values = {row.strategy: (row.estimate.value, row.estimate.low, row.estimate.high) for row in rows}
        reference = self.details.models[0].name
        return intervals(values, x=f"{name}, minus that of {reference}", zero=True)


def file_rows(result: Mapping[str, Any], classes: Sequence[str]) -> list[Row]:
    """Return a row for each file that was scored or could not be read."""
    read = [
        {
            "image": each["path"],
            "label": each["label"],
            **{f"score {name}": each["scores"][name] for name in classes},
            "warning": each.get("warning", ""),
        }
        for each in result["images"]
    ]
    unread = dict.fromkeys(("label", *(f"score {name}" for name in classes)))
    return read + [{"image": each["path"], **unread, "warning": each["error"]} for each in result["failed"]]


def _scored(row: Mapping[str, Any]) -> Row:
    values = {name: row[name] for name in ("metric", *ENDS)}
    return {**values, "images": row["n"], "patients": row["patients"]}


def _ends(row: Mapping[str, Any]) -> tuple[float, float, float]:
    estimate = Estimate.from_dict({name: row[name] for name in (*ENDS, "n", "patients")})
    return (estimate.value, estimate.low, estimate.high)


def _words(row: Mapping[str, Any]) -> str:
    return str(Estimate.from_dict({name: row[name] for name in (*ENDS, "n", "patients")}))
