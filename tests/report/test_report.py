import json
import math
import re
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from pages import SCRIPT, Page
from samples import make_dataset

from radapt.adaptation.table import STRATEGIES
from radapt.display.grid import image_address
from radapt.errors import BadArtefact, WrongFolder
from radapt.files import write_document, write_json
from radapt.images.imageset import Dataset
from radapt.metrics.table import METRICS
from radapt.report import figure_data, wording
from radapt.report import warnings as page_warnings
from radapt.report.best_model import best_difference, best_named, recovered
from radapt.report.checklist_facts import study_facts
from radapt.report.folder import read_folder
from radapt.report.json_summary import read_numbers
from radapt.report.performance import AT_THRESHOLD
from radapt.report.render import render, write_report
from radapt.stats.estimate import Estimate
from radapt.stats.max_t import Adjusted
from radapt.study.comparison import NO_RETRAINING, Difference
from radapt.study.experiment import run_study
from radapt.study.plan import Plan
from radapt.study.results import Recovered

QUICK = Plan(budgets=("8",), epochs=2, steps=2)


def study_of(images, out, hardware, **plan):
    run_study(replace(QUICK, **plan), images, None, out, hardware=hardware)
    return out


@pytest.fixture(scope="module")
def finished(tmp_path_factory, dataset, hardware):
    return study_of(dataset, tmp_path_factory.mktemp("report") / "study", hardware)


@pytest.fixture(scope="module")
def several(tmp_path_factory, hardware):
    """Two budgets and two seeds; four test images bear the wrong label, so that no model is without fault."""
    out = tmp_path_factory.mktemp("report") / "several"
    strategies = ("none", "scratch", "head")
    images = make_dataset(train=240)
    test = images["test"]
    wrong = np.where(np.arange(len(test)) < 4, 1 - test.labels, test.labels)
    images = replace(images, splits={**images.splits, "test": replace(test, labels=wrong)})
    return study_of(images, out, hardware, budgets=("8", "120"), seeds=2, strategies=strategies)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory, hardware):
    """A study whose names and reasons were written by someone who means harm."""
    made = make_dataset()
    hostile_data = Dataset(
        {
            name: replace(images, classes=(SCRIPT, '$x_1$ & "two"'), ids=np.char.add(images.ids, SCRIPT))
            for name, images in made.splits.items()
        },
        replace(
            made.origin,
            name="<b>x</b>",
            patient_rule="file",
            failed=tuple((f"{number}{SCRIPT}.png", "<i>cut</i>") for number in range(23)),
            notes=("<em>note</em>",),
        ),
    )
    return study_of(hostile_data, tmp_path_factory.mktemp("report") / "hostile", hardware)


@pytest.fixture(scope="module")
def optimistic(tmp_path_factory, dataset, hardware):
    out = tmp_path_factory.mktemp("report") / "optimistic"
    strategies = ("none", "head")
    return study_of(dataset, out, hardware, protocol="original", budgets=(), strategies=strategies)


def test_a_finished_study_becomes_a_page_with_its_recommendation_and_every_section(finished):
    page = Page(render(finished))
    assert json.loads((finished / "study.json").read_text())["recommendation"] in page.text
    for heading in (
        "The images",
        "Scores",
        "Gains and losses by adaptation",
        "ROC curves on the target images",
        "Training",
        "Most confident errors",
        "Methods",
        "Provenance",
    ):
        assert heading in page.words
    assert (
        "Learning curves: how many labelled images are needed" not in page.words
    )  # of one budget there is no curve
    assert page.open == []
    assert "nothing on this page is a clinical claim" in page.text


def test_the_page_names_whom_the_numbers_are_of_and_what_chose_and_decided(finished):
    page = Page(render(finished))
    assert "trained on 44 images of 22 patients of squares" in page.text
    assert "the same 40 target images of 20 patients" in page.text
    assert "An image is predicted positive (PNEUMONIA) from a probability of 0.5 on" in page.text
    assert "With 8 labelled images, no image was set aside. For full, the learning rate and the" in page.text
    assert "epoch were chosen by cross-validation on these images, by patient (4 folds)" in page.text
    assert "bootstrap samples of patients, drawn within each class" in page.text


