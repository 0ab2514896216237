"""How often a study claims a benefit where there is none, and where there is one.

    OMP_NUM_THREADS=1 python benchmarks/null_study.py [--repetitions 1000]

Whole studies are drawn and go through `radapt.study.comparison.differences` and
`radapt.study.decision.decide`: 624 test images of 423 patients as in chest_xray/test, 62 % with the finding,
models that are right on three images of four and largely wrong on the same ones. "Spread" is the standard
deviation between trainings of a model's true balanced accuracy, in points. Of each setting: in how many
studies anything is said to help or to have scored higher, or to be made worse, by the test that allows for
all comparisons, and by intervals of one comparison alone, as a reader would without it.
"""

import argparse
from dataclasses import replace

import numpy as np
from scipy.special import ndtri

from radapt.evaluation.scores import Outcome
from radapt.predictions import Predictions
from radapt.stats.estimate import verdict
from radapt.study.comparison import PRIMARY, Difference, differences
from radapt.study.decision import decide

IMAGES, PATIENTS, FINDING = 624, 423, 0.625
LEVEL = 0.75  # the balanced accuracy of every model
COMMON = 0.6  # of the variance of what makes an image hard, the part that all models share
BUDGETS = (16, 64, 256, 1024)
STRATEGIES = ("recalibrate", "head", "last-k", "full", "lp-ft", "gradual", "scratch")
CLASSES = ("NORMAL", "PNEUMONIA")


def test_set(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Whose each image is, and its class: that of the patient."""
    patients = np.concatenate([np.arange(PATIENTS), rng.integers(0, PATIENTS, IMAGES - PATIENTS)])
    ill = rng.permutation(PATIENTS) < FINDING * PATIENTS
    return patients, ill[patients].astype(np.int64)


class Hospital:
    """A test set, and predictions on it of models of a given true balanced accuracy."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.patients, self.labels = test_set(rng)
        self.hard = (rng.normal(0, 1, PATIENTS)[self.patients] + rng.normal(0, 1, IMAGES)) / np.sqrt(2)
        blank = np.full((IMAGES, 2), 0.5)
        names = np.arange(IMAGES).astype(str)
        self.blank = Predictions(blank, self.labels, self.patients.astype(str), names, CLASSES)

    def model(self, level: float) -> Predictions:
        own = self.rng.normal(0, 1, IMAGES)
        hard = np.sqrt(COMMON) * self.hard + np.sqrt(1 - COMMON) * own
        right = hard < ndtri(np.clip(level, 0.02, 0.98))
        positive = np.where(right == (self.labels == 1), 0.8, 0.2)
        return replace(self.blank, scores=np.stack([1 - positive, positive], axis=1))

    def models(self, level: float, seeds: int, spread: float) -> list[Predictions]:
        return [self.model(level + spread * self.rng.normal()) for _ in range(seeds)]


def study(
    rng: np.random.Generator, count: int, seeds: int, spread: float, gain: float, draws: int
) -> list[Difference]:
    """Draw a study of so many strategies at four budgets; `gain` is that of the second strategy at each."""
    hospital = Hospital(rng)
    names = STRATEGIES if count == len(STRATEGIES) else (*STRATEGIES, *(f"s{n}" for n in range(count - 7)))
    outcomes = [Outcome("none", 0, {"target": hospital.models(LEVEL, seeds, spread)})]
    for budget in BUDGETS:
        for name in names:
            level = LEVEL + (gain if name == "head" else 0.0)
            outcomes.append(Outcome(name, budget, {"target": hospital.models(level, seeds, spread)}))
    return differences(outcomes, PRIMARY, metrics=(), draws=draws)


def share(shown: list[bool]) -> str:
    return f"{100 * np.mean(shown):.1f} %"


def null(counts: list[int], several: list[int], repetitions: int, draws: int) -> None:
    print(
        "| strategies x budgets | seeds | spread, points | claims help | scored higher | made worse |", end=""
    )
    print(" one by one: better | worse |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for count in counts:
        for seeds, spread in [(seeds, spread) for seeds in several for spread in (0, 3, 5)]:
            rng = np.random.default_rng([count, seeds, spread])
            rows: list[tuple[bool, ...]] = []
            for _ in range(repetitions):
                differences = study(rng, count, seeds, spread / 100, 0.0, draws)
                decisions = decide(differences)
                alone = [verdict(row.estimate) for row in differences if row.against == "none"]
                rows.append(
                    (
                        any(one.claim == "helps" for one in decisions),
                        any(one.claim == "scored higher" for one in decisions),
                        any(one.worse for one in decisions),
                        "better" in alone,
                        "worse" in alone,
                    )
                )
            numbers = " | ".join(share([row[place] for row in rows]) for place in range(5))
            print(f"| {count} x {len(BUDGETS)} | {seeds} | {spread} | {numbers} |", flush=True)


def power(counts: list[int], repetitions: int, draws: int) -> None:
    print("\n| strategies x budgets | seeds | spread | true gain | at a budget | in the study | one test |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for count in counts:
        for seeds, spread in ((1, 0), (3, 3), (5, 0), (5, 3)):
            for gain in (5, 10):
                rng = np.random.default_rng([count, seeds, spread, gain])
                together, anywhere, alone = [], [], []
                for _ in range(repetitions):
                    rows = study(rng, count, seeds, spread / 100, gain / 100, draws)
                    own = [row for row in rows if (row.strategy, row.against) == ("head", "none")]
                    here = [row.verdict == "better" for row in own]
                    together, anywhere = [*together, *here], [*anywhere, any(here)]
                    alone += [verdict(row.estimate) == "better" for row in own]
                numbers = f"{share(together)} | {share(anywhere)} | {share(alone)}"
                print(f"| {count} x {len(BUDGETS)} | {seeds} | {spread} | {gain} | {numbers} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repetitions", type=int, default=1000)
    parser.add_argument("--power", type=int, default=200, help="Repetitions of studies with a true gain.")
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--strategies", type=int, nargs="+", choices=(7, 21), default=[7, 21])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 3, 5])
    args = parser.parse_args()
    null(args.strategies, args.seeds, args.repetitions, args.draws)
    if args.power:
        power(args.strategies, args.power, args.draws)


if __name__ == "__main__":
    main()
