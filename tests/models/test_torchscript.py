"""TorchScript files are looked through before they are opened, and their outputs have names."""

import io
import warnings
import zipfile

import pytest
import timm
import torch
from torch import nn

from radapt.errors import AskedWrongly, BadArtefact
from radapt.models.torchscript import open_torchscript

END = 22  # bytes of the record at the end of a zip


class Several(nn.Module):
    """Gives a mean and a sum by name."""

    def forward(self, x):
        return {"mean": x.mean(dim=(1, 2, 3)), "sum": x.sum(dim=(1, 2, 3))}


class Changed(nn.Module):
    """Gives the mean by another name; its file is as long."""

    def forward(self, x):
        return {"mine": x.mean(dim=(1, 2, 3)), "sum": x.sum(dim=(1, 2, 3))}


def scripted(network, how=torch.jit.script):
    file = io.BytesIO()
    with pytest.warns(FutureWarning):
        torch.jit.save(how(network), file)
    return file.getvalue()


@pytest.fixture(scope="session")
def content():
    return scripted(Several())


def with_member(content, name, data):
    """The same file with one member more."""
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(changed, "w") as after:
        for each in before.infolist():
            after.writestr(each.filename, before.read(each.filename))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # zipfile warns of a name that is there already
            after.writestr(name, data)
    return changed.getvalue()


def with_code(content, code):
    return with_member(content, "archive/code/more.py", code)


def test_outputs_have_the_names_that_the_network_gives_them(content):
    opened = open_torchscript(content, "mine.pt")
    found = opened.run(torch.ones(2, 1, 4, 4))
    assert {name: each.tolist() for name, each in found.items()} == {"mean": [1, 1], "sum": [16, 16]}
    assert open_torchscript(scripted(nn.Flatten()), "mine.pt").run(torch.ones(2, 1, 1, 1)).keys() == {"0"}


@pytest.mark.parametrize(
    "code",
    [
        *("torch.save(x, 'f')", "torch . from_file('f')", "(torch.\n save)(x, 'f')", "rpc_async('w', f)"),
        *("ops.image.write_file('f', x)", "(ops # that\n.image.read_file)('f')", "mine = ops\n"),
        *(
            "ops .image.read_file('f')",
            "ops.atena.b()",
            "x = (__torch__.torch.classes.torchvision.Video)('f')",
        ),
        "__torch__.torch.\\\n classes.torchvision.Video('f')",
    ],
)
def test_code_that_could_write_or_read_files_is_refused_before_it_is_opened(code, content):
    with pytest.raises(AskedWrongly, match="is refused: its code names"):
        open_torchscript(with_code(content, code), "mine.pt")


def test_words_that_only_contain_such_a_name_are_not_refused(content):
    for code in (
        "saved = x.resave_1",
        "ops.prim.NumToTensor(1)",
        "ops.aten.relu(x)",
        "drops(self.ops.classes)",
    ):
        assert open_torchscript(with_code(content, code), "mine.pt").shape == (None,) * 4


def test_code_is_looked_through_whatever_the_case_of_its_name(content):
    with pytest.raises(AskedWrongly, match="its code names 'save'"):
        open_torchscript(
            with_member(content, "archive/code/__torch__/more.PY", "torch.save(x, 'f')"), "mine.pt"
        )


@pytest.mark.parametrize("change", [str, str.upper, str.title])
def test_two_members_that_pytorch_could_take_for_one_another_are_refused(change, content):
    name = next(each for each in zipfile.ZipFile(io.BytesIO(content)).namelist() if each.endswith(".py"))
    with pytest.raises(BadArtefact, match="more than once: no TorchScript file does"):
        open_torchscript(with_member(content, change(name), "x = 1\n"), "mine.pt")


def test_what_is_run_is_what_was_looked_through(content):
    """PyTorch finds the first archive of two of the same length, and Python's reader the second."""
    seen = with_code(content, "x = 1\n")
    hidden = with_code(scripted(Changed()), "x = 1\n")
    assert len(hidden) == len(seen)
    both = hidden[:-END] + seen
    with pytest.warns(FutureWarning):
        by_pytorch = torch.jit.load(io.BytesIO(both))(torch.ones(1, 1, 2, 2))
    assert by_pytorch.keys() == {"mine", "sum"}
    assert open_torchscript(both, "mine.pt").run(torch.ones(1, 1, 2, 2)).keys() == {"mean", "sum"}


def test_the_format_of_old_is_refused(content):
    with pytest.raises(AskedWrongly, match=r"PyTorch before 1\.4"):
        open_torchscript(with_member(content, "archive/MODEL.json", "{}"), "mine.pt")


@pytest.mark.parametrize(
    "how", [torch.jit.script, lambda each: torch.jit.trace(each, torch.zeros(1, 1, 32, 32))]
)
def test_networks_as_people_save_them_are_opened(how):
    network = timm.create_model("resnet10t", num_classes=2, in_chans=1).eval()
    opened = open_torchscript(scripted(network, how), "mine.pt")
    x = torch.rand(2, 1, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(opened.run(x)["0"], network(x))


def test_damage_is_said(content):
    for damaged in (content[:-50], with_code(content, b"\xff\xfe")):
        with pytest.raises(BadArtefact, match=r"mine\.pt is a damaged TorchScript file"):
            open_torchscript(damaged, "mine.pt")