def test_the_page_needs_no_other_file_and_no_network(finished, several, hostile):
    for folder in (finished, several, hostile):
        text = render(folder)
        page = Page(text)
        assert not re.search(
            r"https?:|//\w|@import|url\((?!#)", re.sub(r"data:image/png;base64,[^\"]*", "", text)
        )
        assert {"link", "iframe", "object"}.isdisjoint(tag for tag, _ in page.tags)
        assert [attributes for tag, attributes in page.tags if tag == "script"] == [{}]  # its own
        for tag, attributes in page.tags:
            for name in ("src", "href", "xlink:href"):
                address = attributes.get(name, "#")
                assert address.startswith(("#", "data:image/png;base64,")), (tag, address[:40])
            assert not any(name.startswith("on") for name in attributes)
            if tag == "img":
                assert attributes["alt"]
            if tag == "svg":
                assert attributes.get("aria-label") or attributes["aria-hidden"] == "true"


def test_every_link_inside_the_page_leads_somewhere_and_no_id_is_given_twice(several):
    text = render(several)
    given = re.findall(r'\bid="([^"]+)"', text)
    assert len(given) == len(set(given))
    asked = set(re.findall(r'href="#([^"]+)"', text)) | set(re.findall(r"url\(#([^)]+)\)", text))
    assert asked <= set(given)
    assert len(asked) > 9


def test_hostile_names_are_shown_and_not_obeyed(hostile):
    text = render(hostile)
    page = Page(text)
    assert text.count("<script") == 1  # its own
    assert SCRIPT in page.text
    assert '$x_1$ & "two"' in page.text
    assert page.open == []
    for tag in ("b", "i", "em"):
        assert f"<{tag}>x" not in text
        assert f"<{tag}>cut" not in text
        assert f"<{tag}>note" not in text


def test_what_could_not_be_read_is_counted_and_the_first_twenty_are_named(hostile):
    page = Page(render(hostile))
    assert "23 files of <b>x</b> could not be read. They were left out" in page.text
    assert "The first 20 of them:" in page.text
    assert page.text.count("<i>cut</i>") == 20


def test_unknown_patients_and_a_single_seed_are_warned_of(hostile, several):
    page = Page(render(hostile))
    assert "The patients of <b>x</b> are unknown." in page.text
    assert "Every model was trained once." in page.text
    text = Page(render(several)).text
    assert "are unknown" not in text
    assert "Every model was trained once." not in text
    assert "Every model was trained with 2 training seeds" in text


def test_the_same_folder_gives_the_same_bytes(several):
    assert render(several) == render(several)
    program = (
        "from pathlib import Path; from radapt.report.render import render;"
        f"print(render(Path({str(several)!r})), end='')"
    )
    process = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert process.stdout == render(several)


def test_only_the_folder_itself_is_read(several, tmp_path):
    elsewhere = tmp_path / "moved"
    shutil.copytree(several, elsewhere)
    for weights in elsewhere.rglob("model.safetensors"):
        weights.unlink()
    assert render(elsewhere) == render(several)


def test_the_originals_protocol_is_marked_in_red_and_its_claim_is_weighed(optimistic, finished):
    text = render(optimistic)
    assert 'class="warning grave"' in text
    page = Page(text)
    assert "Optimistic: the test images also chose the models." in page.text
    assert "These scores are optimistic." in page.text
    assert "The claim of the original" in page.text
    assert "No test image was used" not in page.text
    assert "The claim of the original" not in render(finished)
    assert 'class="warning grave"' not in render(finished)
    assert "No test image was used to choose a model" in Page(render(finished)).text


