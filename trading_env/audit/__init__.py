"""Audit any Gymnasium trading environment: look-ahead, seeds, shared memory, honest rewards.

Each check tries to refute one promise by playing the environment, and returns pass, fail or not
applicable with one line of evidence. A pass says that the fault was not found with these seeds,
actions and prices, not that it is absent; `docs/audit.md` says what each check cannot find.
"""
