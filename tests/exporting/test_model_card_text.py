"""A card in Markdown cuts what is long, and takes nothing for markup."""

from radapt.exporting import model_card_text


def test_a_long_table_is_cut_and_says_so():
    text = model_card_text._table(["a"], [[number] for number in range(43)])
    assert text.count("\n| ") == 1 + 40
    assert text.endswith("3 further rows in the JSON.")


def test_names_are_no_markup():
    assert model_card_text._plain("<b> a|b\n& c") == "&lt;b> a\\|b &amp; c"
