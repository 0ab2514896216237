"""A reporting checklist filled from the records of a folder; what is not recorded is marked as open."""

from collections.abc import Mapping
from pathlib import Path

from radapt.files import write_text
from radapt.report.checklist_facts import run_facts, study_facts
from radapt.report.checklist_items import Guideline, Item, guidelines
from radapt.report.folder import Study, read_folder

CHECKLIST = "checklist.md"
OPEN = "OPEN:"


def checklist(folder: Path) -> str:
    """Fill the checklists of TRIPOD+AI and CLAIM with the facts of a finished study or run, as Markdown.

    Raises
    ------
    WrongFolder
        If there is no such folder, or it holds neither a study nor a run.
    BadArtefact
        If the study is not finished, or what the folder holds is damaged.
    """
    contents = read_folder(folder)
    facts = study_facts(contents) if isinstance(contents, Study) else run_facts(contents, folder)
    parts = [
        f"# Reporting checklist: {_plain(folder.resolve().name)}",
        "Filled by radapt with what this folder knows. What it does not know is marked "
        f"**{OPEN}** and is for the authors; nothing was guessed. Items are paraphrased: the guidelines' own "
        "wording decides.",
        *(_part(guideline, facts) for guideline in guidelines()),
    ]
    return "\n\n".join(parts) + "\n"


def write_checklist(folder: Path) -> Path:
    """Write the checklist of a finished study or run into its folder, as `checklist.md`; give its path.

    Raises
    ------
    WrongFolder
        If there is no such folder, or it holds neither a study nor a run.
    BadArtefact
        If the study is not finished, or what the folder holds is damaged.
    RadaptError
        If it cannot be written.
    """
    path = folder / CHECKLIST
    write_text(path, checklist(folder))
    return path


def _part(guideline: Guideline, facts: Mapping[str, str]) -> str:
    answers = [(item, *_answer(item, facts)) for item in guideline.items]
    whole = sum(bool(known) and not left for _, known, left in answers)
    partly = sum(bool(known) and bool(left) for _, known, left in answers)
    left_open = len(answers) - whole - partly
    rows = [
        f"| {item.number} | {item.section} | {_plain(item.asks)} | {_cell(known, left)} |"
        for item, known, left in answers
    ]
    return "\n".join(
        [
            f"## {guideline.name} ({guideline.source})",
            "",
            f"Of {len(answers)} items {whole} are answered here, {partly} in part; {left_open} are open.",
            "",
            "| Item | Section | Asks for | This work |",
            "|---|---|---|---|",
            *rows,
        ]
    )


def _answer(item: Item, facts: Mapping[str, str]) -> tuple[str, str]:
    """Return the recorded answer, and what the authors have to add."""
    known = " ".join(filter(None, (facts.get(name, "") for name in item.facts)))
    return known, item.remains if known else item.asks


def _cell(known: str, left: str) -> str:
    parts = [_plain(known)] if known else []
    return " ".join([*parts, *([f"**{OPEN}** {_plain(left)}"] if left else [])])


def _plain(text: str) -> str:
    """Return text escaped for a cell of a Markdown table: one line, without markup."""
    text = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for mark in ("\\", "|", "*", "_", "`", "["):
        text = text.replace(mark, f"\\{mark}")
    return text
