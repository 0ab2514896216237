import numpy as np
import pytest
from samples import CLASSES

from radapt.errors import AskedWrongly
from radapt.models.table import build, new_spec
from radapt.pacs import captures
from radapt.pacs.captures import explained, write_captures


def scored(path):
    return {"path": str(path), "scores": {"NORMAL": 0.25, "PNEUMONIA": 0.75}, "label": "PNEUMONIA"}


def test_a_capture_has_the_size_of_its_image_and_a_map_over_it(write, model, tmp_path, read):
    classifier = build(new_spec("compact", CLASSES, size=32)).eval()
    big = np.tile(np.arange(600, dtype=np.uint16), (700, 1))
    (path,) = write(1, values=big)
    images = [{**scored(path), "label": name} for name in CLASSES]
    done = write_captures(images, classifier, model, tmp_path / "sc", files=[path] * 2)
    assert (done.new, done.failed) == (2, [])
    coloured = []
    for made in (read(each.read_bytes()) for each in (tmp_path / "sc").iterdir()):
        assert made.pixel_array.shape[1:] == (600, 3)
        assert 700 < len(made.pixel_array) < 900
        assert made.DerivationDescription.startswith(("Map of PNEUMONIA (0.75)", "Map of NORMAL (0.25)"))
        picture = made.pixel_array[:700].astype(int)
        coloured.append((np.ptp(picture, axis=2) > 0).any())
        assert coloured[-1] != ("nothing in the image speaks" in made.DerivationDescription)
    assert any(coloured)  # what speaks for one of two classes speaks against the other


def test_a_model_without_maps_is_refused_before_anything_is_written(model, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise AskedWrongly("Grad-CAM needs a network")

    classifier = build(new_spec("compact", CLASSES, size=32))
    monkeypatch.setattr(captures, "explain", refuse)
    with pytest.raises(AskedWrongly, match="needs a network"):
        write_captures([], classifier, model, tmp_path / "sc", files=[])
    assert not (tmp_path / "sc").exists()


def test_a_fault_of_the_map_is_not_blamed_on_the_image(write, model, tmp_path, monkeypatch):
    def fail(*_, **named):
        if "target" in named:
            raise RuntimeError("out of memory")

    monkeypatch.setattr(captures, "explain", fail)
    classifier, paths = build(new_spec("compact", CLASSES, size=32)), write(1)
    with pytest.raises(RuntimeError, match="out of memory"):
        write_captures([scored(paths[0])], classifier, model, tmp_path / "sc", files=paths)


def test_another_label_gives_another_map_beside_the_old_one(write, model, tmp_path):
    classes = ("Pneumonia (viral)", "Pneumonia (bacterial)")
    classifier, (path,) = build(new_spec("compact", classes, size=32)).eval(), write(1)
    for label in classes:
        image = {"path": "a.dcm", "scores": dict.fromkeys(classes, 0.5), "label": label}
        done = write_captures([image], classifier, model, tmp_path / "sc", files=[path])
        assert (done.new, done.kept, done.failed) == (1, 0, [])


@pytest.mark.parametrize(
    ("label", "name"), [("NORMAL", "NORMAL"), ("NORMAL|PNEUMONIA", "PNEUMONIA"), ("none", "PNEUMONIA")]
)
def test_the_map_is_of_the_label_or_else_of_the_likeliest(label, name):
    assert explained({**scored("a"), "label": label}) == name
