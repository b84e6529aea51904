"""One audit: every check of one environment."""

import contextlib
import sys
import warnings

from tqdm import tqdm

from trading_env.audit.causality import causality_results
from trading_env.audit.contract import contract_results
from trading_env.audit.results import AuditReport
from trading_env.audit.subject import Subject


def audit(subject: Subject) -> AuditReport:
    """Run every check; what the environment prints goes to standard error.

    Args:
        subject: from `load_subject`, or made by hand.
    """
    with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore")
        with tqdm(unit=" checks", disable=None) as bar:
            contract = contract_results(subject, bar.update)
            causality, scores = causality_results(subject)
            bar.update(len(causality))
    return AuditReport(subject.name, (*causality, *contract), scores)
