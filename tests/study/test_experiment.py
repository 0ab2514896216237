import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from samples import CLASSES, make_dataset, make_images

from radapt.drift.reference import read_reference
from radapt.errors import AskedWrongly, BadArtefact, UnknownName
from radapt.evaluation.thresholds import Rule, choose_threshold
from radapt.images.imageset import Dataset
from radapt.models.checkpoint import load_classifier
from radapt.models.table import build, find_weights, new_spec
from radapt.parquet import read_table
from radapt.predictions import Predictions
from radapt.report.render import write_report
from radapt.runs.holdout import split_off_validation
from radapt.runs.learned import count_known, read_learned
from radapt.study.comparison import NO_RETRAINING
from radapt.study.domains import Domains, labelled_images, real_domains, shifted_domains
from radapt.study.experiment import run_study
from radapt.study.plan import DEFAULT_STRATEGIES, Cell, Plan, cells
from radapt.study.protocol import Protocol, of_images
from radapt.study.results import is_settled
from radapt.study.selected_models import OUT_OF_FOLD_SET, SOURCE_VALIDATION_SET, TARGET_VALIDATION_SET

QUICK = Plan(budgets=("8",), epochs=1, steps=2)


@pytest.fixture(scope="module")
def finished(tmp_path_factory, dataset, hardware):
    out = tmp_path_factory.mktemp("study") / "out"
    return out, run_study(QUICK, dataset, None, out, hardware=hardware)


def test_a_study_compares_every_strategy_on_both_hospitals(finished):
    _, result = finished
    rows = {(row["strategy"], row["domain"], row["metric"]) for row in result["estimates"]}
    for strategy in ("none", "scratch", "linear-probe", "full"):
        for domain in ("source", "target"):
            for metric in ("accuracy", "auroc", "sensitivity", "specificity"):
                assert (strategy, domain, metric) in rows
    for row in result["estimates"]:
        assert row["low"] <= row["value"] <= row["high"]
        assert row["n"] <= 40
        assert row["budget"] == (0 if row["strategy"] in ("none", "norm-refresh") else 8)
    cheapest = {d["against"] for d in result["differences"]} & {*NO_RETRAINING}
    assert {(d["strategy"], d["against"]) for d in result["differences"]} == {
        *((name, "none") for name in DEFAULT_STRATEGIES if name != "none"),
        *((name, "scratch") for name in ("recalibrate", "refresh-recalibrate", "linear-probe", "full")),
        *((name, cheap) for name in ("linear-probe", "full", "scratch") for cheap in cheapest),
    }
    assert len(cheapest) == 1, "what is retrained is held against the best that trains nothing"
    assert "8 labelled images" in result["recommendation"]


def test_a_study_folder_holds_a_run_folder_for_each_cell(finished):
    out, result = finished
    assert json.loads((out / "study.json").read_text()) == result
    for cell in cells(replace(QUICK)):
        names = {path.name for path in (out / "cells" / cell.name).iterdir()}
        own = {
            "run.json",
            "scores.json",
            "model.safetensors",
            "classifier.json",
            "history.csv",
            "learned.npz",
            "predictions",
        }
        assert names - {"reference.json", "reference.safetensors"} == own


def test_a_base_model_of_a_study_has_a_reference_that_target_images_can_be_held_against(finished, dataset):
    out, _ = finished
    folder = out / "cells" / Cell("none", "", QUICK.seed).name
    looks = read_reference(folder, load_classifier(folder))
    assert len(looks) == len(shifted_domains(dataset, "original", seed=QUICK.seed).source_valid)
    assert json.loads((folder / "reference.json").read_text())["of"].endswith("study's source")


def test_no_patient_of_the_test_set_trains_or_chooses(dataset):
    images = shifted_domains(dataset, "original", seed=0)
    test = set(images.source_test.patients) | set(images.target_test.patients)
    for part in (images.source_train, images.source_valid, images.target_pool, images.target_folder):
        assert not test & set(part.patients)
    assert not set(images.source_train.patients) & set(images.source_valid.patients)


