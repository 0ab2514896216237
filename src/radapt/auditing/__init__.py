"""Whether a data set is fit to train and test on: leaks, duplicates, broken files, shortcuts."""
