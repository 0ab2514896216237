"""The functions at the top of `radapt`, for programs and notebooks: each does what a command does."""
