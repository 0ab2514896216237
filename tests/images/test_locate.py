"""Codes are found again with the key that made them, and with no other."""

import pytest
from hospital import write_classes, write_export

from radapt.errors import AskedWrongly
from radapt.images.class_rules import ClassRules
from radapt.images.load import load_dataset, packed
from radapt.images.load_options import LoadOptions
from radapt.images.locate import locate
from radapt.images.table_options import TableOptions

SIZE = LoadOptions(size=16)


@pytest.fixture
def hospital(tmp_path):
    return write_export(tmp_path, studies=16)


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def options(root):
    table = TableOptions(root=root, images="image", label="finding")
    return LoadOptions(size=16, table=table, rules=ClassRules(drop=("unclear",)))


def ids_of(dataset):
    return {image for images in dataset.splits.values() for image in images.ids.tolist()}


def test_a_code_leads_to_the_file_the_row_and_the_patient(hospital, cache):
    wanted = options(hospital / "export")
    images = load_dataset(hospital / "hospital.csv", wanted, cache=cache)["train"]
    image, patient = str(images.ids[0]), str(images.patients[0])
    for code in (image, image.removesuffix(".dcm"), image[:-4].upper(), f"train/{image}", patient):
        (found,) = locate(hospital / "hospital.csv", [code], wanted, cache=cache)
        number = found.row - 2
        assert (found.code, found.image, found.patient_code) == (code, image, patient)
        assert found.file == hospital / "export" / f"ST{number:04d}" / "SE0001" / "IM0001"
        assert found.patient == f"P{number}"
    several = locate(hospital / "hospital.csv", images.ids[:3].tolist(), wanted, cache=cache)
    assert [each.image for each in several] == images.ids[:3].tolist()


def test_codes_do_not_change_with_the_root(hospital, cache):
    table = hospital / "hospital.csv"
    (hospital / "above").mkdir()
    (hospital / "export").rename(hospital / "above" / "export")
    ids = [
        ids_of(load_dataset(table, options(root), cache=cache))
        for root in (hospital / "above", hospital / "above" / "export")
    ]
    assert ids[0] == ids[1]


def test_another_key_or_none_is_said_in_a_sentence(hospital, cache, tmp_path):
    wanted = options(hospital / "export")
    table = hospital / "hospital.csv"
    code = str(load_dataset(table, wanted, cache=cache)["train"].ids[0])
    other = tmp_path / "other"
    with pytest.raises(AskedWrongly, match=r"no key in .*other.* set RADAPT_CACHE to a folder"):
        locate(table, [code], wanted, cache=other)
    assert not other.exists()
    load_dataset(table, wanted, cache=other)
    with pytest.raises(AskedWrongly, match=rf"has the code {code}. Codes are found only with the key"):
        locate(table, [code], wanted, cache=other)


def test_other_files_go_by_their_names_and_a_store_has_none(tmp_path, cache):
    folder = write_classes(tmp_path / "images", patients=4)
    patient = str(load_dataset(folder, SIZE, cache=cache)["train"].patients[-1])
    (found, other) = locate(folder, ["train/NORMAL/IM-0002-0001.png", patient], SIZE, cache=cache)
    assert (found.file, found.row) == (folder / "train/NORMAL/IM-0002-0001.png", 0)
    assert other.image == "train/PNEUMONIA/person3_virus_1.png"
    with pytest.raises(AskedWrongly, match="holds no files"):
        locate(packed(folder, SIZE, cache=cache), ["x"], SIZE, cache=cache)