@pytest.mark.parametrize(
    ("verdict", "low", "high", "words"),
    [
        (
            "inconclusive",
            -0.011,
            0.049,
            "is not confirmed here: the gain is +1.9 points [\N{MINUS SIGN}1.1, 4.9]",
        ),
        ("better", 0.004, 0.034, "helps, holds here: the gain is +1.9 points [0.4, 3.4]"),
        ("worse", -0.05, -0.01, "does not hold here"),
    ],
)
def test_the_originals_claim_is_judged_by_its_interval(optimistic, verdict, low, high, words):
    study = read_folder(optimistic)
    given = Estimate(0.019, low, high, 624, 428)
    p = 0.5 if verdict == "inconclusive" else 0.001
    value = -0.03 if verdict == "worse" else 0.019
    row = Difference(
        "head", "none", 16, "target", "accuracy", replace(given, value=value), Adjusted(p, low, high, 0.043)
    )
    assert row.verdict == verdict
    text = page_warnings.study_warnings(replace(study, differences=(row,)))[0].text
    assert words in text
    assert ("a gain below 4.3 points" in text) == (verdict == "inconclusive")


def test_no_score_stands_without_its_interval(finished, several, optimistic):
    for folder in (finished, several, optimistic):
        text = render(folder)
        cells = re.findall(r'<td class="n">\s*<b>([^<]+)</b>(.*?)</td>', text, flags=re.DOTALL)
        numbers = read_numbers(folder)
        shown = sum(METRICS[row["metric"]].shown != "on request" for row in numbers["estimates"])
        hidden = sum(2 * len(each["occlusion"]) for each in numbers["occlusions"])
        hidden += sum(
            row["value"] is not None for each in numbers["occlusions"] for row in each["corner_permutation"]
        )
        found = [each for model in numbers["performance"] for each in model["findings"]]
        close = [row for each in found for row in each["estimates"]]
        of_use = [row for row in close if row["metric"].partition("@")[0] in AT_THRESHOLD]
        closely = sum(row["value"] is not None for row in (*close, *of_use))
        rest = len(numbers["differences"]) + len(numbers["baselines"])
        assert len(cells) == shown + hidden + closely + rest
        for value, rest in cells:
            assert re.fullmatch(r"[+−]?\d+\.\d+", value)  # noqa: RUF001
            assert re.search(r'<span class="interval">\[−?\d+\.\d+, −?\d+\.\d+\]</span>', rest)  # noqa: RUF001


def test_the_numbers_on_the_page_are_those_of_the_study(finished):
    page = Page(render(finished))
    for row in read_numbers(finished)["estimates"]:
        if row["metric"] == "accuracy":
            written = f"{100 * row['value']:.1f} [{100 * row['low']:.1f}, {100 * row['high']:.1f}]"
            assert written in page.text
    assert page.text.count("inconclusive") + page.text.count("better") + page.text.count("worse") >= 20


def test_several_budgets_bring_curves_over_the_number_of_images(several):
    text = render(several)
    page = Page(text)
    assert "Learning curves: how many labelled images are needed" in page.text
    assert (
        "With 120 labelled images, the epoch was chosen on 24 images of 12 patients of these, set aside"
        in page.text
    )
    labels = [attributes["aria-label"] for tag, attributes in page.tags if "aria-label" in attributes]
    for start in (
        "Balanced accuracy, % on the target images",
        "Balanced accuracy, % on the source images",
        "ROC curves on the target images",
    ):
        assert any(label.startswith(start) for label in labels)
    trained = [model.cell for model in read_folder(several).models if model.epochs]
    assert sum(label.startswith("Loss and accuracy") for label in labels) == len(
        {(cell.strategy, cell.budget) for cell in trained}
    )


def test_average_precision_and_brier_stand_in_a_folded_table_beside_what_knows_nothing(finished):
    text = render(finished)
    folded = text[text.index("<summary>More metrics: Average precision, Brier score") :]
    folded = Page(folded[: folded.index("</details>")]).text
    for row in read_numbers(finished)["estimates"]:
        if METRICS[row["metric"]].shown == "folded table":
            assert f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]" in folded
    assert (
        "An uninformative model has an average precision of 0.500 on the target images and 0.500 on the "
        "source images" in folded
    )


