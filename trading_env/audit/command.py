"""`trading-env audit`: its arguments, and the record that it prints or writes."""

import argparse
import json
import shlex
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

from trading_env.core.errors import shown

PACKAGES = ("execution-gym", "gymnasium", "numpy", "pandas")


def add_audit(topics: Any) -> None:
    """Add the command to a parser's subparsers."""
    text = "audit a Gymnasium trading environment: look-ahead, seeds, memory, rewards"
    command = topics.add_parser("audit", help=text, description=text)
    command.add_argument("name", metavar="ENV_ID", help="an id, or module:callable taking bars")
    command.add_argument("--module", metavar="M", help="import it first: it registers the id")
    command.add_argument("--kwargs", metavar="JSON", default="{}", help="of the environment")
    command.add_argument("--json", action="store_true", help="print JSON")
    command.add_argument("--out", metavar="FILE", type=Path, help="write the record as JSON")
    command.set_defaults(run=run_audit)


def run_audit(arguments: argparse.Namespace) -> dict[str, Any]:
    """Audit an environment; return the record, or without `--json` a shorter form of it."""
    # pandas and the environments are loaded only when they are needed
    from trading_env.audit.auditing import audit
    from trading_env.audit.subject import load_subject
    from trading_env.core.files import git_state, jsonable, versions, write_json

    try:
        kwargs = json.loads(arguments.kwargs)
    except ValueError as error:
        raise ValueError(f"--kwargs {shown(arguments.kwargs)} is not JSON: {error}") from None
    if not isinstance(kwargs, dict):
        raise ValueError(f"--kwargs {shown(arguments.kwargs)} must be a JSON object")
    subject = load_subject(arguments.name, module=arguments.module, kwargs=kwargs)
    report = audit(subject)
    audited = packages_distributions().get(subject.package, [])
    record: dict[str, Any] = jsonable(
        {
            "command": command_line(arguments),
            "commit": git_state(Path.cwd())["commit"],
            "versions": versions((*PACKAGES, *audited)),
            **report.as_dict(),
        }
    )
    if arguments.out is not None:
        write_json(arguments.out, record)
    if arguments.json:
        return record
    checks = {r.name: f"{r.outcome}: {r.evidence}" for r in report.results}
    scores = {
        f"action {action}": ", ".join(f"{market} {value:.4g}" for market, value in row.items())
        for action, row in report.constant_policies.items()
    }
    return {"checks": checks, "sums of rewards": scores, "failed": list(report.failed)}


def command_line(arguments: argparse.Namespace) -> str:
    """Write the command that repeats the audit."""
    words = ["python", "-m", "trading_env", "audit", arguments.name]
    if arguments.module is not None:
        words += ["--module", arguments.module]
    if arguments.kwargs != "{}":
        words += ["--kwargs", arguments.kwargs]
    return shlex.join(words)
