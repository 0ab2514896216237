"""The commands that the documentation shows, and a small world of files in which they run."""

import csv
import re
import shlex
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from encoders import write_hf
from hospital import write_classes, write_export
from programs import Small, save_onnx
from samples import CLASSES, make_images, write_images
from torch import nn

from radapt.cli.app import command_line
from radapt.images.imageset import DataProvenance, Dataset
from radapt.predictions import Predictions

ROOT = Path(__file__).resolve().parents[1]
PAGES = {path.name: path for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))}
SHOWN = re.compile(r"(?m)^(?:    |srun )(?:\.venv/bin/)?radapt ((?:.*\\\n)*.*)$")
QUICK = {  # what makes a command quick on the world's images
    "study": {"--size": "32", "--epochs": "1", "--steps": "1", "--strategies": "none,recalibrate"},
    "train": {"--size": "32", "--epochs": "1", "--steps": "1"},
    "adapt": {"--epochs": "1", "--steps": "1"},
    "protocol init": {"--size": "32"},
    "stress": {"--severities": "1"},
    "pack": {"--size": "32"},
    "import": {"--size": "16"},
}
INSTEAD = {
    "--seeds": "1",
    "--budget": "16",
    "--device": "cpu",
    "--threads": "1",
}  # in place of what the page says
PLACES = {"RUN": "runs/train", "TARGET": "other_hospital", "DATA": "chest_xray"}
OUT = ("study", "train", "adapt")  # these get a folder each where the page names none


def shown_on(name: str) -> list[list[str]]:
    """Return the words after `radapt` of each command that a page shows on lines of their own."""
    text = PAGES[name].read_text(encoding="utf-8")
    found = [match.group(1).replace("\\\n", " ") for match in SHOWN.finditer(text)]
    found = [line.replace("$SLURM_CPUS_PER_TASK", "1") for line in found]
    return [shlex.split(line, comments=True) for line in found if "..." not in line and "[--" not in line]


def quick(words: list[str], number: int) -> list[str]:
    """Return a command with less to do, and with a folder of its own to write."""
    name, words = (
        " ".join(words[:2]) if words[0] == "protocol" else words[0],
        [PLACES.get(word, word) for word in words],
    )
    options = dict(QUICK.get(name, {}))
    if "lite0" in words or "hf:rad-dino" in words:
        options = {"--size": "28"}  # two patches; and a head that is solved for takes no epochs
    if name == "study" and {"--base", "--protocol", "store"} & {*words}:
        options = {} if "--base" in words else options
        for option in ("--size",) if "store" in words else ("--strategies",):
            options.pop(option, None)
    options |= {option: value for option, value in INSTEAD.items() if option in words}
    if name in OUT and "--out" not in words:
        options["--out"] = f"runs/{name}-{number}"
    for option, value in options.items():
        if option not in words:
            words += [option, value]
        elif option != "--strategies":
            words[words.index(option) + 1] = value
    return [*words, "--check"] if name == "serve" and "--check" not in words else words


class Coloured(nn.Module):
    """Scores of images of three channels, from those of one."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Small()

    def forward(self, x):
        return self.inner(x[:, :1])


def _write_sets(folder: Path) -> None:
    for seed, name in ((0, "chest_xray"), (10, "other_hospital")):
        counts = {"train": 120, "val": 24, "test": 48}
        splits = {
            split: make_images(count, size=32, seed=seed + number, name=f"{name}-{split}")
            for number, (split, count) in enumerate(counts.items())
        }
        write_images(
            folder / name, Dataset(splits, DataProvenance(name, "made", "made", {}, fingerprint=name))
        )
    write_classes(folder / "kermany")
    write_export(folder)


def _write_rows(path: Path, rows: list[list[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def _write_tables(folder: Path) -> None:
    """Write a table of one's own, and two as the NIH writes its own, of the images of chest_xray."""
    rows, nih = [["file", "diagnosis", "person", "part", "hospital", "taken"]], []
    tested: list[str] = []
    (folder / "images").mkdir()
    for number, path in enumerate(sorted((folder / "chest_xray").rglob("*.png"))):
        split, kind, _ = path.relative_to(folder / "chest_xray").parts
        person, hospital = number // 2, ("north", "south", "west")[number // 2 % 3]
        taken = f"2024-{1 + person % 12:02d}-10"
        rows.append([path.relative_to(folder), kind, person, split, hospital, taken])
        name = f"{person:08d}_{number % 2:03d}.png"
        shutil.copy(path, folder / "images" / name)
        found = ("Pneumonia|Effusion", "Pneumonia|Mass")[person % 2] if kind == CLASSES[1] else "No Finding"
        tested += [name] if split == "test" else []
        nih.append([name, found, "0", person, "PA", hospital])
    (folder / "test_list.txt").write_text("\n".join(tested))
    head = ["Image Index", "Finding Labels", "Follow-up #", "Patient ID", "View Position", "hospital"]
    _write_rows(folder / "images.csv", rows)
    for name in ("Data_Entry_2017.csv", "table.csv"):
        _write_rows(folder / name, [head, *nih])


def write_scores(path: Path, predictions: Predictions, noise: float) -> None:
    """Write a table of the scores of a run's images, as a vendor gives it."""
    rng = np.random.default_rng(0)
    scores = np.clip(predictions.scores[:, 1] + rng.normal(0, noise, len(predictions)), 0, 1)
    rows = zip(scores, predictions.labels, predictions.patients, predictions.ids, strict=True)
    sites = ("north", "south")
    lines = [[*row, sites[number % 2]] for number, row in enumerate(rows)]
    _write_rows(path, [["prob", "y", "id", "file", "site"], *lines])


def run(folder: Path, *words: str) -> None:
    """Run a command in a folder, in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("RADAPT_CACHE", str(folder.parent / "cache"))
        patch.setattr(sys, "argv", ["radapt", *words])
        command_line()(standalone_mode=False)


def write_world(folder: Path) -> Path:
    """Write what the commands of the documentation need; return the folder."""
    folder.mkdir()
    _write_sets(folder)
    _write_tables(folder)
    (folder / "token").write_text("a-token-of-twenty-letters\n")
    write_hf(folder / "rad-dino")
    save_onnx(Coloured(), folder / "model.onnx", channels=3)
    brief = ("--size", "32", "--epochs", "1", "--steps", "1")
    run(folder, "train", "chest_xray", *brief, "--out", "runs/train")
    for name, out in (("linear-probe", "runs/adapt"), ("none", "runs/one")):
        run(folder, "adapt", "runs/train", "other_hospital", "--strategy", name, "--out", out)
    words = ("--strategies", "none,recalibrate", "--budget", "16", *brief)
    run(folder, "study", "chest_xray", "--target", "other_hospital", *words, "--out", "runs/before")
    scores = Predictions.load(next((folder / "runs/adapt/predictions").glob("target-test.parquet")))
    for name, noise in (("scores", 0.1), ("vendor", 0.1), ("own", 0.3)):
        write_scores(folder / f"{name}.csv", scores, noise)
    shutil.copytree(folder / "runs/train", folder / "runs/vendor")
    for copy in ("runs/two", "runs/theirs", "runs/adapted"):
        shutil.copytree(folder / "runs/adapt", folder / copy)
    for copy in ("studies/one", "studies/two"):
        shutil.copytree(folder / "runs/before", folder / copy)
    return folder
