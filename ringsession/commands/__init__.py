"""The commands for operators, for `python -m ringsession` and `flask ringsession`.

`logins.py` and `upkeep.py` have one function for each command, which returns an `Answer`. `run.py`
prints it. `arguments.py` reads the command line of `python -m ringsession`.
"""
