"""Golden digests of a traded rollout on each track.

`python -m tests.tracks.golden` records them anew, which is meant for a new file of tracks, or a new
field of `info` once digests without it were equal.
"""

import json
from pathlib import Path
from typing import Any

from tests import golden
from trading_env.backtesting.tracks.track import FIRST_SEEDS, Track, load_tracks
from trading_env.core.files import platform_name

FILE = Path(__file__).with_name("golden.json")


def play(track: Track) -> dict[str, Any]:
    """Play random actions on the test band; return the digest of all that was shown."""
    return golden.play(
        {
            "env": track.env,
            "lanes": 2,
            "mode": "Disabled",
            "seed": FIRST_SEEDS["test"],
            "steps": 40,
            "hold": 3,
            "kwargs": arguments(track),
        }
    )


def arguments(track: Track) -> dict[str, Any]:
    """Return the environment's arguments of the first cell."""
    kwargs = {**track.env_kwargs("test"), **track.slices("test")[0].arguments}
    kwargs.pop("detail", None)
    return {**kwargs, "scenario": next(iter(track.scenarios.values()))}


def main() -> None:
    """Record every digest."""
    found = load_tracks()
    digests = {name: play(track) for name, track in found.tracks.items()}
    head = {"platform": platform_name(), "tracks_sha256": found.sha256}
    rows = ",\n".join(f"{json.dumps(name)}: {json.dumps(d)}" for name, d in digests.items())
    text = f'{json.dumps(head)[:-1]}, "digests": {{\n{rows}\n}}}}\n'
    FILE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
