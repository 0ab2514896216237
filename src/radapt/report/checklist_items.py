"""What two reporting guidelines ask for, item by item, in short paraphrase; the papers have their wording.

Each item says which facts of a folder answer it (see `radapt.report.checklist_facts`) and what remains for
the authors when these are known.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a guideline."""

    number: str
    section: str
    asks: str  # a paraphrase
    facts: tuple[str, ...] = ()  # those that answer it, wholly or in part
    remains: str = ""  # what the facts cannot answer; "" where they are enough


@dataclass(frozen=True, slots=True)
class Guideline:
    """A reporting guideline."""

    name: str
    source: str
    items: tuple[Item, ...]


TRIPOD_AI = Guideline(
    "TRIPOD+AI",
    "Collins et al. 2024, BMJ 385:e078378",
    (
        Item(
            "1",
            "Title",
            "a title that names development or evaluation, population and outcome",
            ("kind",),
            "the title, the population",
        ),
        Item("2", "Abstract", "an abstract by TRIPOD+AI for Abstracts"),
        Item("3a", "Background", "the healthcare context, why a model, which models there are"),
        Item("3b", "Background", "the target population, the purpose in the care pathway, the users"),
        Item("3c", "Background", "known health inequalities between groups"),
        Item(
            "4",
            "Objectives",
            "the objectives; development, evaluation or both",
            ("goal",),
            "the clinical objective",
        ),
        Item(
            "5a",
            "Data",
            "the sources of the data, why these, how representative",
            ("sources",),
            "why these, and how representative they are",
        ),
        Item("5b", "Data", "the dates of the data"),
        Item(
            "6a",
            "Participants",
            "the setting, number and place of centres",
            ("centres",),
            "setting and places",
        ),
        Item("6b", "Participants", "who was eligible"),
        Item("6c", "Participants", "treatments received"),
        Item(
            "7",
            "Data preparation",
            "preprocessing and quality checks, and whether alike for all groups",
            ("preprocessing", "excluded"),
            "whether it was alike for all groups",
        ),
        Item(
            "8a",
            "Outcome",
            "the outcome, how and when it was assessed",
            ("outcome",),
            "how and when it was assessed",
        ),
        Item("8b", "Outcome", "who assessed an outcome that is a matter of judgement"),
        Item("8c", "Outcome", "blinding of that assessment"),
        Item("9a", "Predictors", "the choice of predictors", ("input",)),
        Item(
            "9b",
            "Predictors",
            "the predictors defined, how and when they were measured",
            ("preprocessing",),
            "how and when the images were taken",
        ),
        Item("9c", "Predictors", "who measured predictors that are a matter of judgement"),
        Item(
            "10",
            "Sample size",
            "how large, and why that is enough",
            ("sizes", "detectable"),
            "why that is enough",
        ),
        Item(
            "11",
            "Missing data",
            "missing data, and why any were left out",
            ("excluded",),
            "data that were missing before",
        ),
        Item("12a", "Analysis", "how the data were used and parted", ("partition",)),
        Item("12b", "Analysis", "how predictors were transformed", ("preprocessing", "input")),
        Item(
            "12c",
            "Analysis",
            "the kind of model, every step of building and tuning, internal validation",
            ("model", "training", "chosen"),
            "why this model",
        ),
        Item(
            "12d",
            "Analysis",
            "differences between clusters such as hospitals, and how they were handled",
            ("clusters",),
        ),
        Item(
            "12e",
            "Analysis",
            "all measures and plots of performance",
            ("metrics", "intervals", "appraisal"),
            "calibration and clinical utility, where they are not among these",
        ),
        Item("12f", "Analysis", "model updating, such as recalibration", ("updating",)),
        Item("12g", "Analysis", "how predictions were computed", ("prediction",)),
        Item(
            "13",
            "Class imbalance",
            "methods against class imbalance, and recalibration after them",
            ("imbalance",),
        ),
        Item("14", "Fairness", "what was done for fairness, and why"),
        Item(
            "15",
            "Model output",
            "the output, and how thresholds were found",
            ("output", "threshold", "chosen_thresholds"),
        ),
        Item(
            "16",
            "Training versus evaluation",
            "how development and evaluation data differ",
            ("apart",),
            "setting, eligibility and outcome",
        ),
        Item("17", "Ethics", "the ethics committee, and consent or its waiver"),
        Item("18a", "Open science", "funding, and the role of the funders"),
        Item("18b", "Open science", "conflicts of interest"),
        Item(
            "18c",
            "Open science",
            "where the protocol is, or that there is none",
            ("protocol",),
            "where it can be read",
        ),
        Item("18d", "Open science", "registration, or that there is none"),
        Item(
            "18e",
            "Open science",
            "whether and where the data can be had",
            ("fingerprints",),
            "where the data can be had",
        ),
        Item(
            "18f",
            "Open science",
            "whether and where the code can be had",
            ("software",),
            "where your own code can be had",
        ),
        Item("19", "Patients and public", "their involvement, or that there was none"),
        Item(
            "20a",
            "Participants",
            "the flow of participants, with and without the outcome",
            ("partition", "counts"),
            "those before the images were handed over",
        ),
        Item(
            "20b",
            "Participants",
            "their characteristics, in each source",
            ("counts",),
            "age, sex, dates and the like",
        ),
        Item("20c", "Participants", "development and evaluation data compared", ("apart",), "demographics"),
        Item(
            "21", "Model development", "participants and outcomes in each analysis", ("partition", "counts")
        ),
        Item(
            "22",
            "Model specification",
            "the full model, so that others can predict with it",
            ("files",),
            "where it can be had, and on which terms",
        ),
        Item(
            "23a",
            "Performance",
            "performance with confidence intervals, also in key subgroups",
            ("performance",),
            "subgroups (radapt evaluate --by)",
        ),
        Item("23b", "Performance", "differences of performance between clusters", ("clusters",)),
        Item("24", "Model updating", "what updating gave", ("updated",)),
        Item(
            "25",
            "Interpretation",
            "an overall interpretation, with fairness",
            ("recommendation",),
            "the interpretation",
        ),
        Item("26", "Limitations", "limitations and what follows from them", ("limits",), "other limitations"),
        Item(
            "27a",
            "Usability",
            "how poor or missing input is to be handled",
            ("poor-input",),
            "what is to happen in use",
        ),
        Item("27b", "Usability", "what users have to do and know"),
        Item("27c", "Usability", "next steps, and where the model may apply"),
    ),
)

