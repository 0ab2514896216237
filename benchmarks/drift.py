"""How often drift monitoring raises false alarms, and what it detects.

    python benchmarks/drift.py null [--draws 1000]
    python benchmarks/drift.py images RUN DATA [--other DATA] [--samples 100] [--patients 100]
        [--shifts NAME,...] [--each 3]

`null` draws both sides from one synthetic distribution of patients with several images each, then with half
or a quarter of the new ones ill where seven in ten of the reference are, and counts how often each test says
at 5 % that images differ, and how often the mixture of classes is said to. `images` takes a RUN that `radapt
train DATA --fold K/N` wrote: samples of patients of the fold that it left out are held against its reference,
as they are, of DATA's test images (whose classes may be mixed otherwise), of another hospital, and under
every shift at severity 3. All is done with the labels of the new images and without.
"""

import argparse
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from zlib import crc32

import numpy as np

from radapt.drift.features import DriftFeatures
from radapt.drift.monitor import DriftResult, describe_drift
from radapt.drift.pixels import NAMES
from radapt.drift.two_samples import one_image_each

ALPHA = 0.05


def patients_alike(
    people: int,
    rng: np.random.Generator,
    *,
    images: tuple[int, int] = (1, 4),
    ill: float = 0.7,
    apart: float = 1.0,
    width: int = 16,
) -> DriftFeatures:
    """Patients with several images each, which resemble one another more than those of others.

    The classes lie `apart` in one feature, which the scores see, and in another, which they overlook.
    """
    patients = np.repeat(np.arange(people), rng.integers(images[0], images[1] + 1, people))
    labels = (rng.random(people) < ill).astype(np.int64)
    centres = rng.normal(size=(people, width))
    centres[:, :2] += apart * labels[:, None]
    features = (centres[patients] + 0.5 * rng.normal(size=(len(patients), width))).astype(np.float32)
    score = (1 / (1 + np.exp(-features[:, 0]))).astype(np.float32)
    mixed = np.random.default_rng(0).normal(size=(width, len(NAMES)))  # statistics go together
    greys = features @ mixed + 2 * rng.normal(size=(len(patients), len(NAMES)))
    scores = np.stack([1 - score, score], axis=1)
    return DriftFeatures(
        features, scores, labels[patients], patients, ("NORMAL", "PNEUMONIA"), greys.astype(np.float32)
    )


def without_labels(looks: DriftFeatures) -> DriftFeatures:
    return replace(looks, labels=np.full(looks.scores.shape, np.nan, np.float32))


def tried(reference: DriftFeatures, new: DriftFeatures, rng: np.random.Generator) -> DriftResult:
    sides = (side.take(one_image_each(side.patients, rng)) for side in (reference, new))
    return describe_drift(*sides, alpha=ALPHA, rng=rng)


def counted(results: list[DriftResult]) -> str:
    says: Counter[str] = Counter()
    for each in results:
        says.update(name for name, test in each.images.tests.items() if test.p <= ALPHA)
        says["images"] += each.images.alarm
        says["mixture"] += bool(each.mixture_differs)
    area = np.mean([each.images.tests["classifier"].statistic for each in results])
    names = ("bbsd", "mmd", "classifier", "pixels", "images", "mixture")
    return "  ".join(f"{name} {says[name]}" for name in names) + f"  of {len(results)}; AUROC {area:.3f}"


def null(draws: int) -> None:
    kinds = {
        "as many images each": {},
        "ten images of each new patient": {"images": (10, 10)},
        "half of the new ill": {"ill": 0.5},
        "a quarter of the new ill": {"ill": 0.25},
    }
    for name, options in kinds.items():
        for known in (True, False):
            results = []
            for seed in range(draws):
                rng = np.random.default_rng([seed, crc32(name.encode())])
                old, new = patients_alike(120, rng), patients_alike(60, rng, **options)
                results.append(tried(old, new if known else without_labels(new), rng))
            print(f"{name}, {'with' if known else 'without'} labels: {counted(results)}", flush=True)


def some(looks: DriftFeatures, count: int, rng: np.random.Generator) -> DriftFeatures:
    return looks.take(np.isin(looks.patients, rng.permutation(np.unique(looks.patients))[:count]))