def test_the_labelled_patients_of_a_simulated_target_have_not_trained_the_base_model(dataset):
    own = shifted_domains(dataset, "original", seed=0)
    base = set(own.source_train.patients) | set(own.source_valid.patients)
    assert not base & set(own.target_pool.patients)
    assert base | set(own.target_pool.patients) == set(dataset["train"].patients)
    assert all(own.target_pool.counts().values())
    assert len(own.target_pool) == pytest.approx(len(dataset["train"]) / 2, abs=4)
    shared = shifted_domains(dataset, "original", seed=0, patients="shared")
    assert set(shared.target_pool.patients) == set(dataset["train"].patients)
    with pytest.raises(AskedWrongly, match="own"):
        shifted_domains(dataset, "original", seed=0, patients="theirs")


def test_the_second_hospital_is_the_first_ones_images_shifted_the_same_on_every_run(dataset):
    once, again = (shifted_domains(dataset, "original", seed=0) for _ in range(2))
    assert np.array_equal(once.target_test.ids, once.source_test.ids)
    assert not np.array_equal(once.target_test.pixels, once.source_test.pixels)
    assert np.array_equal(once.target_test.pixels, again.target_test.pixels)
    assert not np.array_equal(
        once.target_test.pixels, shifted_domains(dataset, "original", seed=1).target_test.pixels
    )


def test_a_study_that_was_stopped_goes_on_and_ends_the_same(finished, dataset, hardware, tmp_path):
    _, whole = finished

    class Stop:
        epochs = 0

        def begin(self, task, total, unit): ...
        def end(self): ...
        def advance(self, done, detail=""):  # noqa: ARG002
            self.epochs += bool(detail)
            if self.epochs == 3:
                raise KeyboardInterrupt

    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run_study(QUICK, dataset, None, out, hardware=hardware, watch=Stop())
    assert not (out / "study.json").exists()
    done = sorted(path.parent.name for path in out.glob("cells/*/run.json"))
    assert 0 < len(done) < len(list(cells(QUICK)))
    resumed = run_study(QUICK, dataset, None, out, hardware=hardware)
    assert resumed["estimates"] == whole["estimates"]
    assert resumed["differences"] == whole["differences"]


def test_a_folder_that_holds_another_study_is_left_alone(finished, dataset, hardware):
    out, _ = finished
    before = (out / "study.json").read_bytes()
    with pytest.raises(AskedWrongly, match="holds other work: it differs in plan"):
        run_study(replace(QUICK, seed=1), dataset, None, out, hardware=hardware)
    with pytest.raises(AskedWrongly, match="it differs in source"):
        run_study(QUICK, make_dataset(train=90), None, out, hardware=hardware)
    assert (out / "study.json").read_bytes() == before


def test_a_real_second_hospital_takes_the_place_of_the_shift(dataset, hardware, tmp_path):
    other = make_dataset(train=40, test=30)
    target = Dataset(
        {name: images.with_pixels(255 - images.pixels) for name, images in other.splits.items()},
        replace(other.origin, name="inverted", fingerprint="inverted"),
    )
    plan = replace(QUICK, shift=None, budgets=(), strategies=("none", "head"), seeds=2)
    result = run_study(plan, dataset, target, tmp_path / "out", hardware=hardware)
    assert result["plan"]["budgets"] == ["all"]
    assert {
        row["n"] for row in result["estimates"] if row["metric"] == "accuracy" and row["domain"] == "target"
    } == {30}
    assert any("pairs of training runs" in row["method"] for row in result["differences"])


def test_the_seed_protocol_chooses_by_the_test_images_and_shifts_the_val_folder_anew(
    dataset, hardware, tmp_path
):
    plan = replace(QUICK, protocol="original", budgets=(), strategies=("none", "head", "full"))
    result = run_study(plan, dataset, None, tmp_path / "out", hardware=hardware)
    assert result["plan"]["budgets"] == ["val"]
    assert result["roles"]["source validation"] == result["roles"]["source test"]
    for cell in result["cells"]:
        assert cell["validated_on"]["images"] == 40
    assert {cell["trained_on"]["images"] for cell in result["cells"] if cell["strategy"] != "none"} == {16}


def test_classes_of_the_two_hospitals_must_agree(dataset):
    other = make_dataset()
    renamed = Dataset(
        {name: replace(images, classes=("NORMAL", "OTHER")) for name, images in other.splits.items()},
        other.origin,
    )
    with pytest.raises(AskedWrongly, match="the target has NORMAL, OTHER"):
        real_domains(dataset, renamed, seed=0)


