"""How often drift monitoring cries wolf, and what it notices.

    python benchmarks/drift.py null [--draws 1000]
    python benchmarks/drift.py films RUN DATA [--other DATA] [--samples 100] [--patients 100]
        [--shifts NAME,...]

`null` draws both sides from one synthetic distribution of patients with several films each, and counts how
often each test says at 5 % that they differ. `films` takes a RUN that `radapt train DATA --fold K/N` wrote:
samples of patients of the fold that it left out are held against its reference, as they are, of DATA's test
films (whose classes may be mixed otherwise), of another hospital, and under every shift at severity 3.
"""

import argparse
from collections import Counter
from functools import partial
from pathlib import Path
from zlib import crc32

import numpy as np

from radapt.drift.looks import Looks
from radapt.drift.monitor import Compared, compare
from radapt.drift.pixels import NAMES
from radapt.drift.two_samples import one_film_each

ALPHA = 0.05


def patients_alike(
    people: int, rng: np.random.Generator, *, films: tuple[int, int] = (1, 4), width: int = 16
) -> Looks:
    """Patients with several films each, which resemble one another more than those of others."""
    patients = np.repeat(np.arange(people), rng.integers(films[0], films[1] + 1, people))
    features = (
        rng.normal(size=(people, width))[patients] + 0.5 * rng.normal(size=(len(patients), width))
    ).astype(np.float32)
    score = (1 / (1 + np.exp(-features[:, 0]))).astype(np.float32)
    labels = (features[:, 1] > 0).astype(np.int64)
    mixed = np.random.default_rng(0).normal(size=(len(NAMES), len(NAMES)))  # statistics go together
    greys = rng.normal(size=(people, len(NAMES)))[patients] @ mixed + rng.normal(
        size=(len(patients), len(NAMES))
    )
    scores = np.stack([1 - score, score], axis=1)
    return Looks(features, scores, labels, patients, ("NORMAL", "PNEUMONIA"), greys.astype(np.float32))


def tried(reference: Looks, new: Looks, rng: np.random.Generator) -> Compared:
    sides = (side.take(one_film_each(side.patients, rng)) for side in (reference, new))
    return compare(*sides, alpha=ALPHA, rng=rng)


def counted(found: list[Compared]) -> str:
    says: Counter[str] = Counter()
    for each in found:
        says.update(name for name, test in each.tests.items() if test.p <= ALPHA)
        says["alarm"] += each.alarm
    area = np.mean([each.tests["classifier"].statistic for each in found])
    names = ("bbsd", "mmd", "classifier", "pixels", "alarm")
    return "  ".join(f"{name} {says[name]}" for name in names) + f"  of {len(found)}; AUROC {area:.3f}"


def null(draws: int) -> None:
    kinds = {"as many films each": (1, 4), "ten films of each new patient": (10, 10)}
    for name, films in kinds.items():
        found = []
        for seed in range(draws):
            rng = np.random.default_rng([seed, *films])
            found.append(tried(patients_alike(60, rng), patients_alike(40, rng, films=films), rng))
        print(f"{name}: {counted(found)}", flush=True)


def some(looks: Looks, count: int, rng: np.random.Generator) -> Looks:
    return looks.take(np.isin(looks.patients, rng.permutation(np.unique(looks.patients))[:count]))


def mixed_as(reference: Looks, looks: Looks, count: int, rng: np.random.Generator) -> Looks:
    """A sample of one film each whose classes are mixed as the reference's."""
    of_reference = reference.take(one_film_each(reference.patients, rng))
    share = np.bincount(of_reference.labels, minlength=len(looks.classes)) / len(of_reference)
    one = looks.take(one_film_each(looks.patients, rng))
    drawn = rng.multinomial(count, share)
    rows = [rng.permutation(np.flatnonzero(one.labels == c))[:k] for c, k in enumerate(drawn)]
    return one.take(np.concatenate(rows))


def films(run: Path, data: Path, other: Path | None, samples: int, patients: int, shifts: list[str]) -> None:
    from radapt.device import choose
    from radapt.drift.looks import look_at
    from radapt.drift.reference import read_reference
    from radapt.images.load import load
    from radapt.images.some import some_films
    from radapt.models.checkpoint import load_classifier
    from radapt.predictions import Predictions
    from radapt.shift.expression import at, parse_shift
    from radapt.shift.shifted import shift_images, takes_some
    from radapt.shift.table import SHIFTS

    classifier, hardware = load_classifier(run), choose("cpu", "fp32")
    reference = read_reference(run, classifier)
    dataset = load(data, size=classifier.spec.size)
    left_out = Predictions.load(run / "predictions" / "source-test.parquet").ids
    held = dataset["train"].take(np.isin(dataset["train"].ids, left_out))
    own, test = look_at(classifier, held, hardware), look_at(classifier, dataset["test"], hardware)
    print(f"reference {reference.people} patients, left out {own.people}, test {test.people}")

    def sampled(name: str, looks: Looks, times: int = samples) -> None:
        rng = np.random.default_rng(crc32(name.encode()))
        draw = partial(mixed_as, reference) if "mixed" in name else some
        found = [tried(reference, draw(looks, patients, rng), rng) for _ in range(times)]
        print(f"{name}: {counted(found)}", flush=True)

    sampled("left out", own)
    sampled("test, mixed as the reference", test)
    sampled("test, as it is", test)
    if other is not None:
        elsewhere = some_films(load(other, size=classifier.spec.size).splits.values(), 10**6, seed=0)
        sampled(other.name, look_at(classifier, elsewhere, hardware), min(samples, 20))
    for name in shifts or SHIFTS:
        shift = parse_shift(str(at(name, 3)))
        if takes_some(shift):
            continue
        changed = look_at(classifier, shift_images(held, shift, seed=0)[0], hardware)
        sampled(f"{name}@3", changed, min(samples, 3))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    kinds = parser.add_subparsers(dest="kind", required=True)
    nulls = kinds.add_parser("null")
    nulls.add_argument("--draws", type=int, default=1000)
    real = kinds.add_parser("films")
    real.add_argument("run", type=Path)
    real.add_argument("data", type=Path)
    real.add_argument("--other", type=Path)
    real.add_argument("--samples", type=int, default=100)
    real.add_argument("--patients", type=int, default=100)
    real.add_argument("--shifts", type=lambda text: text.split(","), default=[])
    asked = parser.parse_args()
    if asked.kind == "null":
        null(asked.draws)
    else:
        films(asked.run, asked.data, asked.other, asked.samples, asked.patients, asked.shifts)


if __name__ == "__main__":
    main()
