"""How fast the original's shift is, beside other libraries, on the same images with the same kinds of change.

    python benchmarks/shifts.py FOLDER [--images 512] [--size 150] [--rounds 5] [--threads 1]

reads images below FOLDER and runs every library that is installed in turn, each in a process of its own,
round by round, on the same uint8 images: rotation by up to 30 degrees, zoom 0.8 to 1.2 on both axes, shear
of 0.2 degrees, mirroring, brightness 0.5 to 1.5, nearest fill. Prints images a second (best and median of the
rounds) and the ratio to radapt's, by round. Peers: keras (with TensorFlow), albumentations, torchvision
(v2), kornia.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

Run = Callable[[], object]


def images_below(folder: Path, count: int, size: int) -> np.ndarray:
    from PIL import Image

    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpeg", ".jpg", ".png"))
    chosen = files[:: max(1, len(files) // count)][:count]
    return np.stack([np.asarray(Image.open(file).convert("L").resize((size, size))) for file in chosen])


def radapt(pixels: np.ndarray, threads: int) -> Run:
    import torch

    from radapt.shift.counter_rng import image_keys
    from radapt.shift.original import OriginalShift

    torch.set_num_threads(threads)
    shift, images = OriginalShift(), torch.from_numpy(pixels)
    keys = image_keys([str(row) for row in range(len(pixels))])
    return lambda: shift.apply(images, shift.draw(keys, 0))


def keras(pixels: np.ndarray, threads: int) -> Run:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    generator = ImageDataGenerator(
        shear_range=0.2,
        zoom_range=0.2,
        horizontal_flip=True,
        rotation_range=30,
        channel_shift_range=0.9,
        brightness_range=[0.5, 1.5],
    )
    images = np.repeat(pixels[..., None], 3, axis=-1).astype(np.float32)
    return lambda: [generator.random_transform(image) for image in images]  # one thread, whatever is asked


def albumentations(pixels: np.ndarray, threads: int) -> Run:
    import albumentations as A
    import cv2

    cv2.setNumThreads(threads)
    change = A.Compose(
        [
            A.Affine(
                rotate=(-30, 30),
                scale={"x": (0.8, 1.2), "y": (0.8, 1.2)},
                shear=(-0.2, 0.2),
                border_mode=cv2.BORDER_REPLICATE,
                p=1,
            ),
            A.HorizontalFlip(p=0.5),
            A.RandomBrightnessContrast(brightness_limit=0.5, contrast_limit=0, p=1),
        ]
    )
    if threads == 1:
        return lambda: [change(image=image)["image"] for image in pixels]
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(threads)
    return lambda: list(pool.map(lambda image: change(image=image)["image"], pixels))


def torchvision(pixels: np.ndarray, threads: int) -> Run:
    import torch
    from torchvision.transforms import v2

    torch.set_num_threads(threads)
    images = torch.from_numpy(pixels)[:, None]
    change = v2.Compose(
        [
            v2.RandomAffine(30, scale=(0.8, 1.2), shear=0.2, interpolation=v2.InterpolationMode.BILINEAR),
            v2.RandomHorizontalFlip(),
            v2.ColorJitter(brightness=0.5),
        ]
    )
    return lambda: [change(image) for image in images]  # one image at a time: a batch would share its draws


def kornia(pixels: np.ndarray, threads: int) -> Run:
    import torch
    from kornia import augmentation as K

    torch.set_num_threads(threads)
    images = torch.from_numpy(pixels)[:, None].float() / 255
    change = K.AugmentationSequential(
        K.RandomAffine(30, scale=(0.8, 1.2, 0.8, 1.2), shear=0.2, padding_mode="border", p=1.0),
        K.RandomHorizontalFlip(p=0.5),
        K.RandomBrightness((0.5, 1.5), p=1.0),
    )
    return lambda: change(images)


READERS = {each.__name__: each for each in (radapt, keras, albumentations, torchvision, kornia)}


def measured(python: str, name: str, args: argparse.Namespace) -> float | None:
    """Time one library in a process of its own; None if it is not installed."""
    words = [str(args.folder), "--images", str(args.images), "--size", str(args.size)]
    words += ["--threads", str(args.threads), "--only", name]
    process = subprocess.run([python, __file__, *words], capture_output=True, text=True)
    if process.returncode:
        if "ModuleNotFoundError" not in process.stderr:
            sys.stderr.write(process.stderr)
        return None
    return float(process.stdout.split()[-1])


def rate_of(name: str, args: argparse.Namespace) -> float:
    """Give images a second, the best of five, after one that is not counted."""
    pixels = images_below(args.folder, args.images, args.size)
    run, rates = READERS[name](pixels, args.threads), []
    run()
    for _ in range(5):
        start = time.perf_counter()
        run()
        rates.append(len(pixels) / (time.perf_counter() - start))
    return max(rates)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=512)
    parser.add_argument("--size", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--peers", default=sys.executable, help="the Python that the other libraries are in")
    parser.add_argument("--only", choices=READERS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.only:
        print(rate_of(args.only, args))
        return
    rates: dict[str, list[float]] = {}
    for _ in range(args.rounds):
        for name in READERS:
            rate = measured(sys.executable if name == "radapt" else args.peers, name, args)
            if rate is not None:
                rates.setdefault(name, []).append(rate)
    print(f"{args.images} images of {args.size} px, {args.threads} thread(s), {args.rounds} rounds")
    print("| library | images/s, median | best | radapt is faster by |\n|---|---|---|---|")
    for name, own in rates.items():
        ratios = [mine / other for mine, other in zip(rates["radapt"], own, strict=True)]
        print(
            f"| {name} | {statistics.median(own):,.0f} | {max(own):,.0f} | {statistics.median(ratios):.1f} |"
        )


if __name__ == "__main__":
    main()
