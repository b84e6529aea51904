"""`trading-env audit`: audit any Gymnasium trading environment."""

import shlex
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Annotated, Any

import typer

from trading_env.audit.auditing import audit
from trading_env.audit.results import AuditReport
from trading_env.audit.subject import load_subject
from trading_env.backtesting.run_folder import check_folder
from trading_env.cli.answers import answer, indented
from trading_env.cli.options import AsJson
from trading_env.core.doors import json_mapping
from trading_env.core.errors import ConfigError, file_name
from trading_env.core.files import git_state, jsonable, versions, write_json

FAILED = 1  # exit code of an audit that finds a fault
AUDIT_PACKAGES = ("execution-gym", "gymnasium", "numpy", "pandas")
EnvId = Annotated[
    str, typer.Argument(metavar="ENV_ID", help="an id, or module:callable taking bars")
]
Module = Annotated[
    str | None, typer.Option(metavar="M", help="import it first: it registers the id")
]
Kwargs = Annotated[str, typer.Option(metavar="JSON", help="arguments of the environment")]
File = Annotated[Path | None, typer.Option(metavar="FILE", help="write the record as JSON")]


def audit_verb(
    name: EnvId,
    module: Module = None,
    kwargs: Kwargs = "{}",
    out: File = None,
    as_json: AsJson = False,
) -> None:
    """Audit a Gymnasium trading environment: look-ahead, seeds, memory, rewards."""
    if out is not None:
        _check_file(out)
    subject = load_subject(name, module=module, kwargs=json_mapping(kwargs, "--kwargs"))
    report = audit(subject)
    audited = packages_distributions().get(subject.package, [])
    record: dict[str, Any] = jsonable(
        {
            "command": _repeated(name, module, kwargs),
            "commit": git_state(Path.cwd())["commit"],
            "versions": versions((*AUDIT_PACKAGES, *audited)),
            **report.as_dict(),
        }
    )
    if out is not None:
        write_json(out, record)
    answer(record if as_json else _shorter(report), as_json, _lines)
    if report.failed:
        raise typer.Exit(FAILED)


def _check_file(out: Path) -> None:
    """Refuse a record that could not be written, before the audit."""
    if out.is_dir():
        raise ConfigError(f"out = {file_name(out)}: is a folder; name a file")
    check_folder(out.parent)


def _repeated(name: str, module: str | None, kwargs: str) -> str:
    """Write the command that repeats the audit."""
    words = ["python", "-m", "trading_env", "audit", name]
    words += [] if module is None else ["--module", module]
    words += [] if kwargs == "{}" else ["--kwargs", kwargs]
    return shlex.join(words)


def _lines(shown: dict[str, Any]) -> list[str]:
    """Write what was found; the last line is the verdict."""
    found = {name: value for name, value in shown.items() if name != "verdict"}
    return [*indented(found), shown["verdict"]]


def _shorter(report: AuditReport) -> dict[str, Any]:
    """Return what a terminal shows of a report."""
    scores = {
        f"action {action}": ", ".join(f"{market} {value:.4g}" for market, value in row.items())
        for action, row in report.constant_policies.items()
    }
    return {
        "checks": {r.name: f"{r.outcome}: {r.evidence}" for r in report.results},
        "sums of rewards": scores,
        "verdict": report.verdict,
    }
