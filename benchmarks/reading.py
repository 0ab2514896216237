"""How fast images are read at 224 x 224, by radapt and by others, and how much memory that takes.

    python benchmarks/reading.py FOLDER                    the images of class folders
    python benchmarks/reading.py FOLDER --made 600         so many of 1280 x 1024, made of those
    python benchmarks/reading.py FOLDER --peers PYTHON     the others in a Python of their own

Every reader has a process of its own, in turn, so many rounds of them. A peer that is not installed is
left out. Memory is the largest that the process and its workers had together, what they share counted once.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

SIZE, BATCH, WORKERS = 224, 32, 2
WIDTH, HEIGHT = 1280, 1024


def read_radapt(folder: Path, cache: Path) -> tuple[int, float]:
    """Pack the images into a store, or open the one that is there, and touch a pixel of each."""
    from radapt.images.load import LoadOptions, load_dataset

    start = time.perf_counter()
    data = load_dataset(folder, LoadOptions(size=SIZE, patient_regex="file"), cache=cache)
    for images in data.splits.values():
        int(images.pixels[:, 0, 0].sum())
    return sum(map(len, data.splits.values())), time.perf_counter() - start


def read_torchvision(folder: Path, _: Path) -> tuple[int, float]:
    """Read with ImageFolder, Grayscale and Resize, and a DataLoader."""
    from torch.utils.data import DataLoader
    from torchvision.datasets import ImageFolder
    from torchvision.transforms import Compose, Grayscale, Resize, ToTensor

    start = time.perf_counter()
    images = ImageFolder(str(folder), Compose([Grayscale(), Resize((SIZE, SIZE)), ToTensor()]))
    return _counted(batch for batch, _ in DataLoader(images, BATCH, num_workers=WORKERS)), _since(start)


def read_keras(folder: Path, _: Path) -> tuple[int, float]:
    """Read with image_dataset_from_directory."""
    from keras.utils import image_dataset_from_directory

    start = time.perf_counter()
    options = {"color_mode": "grayscale", "image_size": (SIZE, SIZE), "batch_size": BATCH}
    images = image_dataset_from_directory(str(folder), shuffle=False, verbose=False, **options)
    return _counted(batch for batch, _ in images), _since(start)


def read_monai(folder: Path, _: Path) -> tuple[int, float]:
    """Read with LoadImage and Resize, and MONAI's DataLoader."""
    from monai.data import DataLoader, Dataset, PILReader
    from monai.transforms import Compose, LoadImage, Resize

    reader = PILReader(converter=lambda image: image.convert("L"))
    start = time.perf_counter()
    paths = [str(path) for path in sorted(folder.rglob("*.*"))]
    how = Compose([LoadImage(reader, image_only=True, ensure_channel_first=True), Resize((SIZE, SIZE))])
    return _counted(DataLoader(Dataset(paths, how), batch_size=BATCH, num_workers=WORKERS)), _since(start)


READERS: dict[str, Callable[[Path, Path], tuple[int, float]]] = {
    "radapt": read_radapt,
    "torchvision": read_torchvision,
    "Keras": read_keras,
    "MONAI": read_monai,
}


def _counted(batches: Iterable[object]) -> int:
    return sum(len(batch) for batch in batches)  # type: ignore[arg-type]


def _since(start: float) -> float:
    return time.perf_counter() - start


def make_images(originals: Path, folder: Path, count: int) -> None:
    """Write JPEGs of 1280 x 1024, each another part of one of the images."""
    import numpy as np
    from PIL import Image

    paths = sorted(path for path in originals.rglob("*.*") if path.is_file())
    rng = np.random.default_rng(0)
    for number in range(count):
        with Image.open(paths[number % len(paths)]) as image:
            grey = image.convert("L")
        share = rng.uniform(0.8, 1)
        width, height = (int(side * share) for side in grey.size)
        left, top = rng.integers(0, grey.width - width + 1), rng.integers(0, grey.height - height + 1)
        box = (int(left), int(top), int(left) + width, int(top) + height)
        radiograph = grey.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC, box=box)
        path = folder / "AB"[number % 2] / f"{number:04}.jpeg"
        path.parent.mkdir(exist_ok=True)
        radiograph.save(path, quality=90)


def measure(python: str, reader: str, folder: Path, cache: Path) -> tuple[int, float, float] | None:
    """Give how many images a reader read, in how many seconds and MiB; None if it is not there."""
    command = [python, __file__, str(folder), "--reader", reader, "--cache", str(cache)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, _memory(process.pid))
            time.sleep(0.1)
        out, errors = process.communicate()
    if process.returncode:
        lacking = "ModuleNotFoundError" in errors or "ImportError" in errors
        if not lacking:
            sys.stderr.write(errors)
        return None
    images, seconds = json.loads(out.splitlines()[-1])
    return images, seconds, peak


def _memory(process: int) -> float:
    """Give the MiB that a process and those it began have, what they share counted once."""
    total = 0.0
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines()
        total = sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
        for thread in Path(f"/proc/{process}/task").iterdir():
            total += sum(map(_memory, map(int, (thread / "children").read_text().split())))
    except OSError:  # it has ended
        pass
    return total


def compare(folder: Path, peers: str, rounds: int) -> None:
    """Print a table of every reader on the same images."""
    taken: dict[str, list[tuple[int, float, float]]] = {}
    for _ in range(rounds):
        for reader in READERS:
            with tempfile.TemporaryDirectory() as cache:
                python = sys.executable if reader == "radapt" else peers
                runs = [(reader, measure(python, reader, folder, Path(cache)))]
                if reader == "radapt":
                    runs.append(("radapt again", measure(python, reader, folder, Path(cache))))
            for name, run in runs:
                if run is not None:
                    taken.setdefault(name, []).append(run)
    others = [statistics.median(run[1] for run in taken[name]) for name in taken if "radapt" not in name]
    lines = [
        "| reader | images | seconds | images/s | MiB | times the fastest peer |",
        "|---|---|---|---|---|---|",
    ]
    for name, runs in taken.items():
        seconds = statistics.median(run[1] for run in runs)
        spread = ", ".join(f"{run[1]:.2f}" for run in runs)
        ratio = f"{min(others) / seconds:.2f}" if others else ""
        peak = max(run[2] for run in runs)
        cells = (name, runs[0][0], f"{seconds:.2f} ({spread})", f"{runs[0][0] / seconds:,.0f}", f"{peak:.0f}")
        lines.append("| " + " | ".join(map(str, (*cells, ratio))) + " |")
    print("\n".join(lines))


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--made", type=int, default=0)
    parser.add_argument("--peers", default=sys.executable)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--reader", choices=READERS, help=argparse.SUPPRESS)
    parser.add_argument("--cache", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.reader:
        print(json.dumps(READERS[args.reader](args.folder, args.cache)))
        return
    with tempfile.TemporaryDirectory() as made:
        folder = args.folder
        if args.made:
            make_images(folder, Path(made), args.made)
            folder = Path(made)
        for path in folder.rglob("*.*"):  # so that no reader pays for the disk
            path.read_bytes()
        compare(folder, args.peers, args.rounds)


if __name__ == "__main__":
    main()
