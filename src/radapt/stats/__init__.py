"""How sure a number is: intervals, tests and what they rest on."""
