import pytest
from samples import CLASSES, make_dataset

from radapt.artefacts import predictions_file
from radapt.errors import AskedWrongly
from radapt.models.table import build, new_spec
from radapt.predictions import Predictions
from radapt.runs.adapt import AdaptOptions, BaseOrigin, adapt_model
from radapt.runs.learned import count_known, read_learned, write_learned

RECALIBRATE = AdaptOptions("recalibrate", budget=8)


@pytest.fixture(scope="module")
def base():
    return build(new_spec("compact", CLASSES, size=16), seed=0)


def test_a_budget_of_labelled_images_is_used_and_recorded(base, dataset, hardware, tmp_path):
    write_learned(tmp_path, [dataset["val"]], [])
    out = tmp_path / "run"
    origin = BaseOrigin(tmp_path, "fingerprint")
    record = adapt_model(base, dataset, out, RECALIBRATE, hardware=hardware, origin=origin)
    assert (record["images"], record["trained_on"]["images"], record["validated_on"]) == (8, 8, None)
    assert (record["strategy"], record["source"]) == ("recalibrate", "fingerprint")
    known = read_learned(out)["learned"]
    assert (count_known(dataset["train"], known), count_known(dataset["val"], known)) == (8, 16)
    assert len(Predictions.load(predictions_file(out, "target-test"))) == 40
    assert adapt_model(base, dataset, out, RECALIBRATE, hardware=hardware, origin=origin) == record


def test_where_the_images_of_the_base_are_not_known_none_are_recorded(base, dataset, hardware, tmp_path):
    adapt_model(base, dataset, tmp_path / "run", RECALIBRATE, hardware=hardware)
    assert read_learned(tmp_path / "run") is None


def test_no_labels_are_used_where_none_are_needed(base, dataset, hardware, tmp_path):
    record = adapt_model(base, dataset, tmp_path / "run", AdaptOptions("norm-refresh"), hardware=hardware)
    assert (record["images"], record["trained_on"]["images"]) == (0, 96)


def test_a_strategy_without_its_source_images_is_refused_before_the_folder_is_made(
    base, dataset, hardware, tmp_path
):
    with pytest.raises(AskedWrongly, match="Give their folder as --source"):
        adapt_model(base, dataset, tmp_path / "run", AdaptOptions("coral"), hardware=hardware)
    assert not (tmp_path / "run").exists()
    origin = BaseOrigin(images=make_dataset(train=32))
    options = AdaptOptions("coral")
    record = adapt_model(base, dataset, tmp_path / "run", options, hardware=hardware, origin=origin)
    assert record["source_images"] == origin.images.origin.fingerprint
