import numpy as np
import pytest
from samples import make_images

from radapt.artefacts import LEARNED
from radapt.errors import BadArtefact
from radapt.runs.learned import count_known, read_learned, write_learned


def test_images_are_known_by_their_pixels_and_those_of_the_base_stay_known(tmp_path):
    first, second, test = (make_images(8, seed=seed) for seed in range(3))
    base, adapted = tmp_path / "base", tmp_path / "adapted"
    for folder in (base, adapted):
        folder.mkdir()
    write_learned(base, [first], [test])
    write_learned(adapted, [second], [], base=base)
    known = read_learned(adapted)
    assert [count_known(images, known["learned"]) for images in (first, second, test)] == [8, 8, 0]
    assert count_known(test, known["tested"]) == 8
    assert count_known(second, read_learned(base)["learned"]) == 0


def test_a_blank_image_is_not_known(tmp_path):
    images = make_images(4)
    images.pixels[0] = 7
    write_learned(tmp_path, [images], [])
    assert count_known(images, read_learned(tmp_path)["learned"]) == 3


def test_a_run_without_digests_has_none_and_damaged_ones_are_refused(tmp_path):
    assert read_learned(tmp_path) is None
    (tmp_path / LEARNED).write_bytes(b"PK nothing")
    with pytest.raises(BadArtefact, match="could not be read.*Train the run again"):
        read_learned(tmp_path)
    np.savez(tmp_path / LEARNED, learned=np.zeros(1, np.uint64))
    with pytest.raises(BadArtefact, match="KeyError"):
        read_learned(tmp_path)


def test_nothing_is_kept_where_it_is_not_known_what_the_base_learned_from(tmp_path):
    write_learned(tmp_path / "adapted", [make_images(4)], [], base=tmp_path / "base")
    assert read_learned(tmp_path / "adapted") is None
