"""A real browser that looks at pages as a person does, and axe's checks of what it sees.

The fixture `browser` (conftest.py) starts one for a module of tests, and skips where there is none. It is not
kept for longer: while it runs, its thread has an event loop, in which no other can be started.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

DESKTOP, PHONE = 1280, 390  # widths in pixels
QUIET = (
    *("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
AXE = Axe()
# Every control that can be seen, how one is called, and which of them got the focus or got it without a mark.
SCRIPT = """
window.controls = () => [...document.querySelectorAll(
  "a[href], button, summary, input:not([type=hidden]), select, textarea, [tabindex='0']"
)].filter((each) => !each.disabled && each.checkVisibility({ visibilityProperty: true }));
window.called = (each) => each.tagName.toLowerCase() + " "
  + (each.getAttribute("aria-label") || each.textContent || each.name || "").trim().slice(0, 40);
window.reached = new Set();
window.unmarked = [];
document.addEventListener("focusin", ({ target }) => {
  const style = getComputedStyle(target);
  const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  window.reached.add(target);
  if (!outlined && style.boxShadow === "none") window.unmarked.push(window.called(target));
});
"""


@contextmanager
def start_browser(executable: str) -> Iterator[Browser]:
    """Start a browser that is on this machine; it ends with the block."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(QUIET))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visit(browser: Browser, address: str, *, width: int = DESKTOP) -> Iterator[Page]:
    """Open a page in a window of its own, `width` pixels wide, in light colours."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme="light")
    try:
        page = context.new_page()
        page.goto(address)
        yield page
    finally:
        context.close()


def assert_accessible(page: Page) -> None:
    """Neither in light nor in dark has the page a serious or critical fault, nor has it written an error."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        faults = [
            f"{fault['id']} in {scheme}: {node['html'][:160]} ({node['failureSummary'][:200]})"
            for fault in AXE.run(page).response["violations"]
            if fault["impact"] in ("serious", "critical")
            for node in fault["nodes"]
        ]
        assert not faults, "\n".join(faults[:20])
    page.emulate_media(color_scheme="light")
    errors = [each.text for each in page.console_messages() if each.type == "error"] + page.page_errors()
    assert not errors, errors


def assert_fits(page: Page, width: int = PHONE) -> None:
    """In a window of this width the page is not wider than it."""
    size = page.viewport_size
    page.set_viewport_size({"width": width, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= width, "the page scrolls sideways"
    page.set_viewport_size(size)


def assert_keyboard_reaches_controls(page: Page) -> None:
    """Tabulators lead to every control that can be seen, and what has the focus is marked."""
    page.evaluate(SCRIPT)
    controls = page.evaluate("window.controls().length")
    assert controls, "the page has no control"
    for _ in range(controls + 2):
        page.keyboard.press("Tab")
    missed = page.evaluate("window.controls().filter((each) => !window.reached.has(each)).map(window.called)")
    assert not missed, f"no tabulator leads to {missed[:10]}"
    unmarked = page.evaluate("window.unmarked")
    assert not unmarked, f"nothing marks the focus of {unmarked[:10]}"