def test_of_several_seeds_the_page_says_how_much_uncertainty_is_of_images_and_how_much_of_seeds(
    several,
):
    text = render(several)
    folded = text[text.index("<summary>Uncertainty: how much comes from the test set") :]
    folded = Page(folded[: folded.index("</details>")]).text
    for row in (*read_numbers(several)["estimates"], *read_numbers(several)["differences"]):
        if (
            METRICS[row["metric"]].shown == "table"
            and row.get("against", "none") == "none"
            and row["se_test_set"] is not None
        ):
            parts = row["se_test_set"], row["se_seeds"]
            images, seeds = (f"{p:.3f}" if row["metric"] == "auroc" else f"{100 * p:.1f}" for p in parts)
            assert f"{images} test set {seeds} seeds" in folded
    assert (
        "From 2 seeds, the part of the seeds is itself uncertain: between 0.4 and 31.9 times the number shown"
        in folded
    )


def test_of_one_seed_the_page_has_no_parts_of_uncertainty(finished, several):
    assert "Uncertainty: how much comes from the test set" not in render(finished)
    assert "Uncertainty: how much comes from the test set" in render(several)


def test_the_base_model_and_the_best_stand_with_what_chose_their_threshold(several):
    text = render(several)
    page = Page(text)
    numbers = read_numbers(several)
    assert [(row["strategy"], row["budget"]) for row in numbers["performance"]] == [
        ("none", 0),
        *((row["strategy"], row["budget"]) for row in numbers["best"]),
    ]
    for row in numbers["performance"]:
        (found,) = row["findings"]
        at = found["threshold"]
        assert (
            f"An image is predicted positive (PNEUMONIA) from {at['value']:.3g} on: {at['chosen_on']}."
            in page.text
        )
        assert wording.model(row["strategy"], row["budget"]) in page.text.replace("The base", "the base")
    assert "of the source validation images (no labelled target image was set aside)" in page.text
    curves = [label for tag, a in page.tags if tag == "svg" and (label := a.get("aria-label", ""))]
    for start in ("Share of images with the finding against", "Decision curve: net benefit by"):
        assert sum(label.startswith(start) for label in curves) == len(numbers["performance"])
    assert page.open == []


def test_wherever_the_page_speaks_of_the_best_it_means_the_one_that_is_named_at_its_top(several):
    raw = json.loads((several / "study.json").read_text())
    best = raw["the_best"]
    study = read_folder(several)
    best_row = best_difference(study)
    assert (best_row.strategy, best_row.budget) == (best["strategy"], best["budget"])
    name = wording.model(best["strategy"], best["budget"])
    text = Page(render(several)).text
    assert f"Below, “the best” is {name}: " in text
    assert f"Occlusion: scores with parts of every image hidden the best ({name}), target images" in text
    assert {(image.strategy, image.budget) for image in study.images["worst"]} == {
        (best_row.strategy, best_row.budget)
    }
    assert f"Target test images on which the best ({name}) was wrong and most confident" in text
    assert all(image.explained == image.predicted for image in study.images["worst"])
    assert render(several).count("with a map of what speaks for") == len(study.images["worst"]) > 0
    (hidden,) = [row for row in raw["occlusions"] if row["domain"] == "target"]
    assert (hidden["strategy"], hidden["budget"]) == (best_row.strategy, best_row.budget)
    assert set(re.findall(r"[Tt]he best \((.*?)\)", text)) == {name}


def gains(strategies: dict[tuple[str, int], float], p: float) -> tuple[Difference, ...]:
    return tuple(
        Difference(
            name,
            "none",
            budget,
            "target",
            "balanced-accuracy",
            Estimate(gain, gain / 2, 1.5 * gain, 40, 20),
            Adjusted(p, gain / 2, 1.5 * gain, 0.1),
        )
        for (name, budget), gain in strategies.items()
    )


def test_what_was_recovered_is_said_of_the_best_even_where_that_needs_no_labels(several):
    study = read_folder(several)
    strategies = {("tent", 0): 0.2, ("head", 120): 0.1}
    rows = tuple(
        Recovered(name, budget, "balanced-accuracy", share, share - 0.1, share + 0.1)
        for (name, budget), share in zip(strategies, (0.6, 0.3), strict=True)
    )
    better = replace(study, differences=gains(strategies, 0.01), recovered=rows)
    sentence = "The best (tent) recovered 60 % [50 to 70] of the drop in balanced accuracy under the shift."
    assert recovered(better) == sentence
    assert "the largest gain in balanced accuracy" in best_named(better)
    inconclusive = replace(study, differences=gains(strategies, 0.5))
    assert "nothing was shown to help" in best_named(inconclusive)
    assert best_named(replace(study, differences=())) == ""