def test_budgets_are_images_and_small_ones_keep_no_validation(dataset):
    images = shifted_domains(dataset, "original", seed=0)
    assert len(labelled_images(images, "20", seed=0)) == 20
    assert len(labelled_images(images, "all", seed=0)) == len(images.target_pool)
    assert len(labelled_images(images, "val", seed=0)) == 16
    with pytest.raises(AskedWrongly, match="'all' or 'val'. Got 'some'"):
        labelled_images(images, "some", seed=0)
    train, valid = split_off_validation(make_images(16), seed=0)
    assert (len(train), valid) == (16, None)
    train, valid = split_off_validation(make_images(120), seed=0)
    assert len(train) + len(valid) == 120
    assert not set(train.patients) & set(valid.patients)
    assert isinstance(images, Domains)


def test_a_plan_refuses_what_cannot_be_studied():
    with pytest.raises(UnknownName, match="Did you mean 'original'"):
        Plan(shift="orignal")
    with pytest.raises(UnknownName, match="strategy called 'haed'. Did you mean 'head'"):
        Plan(strategies=("none", "haed"))
    with pytest.raises(AskedWrongly, match="keep 'none'"):
        Plan(strategies=("head",))
    with pytest.raises(UnknownName, match="protocol"):
        Plan(protocol="sed")
    with pytest.raises(AskedWrongly, match="shifts its own images"):
        Plan(protocol="original", shift=None)


def test_images_that_were_padded_are_padded_for_every_model_of_the_study(dataset, hardware, tmp_path):
    origin = replace(dataset.origin, preprocessing={"size": 16, "resize": "pad"})
    padded = Dataset(dataset.splits, origin)
    run_study(replace(QUICK, strategies=("none", "head")), padded, None, tmp_path / "out", hardware=hardware)
    for cell in (tmp_path / "out" / "cells").iterdir():
        assert json.loads((cell / "classifier.json").read_text())["resize"] == "pad"


def test_a_cell_says_what_it_was_made_of(finished):
    out, result = finished
    full = json.loads((out / "cells" / "full-8-s0" / "run.json").read_text())
    assert (full["images"], full["recipe"]["epochs"], full["recipe"]["steps"]) == (8, 1, 2)
    assert full["source"] == json.loads((out / "plan.json").read_text())["source"]
    drawn = read_table(out / "shift.parquet")
    assert len(drawn["id"]) == 40
    assert {"theta", "zx", "zy", "brightness"} <= drawn.keys()
    assert result["cells"][0]["images"] == 0


def test_a_cell_knows_the_images_that_it_learned_from_as_they_are_without_the_shift(finished, dataset):
    out, _ = finished
    counts = {
        name: {
            split: count_known(dataset[split], read_learned(out / "cells" / name)[kind])
            for split, kind in (("train", "learned"), ("test", "learned"))
        }
        for name in ("none-s0", "norm-refresh-s0", "full-8-s0")
    }
    own = len(shifted_domains(dataset, "original", seed=0).target_pool)
    assert counts["none-s0"] == {"train": 96 - own, "test": 0}
    assert counts["full-8-s0"] == {"train": 96 - own + 8, "test": 0}
    assert counts["norm-refresh-s0"] == {"train": 96, "test": 0}
    assert count_known(dataset["test"], read_learned(out / "cells" / "none-s0")["tested"]) == 40


def test_asking_again_for_a_finished_study_keeps_its_provenance(finished, dataset, hardware):
    out, result = finished
    again = run_study(QUICK, dataset, None, out, hardware=hardware)
    assert again["provenance"] == result["provenance"]
    assert again["estimates"] == result["estimates"]


def test_what_needs_a_model_is_kept_and_asking_again_needs_it_no_more(finished, dataset, hardware, tmp_path):
    out, result = finished
    copy = tmp_path / "copy"
    shutil.copytree(out, copy)
    looked = [*copy.rglob("*validation.parquet"), *copy.rglob("out-of-fold.parquet")]
    assert sorted(path.name for path in looked) == ["out-of-fold.parquet", "validation.parquet"]
    (copy / "occlusion.json").unlink()
    for path in looked:
        path.unlink()  # as in a study of before these were kept
    assert run_study(QUICK, dataset, None, copy, hardware=hardware) == result
    for weights in copy.rglob("model.safetensors"):
        weights.unlink()
    assert run_study(QUICK, dataset, None, copy, hardware=hardware) == result


