"""Exported models in ONNX Runtime against PyTorch, and how soon the first answer is there.

    python benchmarks/onnx_inference.py FILE [--models compact,lite0] [--rounds 5] [--threads 2]

FILE is a radiograph. Each model is built with random weights at its own size and exported; in 8 bits too,
with ranges measured on the radiograph. In turn, in each round: images a second from the model's own pixels to
probabilities, in batches of 1 and of 16, by PyTorch (eager, channels last, without gradients) and by ONNX
Runtime on as many threads. Then from the raw radiograph, which PyTorch has prepared by Pillow and the file
prepares itself. Last, in pairs: a cold `radapt predict model.onnx FILE`, and a bare `import torch`. Prints
medians, and the median of the ratios by round with the lowest and highest.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from radapt.device import select_device
from radapt.exporting.agreement import sample_of_files
from radapt.exporting.export import export_model
from radapt.exporting.onnx_model import IMAGES, OnnxModel, open_session, read_onnx_model
from radapt.exporting.quantisation import quantised
from radapt.images.pixels import fitted, read_image
from radapt.images.preprocessing import Preprocessing
from radapt.models.classifier import Classifier, probabilities
from radapt.models.table import build, default_size, new_spec

CLASSES = ("NORMAL", "PNEUMONIA")
SECONDS = 2.0  # of each measurement, after one call that is not counted
BATCHES = (1, 16)


def rate(call: Callable[[], object], images: int) -> float:
    """Return images a second."""
    call()
    calls, began = 0, time.perf_counter()
    while time.perf_counter() - began < SECONDS:
        call()
        calls += 1
    return calls * images / (time.perf_counter() - began)


def seconds_of(words: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(words, check=True, capture_output=True)
    return time.perf_counter() - began


def print_row(what: str, own: list[float], others: list[float]) -> None:
    """Print two medians and the ratios of the rounds."""
    ratios = [other / one for one, other in zip(own, others, strict=True)]
    print(
        f"| {what} | {statistics.median(own):.3g} | {statistics.median(others):.3g} | "
        f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) |"
    )


def exported(name: str, file: Path, folder: Path, threads: int) -> tuple[Classifier, OnnxModel, OnnxModel]:
    """Return a model, its file, and its file in 8 bits."""
    import onnx

    spec = new_spec(name, CLASSES, size=default_size(name))
    classifier = build(spec).eval()
    sample, path = sample_of_files([file], spec.reading), folder / f"{name}.onnx"
    assert sample is not None
    export_model(classifier, {}, path, sample, select_device("cpu", "fp32", threads))
    model = read_onnx_model(path, threads=threads)
    small = quantised(onnx.load(path), sample.prepared).SerializeToString()
    return classifier, model, OnnxModel(model.metadata, open_session(small, path, threads))


def measure(name: str, file: Path, folder: Path, rounds: int, threads: int) -> None:
    classifier, model, small = exported(name, file, folder, threads)
    reading = classifier.spec.reading
    one, raw = read_image(file, reading).pixels, read_image(file, Preprocessing(size=None)).pixels

    def eager(pixels: np.ndarray) -> object:
        with torch.inference_mode():
            return probabilities(classifier(torch.from_numpy(pixels)), classifier.spec.outputs).numpy()

    def run(file: OnnxModel, images: np.ndarray) -> object:
        return file.session.run(None, {IMAGES: images})

    calls: dict[str, tuple[Callable[[], object], Callable[[], object], int]] = {}
    for batch in BATCHES:
        pixels = np.repeat(one[None], batch, axis=0)
        for what, file_of in (("ONNX Runtime", model), ("8 bits", small)):
            calls[f"{name} at {reading.size}, {what}, batch {batch}"] = (
                lambda pixels=pixels: eager(pixels),
                lambda pixels=pixels, file_of=file_of: run(file_of, pixels[:, None]),
                batch,
            )
    calls[f"{name} at {reading.size}, raw {raw.shape[1]} x {raw.shape[0]}"] = (
        lambda: eager(fitted(Image.fromarray(raw), reading)[None]),
        lambda: run(model, raw[None, None]),
        1,
    )
    for what, (torch_call, onnx_call, images) in calls.items():
        pairs = [(rate(torch_call, images), rate(onnx_call, images)) for _ in range(rounds)]
        print_row(what, *map(list, zip(*pairs, strict=True)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--models", default="compact,lite0")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print("| what | PyTorch, images/s | file, images/s | times |\n|---|---|---|---|")
        for name in asked.models.split(","):
            measure(name, asked.file, Path(folder), asked.rounds, asked.threads)
        path = Path(folder) / f"{asked.models.split(',')[0]}.onnx"
        pairs = [
            (
                seconds_of([sys.executable, "-c", "import torch"]),
                seconds_of([sys.executable, "-m", "radapt", "predict", str(path), str(asked.file)]),
            )
            for _ in range(asked.rounds)
        ]
        print("\n| what | import torch, s | radapt predict, s | share |\n|---|---|---|---|")
        print_row("cold", *map(list, zip(*pairs, strict=True)))


if __name__ == "__main__":
    main()