def test_what_is_seen_stands_below_its_name_and_has_room_at_a_phones_width(finished):
    text = render(finished)
    assert '<th scope="row" class="seen">border<small>the outer 2 of 16 pixels</small></th>' in text
    assert ">centre only<small>the outer 2 of 16 pixels hidden</small></th>" in text
    assert ".seen { min-width: 150px; }" in text
    hidden = text[text.index("Occlusion: scores with parts of every image hidden") :]
    assert re.findall(r"<th [^>]*>(.*?)</th>", hidden[: hidden.index("</thead>")]) == [
        "Visible",
        "AUROC",
        "change",
        "Accuracy, %",
        "change",
    ]


def test_a_difference_that_is_not_told_says_so_and_why(finished, several):
    study = read_folder(finished)
    cheap = [row for row in study.differences if row.against in NO_RETRAINING]
    text = Page(render(finished)).text
    assert cheap
    assert text.count(" not compared ") == 2 * len(cheap)  # by accuracy and by AUROC
    assert f"compared with {cheap[0].against}, the best strategy at each budget that trains nothing." in text
    assert "by balanced accuracy on the target images only" in text
    assert "not compared" not in Page(render(several)).text  # where nothing cheap was tried


def test_what_needs_no_labels_is_drawn_among_the_curves(several, tmp_path):
    shutil.copytree(several, tmp_path / "study")
    for seed in (0, 1):
        cells = tmp_path / "study" / "cells"
        shutil.copytree(cells / f"none-s{seed}", cells / f"norm-refresh-s{seed}")
    study = read_folder(tmp_path / "study")
    free = tuple(
        replace(row, strategy="norm-refresh", budget=0) for row in study.scores if row.strategy == "none"
    )
    plan = replace(study.plan, strategies=("none", "norm-refresh", "scratch", "head"))
    base = [model for model in study.models if model.cell.is_base]
    unlabelled = [replace(model, cell=replace(model.cell, strategy="norm-refresh")) for model in base]
    with_free = replace(study, scores=(*study.scores, *free), plan=plan, models=(*study.models, *unlabelled))
    assert figure_data.drawn_by_images(with_free) == ["none", "norm-refresh", "scratch", "head"]
    for before, after in zip(
        figure_data.learning_curves(study), figure_data.learning_curves(with_free), strict=True
    ):
        assert "var(--series-4)" in after.drawing
        assert "var(--series-4)" not in before.drawing
    for square in figure_data.rocs(with_free):
        assert "norm-refresh" in square.drawing
        assert "var(--series-4)" in square.drawing


def test_the_legend_of_the_learning_curves_names_no_more_than_is_drawn(several):
    study = read_folder(several)
    of_none = [row for row in study.scores if (row.strategy, row.metric) == ("none", "balanced-accuracy")]
    (template,) = [row for row in of_none if row.domain == "target"]
    names = tuple(name for name in STRATEGIES if name != "none")[:9]
    rows = tuple(
        replace(template, strategy=name, estimate=replace(template.estimate, value=number / 10))
        for number, name in enumerate(names)
    )
    plan = replace(study.plan, strategies=("none", *names))
    many = replace(study, scores=(template, *rows), plan=plan)
    assert figure_data.drawn_by_images(many) == ["none", *names[2:]]


