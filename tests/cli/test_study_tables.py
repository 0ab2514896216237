"""What a study prints when it is done."""

import pytest

from radapt.cli.study_tables import _print_scores
from radapt.report.folder import read_study


@pytest.mark.parametrize(
    ("names", "heads"),
    [
        (
            ("chest_xray_of_2023_digital", "chest_xray_of_2023_portable"),
            ("chest_xray_...rtable", "chest_xray_...igital"),
        ),
        (("chest_xray_of_ward_7_of_children", "chest_xray_of_ward_8_of_children"), ("target", "source")),
        (("here", "there"), ("there", "here")),
    ],
)
def test_the_columns_of_two_data_sets_have_two_heads(studied, capsys, names, heads):
    _print_scores(read_study(studied), names)
    (head,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("strategy")]
    assert tuple(head.split()[2:4]) == heads
