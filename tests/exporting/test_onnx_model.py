"""Exported files score images as their model does, without torch; others are refused before they are run."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import onnx
import pytest
from exporting_samples import RECORD
from onnx import TensorProto
from PIL import Image
from samples import make_dataset, make_images, write_images

import radapt
from radapt.errors import AskedWrongly, BadArtefact
from radapt.evaluation.evaluate import evaluate_model
from radapt.evaluation.thresholds import Rule, Threshold
from radapt.exporting.export import describe
from radapt.exporting.metadata import KEY
from radapt.exporting.onnx_model import is_onnx, read_onnx_model
from radapt.images.load import load_dataset
from radapt.images.load_options import LoadOptions
from radapt.models.inference import predict, scorer_of
from radapt.models.predict_files import score_files


@pytest.fixture(scope="module")
def model(pair):
    return read_onnx_model(pair.written.path, threads=1)


def changed(pair, tmp_path, change):
    """The file with a change to its graph or to what it says of itself."""
    made = onnx.load(pair.written.path)
    change(made)
    path = tmp_path / "changed.onnx"
    path.write_bytes(made.SerializeToString())
    return path


def test_raw_images_of_any_size_get_the_models_scores(pair, model, raw, hardware):
    for image in raw:
        given = model.predict_pixels(image[None], prepared=False)
        np.testing.assert_allclose(given, pair.own_scores(image[None], hardware), atol=1e-6)


def test_views_members_findings_and_percentiles_are_in_the_file(rich, raw, hardware):
    model = read_onnx_model(rich.written.path, threads=1)
    for image in raw:
        given = model.predict_pixels(image[None], prepared=False)
        np.testing.assert_allclose(given, rich.own_scores(image[None], hardware), atol=1e-6)
    pixels = make_images(3, size=24).pixels
    own = scorer_of(rich.classifier, hardware).score(pixels)
    np.testing.assert_allclose(model.predict_pixels(pixels), own, atol=1e-6)


def test_an_image_gets_the_same_scores_whatever_comes_with_it(model):
    pixels = make_images(5, size=32).pixels
    together = model.predict_pixels(pixels)
    alone = np.concatenate([model.predict_pixels(image[None]) for image in pixels])
    np.testing.assert_array_equal(together, alone)


def test_it_is_one_graph_for_any_runtime(pair, raw, hardware):
    made = onnx.load(pair.written.path)
    onnx.checker.check_model(made)
    (images,) = made.graph.input
    sizes = [each.dim_param or each.dim_value for each in images.type.tensor_type.shape.dim]
    assert (images.type.tensor_type.elem_type, sizes[1]) == (TensorProto.UINT8, 1)
    assert all(isinstance(sizes[axis], str) for axis in (0, 2, 3))
    import onnxruntime

    session = onnxruntime.InferenceSession(made.SerializeToString())
    batch = np.stack([raw[0], raw[0][::-1]])
    (scores,) = session.run(None, {"images": batch[:, None]})
    np.testing.assert_allclose(scores, pair.own_scores(batch, hardware), atol=1e-6)


def test_a_set_and_files_are_scored_as_by_the_model(pair, model, hardware, tmp_path):
    images = make_images(6, size=32)
    own = predict(pair.classifier, images, hardware)
    np.testing.assert_allclose(model.predict(images).scores, own.scores, atol=1e-6)
    for row, image in enumerate(images.pixels):
        Image.fromarray(image).resize((90, 70)).save(tmp_path / f"{row}.png")
    (tmp_path / "no.png").write_text("no image")
    given = model.predict_files([tmp_path])
    wanted = score_files(scorer_of(pair.classifier, hardware), [tmp_path], thresholds={"PNEUMONIA": 0.3})
    assert [each["path"] for each in given["images"]] == [each["path"] for each in wanted["images"]]
    assert [each["label"] for each in given["images"]] == [each["label"] for each in wanted["images"]]
    assert given["failed"] == wanted["failed"] != []
    rows = radapt.predict_files(str(pair.written.path), tmp_path).rows()
    assert [row["label"] for row in rows[:-1]] == [each["label"] for each in wanted["images"]]


def test_the_golden_image_tells_whether_it_runs_as_it_did(pair, model, tmp_path):
    assert model.runs_as_it_did
    about = model.metadata
    for other in ({"golden": (0.25, 0.75)}, {"reading": {**about.reading, "size": 40}}):
        path = changed(pair, tmp_path, say(replace(about, **other).to_json()))
        with pytest.raises(BadArtefact, match="gives other scores here"):
            read_onnx_model(path)
    changed(pair, tmp_path, say(replace(about, golden=(0.25, 0.75), int8={}).to_json()))
    assert read_onnx_model(tmp_path / "changed.onnx").metadata.int8 == {}


def test_without_a_record_how_it_was_made_is_left_open(pair):
    about = describe(pair.classifier, {}, {})
    assert (about.strategy, about.images, about.licence) == (None, None, "open: not recorded")


def test_pixels_of_another_kind_are_refused(model):
    for pixels in (np.zeros((1, 16, 16), np.uint8), np.zeros((1, 32, 32)), np.zeros((32, 32), np.uint8)):
        with pytest.raises(AskedWrongly, match="takes grey levels, uint8"):
            model.predict_pixels(pixels)
    with pytest.raises(AskedWrongly, match="empty"):
        model.predict(make_images(2, size=32).take([]))


def outside(made):
    tensor = max(made.graph.initializer, key=lambda each: len(each.raw_data))
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")


def not_finite(made):
    tensor = max(made.graph.initializer, key=lambda each: len(each.raw_data))
    values = np.frombuffer(tensor.raw_data, np.float32).copy()
    values[7] = np.nan
    tensor.raw_data = values.tobytes()


def say(text):
    return lambda made: onnx.helper.set_model_props(made, {KEY: text} if text else {"made": "elsewhere"})


def other_output(made):
    made.graph.output[0].name = "other"
    made.graph.node[-1].output[0] = "other"


def of_schema_1(made):
    about = json.loads(next(each.value for each in made.metadata_props if each.key == KEY))
    say(json.dumps(about | {"schema": 1}))(made)


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        (outside, AskedWrongly, "keeps its weights in another file"),
        (not_finite, BadArtefact, "weights that are not finite"),
        (say(""), AskedWrongly, "`radapt export` did not write"),
        (say("{"), BadArtefact, "damaged description"),
        (say('{"schema": 2, "classes": 3}'), BadArtefact, "damaged description"),
        (of_schema_1, BadArtefact, "has schema 1"),
        (other_output, BadArtefact, "onnxruntime cannot open|not the one that"),
    ],
)
def test_a_hostile_file_is_refused_in_one_sentence(pair, tmp_path, change, error, sentence):
    with pytest.raises(error, match=sentence) as refused:
        read_onnx_model(changed(pair, tmp_path, change))
    assert "\n" not in str(refused.value)


def test_what_is_no_file_of_onnx_is_refused(pair, tmp_path):
    with pytest.raises(AskedWrongly, match="There is no file"):
        read_onnx_model(tmp_path / "none.onnx")
    content = pair.written.path.read_bytes()
    for cut in (b"", b"text", content[: len(content) // 2]):
        (tmp_path / "cut.onnx").write_bytes(cut)
        with pytest.raises(BadArtefact):
            read_onnx_model(tmp_path / "cut.onnx")


def test_it_is_known_by_its_name_from_a_run(tmp_path):
    assert is_onnx(tmp_path / "model.ONNX")
    (tmp_path / "run.onnx").mkdir()
    assert not is_onnx(tmp_path / "run.onnx")


def test_commands_take_it_without_torch(pair, tmp_path, hardware):
    data = write_images(tmp_path / "images", make_dataset(train=8, val=8, test=16, size=32))
    own = Threshold(0.25, Rule("youden"), "chosen on 9 images").as_dict()
    about = replace(read_onnx_model(pair.written.path, threads=1).metadata, thresholds={"PNEUMONIA": own})
    model = str(changed(pair, tmp_path, say(about.to_json())))
    predicts = ["radapt", "predict", model, str(data / "test")]
    evaluates = ["radapt", "evaluate", model, str(data), "--json"]
    code = (
        "import sys\n"
        "from radapt.cli.app import main\n"
        f"for sys.argv in ({predicts}, {evaluates}):\n"
        "    try: main()\n"
        "    except SystemExit as stopped: assert not stopped.code\n"
        "heavy = ('torch', 'timm', 'onnx', 'matplotlib')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "16 of 16 images were read." in done.stdout
    assert done.stdout.strip().splitlines()[-1] == "[]"
    printed = json.loads(done.stdout[done.stdout.index("{") : done.stdout.rindex("}") + 1])
    chosen = {**own, "rule": "youden"}
    assert [each["threshold"] for each in printed["performance"]] == [chosen]
    wanted = evaluate_model(
        pair.classifier, RECORD, load_dataset(data, LoadOptions(size=32)), hardware=hardware
    )
    for own, other in zip(printed["estimates"], wanted["estimates"], strict=True):
        assert own["metric"] == other["metric"]
        assert [own[name] for name in ("value", "low", "high")] == pytest.approx(
            [other[name] for name in ("value", "low", "high")], abs=1e-6
        )
    assert printed["learned_from"] is None
    assert printed["notices"][0]["kind"] == "learned-unknown"