def test_a_threshold_that_does_badly_on_the_target_images_is_warned_of_where_it_stands_and_at_the_top(
    several, tmp_path
):
    def worsen(study, _):
        for place, model in enumerate(study["performance"]):
            (found,) = model["findings"]
            found["threshold"].pop("reached", None)
            rows = {row["metric"]: row for row in found["estimates"]}
            rows["balanced-accuracy"].update(value=0.8, low=0.7, high=0.9)
            if place == 0:
                rows["sensitivity"].update(value=0.038, low=0.021, high=0.069)
                there = {**rows["sensitivity"], "value": 0.9, "low": 0.8, "high": 0.95}
                found["threshold"]["reached"] = {"sensitivity": there}
                rows["balanced-accuracy"].update(value=0.519, low=0.508, high=0.533)

    folder = damaged(several, tmp_path, worsen)
    text = render(folder)
    page = Page(text)
    assert (
        "Questionable threshold. Do not rely on the threshold of the base model. "
        "See “Thresholds and calibration” for the performance at this threshold on the target images."
        in page.text
    )
    use = Page(text[text.index('<section id="thresholds">') : text.index('<section id="training">')]).text
    assert (
        " the sensitivity is 3.8 % [2.1, 6.9], down from 90.0 % [80.0, 95.0] on the images that it was "
        "chosen on and the balanced accuracy is 51.9 % [50.8, 53.3], not shown to be more than 5 points "
        "above chance (50 %)"
    ) in use
    assert use.count("Questionable threshold.") == 1
    assert text.count('<span class="questionable">questionable</span>') == 1
    assert "Questionable threshold. The base model" in study_facts(read_folder(folder))["limits"]


def test_a_shifted_image_stands_under_its_original(finished):
    text = render(finished)
    images = np.load(finished / "images.npz")
    at = [text.index(image_address(images[name][0])) for name in ("source", "target")]
    between = text[slice(*at)]
    assert between.count("<img") == 1
    assert "caption" not in between


def test_more_than_two_classes_have_no_finding_and_no_roc_curve(hardware, tmp_path):
    made = make_dataset()
    splits = {
        name: replace(images, classes=("A", "B", "C"), labels=np.arange(len(images)) // 2 % 3)
        for name, images in made.splits.items()
    }
    page = Page(
        render(
            study_of(Dataset(splits, made.origin), tmp_path / "out", hardware, strategies=("none", "head"))
        )
    )
    assert "Balanced accuracy, %" in page.text
    assert "Sensitivity" not in page.text
    assert "ROC curves" not in page.text
    assert "An image is given its most probable class." in page.text


def test_a_study_of_nothing_but_no_adaptation_is_still_a_page(dataset, hardware, tmp_path):
    page = Page(render(study_of(dataset, tmp_path / "out", hardware, strategies=("none",))))
    assert "Nothing was compared" in page.text
    assert "What adapting bought" not in page.text
    assert page.open == []


def test_a_single_run_is_drawn_with_the_records_it_has(finished, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished / "cells" / "linear-probe-8-s0", run)
    (run / "scores.json").unlink(missing_ok=True)
    page = Page(render(run))
    assert "run report" in page.text
    assert "8 images of 4 patients" in page.text
    assert "Scores" not in page.text
    assert "ROC curves" in page.text
    rows = [row for row in read_numbers(finished)["estimates"] if row["strategy"] == "linear-probe"]
    write_document(run / "scores.json", {"estimates": rows})
    page = Page(render(run))
    assert "Target images: 40 images of 20 patients" in page.text
    assert read_numbers(run)["estimates"] == rows
    (run / "history.csv").unlink()
    shutil.rmtree(run / "predictions")
    page = Page(render(run))
    assert "Training" not in page.text
    assert page.open == []


def test_the_report_is_written_whole_beside_the_study(finished, tmp_path):
    folder = tmp_path / "study"
    shutil.copytree(finished, folder)
    before = {path.name for path in folder.iterdir()}
    path = write_report(folder)
    assert path == folder / "report.html"
    assert path.read_text(encoding="utf-8") == render(finished)
    assert {path.name for path in folder.iterdir()} - before == {"report.html"}


def test_numbers_alone_need_neither_torch_nor_matplotlib(finished):
    program = (
        "import sys; from pathlib import Path; from radapt.report.json_summary import read_numbers;"
        f"read_numbers(Path({str(finished)!r}));"
        "print(*(name for name in ('torch', 'matplotlib', 'pandas', 'sklearn') if name in sys.modules))"
    )
    process = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert process.stdout.split() == []


def test_a_folder_that_is_not_ours_is_refused(tmp_path):
    with pytest.raises(WrongFolder, match="There is no folder"):
        render(tmp_path / "nowhere")
    (tmp_path / "letter.txt").write_text("Dear reader")
    for ask in (render, write_report):
        with pytest.raises(WrongFolder, match=r"holds neither a study nor a run: it has no study\.json"):
            ask(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_a_study_that_is_not_finished_says_how_to_go_on(tmp_path):
    write_json(tmp_path / "plan.json", {})
    with pytest.raises(BadArtefact, match="not finished.*goes on from there"):
        render(tmp_path)


def damaged(folder, tmp_path, change):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    study = json.loads((copy / "study.json").read_text())
    change(study, copy)
    write_json(copy / "study.json", study)
    return copy


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda study, _: study.update(schema=1), "has schema 1, and this version of radapt reads schema 2"),
        (lambda study, _: study.pop("estimates"), "it lacks 'estimates'"),
        (lambda study, _: study["plan"].pop("seeds"), "it lacks 'seeds'"),
        (lambda study, _: study.update(roles={}), "it lacks 'source train'"),
        (lambda study, _: study.update(budgets=[]), "it holds no scores, or not the budgets of its plan"),
        (lambda study, _: study.update(estimates={}), "it holds no scores, or not the budgets of its plan"),
        (lambda study, _: study["estimates"][0].pop("low"), "an estimate lacks 'low'"),
        (lambda study, _: study["estimates"][0].update(low="0.5"), "an estimate's 'low' is not '0.5'"),
        (lambda study, _: study["performance"][0]["findings"][0].pop("threshold"), "it lacks 'threshold'"),
        (lambda study, _: study["occlusions"][0].pop("occlusion"), "it lacks 'occlusion'"),
        (lambda study, _: study["cells"][0].update(name="../elsewhere"), "is not the name of a cell"),
        (lambda study, _: study["images"]["source"].pop(), "damaged"),
        (lambda _, folder: (folder / "images.npz").write_bytes(b"PK no"), "could not be read as images"),
        (lambda _, folder: (folder / "images.npz").unlink(), "images.npz is missing"),
        (lambda _, folder: (folder / "cells/none-s0/history.csv").unlink(), "history of training"),
        (lambda _, folder: shutil.rmtree(folder / "cells/none-s0/predictions"), "parquet"),
    ],
)
def test_a_damaged_study_is_refused_in_one_sentence(finished, tmp_path, change, words):
    with pytest.raises(BadArtefact, match=re.escape(words)):
        render(damaged(finished, tmp_path, change))


