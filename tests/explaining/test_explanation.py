"""Files are explained with their checks, whatever their depth and format, and weak maps are cautioned of."""

from dataclasses import replace

import numpy as np
import pytest
from bright import SIZE, bright_classifier, bright_images
from dicoms import make_dicom
from PIL import Image
from programs import Small, save_script
from samples import CLASSES

from radapt.errors import AskedWrongly
from radapt.explaining.deletion import Area
from radapt.explaining.explanation import KEPT_SIDE, MOST, ExplainOptions, Explanations, explain_files
from radapt.models.classifier import Spec
from radapt.models.inference import scores_of
from radapt.models.program import classifier_of


@pytest.fixture
def files(tmp_path):
    """The same image in 8 and 16 bits and as DICOM, what is no image, and a text that is passed over."""
    image = np.kron(bright_images(1)[0], np.ones((4, 4), dtype=np.uint8))
    Image.fromarray(image).save(tmp_path / "a.png")
    Image.fromarray(image.astype(np.uint16) * 257).save(tmp_path / "b.png")
    (tmp_path / "c.dcm").write_bytes(make_dicom(image))
    (tmp_path / "d.png").write_text("no image")
    (tmp_path / "notes.txt").write_text("none")
    return tmp_path


def test_every_image_gets_a_map_scores_and_checks(files, hardware):
    found = explain_files(bright_classifier(), [files], ExplainOptions(), hardware)
    assert [each.path.rpartition("/")[2] for each in found.images] == ["a.png", "b.png", "c.dcm"]
    assert [each["path"].rpartition("/")[2] for each in found.failed] == ["d.png"]
    assert found.about == {"model": "compact", "method": "grad-cam", "layer": "patches"}
    for each in found.images:
        assert each.target == "PNEUMONIA"
        assert (each.width, each.height) == (4 * SIZE, 4 * SIZE)
        assert each.overlay.shape == (4 * SIZE, 4 * SIZE, 3)
        assert each.drawn.shape == (SIZE, SIZE)
        assert (each.deletion.beaten, each.insertion.beaten) == (1, 1)
        expected = scores_of(bright_classifier(), each.pixels[None], hardware)[0]
        assert list(each.scores.values()) == expected.tolist()
    assert [row["class"] for row in found.rows()] == ["PNEUMONIA"] * 3
    assert found._repr_html_().count("<img") == 3
    assert str(files) not in found._repr_html_()


def test_nothing_speaks_for_the_other_class_and_a_note_says_so(files, hardware):
    asked = ExplainOptions(target="NORMAL")
    found = explain_files(bright_classifier(), [files / "a.png"], asked, hardware)
    assert found.images[0].is_empty
    assert [each.text for each in found.notices] == [
        "1 map of 1 is empty: there nothing speaks for the class that is explained."
    ]


def test_of_large_images_what_a_page_shows_is_kept_and_the_rest_handed_on(tmp_path, hardware):
    large = np.kron(bright_images(1)[0], np.ones((40, 30), dtype=np.uint8))
    for name in ("a.png", "b.png"):
        Image.fromarray(large).save(tmp_path / name)
    shapes = []
    found = explain_files(
        bright_classifier(),
        [tmp_path],
        ExplainOptions(),
        hardware,
        keep=lambda _, whole: shapes.append(whole.shape),
    )
    assert shapes == [(1280, 960, 3)] * 2
    for each in found.images:
        assert (each.width, each.height) == (960, 1280)
        assert each.plain.shape == (KEPT_SIDE, KEPT_SIDE * 3 // 4)
        kept = [getattr(each, name) for name in ("pixels", "plain", "overlay", "drawn")]
        held = [memoryview(part if part.base is None else part.base) for part in kept]
        assert sum(part.nbytes for part in held) < large.nbytes


def test_maps_that_fail_a_check_are_cautioned_of(files, hardware):
    found = explain_files(bright_classifier(), [files / "a.png"], ExplainOptions(), hardware)
    (good,) = found.images
    assert found.notices == []
    poor = Area(0.5, (0.4, 0.6, 0.4, 0.3, 0.2), lower_is_better=True)
    worse = [replace(good, alike=0.8), replace(good, alike=None, deletion=poor, insertion=poor)]
    texts = [each.text for each in Explanations(worse, found.about, (), {}).notices]
    assert len(texts) == 2
    assert "rank correlation 0.80 on average" in texts[0]
    assert "better than 60 % of random orders at taking it away, and than 60 %" in texts[1]


def test_a_folder_of_many_images_is_refused_before_any_is_read(tmp_path, hardware):
    for number in range(MOST + 1):
        (tmp_path / f"{number}.png").touch()
    with pytest.raises(AskedWrongly, match="100 at a time. Got 101: give fewer files"):
        explain_files(bright_classifier(), [tmp_path], ExplainOptions(), hardware)


def test_a_program_in_a_file_is_explained_by_occlusion_alone(files, hardware, tmp_path):
    content = save_script(Small(), tmp_path / "small.pt").read_bytes()
    program = classifier_of(content, "small.pt", Spec("imported:torchscript", CLASSES, size=16, encoder="x"))
    with pytest.raises(AskedWrongly, match="no gradient can look: give --method occlusion"):
        explain_files(program, [files / "a.png"], ExplainOptions(), hardware)
    (found,) = explain_files(program, [files / "a.png"], ExplainOptions("occlusion"), hardware).images
    assert found.alike is None
    assert np.isfinite(found.drawn).all()
