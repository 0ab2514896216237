"""The table of characteristics shows counts, percents, means and what is missing."""

from dataclasses import replace

import numpy as np
from samples import make_images

from radapt.images.characteristics import characteristics
from radapt.report.characteristics import characteristics_table


def test_the_table_has_a_column_for_each_group_and_one_of_differences():
    one = make_images(4)
    one = replace(
        one, columns={"age": np.array(["40", "40", "60", "60"]), "sex": np.array(["F", "F", "", ""])}
    )
    two = replace(one, columns={"age": np.array(["70", "70", "80", "80"])})
    table = characteristics_table(characteristics({"source": one, "target": two}, ["source"], ["target"]))
    assert table.head == ("", "source", "target", "difference")
    assert table.rows == (
        ("images", "4", "4", ""),
        ("patients", "2", "2", ""),
        ("prevalence of PNEUMONIA", "2 (50.0 %)", "2 (50.0 %)", "+0.00"),
        ("age in years, mean (SD)", "50.0 (14.1)", "75.0 (7.1)", "+2.24"),
        ("sex F", "1 (100.0 %)", "-", "-"),
        ("sex not known", "1", "2", ""),
    )
    assert table.compared == "Differences are of target less source."


def test_without_groups_there_is_no_table_and_without_sides_no_differences():
    assert characteristics_table(None) is None
    assert characteristics_table(characteristics({})) is None
    table = characteristics_table(characteristics({"all": make_images(4)}))
    assert (table.head, table.compared) == (("", "all"), "")
