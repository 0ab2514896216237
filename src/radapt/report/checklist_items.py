"""The items of the reporting guidelines, from `checklist_items.toml`."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a guideline."""

    number: str
    section: str
    asks: str  # what it asks for, paraphrased
    facts: tuple[str, ...]  # names of facts that answer it, see `radapt.report.checklist_facts`
    remains: str  # what these facts leave to the authors; "" where they are enough


@dataclass(frozen=True, slots=True)
class Guideline:
    """A reporting guideline."""

    name: str
    source: str  # the papers
    items: tuple[Item, ...]


@cache
def guidelines() -> tuple[Guideline, ...]:
    """Return TRIPOD+AI and CLAIM with all their items."""
    text = files("radapt.report").joinpath("checklist_items.toml").read_text(encoding="utf-8")
    return tuple(
        Guideline(
            guideline["name"],
            guideline["source"],
            tuple(
                Item(
                    item["number"],
                    item["section"],
                    item["asks"],
                    tuple(item.get("facts", ())),
                    item.get("remains", ""),
                )
                for item in guideline["items"]
            ),
        )
        for guideline in tomllib.loads(text)["guidelines"]
    )
