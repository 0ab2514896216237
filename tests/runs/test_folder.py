import math

import pytest
from samples import CLASSES

from radapt.artefacts import HISTORY, RECORD, SCHEMA, SCORES, STATE
from radapt.errors import BadArtefact
from radapt.files import write_json
from radapt.models.checkpoint import load_classifier
from radapt.models.table import build, new_spec
from radapt.runs.folder import (
    initial_weights_of,
    is_finished,
    is_whole,
    read_epochs,
    read_history,
    read_record,
    save_run,
    write_history,
)
from radapt.training.state import Epoch

EPOCHS = (
    Epoch(1, 0.7, 0.5, math.nan, math.nan, math.nan, 1e-3, False, 1.5, 20.0),
    Epoch(2, 0.6, 0.75, 0.5, 0.5, 0.8, 5e-4, True, 1.25, 24.0, threads=2),
)


def test_a_saved_run_is_finished_and_its_training_state_is_gone(tmp_path):
    (tmp_path / STATE).write_bytes(b"state")
    (tmp_path / "training-head.pt").write_bytes(b"state of a phase")
    assert not is_finished(tmp_path)
    classifier = build(new_spec("compact", CLASSES, size=16), seed=0)
    save_run(tmp_path, classifier=classifier, history=EPOCHS, predictions={}, record={"kind": "train"})
    assert is_finished(tmp_path)
    assert read_record(tmp_path) == {"schema": SCHEMA, "kind": "train"}
    assert not list(tmp_path.glob("training*.pt"))
    assert load_classifier(tmp_path).spec == classifier.spec


def test_epochs_come_back_as_they_were_and_what_was_not_measured_is_empty(tmp_path):
    path = tmp_path / HISTORY
    write_history(path, EPOCHS)
    first, second = read_epochs(path)
    assert second == EPOCHS[1]
    assert math.isnan(first.valid_loss)
    assert "nan" not in path.read_text()
    assert read_history(path)["best"] == [0.0, 1.0]
    path.write_text("number\none\n")
    with pytest.raises(BadArtefact, match="could not be read as a history"):
        read_history(path)


def test_a_run_with_a_damaged_file_is_not_whole(tmp_path, caplog):
    write_json(tmp_path / RECORD, {"schema": SCHEMA, "kind": "train"})
    assert is_whole(tmp_path)
    assert not is_whole(tmp_path, SCORES)
    assert "The run is made again." in caplog.text
    (tmp_path / RECORD).unlink()
    with pytest.raises(BadArtefact, match="holds no finished run"):
        read_record(tmp_path)


@pytest.mark.parametrize(
    ("recorded", "name"), [({}, None), ({"pretrained": False}, None), ({"pretrained": "w"}, "w")]
)
def test_a_run_names_the_weights_that_it_was_initialised_from(recorded, name, tmp_path):
    assert initial_weights_of(tmp_path) is None
    write_json(tmp_path / RECORD, {"schema": SCHEMA, **recorded})
    assert initial_weights_of(tmp_path) == name
