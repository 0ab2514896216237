"""The table of commands, and how errors and signals end one."""

import errno
import functools
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from typing import Annotated, Any, NoReturn, cast

import typer

from radapt.cli import (
    adapt,
    advise,
    audit,
    compare,
    data,
    demo,
    describe,
    drift,
    evaluate,
    explain,
    export,
    import_model,
    locate,
    models,
    pack,
    pacs,
    plan,
    predict,
    prevalence,
    preview,
    protocol,
    report,
    serve,
    shift,
    stopping,
    stress,
    study,
    train,
)
from radapt.cli.common_options import with_common_options
from radapt.cli.printing import printing, say, write_log
from radapt.cli.recording import recorded
from radapt.cli.sections import SectionedCommand
from radapt.errors import AskedWrongly, RadaptError, Stopped
from radapt.provenance import under_way
from radapt.text import shortened, visible
from radapt.version import __version__

ABOUT = "Retrain a chest-X-ray classifier for another hospital, and know what it bought you."

app = typer.Typer(
    name="radapt",
    help=ABOUT,
    epilog="Research software: no part of it is a medical device, and it makes no clinical claim.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich would double the time that --help takes
)
ABOUT_DATA = "Describe a data set; list and download public ones."
ABOUT_PROTOCOL = "Write the claim of a study or a comparison before it is made."
ABOUT_PACS = "Fetch images from a PACS, and send results back, over DICOMweb."
data_app = typer.Typer(help=ABOUT_DATA, no_args_is_help=True, rich_markup_mode=None)
protocol_app = typer.Typer(help=ABOUT_PROTOCOL, no_args_is_help=True, rich_markup_mode=None)
pacs_app = typer.Typer(help=ABOUT_PACS, no_args_is_help=True, rich_markup_mode=None)
COMMANDS: tuple[Callable[..., None], ...] = (
    demo.demo,
    study.study,
    train.train,
    import_model.import_model,
    adapt.adapt,
    plan.plan,
    advise.advise,
    evaluate.evaluate,
    compare.compare,
    predict.predict,
    export.export,
    explain.explain,
    drift.drift,
    prevalence.prevalence,
    preview.preview,
    audit.audit,
    locate.locate,
    pack.pack,
    shift.shift,
    shift.shifts,
    stress.stress,
    report.report,
    serve.serve,
    models.models,
    models.strategies,
)
WITHOUT_RESUME = {  # commands that keep nothing of unfinished work
    explain.explain,
    plan.plan,
    advise.advise,
    evaluate.evaluate,
    compare.compare,
    predict.predict,
    export.export,
    drift.drift,
    prevalence.prevalence,
    preview.preview,
    audit.audit,
    locate.locate,
    shift.shifts,
    report.report,
    serve.serve,
    models.models,
    models.strategies,
    data.list_sets,
    describe.describe,
    protocol.init,
    protocol.scores,
    pacs.push,
}
DATA_COMMANDS: dict[str, Callable[..., None]] = {
    "list": data.list_sets,
    "fetch": data.fetch,
    "describe": describe.describe,
}
PROTOCOL_COMMANDS: dict[str, Callable[..., None]] = {"init": protocol.init, "scores": protocol.scores}
PACS_COMMANDS: dict[str, Callable[..., None]] = {"pull": pacs.pull, "push": pacs.push}


_UNFORESEEN = "This should not have happened"  # how the sentence on a fault of radapt begins

# The base class of all errors of the parser.
_UsageError = cast("type[typer.BadParameter]", typer.BadParameter.__mro__[1])


def _stoppable(command: Callable[..., None]) -> Callable[..., None]:
    """Let runs record the command line, and let a signal end the command with a sentence."""
    kept = command not in WITHOUT_RESUME
    command = with_common_options(name_of(command), command)

    @functools.wraps(command)
    def run(**options: Any) -> None:
        with (
            printing(quiet=options["quiet"], verbose=options["verbose"], log=options["log"]),
            _ending(kept=kept),
            stopping.working(str(Stopped(kept=kept)), log=write_log),
            under_way(recorded(command_line(), sys.argv[1:], options)),
        ):
            command(**options)

    return run


@contextmanager
def _ending(*, kept: bool) -> Iterator[None]:
    """Turn a signal into an error, and log the sentence of whatever error ends a command."""
    try:
        yield
    except KeyboardInterrupt as signalled:
        stopping.ignore()
        stopped = Stopped(kept=kept, code=143 if isinstance(signalled, stopping.Ended) else 130)
        write_log(f"radapt: {stopped}")
        raise stopped from None
    except (typer.Exit, typer.Abort):
        raise
    except Exception as error:
        write_log(f"radapt: {_sentence(error)[0]}")
        raise


