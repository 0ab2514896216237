import importlib
import subprocess
import sys
from pathlib import Path

import pytest
from samples import make_dataset, write_images

import radapt

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("name", radapt.NAMES)
def test_every_name_at_the_top_is_the_one_of_its_module(name):
    assert getattr(radapt, name) is getattr(importlib.import_module(radapt.NAMES[name]), name)


def test_the_readme_way_in_from_python_works(tmp_path, monkeypatch):
    program = (ROOT / "README.md").read_text().partition("```python\n")[2].partition("```")[0]
    for usual, quick in (("size=128", "size=16"), ('"all"]', '"all"], epochs=1, steps=1')):
        assert usual in program
        program = program.replace(usual, quick)
    write_images(tmp_path / "chest_xray", make_dataset())
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(program, names)
    assert (tmp_path / "out" / "report.html").is_file()
    assert set(names["scores"]["labels"]) == {0, 16, 48}


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = radapt.nonsense


def test_nothing_is_ever_unpickled():
    for path in (ROOT / "src").rglob("*.py"):
        text = path.read_text()
        assert "import pickle" not in text, path
        assert "from pickle import" not in text.replace("from pickle import UnpicklingError\n", ""), path
        assert "allow_pickle=True" not in text, path
        assert text.count("torch.load(") == text.count("weights_only=True"), path


def test_no_address_of_a_package_index_is_in_the_repository():
    files = subprocess.run(["git", "-C", str(ROOT), "ls-files"], capture_output=True, text=True, check=True)
    words = ("".join(("py", "pi.org")), "".join(("python", "hosted")), "--index" + "-url")
    for name in files.stdout.splitlines():
        text = (ROOT / name).read_bytes().decode("utf-8", "ignore")
        assert not [word for word in words if word in text], name


@pytest.mark.parametrize(
    "command", [[str(Path(sys.executable).with_name("radapt"))], [sys.executable, "-m", "radapt"]]
)
def test_the_command_answers(command):
    process = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == f"radapt {radapt.__version__}"


def test_no_name_at_the_top_is_that_of_a_module_which_would_take_its_place():
    assert not set(radapt.NAMES) & {path.stem for path in Path(radapt.__file__).parent.iterdir()}


def test_importing_the_package_loads_nothing_heavy():
    heavy = ("torch", "numpy", "pandas")
    program = f"import sys, radapt; dir(radapt); print([m for m in {heavy} if m in sys.modules])"
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "[]"
