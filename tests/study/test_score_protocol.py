"""The claim of a comparison of scores is written down, kept to, and tested as a study's is."""

from dataclasses import replace

import pytest
from outcomes import predicted

from radapt.errors import AskedWrongly, UnknownName
from radapt.stats.inference import difference
from radapt.study.claim import superiority
from radapt.study.model_comparison import Model, compare_models
from radapt.study.score_protocol import (
    ScoreProtocol,
    check_models,
    images_of,
    read_score_protocol,
    verdict_on_scores,
    write_score_protocol,
)

A, B = (
    Model(name, (predicted(right, seed=seed),), "") for name, right, seed in (("a", 0.7, 0), ("b", 0.9, 1))
)
CLAIM = ScoreProtocol(
    "2026-01-31", "a", "b", **images_of([A, B]), metric="auroc", claim="better", margin=0.05
)


def test_what_is_written_is_read_again_and_never_written_over(tmp_path):
    path = tmp_path / "claim.toml"
    write_score_protocol(path, CLAIM)
    assert read_score_protocol(path) == CLAIM
    assert replace(CLAIM, created="2026-02-01").digest == CLAIM.digest != replace(CLAIM, margin=0.1).digest
    with pytest.raises(AskedWrongly, match="is never overwritten"):
        write_score_protocol(path, CLAIM)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("margin = 0.05", 'margin = "wide"', "margin in .* is a number. Got 'wide'"),
        ("margin = 0.05", "", "lacks the key margin"),
        ("margin = 0.05", "margin = 1.5", r"0 or more and below 1 \(0.02 is 2 points\). Got 1.5"),
        ('metric = "auroc"', 'measure = "auroc"', "no key in .* called 'measure'"),
        ('claim = "better"', 'claim = "best"', "no claim called 'best'"),
        ("images_sha256", "images_digest", "no protocol of a comparison of scores"),
    ],
)
def test_a_damaged_protocol_is_refused_in_a_sentence(tmp_path, old, new, words):
    path = tmp_path / "claim.toml"
    write_score_protocol(path, CLAIM)
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(AskedWrongly, match=words):
        read_score_protocol(path)


def test_other_models_images_and_thresholds_are_refused():
    check_models(CLAIM, [A, B])
    with pytest.raises(AskedWrongly, match="which comes first. Got b, a"):
        check_models(CLAIM, [B, A])
    fewer = replace(B, runs=(B.runs[0].take(range(200)),))
    with pytest.raises(AskedWrongly, match="about 300 images; these models have 200 in common"):
        check_models(CLAIM, [A, fewer])
    third = Model("c", fewer.runs, "")
    check_models(CLAIM, [A, B, replace(third, runs=B.runs)])
    with pytest.raises(AskedWrongly, match="have 200 in common.* Leave out further models"):
        check_models(CLAIM, [A, B, third])
    with pytest.raises(AskedWrongly, match="thresholds of 0.5 and 0.5: leave --threshold out"):
        check_models(CLAIM, [A, replace(B, threshold=0.3)])
    with pytest.raises(UnknownName):
        replace(CLAIM, claim="equal")
    with pytest.raises(AskedWrongly, match="above 0 and below 1"):
        replace(CLAIM, claim="not-worse", margin=0)


@pytest.mark.parametrize(
    ("claim", "margin", "word"),
    [
        ("better", 0.05, "Accept"),
        ("better", 0.5, "Reject"),
        ("better", 0.2, "Inconclusive"),
        ("not-worse", 0.02, "Accept"),
    ],
)
def test_the_verdict_is_that_of_a_study_on_its_target_images(claim, margin, word):
    protocol = replace(CLAIM, claim=claim, margin=margin)
    verdict = verdict_on_scores(protocol, compare_models([A, B], "auroc"))
    assert verdict.word == word
    assert verdict.reason.startswith("b against a: +20.0 points")
    if claim == "better":
        _, words = superiority("auroc", margin, difference("auroc", B.runs, A.runs))
        assert verdict.reason == f"b against a: {words}."


def test_what_is_claimed_worse_is_rejected():
    claim = replace(CLAIM, reference="b", model="a", claim="not-worse", margin=0.02)
    assert verdict_on_scores(claim, compare_models([B, A], "auroc")).word == "Reject"
