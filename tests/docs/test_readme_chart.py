"""The chart of the README shows the numbers that are committed beside it, and the findings have them too."""

import importlib.util
import json

from documented import ROOT

spec = importlib.util.spec_from_file_location("readme_chart", ROOT / "scripts" / "readme_chart.py")
chart = importlib.util.module_from_spec(spec)
spec.loader.exec_module(chart)
NUMBERS = json.loads(chart.NUMBERS.read_text(encoding="utf-8"))


def test_the_chart_is_drawn_from_the_committed_numbers():
    assert chart.CHART.read_text(encoding="utf-8") == chart.draw(NUMBERS["rows"])


def test_the_findings_hold_every_number_and_command_of_the_chart():
    findings = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8").replace(" \\\n       ", "")
    for row in NUMBERS["rows"]:
        assert f"{row['auroc']:.3f} [{row['low']:.3f}, {row['high']:.3f}]" in findings, row
    for command in NUMBERS["commands"].values():
        assert command in findings
