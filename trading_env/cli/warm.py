"""`trading-env warm`: compile the step now, so that no later command waits for it."""

import sys

from trading_env.cli.answers import answer, indented
from trading_env.cli.options import AsJson
from trading_env.envs.warming import cache_folder, warm


def warm_verb(as_json: AsJson = False) -> None:
    """Compile the step now, once, so that nothing later waits for it."""
    print("looking for machine code; what is missing is compiled", file=sys.stderr, flush=True)
    seconds = warm()
    found = "was warm" if seconds is None else f"compiled in {seconds} s"
    answer({"machine code": found, "folder": cache_folder()}, as_json, indented)