def mixed_as(reference: DriftFeatures) -> Callable[[DriftFeatures, int, np.random.Generator], DriftFeatures]:
    """Draw samples of one image each whose classes are mixed as the reference's."""

    def draw(looks: DriftFeatures, count: int, rng: np.random.Generator) -> DriftFeatures:
        of_reference = reference.take(one_image_each(reference.patients, rng))
        share = np.bincount(of_reference.labels, minlength=len(looks.classes)) / len(of_reference)
        one = looks.take(one_image_each(looks.patients, rng))
        drawn = rng.multinomial(count, share)
        rows = [rng.permutation(np.flatnonzero(one.labels == c))[:k] for c, k in enumerate(drawn)]
        return one.take(np.concatenate(rows))

    return draw


def images(
    run: Path, data: Path, other: Path | None, samples: int, patients: int, shifts: list[str], each: int
) -> None:
    from radapt.device import select_device
    from radapt.drift.features import extract_features
    from radapt.drift.reference import read_reference
    from radapt.images.load import LoadOptions, load_dataset
    from radapt.images.subsample import sample_images
    from radapt.models.checkpoint import load_classifier
    from radapt.predictions import Predictions
    from radapt.shift.expression import at, parse_shift
    from radapt.shift.shifted import shift_images, takes_some
    from radapt.shift.table import SHIFTS

    classifier, hardware = load_classifier(run), select_device("cpu", "fp32")
    reference = read_reference(run, classifier)
    dataset = load_dataset(data, LoadOptions(size=classifier.spec.size))
    left_out = Predictions.load(run / "predictions" / "source-test.parquet").ids
    held_out = dataset["train"].take(np.isin(dataset["train"].ids, left_out))
    own, test = (
        extract_features(classifier, held_out, hardware),
        extract_features(classifier, dataset["test"], hardware),
    )
    print(f"reference {reference.people} patients, left out {own.people}, test {test.people}")

    def sampled(name: str, looks: DriftFeatures, times: int = samples) -> None:
        draw = mixed_as(reference) if "mixed" in name else some
        for known in (True, False):
            rng, results = np.random.default_rng(crc32(name.encode())), []
            for _ in range(times):
                drawn = draw(looks, patients, rng)
                results.append(tried(reference, drawn if known else without_labels(drawn), rng))
            print(f"{name}, {'with' if known else 'without'} labels: {counted(results)}", flush=True)

    if not shifts:
        sampled("left out", own)
        sampled("test, mixed as the reference", test)
        sampled("test, as it is", test)
        for known in (True, False):
            rng = np.random.default_rng(0)
            result = tried(reference, test if known else without_labels(test), rng)
            print(f"all of test, {'with' if known else 'without'} labels: {result.as_dict()}", flush=True)
    if other is not None:
        elsewhere = sample_images(
            load_dataset(other, LoadOptions(size=classifier.spec.size)).splits.values(), 10**6, seed=0
        )
        sampled(other.name, extract_features(classifier, elsewhere, hardware), min(samples, 20))
    for name in shifts or SHIFTS:
        shift = parse_shift(str(at(name, 3)))
        if takes_some(shift):
            continue
        changed = extract_features(classifier, shift_images(held_out, shift, seed=0)[0], hardware)
        sampled(f"{name}@3", changed, each)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    kinds = parser.add_subparsers(dest="kind", required=True)
    nulls = kinds.add_parser("null")
    nulls.add_argument("--draws", type=int, default=1000)
    real = kinds.add_parser("images")
    real.add_argument("run", type=Path)
    real.add_argument("data", type=Path)
    real.add_argument("--other", type=Path)
    real.add_argument("--samples", type=int, default=100)
    real.add_argument("--patients", type=int, default=100)
    real.add_argument("--shifts", type=lambda text: text.split(","), default=[], help="these alone")
    real.add_argument("--each", type=int, default=3, help="samples under each shift")
    args = parser.parse_args()
    if args.kind == "null":
        null(args.draws)
    else:
        images(args.run, args.data, args.other, args.samples, args.patients, args.shifts, args.each)


if __name__ == "__main__":
    main()
