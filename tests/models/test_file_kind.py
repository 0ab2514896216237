"""A model's file is told by what it holds, and by its name only where that tells nothing."""

import zipfile

import pytest
import torch
from encoders import write_onnx

from radapt.errors import AskedWrongly, BadArtefact
from radapt.models.file_kind import kind_of


def archived(path, *names):
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"1")
    return path


@pytest.mark.parametrize(
    ("members", "kind"),
    [
        (["a/data.pkl", "a/constants.pkl", "a/code/m.py"], "torchscript"),
        (["a/archive_format", "a/models/model.json", "a/data/sample_inputs/model.pt"], "torch.export"),
        (["config.json", "model.weights.h5"], "keras"),
        (["a/data.pkl", "a/data/0"], "state dict"),
    ],
)
def test_an_archive_is_told_by_its_members(members, kind, tmp_path):
    assert kind_of(archived(tmp_path / "file.bin", *members)) == kind


def test_other_files_are_told_by_their_beginning_or_their_name(tmp_path):
    assert kind_of(write_onnx(tmp_path / "a.onnx")) == "onnx"
    (tmp_path / "a.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    assert kind_of(tmp_path / "a.h5") == "keras"
    (tmp_path / "a.safetensors").write_bytes(b"\x08" + bytes(7))
    assert kind_of(tmp_path / "a.safetensors") == "state dict"
    torch.save({}, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    assert kind_of(tmp_path / "old.pt") == "state dict"


def test_what_is_no_model_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "a.pt").write_bytes(b"\x80\x04}.")
    (tmp_path / "b.pt").write_bytes(b"text")
    for name, words in (("a.pt", "is a pickle"), ("b.pt", "no file of a model"), ("c.pt", "does not exist")):
        with pytest.raises(AskedWrongly, match=words):
            kind_of(tmp_path / name)
    with pytest.raises(AskedWrongly, match="export it again"):
        kind_of(archived(tmp_path / "old.pt2", "serialized_exported_program.json"))
    whole = archived(tmp_path / "d.pt", "a/data.pkl").read_bytes()
    (tmp_path / "d.pt").write_bytes(whole[:-30])
    with pytest.raises(BadArtefact, match="truncated"):
        kind_of(tmp_path / "d.pt")