def test_a_threshold_is_chosen_on_target_images_where_some_were_set_aside(hardware, tmp_path):
    images = make_dataset(train=240)
    plan = Plan(budgets=("8", "120"), epochs=1, steps=2, strategies=("none", "head"))
    result = run_study(plan, images, None, tmp_path / "out", hardware=hardware)
    valid = {cell["budget"]: cell["validated_on"] for cell in result["cells"] if cell["strategy"] == "head"}
    base = result["roles"]["source validation"]["images"]
    assert valid["8"] is None
    for row in result["performance"]:
        (found,) = row["findings"]
        images, whose = {
            0: (base, SOURCE_VALIDATION_SET),
            8: (8, OUT_OF_FOLD_SET),
            120: (valid["120"]["images"], TARGET_VALIDATION_SET),
        }[row["budget"]]
        assert found["threshold"]["rule"] == "youden"
        assert found["threshold"]["chosen_on"].startswith(f"chosen on {images} images of {whose}, ")
        assert found["images"] == 40
    kept = Predictions.load(tmp_path / "out" / "cells" / "none-s0" / "predictions" / "validation.parquet")
    chosen = choose_threshold(Rule("youden"), kept, on=SOURCE_VALIDATION_SET)
    assert result["performance"][0]["findings"][0]["threshold"]["value"] == chosen.value


def test_epochs_asked_of_a_study_leave_what_trains_on_features_its_own(dataset, hardware, tmp_path):
    plan = replace(QUICK, strategies=("none", "head", "full", "scratch"))
    result = run_study(plan, dataset, None, tmp_path / "out", hardware=hardware)
    epochs = {cell["strategy"]: cell["epochs"] for cell in result["cells"]}
    assert epochs["none"] == epochs["scratch"] == epochs["full"] == 1
    assert epochs["head"] > 1


def test_where_the_test_images_chose_the_epoch_the_threshold_stays_fixed(dataset, hardware, tmp_path):
    plan = replace(QUICK, protocol="original", budgets=(), strategies=("none", "head"))
    result = run_study(plan, dataset, None, tmp_path / "out", hardware=hardware)
    rules = [found["threshold"]["rule"] for row in result["performance"] for found in row["findings"]]
    assert rules == ["0.5", "0.5"]
    assert not list(tmp_path.rglob("validation.parquet"))


def test_two_budgets_of_one_size_are_refused_and_the_folder_is_left_free(dataset, hardware, tmp_path):
    with pytest.raises(AskedWrongly, match="val is 16 images, 16 is 16 images"):
        run_study(replace(QUICK, budgets=("val", "16")), dataset, None, tmp_path / "out", hardware=hardware)
    with pytest.raises(AskedWrongly, match="takes no other budget"):
        run_study(replace(QUICK, protocol="original"), dataset, None, tmp_path / "out", hardware=hardware)
    with pytest.raises(UnknownName, match="Did you mean 'resnet18'"):
        run_study(replace(QUICK, model="timm:resnt18"), dataset, None, tmp_path / "out", hardware=hardware)
    assert not (tmp_path / "out").exists()


def test_the_seed_protocol_trains_sigmoids_whatever_the_model(dataset, hardware, tmp_path):
    plan = replace(QUICK, protocol="original", budgets=(), strategies=("none", "head"))
    run_study(plan, dataset, None, tmp_path / "out", hardware=hardware)
    description = json.loads((tmp_path / "out" / "cells" / "none-s0" / "classifier.json").read_text())
    assert description["outputs"] == "sigmoid"
    assert Plan(protocol="original").strategies == ("none", "head")


def test_too_few_patients_to_choose_an_epoch_by_are_said(dataset):
    images = make_images(8).take([0, 1, 2, 3])  # one patient of each class
    few = Dataset({**dataset.splits, "train": images}, dataset.origin)
    with pytest.raises(AskedWrongly, match="two training patients at least.*4 images of 2 patients"):
        shifted_domains(few, "original", seed=0)


TINY = "timm:test_resnet"


def drawn_weights(path, seed):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        save_file(timm.create_model("test_resnet", in_chans=1).state_dict(), path)
    return find_weights(TINY, path)


@pytest.fixture(scope="module")
def from_weights(tmp_path_factory, hardware):
    folder = tmp_path_factory.mktemp("weights")
    weights = drawn_weights(folder / "w.safetensors", seed=7)
    plan = replace(QUICK, model=TINY, strategies=("none", "head", "scratch"), steps=1, weights=weights)
    images = make_dataset(train=48, val=16, test=16, size=32)
    return plan, images, folder / "out", run_study(plan, images, None, folder / "out", hardware=hardware)


