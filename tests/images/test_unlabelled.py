import numpy as np
import pytest
from dicoms import make_dicom
from PIL import Image
from samples import CLASSES, Steps, make_images

from radapt.errors import AskedWrongly, WrongFolder
from radapt.images.load import LoadOptions
from radapt.images.store.pack import NothingReadable
from radapt.images.subsample import sample_images, sample_patients
from radapt.images.table import TableOptions
from radapt.images.unlabelled import is_labelled, read_unlabelled

WANTED = LoadOptions(size=16)


def write(folder, names):
    for name, pixels in zip(names, make_images(len(names)).pixels, strict=True):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / name)
    return folder


def read(folder, wanted=WANTED, max_images=100, **options):
    return read_unlabelled(folder, wanted, CLASSES, max_images=max_images, **options)


def test_images_of_a_folder_and_of_those_in_it_are_read_without_labels(tmp_path):
    data = read(write(tmp_path, ["a.png", "b.png", "monday/c.png"]))
    images = data["new"]
    assert images.ids.tolist() == images.patients.tolist() == ["a.png", "b.png", "monday/c.png"]
    assert np.array_equal(images.pixels, make_images(3).pixels)
    assert np.isnan(images.labels).all()
    assert images.classes == CLASSES
    assert data.origin.patient_rule == "file"


def test_patients_are_told_from_file_names(tmp_path):
    folder = write(tmp_path, ["00000007_001.png", "00000007_002.png", "00000008_000.png"])
    assert read(folder)["new"].patients.tolist() == ["00000007", "00000007", "00000008"]
    own = LoadOptions(size=16, patient_regex=r"_(\d+)")
    assert read(folder, own)["new"].patients.tolist() == ["001", "002", "000"]


def test_dicom_images_are_of_the_patients_of_their_tags_and_no_name_gets_out(tmp_path):
    values = np.arange(400, dtype=np.uint16).reshape(20, 20)
    for row in range(3):
        folder = tmp_path / "images" / f"DOE^JANE{row // 2}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"IM{row}").write_bytes(make_dicom(values, bits=12, PatientID=f"MRN-{row // 2}"))
    data = read(tmp_path / "images", cache=tmp_path / "cache")
    images = data["new"]
    assert data.origin.patient_rule == "DICOM tags"
    assert sorted(np.unique(images.patients, return_counts=True)[1]) == [1, 2]
    assert not any(name in text for text in [*images.ids, *images.patients] for name in ("DOE", "MRN", "IM"))


def test_what_is_no_image_is_passed_over_and_what_cannot_be_read_is_named(tmp_path):
    folder = write(tmp_path, ["a.png", ".hidden/b.png"])
    (folder / "notes.txt").write_text("nothing")
    (folder / "broken.png").write_bytes(b"no picture")
    data = read(folder)
    assert data["new"].ids.tolist() == ["a.png"]
    assert [name for name, _ in data.origin.failed] == ["broken.png"]


def test_folders_called_like_masks_beside_images_are_left_out_and_named(tmp_path):
    folder = write(tmp_path, ["images/a.png", "images/b.png", "labels/x.png", "seg/deep/y.png", "more/z.png"])
    data = read(folder)
    assert data["new"].ids.tolist() == ["images/a.png", "images/b.png", "more/z.png"]
    named = {f"in folders named '{name}' beside images": 1 for name in ("labels", "seg")}
    assert data.origin.passed == named
    assert read(folder / "labels")["new"].ids.tolist() == ["x.png"]


def test_a_folder_without_a_image_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(WrongFolder, match="holds no image"):
        read(tmp_path)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(NothingReadable, match=r"broken\.png"):
        read(tmp_path)


def test_options_of_tables_are_not_for_a_folder_without_labels(tmp_path):
    with pytest.raises(AskedWrongly, match="options of tables"):
        read(write(tmp_path, ["a.png"]), LoadOptions(size=16, table=TableOptions(label="x")))


def test_no_more_images_are_read_than_asked_for_and_they_are_of_whole_patients(tmp_path):
    folder = write(tmp_path, [f"{row // 3:08}_{row % 3:03}.png" for row in range(12)])
    told = []
    images = read(folder, max_images=7, seed=1, watch=Steps(lambda done, total: told.append((done, total))))[
        "new"
    ]
    assert len(images) == 6
    assert sorted(np.unique(images.patients, return_counts=True)[1]) == [3, 3]
    assert told[-1] == (6, 6)


def test_a_folder_is_a_data_set_where_its_folders_are_the_classes(tmp_path):
    write(tmp_path, ["known/NORMAL/a.png", "known/PNEUMONIA/b.png", "normal-only/NORMAL/a.png", "flat/a.png"])
    assert is_labelled(tmp_path / "known", CLASSES)
    assert not is_labelled(tmp_path / "known", ("A", "B"))
    assert not is_labelled(tmp_path / "normal-only", CLASSES)
    assert not is_labelled(tmp_path / "flat", CLASSES)
    assert is_labelled(tmp_path / "images.csv", CLASSES)


def test_one_patient_with_more_images_than_asked_for_is_taken_whole():
    assert sample_patients(np.array(["a"] * 5), 3, seed=0).tolist() == [0, 1, 2, 3, 4]


def test_images_of_several_sets_come_as_one():
    one, other = make_images(8, name="one"), make_images(6, name="other", seed=1)
    images = sample_images([one, other], 100, seed=0)
    assert images.ids.tolist() == [*one.ids, *other.ids]
    assert np.array_equal(images.pixels[8:], other.pixels)
    some = sample_images([one, other], 9, seed=0)
    assert len(some) == 8
    assert set(some.patients) < {*one.patients, *other.patients}
