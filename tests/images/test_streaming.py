"""Many images are gone through without holding them."""

import sys
from pathlib import Path

import numpy as np
import pytest

from radapt.images.streaming import release_pages, stream


def mapped_memory() -> int:
    """Give the bytes of files that this process holds."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("RssFile"))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says how much of files is held")
def test_images_that_were_passed_are_not_held(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (4096, 128, 128), dtype=np.uint8)
    np.save(tmp_path / "images.npy", images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r").view(np.ndarray)
    before, most, total = mapped_memory(), 0, 0
    for rows, part in stream(mapped):
        assert len(part) == rows.stop - rows.start
        total += int(part.sum(dtype=np.int64))
        most = max(most, mapped_memory() - before)
    assert total == int(images.sum(dtype=np.int64))
    assert most < 40 * 2**20 < images.nbytes
    assert np.array_equal(mapped[5], images[5]), "they are read again where they are asked for again"


def test_what_may_be_written_to_is_never_let_go(tmp_path):
    np.save(tmp_path / "images.npy", np.zeros((8, 4, 4), dtype=np.uint8))
    own = np.load(tmp_path / "images.npy", mmap_mode="c").view(np.ndarray)
    own[3] = 7
    release_pages(own)
    assert own[3].min() == 7
