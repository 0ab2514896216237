"""What the files of a run or a study are called."""

IDENTITY = "asked.json"

SCORES = "scores.json"

RECORD = "run.json"

HISTORY = "history.csv"

STATE = "training.pt"

APPRAISAL = "appraisal.json"  # at a threshold, as probabilities, in use: see `radapt.evaluation.performance`

VALIDATION = "validation"  # predictions of the images that chose the epoch

OUT_OF_FOLD = "out-of-fold"  # what models adapted without each fold of few labelled images say of it

SOURCE_VALIDATION = "source-validation"  # of an adapted model for those that chose the base's

PLAN = "plan.json"

RESULT = "study.json"

DRAWN = "shift.parquet"  # what the shift drew for each test image
