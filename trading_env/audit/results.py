"""What a check found, and what all checks found together."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

PASS = "pass"
FAIL = "fail"
SKIPPED = "not applicable"
LONGEST_ERROR = 100  # characters of an error


class Result(NamedTuple):
    """One check: its name, its outcome, and one line of evidence."""

    name: str
    outcome: str  # PASS, FAIL or SKIPPED
    evidence: str


class AuditReport(NamedTuple):
    """Every check of one environment, with what constant policies score."""

    environment: str
    results: tuple[Result, ...]
    constant_policies: dict[str, dict[str, float]]  # action -> market -> sum of rewards

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the checks that failed."""
        return tuple(result.name for result in self.results if result.outcome == FAIL)

    @property
    def verdict(self) -> str:
        """`passed`, or how many checks failed, and which."""
        names = ", ".join(self.failed)
        return f"failed: {len(self.failed)} ({names})" if self.failed else "passed"

    def as_dict(self) -> dict[str, Any]:
        """Return the report in values that JSON can hold."""
        return {
            "environment": self.environment,
            "verdict": self.verdict,
            "failed": list(self.failed),
            "checks": [result._asdict() for result in self.results],
            "constant_policies": self.constant_policies,
        }


def verdict(name: str, problem: str | None, fine: str) -> Result:
    """Return FAIL with the problem, or PASS with what was seen."""
    return Result(name, FAIL, problem) if problem else Result(name, PASS, fine)


def unless_left_out(result: Result, left_out: str) -> Result:
    """Return the result, or SKIPPED where the actions that were not tried could change it."""
    if not left_out:
        return result
    return Result(result.name, SKIPPED, f"{left_out}: {result.evidence}")


def guarded(names: Sequence[str], run: Callable[[], list[Result]]) -> list[Result]:
    """Run a check; an environment that raises where it should play fails it."""
    try:
        return run()
    except (Exception, SystemExit) as error:
        text = f"raised {type(error).__name__}: {' '.join(str(error).split()):.{LONGEST_ERROR}}"
        return [Result(name, FAIL, text) for name in names]