def test_numbers_are_written_with_their_interval_and_a_difference_with_its_side():
    assert wording.number("accuracy", Estimate(0.934, 0.9121, 1.0, 9, 9)) == wording.Number(
        "93.4", "[91.2, 100.0]"
    )
    assert wording.number("auroc", Estimate(0.9874, 0.981, 0.992, 9, 9)) == wording.Number(
        "0.987", "[0.981, 0.992]"
    )
    assert wording.change("accuracy", Estimate(0.061, 0.02, 0.104, 9, 9)) == wording.Number(
        "+6.1", "[2.0, 10.4]"
    )
    tiny = wording.change("auroc", Estimate(-0.003, -0.004, -0.0002, 9, 9))
    assert tiny == wording.Number("−0.003", "[−0.004, −0.000]")  # noqa: RUF001
    same = wording.change("accuracy", Estimate(0.0, 0.0, 0.0, 9, 9))
    assert same == wording.Number("0.0", "[0.0, 0.0]")
    undefined = wording.number("auroc", Estimate(math.nan, math.nan, math.nan, 0, 0))
    assert undefined == wording.Number("not defined", "")


def test_durations_and_counts_read_as_they_are_said():
    assert [wording.duration(seconds) for seconds in (0.04, 59.4, 185, 7800)] == [
        "0.0 s",
        "59 s",
        "3 min 5 s",
        "2 h 10 min",
    ]
    assert [wording.counted(number, "image") for number in (0, 1, 1200)] == [
        "0 images",
        "1 image",
        "1,200 images",
    ]
