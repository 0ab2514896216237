"""How long training the last dense layers takes, from cached features and otherwise, on the same images.

    python benchmarks/adapting.py FOLDER [--peers PYTHON] [--rounds 3] [--threads 1] [--epochs 20]

FOLDER holds class folders of a few images, such as the 16 of `chest_xray/val`. The original CNN at 150 x 150,
its last dense layers alone, 90 batches of 16 images an epoch, every batch perturbed as the original did. Each
way has a process of its own, in turn, so many rounds of them:

    radapt, head        `radapt adapt --strategy head` as it is, its rate and length cross-validated
    radapt, 4 views     an image is perturbed and run through the frozen layers three times, and once as it is
    radapt, features    the same, but learning among all features and not within their plane
    radapt, 90 views    as often as the original does in an epoch, and kept for all epochs
    radapt, no cache    every batch perturbed anew and run through the frozen layers, by the same loop
    Keras               the original's way; its epochs are all alike, so two are timed, and the second counts

What a library loads and compiles when it is first used is not counted. Prints seconds for all epochs (best
and median of the rounds), and how many times as long as `radapt, head` and `radapt, 4 views` it took, by
round. What takes longer than a minute, the last two, is timed for one epoch and multiplied.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

STEPS, BATCH, SIZE = 90, 16, 150


def as_it_is(folder: Path, threads: int, epochs: int) -> float:
    from radapt.adaptation.cross_validation import adapt_with_cv
    from radapt.adaptation.head import Head
    from radapt.adaptation.strategy import AdaptContext
    from radapt.device import select_device
    from radapt.models.table import build, new_spec

    del epochs  # it chooses its own
    _ready(threads)
    images = _images(folder)
    classifier = build(new_spec("original-cnn", images.classes, size=SIZE), seed=0)
    start = time.perf_counter()
    adapt_with_cv(Head(), classifier, images, None, AdaptContext(select_device("cpu", "fp32")))
    return time.perf_counter() - start


def radapt(folder: Path, threads: int, epochs: int, views: int, plane: bool = True) -> float:
    from dataclasses import replace

    from radapt.adaptation.head import Head
    from radapt.adaptation.strategy import AdaptContext
    from radapt.device import select_device
    from radapt.models.table import build, new_spec
    from radapt.training.recipe import ORIGINAL_ADAPT

    _ready(threads)
    images = _images(folder)
    classifier = build(new_spec("original-cnn", images.classes, size=SIZE), seed=0)
    recipe = replace(ORIGINAL_ADAPT, epochs=epochs)
    head = Head(recipe, views=views, plain_view=views == 4, plane=plane)
    start = time.perf_counter()
    head.adapt(classifier, images, None, AdaptContext(select_device("cpu", "fp32")))
    return time.perf_counter() - start


def without_cache(folder: Path, threads: int, epochs: int) -> float:
    from dataclasses import replace

    from radapt.adaptation.head import Head
    from radapt.adaptation.strategy import AdaptContext
    from radapt.adaptation.tuning import fit_all, rates_of
    from radapt.device import select_device
    from radapt.models.table import build, new_spec
    from radapt.training.recipe import ORIGINAL_ADAPT

    _ready(threads)
    images, recipe = _images(folder), replace(ORIGINAL_ADAPT, epochs=1)
    classifier = build(new_spec("original-cnn", images.classes, size=SIZE), seed=0)
    rates = rates_of(Head(), classifier, recipe)
    start = time.perf_counter()
    tuple(fit_all(classifier, images, None, recipe, AdaptContext(select_device("cpu", "fp32")), rates=rates))
    return epochs * (time.perf_counter() - start)


def _ready(threads: int) -> None:
    import torch

    torch.set_num_threads(threads)
    torch.optim.Adam([torch.zeros(1, requires_grad=True)])  # with the first one PyTorch loads its compiler


def _images(folder: Path):
    from radapt.images.load import LoadOptions, load_dataset

    data = load_dataset(folder.parent, LoadOptions(size=SIZE))
    return data[folder.name]


def keras(folder: Path, threads: int, epochs: int) -> float:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf
    from keras import Sequential, layers
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    model = Sequential([layers.Input((SIZE, SIZE, 3))])
    for width in (64, 128, 256, 256):
        model.add(layers.Conv2D(width, (3, 3), activation="relu"))
        model.add(layers.MaxPooling2D((2, 2)))
        model.add(layers.BatchNormalization())
    model.add(layers.Flatten())
    for units in (128, 64):
        model.add(layers.Dense(units, activation="relu"))
        model.add(layers.Dropout(0.2))
    model.add(layers.Dense(2, activation="sigmoid"))
    for layer in model.layers[:-5]:
        layer.trainable = False
    model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
    flow = ImageDataGenerator(
        rescale=1 / 255,
        shear_range=0.2,
        zoom_range=0.2,
        horizontal_flip=True,
        rotation_range=30,
        channel_shift_range=0.9,
        brightness_range=[0.5, 1.5],
    ).flow_from_directory(str(folder), target_size=(SIZE, SIZE), batch_size=BATCH)

    def batches():
        while True:
            yield next(flow)

    seconds = []
    for _ in range(2):  # the first one also compiles
        start = time.perf_counter()
        model.fit(batches(), steps_per_epoch=STEPS, epochs=1, verbose=0)
        seconds.append(time.perf_counter() - start)
    return epochs * seconds[-1]


WAYS = {
    "radapt, head": as_it_is,
    "radapt, 4 views": lambda *given: radapt(*given, views=4),
    "radapt, features": lambda *given: radapt(*given, views=4, plane=False),
    "radapt, 90 views": lambda *given: radapt(*given, views=90),
    "radapt, no cache": without_cache,
    "Keras": keras,
}


def measured(python: str, way: str, args: argparse.Namespace) -> float | None:
    """Time one way in a process of its own; None if its library is not installed."""
    words = [str(args.folder), "--threads", str(args.threads), "--epochs", str(args.epochs), "--only", way]
    process = subprocess.run([python, __file__, *words], capture_output=True, text=True)
    if process.returncode:
        if "ModuleNotFoundError" not in process.stderr:
            sys.stderr.write(process.stderr)
        return None
    return float(process.stdout.split()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--peers", default=sys.executable, help="the Python that Keras is in")
    parser.add_argument("--only", choices=WAYS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.only:
        print(WAYS[args.only](args.folder, args.threads, args.epochs))
        return
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(args.rounds):
        for way in WAYS:
            elapsed = measured(args.peers if way == "Keras" else sys.executable, way, args)
            if elapsed is not None:
                seconds[way].append(elapsed)
    print("| way | best, s | median, s | times the first, by round | times the second, by round |")
    print("|---|---|---|---|---|")
    for way, each in seconds.items():
        if each:
            ratios = (_ratios(each, seconds[base]) for base in ("radapt, head", "radapt, 4 views"))
            print(f"| {way} | {min(each):.1f} | {statistics.median(each):.1f} | {' | '.join(ratios)} |")


def _ratios(each: list[float], base: list[float]) -> str:
    return ", ".join(f"{one / by:.0f}" for one, by in zip(each, base, strict=False))


if __name__ == "__main__":
    main()
