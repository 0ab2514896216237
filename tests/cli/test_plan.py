"""The command plan."""

import pytest


def test_a_plan_from_assumptions_is_a_short_table(radapt):
    words = ["--score", 0.8, "--prevalence", 0.3, "--points", "5,10", "--patients", "100,400"]
    code, out, _ = radapt("plan", *words)
    assert code == 0
    assert "Power to show a difference in balanced accuracy:" in out
    head, *rows = out.split("\n\n")[1].splitlines()[1:]
    assert head.split() == ["points", "100", "patients", "400", "patients", "80", "%", "power", "takes"]
    assert [line.split()[0] for line in rows] == ["5", "10"]
    assert "images)" in rows[0]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Give a finished study (--pilot), or what to assume: --score and --prevalence."),
        (["--score", 0.8], "--score and --prevalence"),
        (["--pilot", "here", "--score", 0.8], "The pilot study gives the value of --score"),
        (["--points", "five", "--score", 0.8, "--prevalence", 0.3], "Got 'five'"),
        (["--patients", "few", "--score", 0.8, "--prevalence", 0.3], "Got 'few'"),
        (["--metric", "acuracy", "--score", 0.8, "--prevalence", 0.3], "Did you mean 'accuracy'"),
    ],
)
def test_a_plan_refuses_what_it_cannot_use(words, said, radapt):
    code, _, err = radapt("plan", *words)
    assert code == 2
    assert said in err
    assert len(err.splitlines()) == 1
