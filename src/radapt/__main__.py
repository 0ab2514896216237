"""`python -m radapt`, where the script `radapt` is not on the path."""

from radapt.cli.app import main

if __name__ == "__main__":
    main()
