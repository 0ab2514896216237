import pytest
from pydicom.sr import _concepts_dict as standard

from radapt.pacs import codes
from radapt.pacs.codes import FINDINGS, SCHEME, code_of_class, concept, meaning

CODES = {
    each for each in (*vars(codes).values(), *FINDINGS.values()) if isinstance(each, tuple) and len(each) == 3
}
UNKNOWN = {  # to pydicom, which has the tables of PS3.16: these are SNOMED CT's own, and radapt's
    *{"Pulmonary tuberculosis", "Pneumonia", "Plain chest X-ray", "Atelectasis", "Fibrosis of lung"},
    *{"COVID-19", "Pulmonary emphysema", "Lung consolidation"},
    *{"Decision of the model", "Research report, not for clinical use"},
}
SYNONYMS = {"Chest": {"thorax"}}


@pytest.mark.parametrize("code", sorted(CODES))
def test_the_codes_of_the_standard_mean_what_it_says(code):
    value, scheme, words = code
    names = standard.concepts.get(scheme, {}).values()
    known = {each[value][0].lower() for each in names if value in each}
    assert known - SYNONYMS.get(words, set()) == (set() if words in UNKNOWN else {words.lower()})
    assert len(value) <= 16
    assert len(words) <= 64


def test_a_class_has_the_code_of_its_finding_however_it_is_written():
    assert code_of_class("PNEUMONIA") == ("233604007", "SCT", "Pneumonia")
    assert code_of_class("Pleural_Effusion") == code_of_class("effusion") == FINDINGS["effusion"]
    assert code_of_class("covid-19")[2] == "COVID-19"


def test_another_class_has_a_code_of_its_own_in_the_private_scheme():
    one, other = code_of_class("opacity, left"), code_of_class("opacity, right")
    assert (one[1], one[2]) == (SCHEME, "opacity, left")
    assert one[0] != other[0]
    assert concept(one).value == one[0]
    assert code_of_class("Cardiomegaly")[1:] == (SCHEME, "Cardiomegaly")
    assert code_of_class("Lungenentzündung")[2] == "Lungenentzündung"


def test_a_meaning_has_64_letters_and_no_backslash():
    assert meaning("a\\b") == "a/b"
    assert len(meaning("long " * 50)) == 64