def test_base_models_and_scratch_start_from_the_weights(from_weights):
    plan, _, out, result = from_weights
    start = build(new_spec(TINY, CLASSES, size=32), pretrained=plan.weights.start).state_dict()
    kernels = [name for name, tensor in start.items() if tensor.ndim == 4]
    for cell in ("none-s0", "scratch-8-s0"):
        trained = load_file(out / "cells" / cell / "model.safetensors")
        for name in kernels:
            torch.testing.assert_close(trained[name], start[name], atol=0.02, rtol=0)
    assert result["plan"]["weights"] == plan.weights.name


def test_a_study_goes_on_with_the_same_weights_alone(from_weights, hardware, tmp_path):
    plan, images, out, result = from_weights
    moved = shutil.copy(plan.weights.start, tmp_path / "moved.safetensors")
    again = replace(plan, weights=find_weights(TINY, moved))
    assert run_study(again, images, None, out, hardware=hardware) == result
    for weights in (None, drawn_weights(tmp_path / "other.safetensors", seed=8)):
        with pytest.raises(AskedWrongly, match="holds other work: it differs in plan"):
            run_study(replace(plan, weights=weights), images, None, out, hardware=hardware)


def test_a_study_of_random_weights_is_written_down_as_before_there_were_others(finished):
    out, _ = finished
    assert "weights" not in json.loads((out / "plan.json").read_text())["plan"]


def test_the_page_says_what_scratch_started_from_where_that_was_not_chance(from_weights, finished):
    plan, _, out, _ = from_weights
    page, other = write_report(out).read_text(), write_report(finished[0]).read_text()
    for words in (
        "from the pretrained weights of the base model",
        "add to these weights",
        plan.weights.name,
    ):
        assert words in page
    assert "pretrained" not in other


def test_weights_that_do_not_fit_are_refused_and_the_folder_is_left_free(dataset, hardware, tmp_path):
    save_file({"of another network": torch.ones(1)}, tmp_path / "w.safetensors")
    plan = replace(QUICK, model=TINY, weights=find_weights(TINY, tmp_path / "w.safetensors"))
    with pytest.raises(BadArtefact, match=r"w\.safetensors does not hold 'test_resnet': it lacks \d+ of"):
        run_study(plan, dataset, None, tmp_path / "out", hardware=hardware)
    assert not (tmp_path / "out").exists()
    with pytest.raises(AskedWrongly, match="'compact' has no pretrained weights"):
        Plan(weights=plan.weights)


def protocol_of(dataset, **more):
    asked = Protocol(
        created="2026-01-31",
        source="",
        source_fingerprint="",
        model="compact",
        strategies=("none", "head"),
        strategy="head",
        budget="8",
        metric="accuracy",
        shift="original",
    )
    return replace(of_images(asked, dataset, None), **more)


def test_a_protocol_is_frozen_first_and_judged_last(dataset, hardware, tmp_path):
    plan, out = replace(QUICK, strategies=("none", "head"), metric="accuracy"), tmp_path / "out"
    result = run_study(plan, dataset, None, out, hardware=hardware, protocol=protocol_of(dataset))
    verdict = result["protocol"]["verdict"]
    assert verdict["word"] in ("Accept", "Reject", "Inconclusive")
    assert verdict["reason"].startswith("head with 8 labelled images: on the target images ")
    assert result["protocol"]["notices"] == []
    registered = (out / "protocol.json").stat().st_mtime
    assert all(registered <= path.stat().st_mtime for path in out.glob("cells/*/predictions"))
    assert run_study(plan, dataset, None, out, hardware=hardware)["protocol"]["verdict"] == verdict


def test_a_protocol_that_was_changed_is_noted_on_the_page(dataset, hardware, tmp_path):
    plan, out = replace(QUICK, strategies=("none", "head")), tmp_path / "out"
    run_study(plan, dataset, None, out, hardware=hardware, protocol=protocol_of(dataset))
    later = protocol_of(dataset, superiority_margin=0.01)
    result = run_study(plan, dataset, None, out, hardware=hardware, protocol=later)
    assert "superiority_margin (0.01, was 0.0)" in result["protocol"]["notices"][0]["text"]
    page = write_report(out).read_text()
    assert "Not the registered protocol." in page
    assert "superiority_margin (0.01, was 0.0)" in page
    assert "before any test image was scored" in page


