"""Coverage of intervals, errors and power of tests on simulated data, and their speed.

    OMP_NUM_THREADS=1 python benchmarks/simulations.py              everything, for docs/statistics.md
    python benchmarks/simulations.py --quick                        a tenth of the sets, in a few minutes
    python benchmarks/simulations.py --only coverage null           some parts: see PARTS

Scores are drawn from two normal distributions of unit spread, so that every truth is known; they are given as
the probabilities that a model would give which knows these distributions. Where images are clustered there
are three to a patient, half of whose spread is the patient's. In every set as many patients have the finding.
Bootstrap samples are 400 in place of the 2,000 of a report, or this would take a day.
"""

import argparse
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from radapt.evaluation.calibration import calibration
from radapt.evaluation.label_shift import estimate_label_shift
from radapt.metrics.table import METRICS, score
from radapt.predictions import Predictions
from radapt.stats.bootstrap import bootstrap
from radapt.stats.delong import delong, delong_difference
from radapt.stats.estimate import Estimate, minimum_detectable_difference, verdict
from radapt.stats.inference import difference, estimate
from radapt.stats.intervals import percentiles

Floats = NDArray[np.float64]

DRAWS = 400
TO_A_PATIENT = 3
PATIENTS_OWN = 0.5
SENSITIVITY = 0.9

NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Setting:
    """What test sets are like."""

    images: int
    prevalence: float
    auroc: float
    clustered: bool
    finding_spread: float = 1.0  # of the scores of images with the finding, where that of the others is 1

    def __str__(self) -> str:
        kind = "clustered" if self.clustered else "independent"
        return f"| {kind} | {self.images:,} | {self.prevalence:.0%} | {self.auroc} |"

    @property
    def patients(self) -> int:
        """How many there are."""
        return round(self.images / (TO_A_PATIENT if self.clustered else 1))

    @property
    def having(self) -> int:
        """How many of them have the finding."""
        return round(self.patients * self.prevalence)

    @property
    def apart(self) -> float:
        """How far the classes lie apart."""
        return math.hypot(1, self.finding_spread) * NORMAL.inv_cdf(self.auroc)

    def chance(self, evidence: Floats) -> Floats:
        """What a model would say that knows these images, but takes both classes to be spread alike."""
        odds = self.apart * (evidence - self.apart / 2)
        return 1 / (1 + np.exp(-odds) * (1 - self.prevalence) / self.prevalence)

    def draw(
        self, rng: np.random.Generator, models: int = 1, alike: float = 0.5, better: Floats | None = None
    ) -> list[Predictions]:
        """Draw a test set as seen by models whose errors are `alike` in part.

        They are of equal worth, or each has the classes further apart by `better`.
        """
        whose = np.repeat(np.arange(self.patients), TO_A_PATIENT if self.clustered else 1)
        has = (whose < self.having).astype(np.int64)
        own = math.sqrt(PATIENTS_OWN if self.clustered else 0.0)
        common, image = rng.normal(size=self.patients)[whose], rng.normal(size=len(whose))
        made = []
        for more in np.zeros(models) if better is None else better:
            other = image
            if models > 1:
                other = math.sqrt(alike) * image + math.sqrt(1 - alike) * rng.normal(size=len(whose))
            noise = own * common + math.sqrt(1 - own**2) * other
            evidence = np.where(has == 1, self.apart + more + self.finding_spread * noise, noise)
            made.append(as_predictions(self.chance(evidence), has, whose))
        return made


def as_predictions(chance: Floats, has: NDArray[np.int64], whose: NDArray[np.int64]) -> Predictions:
    ids = np.arange(len(has)).astype(np.str_)
    scores = np.stack([1 - chance, chance], axis=1)
    return Predictions(scores, has, whose.astype(np.str_), ids, ("NORMAL", "PNEUMONIA"))


OTHERS = ("accuracy", "sensitivity", "specificity", "balanced-accuracy", "brier", "average-precision")
SETTINGS = [
    Setting(images, prevalence, auroc, clustered)
    for images, clustered, prevalence, auroc in product((300, 1000), (False, True), (0.5, 0.05), (0.7, 0.95))
]
LARGE = [
    Setting(3000, prevalence, auroc, clustered)
    for clustered, prevalence, auroc in product((False, True), (0.5, 0.05), (0.7, 0.95))
]
HARD = [
    Setting(images, 0.05, 0.95, clustered, finding_spread=2.0)
    for images, clustered in product((1000, 3000), (False, True))
]


