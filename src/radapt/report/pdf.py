"""A page as a PDF, printed by a browser that is on this machine."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from radapt.errors import RadaptError

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
PATIENCE = 120  # seconds to wait for the browser


def find_browser() -> str | None:
    """Return the path of a browser that prints to PDF; None if there is none."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def write_pdf(page: Path) -> Path:
    """Print an HTML page to a PDF beside it, of the same name; give its path.

    Folded sections are left out, as on the page.

    Raises
    ------
    RadaptError
        If there is no browser, or it prints nothing.
    """
    browser, pdf = find_browser(), page.with_suffix(".pdf")
    if browser is None:
        raise RadaptError(
            "A PDF is printed by Chromium or Chrome, and neither was found. Install one, or open "
            f"{page} in a browser and print it."
        )
    with tempfile.TemporaryDirectory() as profile:
        printed = Path(profile) / "page.pdf"
        command = [browser, "--headless", "--disable-gpu", "--no-first-run", "--no-pdf-header-footer"]
        command += ["--no-sandbox", f"--user-data-dir={profile}/profile", "--disable-background-networking"]
        command += [f"--print-to-pdf={printed}", page.absolute().as_uri()]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)
            content = printed.read_bytes()
        except (OSError, subprocess.SubprocessError) as error:
            raise RadaptError(f"{browser} did not print {page}: {error}.") from None
    pdf.write_bytes(content)
    return pdf
