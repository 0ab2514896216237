from pathlib import Path

import radapt
from radapt import artefacts
from radapt.artefacts import PREDICTIONS, prediction_files, predictions_file

NAMES = {name: value for name, value in vars(artefacts).items() if name.isupper()}


def test_no_two_files_have_one_name():
    assert len(set(NAMES.values())) == len(NAMES)


def test_no_other_module_spells_the_name_of_a_file():
    ending = (".json", ".npz", ".parquet", ".pt", ".csv", ".html", ".safetensors", ".toml")
    files = [value for value in NAMES.values() if isinstance(value, str) and value.endswith(ending)]
    assert len(files) > 10
    source = Path(radapt.__file__).parent
    spelled = {
        f"{path.relative_to(source)}: {name}"
        for path in source.rglob("*.py")
        if path.name != "artefacts.py"
        for name in files
        if f'"{name}"' in path.read_text(encoding="utf-8")
    }
    assert not spelled


def test_predictions_lie_in_a_folder_of_the_run_and_are_found_in_order(tmp_path):
    assert predictions_file(tmp_path, "target-test") == tmp_path / PREDICTIONS / "target-test.parquet"
    assert prediction_files(tmp_path) == []
    (tmp_path / PREDICTIONS).mkdir()
    for name in ("target-test", "source-test", "validation"):
        predictions_file(tmp_path, name).touch()
    assert [path.stem for path in prediction_files(tmp_path)] == ["source-test", "target-test", "validation"]
    assert [path.stem for path in prediction_files(tmp_path, "*-test")] == ["source-test", "target-test"]
