"""TorchScript files are looked through before they are opened, and their outputs have names."""

import io
import zipfile

import pytest
import torch
from torch import nn

from radapt.errors import AskedWrongly, BadArtefact
from radapt.models.torchscript import open_torchscript


class Several(nn.Module):
    """Gives a mean and a sum by name."""

    def forward(self, x):
        return {"mean": x.mean(dim=(1, 2, 3)), "sum": x.sum(dim=(1, 2, 3))}


def scripted(network):
    file = io.BytesIO()
    with pytest.warns(FutureWarning):
        torch.jit.save(torch.jit.script(network), file)
    return file.getvalue()


@pytest.fixture(scope="module")
def content():
    return scripted(Several())


def with_code(content, code):
    """The same file with more code in it."""
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(changed, "w") as after:
        for each in before.infolist():
            after.writestr(each.filename, before.read(each.filename))
        after.writestr("archive/code/more.py", code)
    return changed.getvalue()


def test_outputs_have_the_names_that_the_network_gives_them(content):
    opened = open_torchscript(content, "mine.pt")
    found = opened.run(torch.ones(2, 1, 4, 4))
    assert {name: each.tolist() for name, each in found.items()} == {"mean": [1, 1], "sum": [16, 16]}
    assert open_torchscript(scripted(nn.Flatten()), "mine.pt").run(torch.ones(2, 1, 1, 1)).keys() == {"0"}


@pytest.mark.parametrize(
    "code", ["torch.save(x, 'f')", "torch . from_file('f')", "(torch.\n save)(x, 'f')", "rpc_async('w', f)"]
)
def test_code_that_could_write_or_read_files_is_refused_before_it_is_opened(code, content):
    with pytest.raises(AskedWrongly, match="is refused: its code names"):
        open_torchscript(with_code(content, code), "mine.pt")


def test_words_that_only_contain_such_a_name_are_not_refused(content):
    assert open_torchscript(with_code(content, "saved = x.resave_1"), "mine.pt").shape == (None,) * 4


def test_damage_is_said(content):
    for damaged in (content[:-50], with_code(content, b"\xff\xfe")):
        with pytest.raises(BadArtefact, match=r"mine\.pt is a damaged TorchScript file"):
            open_torchscript(damaged, "mine.pt")
