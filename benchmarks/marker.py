"""Plants a shortcut in real images: a lead letter on most images with the finding, and on no others.

    python benchmarks/marker.py SOURCE OUT [--size 36] [--contrast 1] [--scattered] [--share 0.9] [--others 0]
        [--seed 0]

reads SOURCE (class folders with a train and a test split; 224 x 224) and writes three copies as PNG, with the
names that the files have, so that patients are found in them as before:

    OUT/plain      every image as it is: the control
    OUT/marked     the letter on --share of the images of the finding and --others of the rest, in every split
    OUT/swapped    the test images alone, the shares the other way round

The letter is that of the shift `laterality-marker`: an R, turned a little, with its middle at a tenth of the
image's width and height from the upper left corner; --scattered leaves it where that shift lays it (R or L,
on either side, up to three tenths down). What an image gets hangs on its path and --seed alone. Train on
`plain` and on `marked`, and hold each model against the other's images:

    radapt train OUT/marked --out RUN
    radapt evaluate RUN OUT/marked --occlusion
    radapt evaluate RUN OUT/plain
    radapt evaluate RUN OUT/swapped
    radapt report RUN
"""

import argparse
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from PIL import Image

from radapt.images.imageset import ImageSet
from radapt.images.load import LoadOptions, load_dataset
from radapt.labels import positive_class
from radapt.shift.counter_rng import image_keys, uniform
from radapt.shift.marks import LateralityMarker

PLACE = 0.1  # of width and height: where the middle of the letter lies
AT_ONCE = 256  # images


def lettered(
    pixels: np.ndarray, ids: np.ndarray, letter: LateralityMarker, scattered: bool, seed: int
) -> None:
    """Lay the letter on every one of these images (n, h, w), in place."""
    for start in range(0, len(ids), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        drawn = letter.draw(image_keys(ids[part]), seed)
        if not scattered:
            count = len(drawn["x"])
            drawn |= {"left": np.zeros(count), **{axis: np.full(count, PLACE) for axis in "xy"}}
        levels = torch.from_numpy(pixels[part]).float()
        pixels[part] = letter.transform(levels, drawn).round().clamp(0, 255).byte().numpy()


def planted(
    images: ImageSet, letter: LateralityMarker, scattered: bool, *, share: float, others: float, seed: int
) -> ImageSet:
    """Lay the letter on a share of the images that have the finding, and on another share of the rest."""
    has = images.labels == positive_class(images.classes)
    chosen = uniform(image_keys(images.ids), seed, "marker") < np.where(has, share, others)
    pixels = np.array(images.pixels)
    some = pixels[chosen]
    lettered(some, images.ids[chosen], letter, scattered, seed)
    pixels[chosen] = some
    return images.with_pixels(pixels)


def write(images: ImageSet, folder: Path) -> None:
    """Write `CLASS/NAME.png` into a folder."""
    for name in images.classes:
        (folder / name).mkdir(parents=True, exist_ok=True)
    for image, kind, pixels in zip(images.ids.tolist(), images.names(), images.pixels, strict=True):
        Image.fromarray(pixels).save(folder / kind / f"{PurePosixPath(image).stem}.png")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--size", type=float, default=36, help="of the letter, in pixels of 224")
    parser.add_argument("--contrast", type=float, default=1, help="how much of what is behind it is hidden")
    parser.add_argument("--scattered", action="store_true", help="where the shift lays it, not in one corner")
    parser.add_argument("--share", type=float, default=0.9, help="of the images with the finding")
    parser.add_argument("--others", type=float, default=0.0, help="of the images without it")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    letter = LateralityMarker(args.size, args.contrast)
    shares = {"share": args.share, "others": args.others}
    for split, images in load_dataset(args.source, LoadOptions(size=224)).splits.items():
        write(images, args.out / "plain" / split)
        write(planted(images, letter, args.scattered, **shares, seed=args.seed), args.out / "marked" / split)
        if split == "test":
            swapped = {"share": args.others, "others": args.share}
            write(
                planted(images, letter, args.scattered, **swapped, seed=args.seed),
                args.out / "swapped" / split,
            )
    print(f"{args.share:.0%} of the finding, {args.others:.0%} of the rest have {letter}: {args.out}")


if __name__ == "__main__":
    main()