def speed(_: int) -> None:
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    predictions = Setting(10_000, 0.3, 0.85, True).draw(rng)[0]
    once = predictions.take(np.arange(len(predictions)))
    seconds = []
    for _ in range(5):
        begun = time.perf_counter()
        estimate("auroc", [once])
        seconds.append(time.perf_counter() - begun)
    weights: list[Floats] = []
    bootstrap(lambda run, part: weights.append(part) or METRICS["auroc"](run, part), [predictions], draws=200)
    begun = time.perf_counter()
    for row in np.concatenate(weights)[:200]:
        roc_auc_score(predictions.labels, predictions.scores[:, 1], sample_weight=row)
    one_by_one = 10 * (time.perf_counter() - begun)
    ours = float(np.median(seconds))
    print(f"2,000 bootstrap samples of the AUROC of {len(predictions):,} images: {ours:.2f} s, median of 5.")
    times = f"{one_by_one / ours:.0f} times that"
    print(f"scikit-learn, sample by sample: {one_by_one:.1f} s (ten times 200), {times}.")


def coverage(sets: int) -> None:
    print("| images | so many | finding | AUROC | bootstrap | too high | too low | DeLong | width |")
    print("|---|---|---|---|---|---|---|---|---|")
    for setting in SETTINGS + LARGE + HARD:
        pairs = [
            (estimate("auroc", runs, draws=DRAWS, seed=seed), delong(runs[0]))
            for seed, runs in simulated(setting, sets)
        ]
        ours, by_formula = zip(*pairs, strict=True)
        note = "" if setting.finding_spread == 1 else " (spread 2)"
        truth = setting.auroc
        low, high = share(each.low > truth for each in ours), share(each.high < truth for each in ours)
        width = np.mean([each.high - each.low for each in ours])
        row = (
            f"{covered(ours, truth)} | {low:.1%} | {high:.1%} | {covered(by_formula, truth)} | {width:.3f} |"
        )
        shown = f"{setting}{note} {row}".replace(f"{setting.auroc} |{note}", f"{setting.auroc}{note} |")
        print(shown, flush=True)


def against_percentiles(sets: int) -> None:
    print("| images | so many | finding | AUROC | score interval | percentiles |")
    print("|---|---|---|---|---|---|")
    for setting in SETTINGS:
        if (setting.auroc, setting.prevalence) != (0.95, 0.05):
            continue
        ours, theirs = [], []
        for seed, runs in simulated(setting, sets):
            ours.append(estimate("auroc", runs, draws=DRAWS, seed=seed))
            samples = bootstrap(METRICS["auroc"], runs, draws=DRAWS, seed=seed)[0]
            patients = np.unique(runs[0].patients[runs[0].labels == 1]).size
            theirs.append(percentiles(samples, patients))
        plain = share(low <= setting.auroc <= high for low, high in theirs)
        print(f"{setting} {covered(ours, setting.auroc)} | {plain:.1%} |", flush=True)


def others(sets: int, names: tuple[str, ...] = OTHERS) -> None:
    print(f"| images | so many | finding | AUROC | {' | '.join(names)} |")
    print("|---" * (4 + len(names)) + "|")
    for setting in SETTINGS:
        if setting.images != 1000:
            continue
        at, truth = truths(setting)
        estimates: dict[str, list[Estimate]] = {name: [] for name in names}
        for seed, runs in simulated(setting, sets):
            for name in names:
                estimates[name].append(estimate(name, runs, draws=DRAWS, seed=seed, threshold=at))
        print(
            f"{setting} {' | '.join(covered(estimates[name], truth[name]) for name in names)} |",
            flush=True,
        )


def null(sets: int) -> None:
    print("| images | so many | finding | AUROC | p < 0.05 | interval without 0 | DeLong's p < 0.05 |")
    print("|---|---|---|---|---|---|---|")
    for setting in SETTINGS:
        pairs = [
            (difference("auroc", [one], [other], draws=DRAWS, seed=seed), delong_difference(one, other))
            for seed, (one, other) in simulated(setting, sets, models=2)
        ]
        ours, by_formula = zip(*pairs, strict=True)
        wrong = share(each.p < 0.05 for each in ours)
        shown = share(verdict(each) != "inconclusive" for each in ours)
        formula = share(each.p < 0.05 for each in by_formula)
        print(f"{setting} {wrong:.1%} | {shown:.1%} | {formula:.1%} |", flush=True)


