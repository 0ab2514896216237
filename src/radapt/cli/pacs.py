"""The commands pacs pull and pacs push."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from radapt.cli import options
from radapt.cli.printing import say, say_json
from radapt.cli.sections import CONNECTION, DATA, OUTPUT
from radapt.text import counted, reasons

if TYPE_CHECKING:
    from radapt.pacs.pull import Pulled
    from radapt.pacs.push import Pushed
    from radapt.pacs.server import Server

Address = Annotated[
    str,
    typer.Argument(
        metavar="URL", help="The address of a DICOMweb service, such as https://pacs.example/dicom-web."
    ),
]
Objects = Annotated[
    list[Path], typer.Argument(metavar="FILE|DIR...", help="DICOM files, or folders of them.")
]
Studies = Annotated[
    list[str] | None,
    typer.Option(
        "--study-uid",
        help="Fetch the study of this StudyInstanceUID; give it again for more. Without it: any study.",
        rich_help_panel=DATA,
    ),
]
Patients = Annotated[
    list[str] | None,
    typer.Option(
        "--patient",
        help="Fetch studies of this PatientID; give it again for more. The history of the shell keeps it, "
        "unless it stands in a --config file. Without it: of any patient.",
        rich_help_panel=DATA,
    ),
]
Dates = Annotated[
    str | None,
    typer.Option(
        "--date",
        help="Fetch studies of this day or of these days: 20240131 or 20240101-20240131. "
        "Without it: of any day.",
        rich_help_panel=DATA,
    ),
]
Modalities = Annotated[
    str,
    typer.Option("--modality", help="The modalities to fetch, with commas.", rich_help_panel=DATA),
]
AnyBodyPart = Annotated[
    bool,
    typer.Option(
        "--any-body-part",
        help="Fetch images too that say that they are of another body part than the chest.",
        rich_help_panel=DATA,
    ),
]
MaxImages = Annotated[
    int | None,
    typer.Option(
        "--max-images",
        min=1,
        help="Fetch at most so many more images. Without it: all.",
        rich_help_panel=DATA,
    ),
]
MaxGigabytes = Annotated[
    float,
    typer.Option("--max-gb", min=0.0, help="Fetch at most so many gigabytes more.", rich_help_panel=DATA),
]
Into = Annotated[
    Path,
    typer.Option(
        "--out",
        help="The folder to fetch into; images that are there already are not fetched again.",
        rich_help_panel=OUTPUT,
    ),
]
User = Annotated[
    str | None,
    typer.Option(
        "--user",
        help="The name to log in with; the password is in the variable RADAPT_PACS_PASSWORD or in a "
        "--password-file. Without it: the token in RADAPT_PACS_TOKEN, if there is one.",
        rich_help_panel=CONNECTION,
    ),
]
PasswordFile = Annotated[
    Path | None,
    typer.Option(
        "--password-file",
        help="A file whose first line is the password of --user. Without it: RADAPT_PACS_PASSWORD.",
        rich_help_panel=CONNECTION,
    ),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        help="A file whose first line is a bearer token. Without it: RADAPT_PACS_TOKEN.",
        rich_help_panel=CONNECTION,
    ),
]
Authorities = Annotated[
    Path | None,
    typer.Option(
        "--ca-file",
        help="The certificates of the authorities to trust (PEM). Without it: those of the system.",
        rich_help_panel=CONNECTION,
    ),
]
AllowHttp = Annotated[
    bool,
    typer.Option(
        "--allow-http",
        help="Send images and passwords in the clear to another machine, past any proxy. Without it: only to "
        "this one.",
        rich_help_panel=CONNECTION,
    ),
]
Timeout = Annotated[
    float,
    typer.Option(
        "--timeout",
        help="How many seconds the server may say nothing, from 1 to 3600.",
        rich_help_panel=CONNECTION,
    ),
]


def pull(
    url: Address,
    out: Into,
    study_uid: Studies = None,
    patient: Patients = None,
    date: Dates = None,
    modality: Modalities = "CR,DX",
    any_body_part: AnyBodyPart = False,
    max_images: MaxImages = None,
    max_gb: MaxGigabytes = 50.0,
    user: User = None,
    password_file: PasswordFile = None,
    token_file: TokenFile = None,
    ca_file: Authorities = None,
    allow_http: AllowHttp = False,
    timeout: Timeout = 60.0,
    as_json: options.Json = False,
) -> None:
    """Fetch the chest radiographs of a PACS over DICOMweb; they name their patients, as the PACS does."""
    server = _server(url, user, password_file, token_file, ca_file, allow_http, timeout)
    from radapt.cli.progress import watcher
    from radapt.pacs.pull import Limits, Wanted
    from radapt.pacs.pull import pull as fetch

    names = tuple(each.strip().upper() for each in modality.split(","))
    wanted = Wanted(tuple(study_uid or ()), tuple(patient or ()), date or "", names, any_body_part)
    done = fetch(server, wanted, out, limits=Limits(max_gb, max_images), watch=watcher())
    if as_json:
        say_json(done.as_dict())
    else:
        _say_pulled(done, out)
    if done.failed or done.not_begun:
        raise typer.Exit(1)


def push(
    url: Address,
    files: Objects,
    user: User = None,
    password_file: PasswordFile = None,
    token_file: TokenFile = None,
    ca_file: Authorities = None,
    allow_http: AllowHttp = False,
    timeout: Timeout = 60.0,
    as_json: options.Json = False,
) -> None:
    """Send DICOM files, such as the reports of predict --dicom-sr, to a PACS over DICOMweb."""
    server = _server(url, user, password_file, token_file, ca_file, allow_http, timeout)
    from radapt.cli.progress import watcher
    from radapt.pacs.push import files_of
    from radapt.pacs.push import push as send

    done = send(server, files_of(files), watch=watcher())
    if as_json:
        say_json(asdict(done))
    else:
        _say_pushed(done)
    if done.stopped:
        left = f" {counted(done.not_sent, 'object')} left to send." if done.not_sent else ""
        say(f"{done.stopped}{left}", error=True)
    if done.failed:
        raise typer.Exit(1)


def _server(
    url: str,
    user: str | None,
    password_file: Path | None,
    token_file: Path | None,
    certificates: Path | None,
    allow_http: bool,
    timeout: float,
) -> "Server":
    from radapt.pacs.login import check_address, check_certificates, check_timeout, read_login
    from radapt.pacs.packages import check_packages

    check_packages()
    from radapt.datasets.download import Patience
    from radapt.pacs.server import Server

    address = check_address(url, allow_http=allow_http)
    login = read_login(user, password_file, token_file)
    check_certificates(certificates)
    check_timeout(timeout)
    patience = Patience(connect=min(15.0, timeout), read=timeout, waits=(1.0, 5.0))
    return Server(address, login, certificates=certificates, patience=patience)


def _say_pulled(done: "Pulled", out: Path) -> None:
    new, kept = counted(done.new, "image"), f", {done.kept:,} were there already" if done.kept else ""
    size = f" ({done.size / 1e6:,.1f} MB)" if done.new else ""
    say(f"Fetched {new}{size} of {counted(done.studies, 'study', 'studies')} into {out}{kept}.")
    if done.left_out:
        say(f"Left out: {reasons(done.left_out)}.")
    if not (done.new or done.kept or done.failed or done.not_begun):
        say("No chest radiograph was found: see --modality, --any-body-part and --date.")
    for each in done.failed:
        say(f"not fetched: {each['file']} {each['error']}")
    if done.not_begun:
        more = "--max-gb and --max-images end it there; the same command goes on"
        say(f"Not fetched yet: {counted(done.not_begun, 'image')} ({more}).")


def _say_pushed(done: "Pushed") -> None:
    changed = f", of which the server changed {done.changed:,}" if done.changed else ""
    say(f"Stored {counted(done.stored, 'object')}{changed}.")
    if done.unchecked:
        say(f"By the server's word alone: {counted(done.unchecked, 'object')}, not searched for.")
    for each in done.failed:
        say(f"not stored: {each['path']} {each['error']}")
