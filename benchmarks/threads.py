"""The speed of training beside a busy loop on every core, as a share of its speed alone.

    python benchmarks/threads.py [--rounds 3] [--seconds 10]

In turn, in each round: alone and beside the loops, with the threads that radapt chooses and with a thread on
every core as PyTorch does by itself. Each trains the default model on 128 x 128 images in a process of its
own; the first two seconds are not counted. Prints images/s and the share that is kept, best and median of the
rounds.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

import numpy as np

SIZE, IMAGES = 128, 512
WARM_UP = 2.0  # seconds


def train(seconds: float, threads: int | None) -> None:
    """Train for so many seconds; print the images a second after the warm-up, and the threads."""
    import torch

    from radapt.device import select_device
    from radapt.images.imageset import ImageSet
    from radapt.models.table import build, new_spec
    from radapt.progress import Silent
    from radapt.shift.augment import parse_augmentation
    from radapt.training.batches import ImageBatches
    from radapt.training.loop import FitOptions, fit
    from radapt.training.recipe import recipe_for

    hardware = select_device("cpu", threads=threads)
    rng = np.random.default_rng(0)
    images = ImageSet(
        pixels=rng.integers(0, 256, (IMAGES, SIZE, SIZE), dtype=np.uint8),
        labels=np.arange(IMAGES) % 2,
        patients=np.arange(IMAGES).astype(str),
        ids=np.arange(IMAGES).astype(str),
        classes=("NORMAL", "PNEUMONIA"),
    )
    model = build(new_spec("compact", images.classes, size=SIZE))
    recipe = recipe_for("compact")
    rows = ImageBatches(images, hardware.device, parse_augmentation(recipe.augment))
    began, counted = time.perf_counter(), []

    class Done(Exception):
        pass

    class Clock(Silent):
        def advance(self, done: float, detail: str = "") -> None:
            now = time.perf_counter() - began
            if now > WARM_UP:
                counted.append(now)
            if now > WARM_UP + seconds and len(counted) > 2:
                raise Done

    try:
        outputs, options = model.spec.outputs, FitOptions(watch=Clock())
        for _ in fit(model, rows, None, recipe, outputs=outputs, hardware=hardware, seed=0, options=options):
            pass
    except Done:
        pass
    rate = (len(counted) - 1) * recipe.batch_size / (counted[-1] - counted[0])
    print(rate, torch.get_num_threads())


def measure(seconds: float, threads: str, loops: int) -> tuple[float, int]:
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(loops)]
    try:
        time.sleep(0.5)
        words = [sys.executable, __file__, "--train", str(seconds), threads]
        clean = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
        done = subprocess.run(words, capture_output=True, text=True, check=True, env=clean)
    finally:
        for loop in busy:
            loop.kill()
            loop.wait()
    rate, used = done.stdout.split()
    return float(rate), int(used)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--train", nargs=2)
    args = parser.parse_args()
    if args.train:
        seconds, threads = args.train
        train(float(seconds), None if threads == "free" else int(threads))
        return
    cores = len(os.sched_getaffinity(0))
    rows: dict[str, list[tuple[float, float]]] = {"free": [], str(cores): []}
    for _ in range(args.rounds):
        for threads, rates in rows.items():
            alone, used = measure(args.seconds, threads, 0)
            beside, left = measure(args.seconds, threads, cores)
            rates.append((alone, beside))
            words = f"{alone:6.0f} images/s alone ({used}), {beside:6.0f} beside ({left})"
            print(f"{threads:>5}: {words}: {beside / alone:.2f}")
    for threads, rates in rows.items():
        shares = [beside / alone for alone, beside in rates]
        print(f"{threads:>5}: keeps {statistics.median(shares):.2f} (median), {max(shares):.2f} (best)")
    gains = [free / all_ for (_, free), (_, all_) in zip(*rows.values(), strict=True)]
    print(f"beside the loops, free / {cores}: {statistics.median(gains):.1f} times (median)")


if __name__ == "__main__":
    main()