def power(sets: int) -> None:
    gains = (0.0, 0.01, 0.02, 0.03, 0.05, 0.08)
    columns = " | ".join(f"+{gain}" for gain in gains)
    print(f"| images | so many | finding | AUROC | {columns} | could show |")
    print("|---" * (5 + len(gains)) + "|")
    for setting in SETTINGS:
        if setting.auroc != 0.7:
            continue
        row, least = [], []
        for gain in gains:
            better = Setting(setting.images, setting.prevalence, setting.auroc + gain, setting.clustered)
            differences = []
            for seed, (one, other) in simulated(setting, sets, models=2):
                moved = moved_apart(one, setting, better)
                differences.append(difference("auroc", [moved], [other], draws=DRAWS, seed=seed))
            row.append(share(verdict(each) == "better" for each in differences))
            least.append(np.mean([minimum_detectable_difference(each) for each in differences]))
        print(f"{setting} {' | '.join(f'{each:.0%}' for each in row)} | {np.mean(least):.3f} |", flush=True)


def seeds(sets: int) -> None:
    """Hold both parts of the warning against what other images, and other seeds, did change."""
    print("| AUROC | seeds | spread of seeds | images, truly | said | seeds, truly | said | both held |")
    print("|---|---|---|---|---|---|---|---|")
    for auroc, count, spread in product((0.7, 0.95), (3, 5), (0.05, 0.2)):
        setting, estimates = Setting(600, 0.5, auroc, True), []
        truth, of_seeds = over_seeds(setting, spread)
        on_images, on_seeds = [], []
        for seed in range(sets):
            one, other = np.random.default_rng([seed, 0]).normal(0, spread, (2, count))
            runs, images, again = (
                setting.draw(np.random.default_rng([seed, which]), count, 1.0, skill)
                for which, skill in ((1, one), (2, one), (1, other))
            )
            estimates.append(estimate("auroc", runs, draws=DRAWS, seed=seed))
            on_images.append(estimates[-1].value - mean_auroc(images))
            on_seeds.append(estimates[-1].value - mean_auroc(again))
        measured = [each.se_test_set for each in estimates], [each.se_seeds for each in estimates]
        true = [np.divide(each, math.sqrt(2)) for each in (on_images, on_seeds)]
        columns = (
            math.sqrt(np.mean(np.square(each))) for each in (true[0], measured[0], true[1], measured[1])
        )
        numbers = " | ".join(f"{each:.4f}" for each in columns)
        print(
            f"| {auroc} | {count} | {of_seeds:.3f} | {numbers} | {covered(estimates, truth)} |",
            flush=True,
        )


def meaning(sets: int) -> None:
    print("| images | so many | finding | AUROC | calibration intercept | calibration slope |")
    print("|---|---|---|---|---|---|")
    for setting in SETTINGS:
        if setting.images != 1000:
            continue
        calibrations = []
        rng = np.random.default_rng(0)
        for seed in range(sets):
            mixed = left_to_chance(setting, rng)
            drawn = mixed.draw(rng)[0]
            predictions = as_predictions(
                at_home(drawn, setting, mixed), drawn.labels, drawn.patients.astype(np.int64)
            )
            calibrations.append(calibration([predictions], draws=DRAWS, seed=seed))
        intercepts, slopes = [each.intercept for each in calibrations], [each.slope for each in calibrations]
        print(f"{setting} {covered(intercepts, 0.0)} | {covered(slopes, 1.0)} |", flush=True)


def shift(sets: int) -> None:
    print("| target images | finding in source, target | AUROC | prevalence held | mean width |")
    print("|---|---|---|---|---|")
    for auroc, (home, away) in product((0.7, 0.95), ((0.5, 0.05), (0.6, 0.3))):
        source, target = Setting(900, home, auroc, True), Setting(600, away, auroc, True)
        rng, prevalences = np.random.default_rng(0), []
        for seed in range(sets):
            mixed = left_to_chance(target, rng)
            there = mixed.draw(rng)[0]
            new = as_predictions(at_home(there, source, mixed), there.labels, there.patients.astype(np.int64))
            prevalences.append(
                estimate_label_shift(source.draw(rng)[0], new, draws=DRAWS, seed=seed).prevalence
            )
        width = np.mean([each.high - each.low for each in prevalences])
        row = f"{home:.0%}, {away:.0%} | {auroc} | {covered(prevalences, away)} | {width:.3f} |"
        print(f"| 600, clustered | {row}", flush=True)


def simulated(setting: Setting, sets: int, models: int = 1) -> Iterator[tuple[int, list[Predictions]]]:
    rng = np.random.default_rng(0)
    for seed in range(sets):
        yield seed, setting.draw(rng, models)


