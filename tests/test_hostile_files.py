"""Files of TOML and JSON that say other things than they should are told in a sentence."""

import json

import pytest

from radapt.errors import AskedWrongly, RadaptError
from radapt.files import check_kinds, read_toml
from radapt.models.checkpoint import load_classifier, save_classifier
from radapt.models.classifier import Spec
from radapt.models.table import build, new_spec
from radapt.shift.expression import MAX_TERMS, parse_shift, read_shift
from radapt.study.protocol import Protocol, read_protocol, write_protocol

WRONG = {
    "null": None,
    "true": True,
    "minus": -1,
    "a large number": 10**400,
    "a large float": 1e308,
    "not a number": float("nan"),
    "a text": "\x1b[2Jnonsense",
    "no text": "",
    "a list": [],
    "lists": [[[]]],
    "a table": {},
    "tables": {"a": {"b": None}},
}
TOML = {
    name: text
    for name, text in {
        "true": "true",
        "minus": "-1",
        "a large number": "1" * 400,
        "digits without end": "1" * 5000,
        "a large float": "1e308",
        "infinity": "inf",
        "not a number": "nan",
        "a text": '"nonsense"',
        "no text": '""',
        "a list": "[]",
        "lists": "[[[]]]",
        "nested": "[" * 20_000 + "]" * 20_000,
        "a table": "{}",
        "a date": "2026-01-31",
        "a time": "07:32:00",
    }.items()
}
PROTOCOL = Protocol(
    created="2026-01-31",
    source="a",
    source_fingerprint="0",
    model="compact",
    strategies=("none", "head"),
    strategy="head",
    budget="16",
    metric="auroc",
    shift="noise(3)",
)


def told(error: RadaptError) -> None:
    assert "\n" not in str(error)
    assert len(str(error)) <= 2000


@pytest.mark.parametrize("value", TOML.values(), ids=TOML)
@pytest.mark.parametrize("name", [*PROTOCOL.as_dict(), "strange"])
def test_a_protocol_with_a_wrong_line_is_refused_or_read(name, value, tmp_path):
    path = tmp_path / "protocol.toml"
    write_protocol(path, PROTOCOL)
    lines = [line for line in path.read_text().splitlines() if not line.startswith(f"{name} =")]
    path.write_text("\n".join([*lines, f"{name} = {value}"]))
    try:
        read_protocol(path)
    except AskedWrongly as error:
        told(error)
    else:
        assert name in ("source", "source_fingerprint", "superiority_margin", "seed", "created", "budget")


@pytest.mark.parametrize("value", TOML.values(), ids=TOML)
@pytest.mark.parametrize("line", ["shift = {}", "steps = {}", "about = {}", "[[steps]]\nname = {}"])
def test_a_shift_with_a_wrong_line_is_refused(line, value, tmp_path):
    path = tmp_path / "shift.toml"
    path.write_text(line.format(value))
    with pytest.raises(AskedWrongly) as refused:
        read_shift(path)
    told(refused.value)


@pytest.mark.parametrize("value", TOML.values(), ids=TOML)
@pytest.mark.parametrize("option", ["sigma", "severity", "strange"])
def test_a_step_with_a_wrong_option_is_refused(option, value, tmp_path):
    path = tmp_path / "shift.toml"
    path.write_text(f'[[steps]]\nname = "noise"\n{option} = {value}')
    with pytest.raises(AskedWrongly) as refused:
        read_shift(path)
    told(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        " + ".join(["rotation(1)"] * (MAX_TERMS + 1)),
        " + ".join(["rotation(1)"] * 100_000),
        "+" * 100_000,
        "(" * 100_000,
        "a" * 100_000,
        "noise@" + "9" * 5000,
        "noise(" + "9" * 400 + ")",
        "noise(1e999)",
        "noise(nan)",
        "noise(sigma=" * 500,
    ],
    ids=lambda text: text[:12],
)
def test_a_shift_without_end_is_refused_at_once(text):
    with pytest.raises(AskedWrongly) as refused:
        parse_shift(text)
    told(refused.value)


def test_as_many_terms_as_may_be_are_a_shift(tmp_path):
    assert len(parse_shift(" + ".join(["rotation(1)"] * MAX_TERMS)).corruptions) == MAX_TERMS
    (tmp_path / "s.toml").write_text('[[steps]]\nname = "noise"\n' * (MAX_TERMS + 1))
    with pytest.raises(AskedWrongly, match="50 terms at most, one after another. Got 51"):
        read_shift(tmp_path / "s.toml")


def test_what_lies_in_place_of_toml_is_told(tmp_path):
    with pytest.raises(AskedWrongly, match="is not a file"):
        read_toml(tmp_path)
    (tmp_path / "x.toml").write_bytes(b"\xff")
    with pytest.raises(AskedWrongly, match="could not be read as TOML"):
        read_toml(tmp_path / "x.toml")


@pytest.mark.parametrize("name", [*new_spec("compact", ("a", "b"), size=16).as_dict(), "strange"])
def test_a_classifier_with_a_wrong_line_is_refused(name, tmp_path):
    spec = new_spec("compact", ("a", "b"), size=16)
    save_classifier(build(spec), tmp_path)
    about = json.loads((tmp_path / "classifier.json").read_text())
    for kind, value in WRONG.items():
        if (kind == "true" and name == "trim") or (kind in ("minus", "a large float") and name == "mean"):
            continue
        if (kind, name) in (
            ("a large float", "std"),
            ("no text", "encoder"),
            ("no text", "gives"),
            ("a list", "file_outputs"),
        ):
            continue
        (tmp_path / "classifier.json").write_text(json.dumps({**about, name: value}))
        with pytest.raises(RadaptError) as refused:
            load_classifier(tmp_path)
        told(refused.value)


def test_kinds_are_those_that_are_declared():
    spec = new_spec("compact", ("a", "b"), size=16)
    check_kinds(spec)
    for wrong in ({"size": 1.5}, {"size": True}, {"classes": ("a", 1)}, {"trim": 0}, {"mean": "0"}):
        with pytest.raises(TypeError, match=next(iter(wrong))):
            check_kinds(Spec(**{**spec.as_dict(), **wrong}))