def test_a_protocol_that_came_after_the_scores_is_not_said_to_have_come_before(dataset, hardware, tmp_path):
    plan, out = replace(QUICK, strategies=("none", "head")), tmp_path / "out"
    run_study(plan, dataset, None, out, hardware=hardware)
    run_study(plan, dataset, None, out, hardware=hardware, protocol=protocol_of(dataset))
    page = write_report(out).read_text()
    assert "after test images had been scored" in page
    assert "before any test image was scored" not in page


def test_a_protocol_of_other_images_is_refused(dataset, hardware, tmp_path):
    plan = replace(QUICK, strategies=("none", "head"))
    other = protocol_of(make_dataset(train=90))
    with pytest.raises(AskedWrongly, match="are not those of the protocol"):
        run_study(plan, dataset, None, tmp_path / "out", hardware=hardware, protocol=other)


def test_a_study_ends_though_its_models_make_no_error(hardware, tmp_path):
    made = make_dataset(train=48, test=8)
    plain = {
        split: replace(
            images, pixels=(images.labels[:, None, None] * 240 + np.zeros((16, 16))).astype(np.uint8)
        )
        for split, images in made.splits.items()
    }
    source = Dataset(plain, made.origin)
    target = Dataset(plain, replace(made.origin, name="other", fingerprint="other"))
    plan = Plan(shift=None, budgets=("8",), epochs=20, steps=4, strategies=("none", "head"))
    result = run_study(plan, source, target, tmp_path / "out", hardware=hardware)
    assert {row["value"] for row in result["estimates"] if row["metric"] == "accuracy"} == {1.0}
    assert write_report(tmp_path / "out").is_file()


def test_what_was_adapted_to_a_second_hospital_is_known_to_have_learned_from_it(hardware, tmp_path):
    images = make_dataset(train=24, test=8)
    target = Dataset(dict(images.splits), replace(images.origin, name="other", fingerprint="other"))
    plan = Plan(shift=None, budgets=("8",), epochs=1, steps=1, strategies=("none", "head"))
    result = run_study(plan, images, target, tmp_path / "out", hardware=hardware)
    learned = {cell["name"]: cell.get("data") for cell in result["cells"]}
    assert learned == {"none-s0": None, "head-8-s0": "other"}


def test_seeds_are_added_until_nothing_changes_and_never_stop_at_what_was_shown_to_gain():
    nothing, lost = ((0, "", ()), (8, "", ())), ((0, "", ()), (8, "", ("full",)))
    gained = ((0, "", ()), (8, "head", ()))
    assert is_settled(nothing, nothing)
    assert is_settled(lost, lost)
    assert not is_settled(nothing, lost)
    assert not is_settled(gained, gained)
    assert not is_settled(gained, nothing)


def test_a_study_with_seeds_as_needed_says_how_many_it_took_and_goes_on_from_there(
    dataset, hardware, tmp_path
):
    plan, out = replace(QUICK, strategies=("none", "head"), seeds=5, auto_seeds=True), tmp_path / "out"
    result = run_study(plan, dataset, None, out, hardware=hardware)
    took = result["plan"]["seeds"]
    assert 3 <= took <= 5
    assert {cell["seed"] for cell in result["cells"]} == set(range(took))
    assert took == 5 or not any(each["shown"] for each in result["decisions"])
    assert json.loads((out / "plan.json").read_text())["plan"]["seeds"] == 5
    assert "auto_seeds" not in replace(plan, auto_seeds=False).as_dict()
    assert run_study(plan, dataset, None, out, hardware=hardware) == result
    assert f"with {took} training seeds" in write_report(out).read_text()


def test_a_wrong_number_of_seeds_is_said(radapt, tmp_path):
    for wrong in ("0", "some", "-1"):
        code, _, told = radapt("demo", "--seeds", wrong, "--out", tmp_path / "out")
        assert code == 2
        assert f"--seeds takes a number from 1 on, or auto. Got '{wrong}'." in told


def test_the_same_images_are_no_other_hospital(dataset, hardware, tmp_path):
    with pytest.raises(AskedWrongly, match="has the same images as the source"):
        run_study(replace(QUICK, shift=None), dataset, dataset, tmp_path / "out", hardware=hardware)
    assert not (tmp_path / "out").exists()
