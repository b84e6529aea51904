"""What knowing the direction is worth: answers to hold beside a score under moving prices.

A preset that moves the price keeps the sign that history had. Who has seen it knows the way, so a
score there may be knowledge of the preset alone. Three policies without any other thought show how
much that is, on the same episodes: always long, always short, and long after a fall. And a preset
can be played upside down beside itself: what is skill is there on both sides.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from trading_env.core.errors import ConfigError, shown
from trading_env.stress.scenario import mirrored, moves_price

REFERENCES = ("always_long", "always_short", "buy_after_fall")
NOTE = (
    "always_long, always_short and buy_after_fall know a direction and nothing else. Presets move "
    "the price as history did: what one of these three scores there is knowledge of the preset, "
    "not skill. --mirror plays presets upside down as well."
)


def references_for(
    env: str, scenarios: Mapping[str, Any], severities: Sequence[float]
) -> tuple[str, ...]:
    """Name the policies to show beside scenarios; none where nothing moves a price to bet on."""
    is_moved = env == "portfolio" and max(severities) > 0.0
    is_moved = is_moved and any(map(moves_price, scenarios.values()))
    return REFERENCES if is_moved else ()


def with_mirrors(scenarios: Mapping[str, Any]) -> dict[str, Any]:
    """Add the mirror image of each scenario that moves the price, as `NAME mirrored`.

    Raises:
        ConfigError: a scenario has that name already.
    """
    found: dict[str, Any] = {}
    for name, spec in scenarios.items():
        found[name] = spec
        if moves_price(spec):
            image = f"{name} mirrored"
            if image in scenarios:
                raise ConfigError(f"mirror: a scenario is called {shown(image)} already")
            found[image] = mirrored(spec)
    return found
