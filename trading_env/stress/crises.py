"""The crises that nobody has trained on, one at a time: those of `crises_test`, each by itself."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from trading_env.stress.reader import parse_toml

FAMILY = "crises_test.toml"
LATEST = 90  # percent of the episode: the latest start of a crisis that nothing else bounds


def crises_alone(length: int) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """Return name -> scenario of one crisis each, and group -> names.

    A crisis that can end within an episode begins early enough to have all but faded before the
    deadline; the others begin anywhere, as in the family.

    Args:
        length: steps of an episode, bars.
    """
    content = files("trading_env.scenarios").joinpath(FAMILY).read_bytes()
    events = parse_toml(content, FAMILY)["events"]
    scenarios: dict[str, Any] = {"calm": None}
    groups: dict[str, list[str]] = {"calm": ["calm"]}
    groups |= {"crises that end in time": [], "crises that outlast it": [], "slow wires": []}
    for label in dict.fromkeys(event["label"] for event in events):
        members = [event for event in events if event["label"] == label]
        kinds = {event["kind"] for event in members}
        if kinds == {"volatility"}:
            continue
        group = "slow wires"
        last = LATEST
        if "liquidity" in kinds:
            needed = bars(members[0], "duration") + 2.0 * bars(members[0], "half_life")
            group = "crises that outlast it" if needed >= length else "crises that end in time"
            last = min(last, int(100.0 * (1.0 - needed / length))) if needed < length else last
        changed = {"chance": 1.0, "start": ["0%", f"{last}%"]}
        scenarios[label] = {"name": label, "events": [{**event, **changed} for event in members]}
        groups[group].append(label)
    return scenarios, groups


def bars(event: Mapping[str, Any], key: str) -> float:
    """Return a time in bars."""
    return float(event[key].removesuffix(" bars"))
