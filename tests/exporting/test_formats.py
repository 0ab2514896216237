"""Every format has a suffix of its own, and what it writes can be run."""

from radapt.exporting.formats import FORMATS


def test_formats_are_known_by_their_suffixes():
    assert len({each.suffix for each in FORMATS.values()}) == len(FORMATS)
    assert [name for name, each in FORMATS.items() if not each.prepares] == ["keras"]
    assert all(each.about for each in FORMATS.values())