def moved_apart(predictions: Predictions, setting: Setting, better: Setting) -> Predictions:
    """Move the images with the finding further up, so that the model is as good as in the better setting."""
    odds = np.log(predictions.scores[:, 1] / predictions.scores[:, 0])
    evidence = (
        odds - math.log(setting.prevalence / (1 - setting.prevalence))
    ) / setting.apart + setting.apart / 2
    moved = 1 / (1 + np.exp(-(evidence + (better.apart - setting.apart) * predictions.labels)))
    return as_predictions(moved, predictions.labels, predictions.patients.astype(np.int64))


def left_to_chance(setting: Setting, rng: np.random.Generator) -> Setting:
    """Draw how many patients have the finding, as calibration and label shift ask."""
    having = min(max(2, int(rng.binomial(setting.patients, setting.prevalence))), setting.patients - 2)
    return Setting(setting.images, having / setting.patients, setting.auroc, setting.clustered)


def at_home(there: Predictions, source: Setting, target: Setting) -> Floats:
    """What the model of the source says of target images."""
    return source.chance(evidence_of(there, target.prevalence, target.apart))


def evidence_of(predictions: Predictions, prevalence: float, apart: float) -> Floats:
    odds = np.log(predictions.scores[:, 1] / predictions.scores[:, 0]) - math.log(
        prevalence / (1 - prevalence)
    )
    return odds / apart + apart / 2


def mean_auroc(runs: list[Predictions]) -> float:
    return float(np.mean([score("auroc", each) for each in runs]))


def over_seeds(setting: Setting, spread: float) -> tuple[float, float]:
    """Give the mean and the spread of AUROCs of models whose classes lie apart by more or less."""
    better = [spread * NORMAL.inv_cdf((each + 0.5) / 2000) for each in range(2000)]
    areas = np.array([NORMAL.cdf((setting.apart + each) / math.sqrt(2)) for each in better])
    return float(areas.mean()), float(areas.std())


def truths(setting: Setting) -> tuple[float, dict[str, float]]:
    """Give a threshold of sensitivity 0.9, and what metrics are there, by integrals over all scores."""
    from scipy.stats import norm

    evidence = np.linspace(-9, 9 + setting.apart, 40_001)
    step = evidence[1] - evidence[0]
    chance, share_of = setting.chance(evidence), setting.having / setting.patients
    without, with_it = norm.pdf(evidence), norm.pdf(evidence - setting.apart)
    cut = setting.apart - NORMAL.inv_cdf(SENSITIVITY)
    cleared = NORMAL.cdf(cut)
    above = share_of * norm.sf(evidence - setting.apart)
    positive = above + (1 - share_of) * norm.sf(evidence)

    def over_images(ill: Floats, well: Floats) -> float:
        return float((share_of * with_it * ill + (1 - share_of) * without * well).sum() * step)

    return float(setting.chance(np.array([cut]))[0]), {
        "sensitivity": SENSITIVITY,
        "specificity": cleared,
        "balanced-accuracy": (SENSITIVITY + cleared) / 2,
        "accuracy": share_of * SENSITIVITY + (1 - share_of) * cleared,
        "brier": over_images((1 - chance) ** 2, chance**2),
        "log-loss": over_images(-np.log(chance), -np.log1p(-chance)),
        "average-precision": float((with_it * above / np.maximum(positive, 1e-300)).sum() * step),
    }


def share(outcomes: Iterator[bool]) -> float:
    return float(np.mean(list(outcomes)))


def covered(estimates: list[Estimate] | tuple[Estimate, ...], truth: float) -> str:
    return f"{share(each.low <= truth <= each.high for each in estimates):.1%}"


PARTS: dict[str, tuple[Callable[[int], None], int, str]] = {
    "speed": (speed, 1, "How fast"),
    "coverage": (coverage, 2000, "95 % intervals of an AUROC"),
    "percentiles": (against_percentiles, 2000, "Percentiles in their place"),
    "others": (others, 500, "95 % intervals of other metrics"),
    "log-loss": (partial(others, names=("log-loss",)), 2000, "95 % intervals of log loss"),
    "null": (null, 1000, "Differences that are not there"),
    "power": (power, 400, "Differences that are there, found"),
    "seeds": (seeds, 1000, "What of the warning comes from images and what from seeds"),
    "meaning": (meaning, 1000, "95 % intervals of calibration, of a model that means what it says"),
    "shift": (shift, 300, "95 % intervals of the prevalence in unlabelled images"),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the sets")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    args = parser.parse_args()
    for name in args.only:
        part, sets, title = PARTS[name]
        sets = max(1, sets // 10) if args.quick else sets
        begun = time.perf_counter()
        print(f"\n## {title}, {sets:,} sets\n" if sets > 1 else f"\n## {title}\n", flush=True)
        part(sets)
        print(f"\n({time.perf_counter() - begun:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