def name_of(command: Callable[..., None]) -> str:
    """Return the name of a command on the command line; `import` is no name in Python."""
    return command.__name__.removesuffix("_model").replace("_", "-")


def _add(group: typer.Typer, name: str, command: Callable[..., None]) -> None:
    """Add a command to a group, whose list of commands shows its whole first sentence."""
    about = " ".join((command.__doc__ or "").split("\n\n")[0].split())
    group.command(name, cls=SectionedCommand, short_help=about)(_stoppable(command))


for command in COMMANDS:
    _add(app, name_of(command), command)
for name, command in DATA_COMMANDS.items():
    _add(data_app, name, command)
app.add_typer(data_app, name="data", short_help=ABOUT_DATA)
for name, command in PROTOCOL_COMMANDS.items():
    _add(protocol_app, name, command)
app.add_typer(protocol_app, name="protocol", short_help=ABOUT_PROTOCOL)
for name, command in PACS_COMMANDS.items():
    _add(pacs_app, name, command)
app.add_typer(pacs_app, name="pacs", short_help=ABOUT_PACS)


def _print_version(requested: bool) -> None:
    if requested:
        say(f"radapt {__version__}")
        raise typer.Exit


@app.callback()
def radapt(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Hold the options of `radapt` itself."""


@functools.cache
def command_line() -> Any:
    """Return the parser of all commands, which takes 30 ms to build and more."""
    return typer.main.get_command(app)


def _check_words(words: list[str]) -> None:
    """Refuse an empty argument, which is usually an unset variable and as a path would be the working folder.

    Raises
    ------
    AskedWrongly
        If an argument is empty, or an option has nothing after its `=`.
    """
    for place, word in enumerate(words):
        if not word.strip() or (word.startswith("--") and word.endswith("=")):
            where = f"in {word}" if word.strip() else f"after {words[place - 1]}" if place else "at first"
            raise AskedWrongly(
                f"There is an empty argument {where}. Give a name or a path (. is the working folder), or "
                "leave the option out."
            )


def main() -> NoReturn:
    """Run the command line; errors print one line on standard error and exit with 2 or 1."""
    if isinstance(sys.stdout, TextIOWrapper):  # letters that the encoding lacks are escaped
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        _check_words(sys.argv[1:])
        code = command_line()(standalone_mode=False)
    except _UsageError as error:
        _fail_usage(error)
    except typer.Abort:
        sys.exit(1)
    except Exception as error:
        text, code = _sentence(error)
        if os.environ.get("RADAPT_DEBUG") and text.startswith(_UNFORESEEN):
            raise
        say(f"radapt: {text}", error=True)
    sys.exit(code or 0)


def _fail_usage(error: typer.BadParameter) -> NoReturn:
    """Print the message of the parser, with long and unprintable arguments shortened."""
    if len(sys.argv) > 1:  # else the message is the whole help
        error.message = "\n".join(visible(line) for line in shortened(error.message).split("\n"))
    error.show()
    sys.exit(error.exit_code)


def _sentence(error: Exception) -> tuple[str, int]:
    """Return what is printed of the error that ended a command, and the exit code."""
    if isinstance(error, RadaptError):
        text, code = str(error), error.exit_code
    elif isinstance(error, _UsageError):
        text, code = error.message, error.exit_code
    elif isinstance(error, MemoryError):
        text = f"There is not enough memory for this{_details(error)}. Take fewer or smaller images (--size)."
        code = 1
    elif isinstance(error, OSError):
        text, code = _system_error(error)
    else:
        text = f"{_UNFORESEEN}: {type(error).__name__}: {error}. "
        text, code = f"{text}Set RADAPT_DEBUG=1 to see where, and please report it.", 1
    return shortened(" ".join(text.split())), code


def _details(error: MemoryError) -> str:
    return f" ({error})" if str(error) else ""


def _system_error(error: OSError) -> tuple[str, int]:
    """Return the sentence on an error of the operating system, and the exit code."""
    if error.errno == errno.ENAMETOOLONG:
        return f"The name {str(error.filename or '')!r} is too long for this system: give a shorter path.", 2
    where = f" ({error.filename})" if error.filename else ""
    return f"The operating system reports: {error.strerror or error}{where}. Finished work is kept.", 1
