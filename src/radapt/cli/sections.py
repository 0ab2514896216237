"""The sections of `--help`; an option names its own as its `rich_help_panel`."""

from typing import Any

from typer.core import TyperCommand

DATA = "Data"
MODEL = "Model"
ADAPTATION = "Adaptation"
TRAINING = "Training"
COMPARISON = "Comparison"
EVALUATION = "Evaluation"
CONNECTION = "Connection"
OUTPUT = "Output"
MACHINE = "Seed and hardware"
OTHER = "Other"

ORDER = (DATA, MODEL, ADAPTATION, TRAINING, COMPARISON, EVALUATION, CONNECTION, OUTPUT, MACHINE, OTHER)


class SectionedCommand(TyperCommand):
    """A command whose help lists its arguments, then its options section by section."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments and the options, each section under its own heading."""
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], **{name: [] for name in ORDER}}
        for parameter in self.get_params(ctx):
            line = parameter.get_help_record(ctx)
            if line is not None:
                is_argument = parameter.param_type_name == "argument"
                section = getattr(parameter, "rich_help_panel", None) or OTHER
                sections["Arguments" if is_argument else section].append(line)
        for name, lines in sections.items():
            if lines:
                with formatter.section(name):
                    formatter.write_dl(lines)
