"""The documentation builds as a site without a warning, is whole, and loads nothing from elsewhere."""

import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from documented import PAGES, ROOT

from radapt.metrics.table import METRICS

REFERENCE = runpy.run_path(str(ROOT / "scripts" / "reference.py"))
CONFIG = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]
LOADED = re.compile(r"<(?:script|img|link|iframe|source)\b[^>]*?\b(?:src|href)=\"((?:https?:)?//[^\"]*)\"")
TERMS = """Base model; Budget; Held-out; Learning curve; Pre-registration; Scratch; Seed; Severity; Shift;
Source; Strategy; Target; Calibration; Decision curve; Forgetting; Net benefit; NPV; PPV;
Prevalence; ROC curve; Threshold; Bootstrap; Detectable difference; Inconclusive; Interval; 
Non-inferiority margin; Out of fold; Corner permutation; Occlusion; Shortcut baseline; Fingerprint;
Provenance; Standardised difference; Stress test; Patient; Class; Head; Fold; Cross-validation; Augmentation;
Linear probe; Normalisation statistics; Recommendation; Reliability, resolution and uncertainty; Notice; Leak;
Uninformative model; Predicted positive; Temperature; Border; Thumbnail; Site; Loss; Score"""


def named(entries):
    """Yield the files of a navigation."""
    for entry in entries:
        for value in entry.values() if isinstance(entry, dict) else [entry]:
            if isinstance(value, str):
                yield value
            else:
                yield from named(value)


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """The documentation in a folder of its own, with its reference."""
    folder = tmp_path_factory.mktemp("site")
    for name in ("README.md", "zensical.toml"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "docs", folder / "docs", ignore=shutil.ignore_patterns("reference"))
    REFERENCE["write"](folder / "docs" / "reference")
    return folder


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("zensical")), "build", "--clean", "--strict"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_site_builds_without_a_warning_and_loads_nothing_from_elsewhere(copied):
    built = build(copied)
    assert built.returncode == 0, built.stderr
    pages = {path.relative_to(copied / "site"): path for path in (copied / "site").rglob("*.html")}
    assert len(pages) == len(list(named(CONFIG["nav"]))) + 1  # 404.html
    for name, path in pages.items():
        page = path.read_text(encoding="utf-8")
        assert not LOADED.findall(page), name
        assert "8<--" not in page, name


def test_a_broken_link_fails_the_build(copied, tmp_path):
    broken = shutil.copytree(copied, tmp_path / "broken")
    with (broken / "docs" / "drift.md").open("a") as page:
        page.write("\n[no such page](nothing.md) and [no such place](data.md#nowhere)\n")
    built = build(broken)
    assert built.returncode != 0
    assert "2 issues found" in built.stdout + built.stderr


def test_every_page_is_in_the_navigation_once(copied):
    pages = {path.relative_to(copied / "docs").as_posix() for path in (copied / "docs").rglob("*.md")}
    assert sorted(named(CONFIG["nav"])) == sorted(pages)


@pytest.mark.parametrize("name", PAGES)
def test_every_file_that_a_page_links_is_there(name, copied):
    page = copied / ("README.md" if name == "README.md" else f"docs/{name}")
    for link in re.findall(r"\]\(([^)\s#]+)", page.read_text(encoding="utf-8")):
        if "://" not in link and not link.endswith(("CONTRIBUTING.md", "CHANGELOG.md")):
            assert (page.parent / link).exists(), link


def test_the_readme_is_short():
    assert len(PAGES["README.md"].read_text(encoding="utf-8").splitlines()) <= 120


def test_the_glossary_has_every_metric_and_term_of_a_report():
    page = PAGES["glossary.md"].read_text(encoding="utf-8")
    terms = re.findall(r"(?m)^### (.+)$", page)
    assert len(set(terms)) == len(terms)
    wanted = {metric.title for metric in METRICS.values()} | {
        " ".join(term.split()) for term in TERMS.split(";")
    }
    assert wanted <= set(terms)


def test_the_reference_has_every_option_and_every_public_name():
    line, names = REFERENCE["command_line"](), REFERENCE["python"]()
    for words in (
        "## radapt study",
        "`--budget <str>`",
        "## radapt data describe",
        "## radapt protocol init",
    ):
        assert words in line
    for words in ("## ImageSet", "- `path`: ", "**Raises**", "size: int | None = None,"):
        assert words in names
