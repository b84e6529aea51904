"""The claim that engine, risk and account are held to properties, counted.

A property is a test with `@given` that runs at least 200 examples: those of the suite's profile, or
its own.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from hypothesis import settings

TESTS = Path(__file__).parents[1]
EXAMPLES = 200
FEWEST = 25
ROOMS = {
    "engine": [
        "execution_engine/test_engine_laws.py",
        "execution_engine/test_laws.py",
        "execution_engine/test_feedback.py",
        "execution_engine/test_grid.py",
        "execution_engine/test_limits.py",
        "execution_engine/test_orders.py",
        "execution_engine/test_pricing.py",
    ],
    "risk": [
        "risk_manager/test_manager_laws.py",
        "risk_manager/test_kelly.py",
        "risk_manager/test_sizing.py",
    ],
    "account": ["execution_engine/test_account_laws.py", "execution_engine/test_account.py"],
}


def decorators(function: ast.FunctionDef) -> dict[str, ast.Call]:
    """Calls that decorate a function, by name."""
    calls = [node for node in function.decorator_list if isinstance(node, ast.Call)]
    return {node.func.id: node for node in calls if isinstance(node.func, ast.Name)}


def properties_of(path: Path) -> Iterator[str]:
    """Names of the properties in a file."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.FunctionDef) or "given" not in decorators(node):
            continue
        own = decorators(node).get("settings")
        given = {k.arg: k.value for k in own.keywords} if own else {}
        chosen = given.get("max_examples")
        examples = (
            settings.get_profile("suite").max_examples
            if chosen is None
            else ast.literal_eval(chosen)
        )
        if examples >= EXAMPLES:
            yield node.name


def test_engine_risk_and_account_have_their_properties() -> None:
    found = {
        room: [name for file in files for name in properties_of(TESTS / file)]
        for room, files in ROOMS.items()
    }
    names = [name for room in found.values() for name in room]
    assert len(set(names)) == len(names) >= FEWEST
    assert min(map(len, found.values())) >= 3, found
