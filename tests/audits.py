"""Audits of small data sets that tests make."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from radapt.auditing.audit import Audit, run_audit
from radapt.auditing.collection import Collection, collect
from radapt.images.imageset import DataProvenance, ImageSet
from radapt.images.load import LoadOptions


def audit_of(path: Path, other: Path | None = None, **options: object) -> Audit:
    wanted = LoadOptions(**options)
    return run_audit(collect(path, wanted), None if other is None else collect(other, wanted))


def paths(found: Audit, kind: str, severity: str | None = None) -> set[frozenset[str]]:
    """The sets of images that findings of a kind name."""
    return {
        frozenset(each.paths)
        for each in found.findings
        if each.kind == kind and severity in (None, each.severity)
    }


@dataclass
class Plants:
    """Spoils a copy of a folder of images, and remembers what should be found."""

    root: Path
    leaks: set[frozenset[str]]
    identical: set[frozenset[str]]
    saved_again: set[frozenset[str]]
    conflicts: set[frozenset[str]]
    broken: set[str]

    def name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def pair(self, *images: Path) -> frozenset[str]:
        return frozenset(map(self.name, images))


def plant(root: Path) -> Plants:
    """Plant five leaks, five copies, five images saved again, three wrong labels and six broken files."""
    plants = Plants(root, set(), set(), set(), set(), set())
    sick, healthy = root / "train" / "PNEUMONIA", root / "train" / "NORMAL"
    tested = root / "test" / "PNEUMONIA"
    groups: dict[str, list[Path]] = {}
    for image in sorted(sick.iterdir()):
        groups.setdefault(re.match(r"person\d+_[a-z]+|phantom-\d+", image.name)[0], []).append(image)
    several = [images for images in groups.values() if len(images) > 1][:5]
    for images in several:
        moved = tested / images[0].name
        images[0].rename(moved)
        plants.leaks.add(plants.pair(moved, *images[1:]))
    singles = [images[0] for images in groups.values() if len(images) == 1]
    for number, image in enumerate(singles[:5]):
        copy = tested / f"person{9000 + number}_virus_{9000 + number}.jpeg"
        shutil.copy(image, copy)
        plants.identical.add(plants.pair(image, copy))
    for number, (image, side) in enumerate(zip(singles[5:10], (150, 112, 300, 180, 128), strict=True)):
        picture = Image.open(image).convert("L").resize((side, side), Image.Resampling.LANCZOS)
        copy = tested / f"person{9100 + number}_virus_{9100 + number}.jpeg"
        (ImageOps.mirror(picture) if number == 2 else picture).save(copy, quality=60)
        plants.saved_again.add(plants.pair(image, copy))
    for number, image in enumerate(singles[10:13]):
        other = healthy / f"NORMAL2-IM-{9200 + number}-0001.jpeg"
        if number < 2:
            shutil.copy(image, other)
        else:
            Image.open(image).convert("L").resize((160, 160)).save(other, quality=60)
        plants.conflicts.add(plants.pair(image, other))
    whole = singles[0].read_bytes()
    for number, data in enumerate([whole[: len(whole) // 3], b"", b"text", whole[:20], bytes(3000)]):
        broken = healthy / f"broken-{number}.jpeg"
        broken.write_bytes(data)
        plants.broken.add(plants.name(broken))
    (tested / "lost.png").symlink_to("/nowhere/at/all.png")
    plants.broken.add(plants.name(tested / "lost.png"))
    return plants


CLASSES = ("NORMAL", "PNEUMONIA")


def collection(
    pixels, truth=None, *, splits=None, patients=None, classes=CLASSES, name="images"
) -> Collection:
    """A data set that lies nowhere."""
    count = len(pixels)
    ids = np.array([f"{row}.png" for row in range(count)])
    splits = np.full(count, "train") if splits is None else np.array(splits)
    patients = ids if patients is None else np.array(patients)
    truth = np.float32([[1, 0]] * count if truth is None else truth)
    whole = ImageSet(pixels, np.nan_to_num(truth).argmax(axis=1), patients, ids, classes)
    return Collection(
        pixels=pixels,
        truth=truth,
        patients=patients,
        ids=ids,
        splits=splits,
        digests=np.char.add(name, ids),
        files={},
        classes=classes,
        origin=DataProvenance(name, "nih", "folders", {"size": pixels.shape[1], "resize": "squash"}, ""),
        sets={split: whole.take(splits == split) for split in dict.fromkeys(splits.tolist())},
    )
