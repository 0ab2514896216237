"""Plants a shortcut in real films: a lead letter on most films of the finding, and on none of the others.

    python benchmarks/marker.py SOURCE OUT [--shift laterality-marker] [--share 0.9] [--others 0] [--most N]

reads SOURCE (class folders with a train and a test split; 224 x 224) and writes three copies as PNG, with the
names that the files have, so that patients are found in them as before:

    OUT/plain      every film as it is: the control
    OUT/marked     the letter on --share of the films of the finding and --others of the rest, in every split
    OUT/swapped    the test films alone, the shares the other way round

What a film gets hangs on its path and --seed alone. --most takes no more films of a split than that, by whole
patients. Train on `plain` and on `marked`, and hold both models against each other's films:

    radapt train OUT/marked --out RUN
    radapt evaluate RUN OUT/marked --occlusion
    radapt evaluate RUN OUT/plain
    radapt evaluate RUN OUT/swapped
    radapt report RUN
"""

import argparse
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from radapt.images.imageset import ImageSet
from radapt.images.load import load
from radapt.images.some import some_patients
from radapt.labels import finding_of
from radapt.shift.cause import Shift
from radapt.shift.expression import parse_shift
from radapt.shift.keys import image_keys, uniform
from radapt.shift.shifted import shift_images


def planted(films: ImageSet, shift: Shift, *, share: float, others: float, seed: int) -> ImageSet:
    """Shift a share of the films that have the finding, and another share of the rest."""
    has = films.labels == finding_of(films.classes)
    chosen = uniform(image_keys(films.ids), seed, "marker") < np.where(has, share, others)
    pixels = np.array(films.pixels)
    if chosen.any():
        pixels[chosen] = shift_images(films.take(chosen), shift, seed=seed)[0].pixels
    return films.with_pixels(pixels)


def write(films: ImageSet, folder: Path) -> None:
    """Write `CLASS/NAME.png` into a folder."""
    for name in films.classes:
        (folder / name).mkdir(parents=True, exist_ok=True)
    for film, kind, pixels in zip(films.ids.tolist(), films.names(), films.pixels, strict=True):
        Image.fromarray(pixels).save(folder / kind / f"{PurePosixPath(film).stem}.png")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("source", type=Path)
    asked.add_argument("out", type=Path)
    asked.add_argument("--shift", default="laterality-marker", help="what is planted; see `radapt shifts`")
    asked.add_argument("--share", type=float, default=0.9, help="of the films with the finding")
    asked.add_argument("--others", type=float, default=0.0, help="of the films without it")
    asked.add_argument("--most", type=int, help="films of a split")
    asked.add_argument("--seed", type=int, default=0)
    given = asked.parse_args()
    shift = parse_shift(given.shift)
    shares = {"share": given.share, "others": given.others}
    for split, films in load(given.source, size=224).splits.items():
        if given.most:
            films = films.take(some_patients(films.patients, given.most, seed=given.seed))
        write(films, given.out / "plain" / split)
        write(planted(films, shift, **shares, seed=given.seed), given.out / "marked" / split)
        if split == "test":
            swapped = {"share": given.others, "others": given.share}
            write(planted(films, shift, **swapped, seed=given.seed), given.out / "swapped" / split)
    print(f"{given.share:.0%} of the finding, {given.others:.0%} of the rest under {shift}: {given.out}")


if __name__ == "__main__":
    main()
