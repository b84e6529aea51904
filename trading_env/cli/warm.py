"""`trading-env warm`: compile the step now, so that no later command waits for it."""

import sys
from typing import Any

from trading_env.cli.answers import answer, indented
from trading_env.cli.options import AsJson
from trading_env.envs.warming import KINDS, cache_folder, warm


def warm_verb(as_json: AsJson = False) -> None:
    """Compile the step now, once, so that nothing later waits for it."""
    print("looking for machine code; what is missing is compiled", file=sys.stderr, flush=True)
    seconds = warm()
    found: dict[str, Any] = {
        kind: f"compiled in {seconds[kind]} s" if kind in seconds else "was warm" for kind in KINDS
    }
    answer({**found, "folder": cache_folder()}, as_json, indented)