CLAIM = Guideline(
    "CLAIM, 2024 update",
    "Mongan et al. 2020, Radiology: AI 2:e200029; Tejani et al. 2024, Radiology: AI 6:e240300",
    (
        Item("1", "Title", "a title or abstract that names the kind of AI", ("kind",), "the title"),
        Item("2", "Abstract", "a summary of design, methods, results, conclusions"),
        Item("3", "Introduction", "background, intended use and role of the AI"),
        Item("4", "Introduction", "aims and hypotheses", ("claim",), "the aims"),
        Item("5", "Design", "prospective or retrospective"),
        Item("6", "Design", "the goal of the study", ("goal",), "the clinical goal"),
        Item("7", "Data", "data sources", ("sources",), "where and when they were collected"),
        Item("8", "Data", "inclusion and exclusion criteria", ("excluded",), "the criteria"),
        Item("9", "Data", "preprocessing", ("preprocessing",)),
        Item(
            "10",
            "Data",
            "selection of subsets",
            ("subsets",),
            "any choice before the images were handed over",
        ),
        Item("11", "Data", "de-identification"),
        Item("12", "Data", "missing data", ("excluded",), "data that were missing before"),
        Item("13", "Data", "how the images were acquired"),
        Item("14", "Reference standard", "how it was obtained", ("outcome",), "how the labels were made"),
        Item("15", "Reference standard", "why this one"),
        Item("16", "Reference standard", "who annotated"),
        Item("17", "Reference standard", "how the test set was annotated"),
        Item("18", "Reference standard", "variability within and between annotators"),
        Item("19", "Partitions", "how data were assigned to partitions", ("partition",)),
        Item("20", "Partitions", "the level at which partitions are disjoint", ("disjoint",)),
        Item(
            "21", "Testing data", "the intended sample size", ("sizes", "detectable"), "how it was arrived at"
        ),
        Item(
            "22",
            "Model",
            "the model in detail: inputs, outputs, layers",
            ("model", "input", "output"),
            "a table of its layers (radapt models RUN)",
        ),
        Item("23", "Model", "software and its versions", ("software",)),
        Item("24", "Model", "how parameters were initialised", ("initial",)),
        Item("25", "Training", "training, augmentation, hyperparameters, number of models", ("training",)),
        Item("26", "Training", "how the final model was chosen", ("chosen",)),
        Item("27", "Training", "ensembling, if any", ("ensemble",)),
        Item("28", "Evaluation", "metrics of performance", ("metrics", "threshold", "appraisal")),
        Item("29", "Evaluation", "measures of uncertainty", ("intervals",)),
        Item("30", "Evaluation", "robustness or sensitivity analyses", ("robustness",)),
        Item(
            "31",
            "Evaluation",
            "explainability, and how it was validated",
            ("occlusion",),
            "saliency or the like, if used",
        ),
        Item("32", "Evaluation", "evaluation on internal data", ("internal",)),
        Item("33", "Evaluation", "testing on external data", ("external",)),
        Item("34", "Evaluation", "clinical trial registration"),
        Item(
            "35",
            "Results",
            "patients or examinations included and excluded",
            ("counts", "excluded"),
            "those before the images were handed over",
        ),
        Item(
            "36",
            "Results",
            "demographics and clinical characteristics by partition",
            ("counts",),
            "age, sex and the like",
        ),
        Item("37", "Results", "performance and its uncertainty", ("performance",)),
        Item("38", "Results", "diagnostic performance and its precision", ("performance",)),
        Item("39", "Results", "analysis of failures", ("failures",), "what these images have in common"),
        Item("40", "Discussion", "limitations", ("limits",), "other limitations"),
        Item("41", "Discussion", "implications for practice, intended use"),
        Item(
            "42",
            "Other",
            "a reference to the protocol or to technical details",
            ("protocol",),
            "where it can be read",
        ),
        Item(
            "43",
            "Other",
            "availability of software, model and data",
            ("software", "files"),
            "where they can be had",
        ),
        Item("44", "Other", "funding, and the role of the funders"),
    ),
)

GUIDELINES = (TRIPOD_AI, CLAIM)
