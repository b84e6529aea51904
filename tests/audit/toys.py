"""A small sound trading environment, and one with each fault that the audit looks for.

The sound one: bars drawn a start from the seed, decision at a close, filled at that close, paid by
the next close, with a proportional fee.

Over 300 lines because every fault is a small environment of its own.
"""

import random
import threading
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd

FEE = 1e-4
LENGTH = 60
WINDOW = 5


class Sound(gym.Env[Any, Any]):
    """Hold -1, 0 or +1 of one asset; see the last returns and the own position."""

    def __init__(self, bars: pd.DataFrame) -> None:
        self.bars = bars
        self.opens = bars["open"].to_numpy(copy=True)
        self.closes = bars["close"].to_numpy(copy=True)
        self.observation_space = gym.spaces.Box(-10.0, 10.0, (WINDOW + 1,), np.float64)
        self.action_space = gym.spaces.Box(-1.0, 1.0, (1,), np.float32)
        self.row = self.steps = 0
        self.position = 0.0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.row = self.draw_start(seed)
        self.steps = 0
        self.position = 0.0
        return self.observe(), self.describe()

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        target = self.read(action)
        fee = FEE * abs(target - self.position)
        self.position = target
        self.row += 1
        self.steps += 1
        reward = self.pay(target, fee)
        return self.observe(), reward, False, self.steps == LENGTH, self.describe()

    def draw_start(self, seed: int | None) -> int:
        return int(self.np_random.integers(WINDOW, 200))

    def read(self, action: Any) -> float:
        values = np.asarray(action, dtype=np.float64)
        if values.shape != (1,) or not np.isfinite(values).all():
            raise ValueError(f"action {action!r:.40}")
        return float(np.clip(values[0], -1.0, 1.0))

    def pay(self, target: float, fee: float) -> float:
        return float(target * self.growth(self.row) - fee)

    def growth(self, row: int) -> float:
        return float(self.closes[row] / self.closes[row - 1] - 1.0)

    def observe(self) -> Any:
        rows = slice(self.row - WINDOW, self.row + 1)
        return np.append(np.diff(np.log(self.closes[rows])), self.position)

    def describe(self) -> dict[str, Any]:
        return {"close": self.closes[self.row], "position": self.position}


class WholeFile(Sound):
    """Returns are shown in units of the deviation of all returns, later ones included."""

    def observe(self) -> Any:
        seen = super().observe()
        deviation = np.diff(np.log(self.closes)).std() or 1.0
        return np.clip(seen / (1.0 + deviation), -10.0, 10.0)


class FutureInfo(Sound):
    """Info holds the next close."""

    def describe(self) -> dict[str, Any]:
        return {**super().describe(), "next_close": self.closes[self.row + 1]}


class Peek(Sound):
    """The observation holds the next return."""

    def observe(self) -> Any:
        seen = super().observe()
        seen[0] = self.growth(self.row + 1)
        return seen


class WeekAhead(Sound):
    """The observation holds the return of the whole week, from its first day on."""

    def observe(self) -> Any:
        seen = super().observe()
        days_left = 4 - self.bars.index[self.row].weekday()
        friday = min(self.row + days_left, len(self.closes) - 1)
        seen[0] = self.closes[friday] / self.closes[max(friday - 5, 0)] - 1.0
        return seen


class StaleClose(Sound):
    """A decision is paid the return it has just been shown."""

    def pay(self, target: float, fee: float) -> float:
        return target * self.growth(self.row - 1) - fee


class StaleOpen(Sound):
    """A decision fills at the open of the bar whose close it has been shown."""

    def pay(self, target: float, fee: float) -> float:
        filled = self.opens[self.row - 1]
        return float(target * (self.closes[self.row] / filled - 1.0) - fee)


class PaidToLive(Sound):
    """Every step earns a little."""

    def pay(self, target: float, fee: float) -> float:
        return super().pay(target, fee) + 0.01


class Interest(Sound):
    """Cash earns interest, and less is held after a large move: more interest, no known price."""

    def pay(self, target: float, fee: float) -> float:
        held = target / (1.0 + 10.0 * abs(self.growth(self.row - 1)))
        return super().pay(held, fee) + 0.001 * (1.0 - abs(held))


class Indifferent(Sound):
    """The reward of a position does not depend on the market, that of changing it does."""

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        before = self.position
        seen, _, *rest = super().step(action)
        turned = before * self.position < 0.0
        return (seen, abs(self.growth(self.row)) * -float(turned), *rest)  # type: ignore[return-value]


class IgnoresSeed(Sound):
    """The start is drawn from fresh entropy."""

    def draw_start(self, seed: int | None) -> int:
        return int(np.random.default_rng().integers(WINDOW, 200))


class OneSeed(Sound):
    """All seeds give the episode of seed 0."""

    def draw_start(self, seed: int | None) -> int:
        return 50 if seed is not None else super().draw_start(seed)


class Stuck(Sound):
    """Without a seed the episode is that of seed 0."""

    def draw_start(self, seed: int | None) -> int:
        if seed is None:
            self.np_random = np.random.default_rng(0)
        return super().draw_start(seed)


class Remembers(Sound):
    """The position outlives the episode."""

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        kept = self.position
        super().reset(seed=seed)
        self.position = kept
        return self.observe(), self.describe()


class OneBuffer(Sound):
    """Every observation is the same array."""

    def observe(self) -> Any:
        if not hasattr(self, "buffer"):
            self.buffer = np.zeros(WINDOW + 1)
        self.buffer[:] = super().observe()
        return self.buffer


class OwnData(Sound):
    """The observation is a view of the environment's own table."""

    def __init__(self, bars: pd.DataFrame) -> None:
        super().__init__(bars)
        self.observation_space = gym.spaces.Box(-1e9, 1e9, (WINDOW + 1,), np.float64)

    def observe(self) -> Any:
        return self.closes[self.row - WINDOW : self.row + 1]

    def growth(self, row: int) -> float:
        return float(self.bars["close"].iloc[row] / self.bars["close"].iloc[row - 1] - 1.0)

    def describe(self) -> dict[str, Any]:
        return {}


class TakesNaN(Sound):
    """Whatever is no number counts as no position."""

    def read(self, action: Any) -> float:
        values = np.asarray(action)
        is_number = values.dtype.kind == "f" and bool(np.isfinite(values).all())
        return super().read(action) if is_number else 0.0


class HalfRefuses(Sound):
    """A refused action has already been charged a step."""

    def read(self, action: Any) -> float:
        self.row += 1
        target = super().read(action)
        self.row -= 1
        return target


class NoCopies(Sound):
    """It holds a lock, which can be neither copied nor pickled."""

    def __init__(self, bars: pd.DataFrame) -> None:
        super().__init__(bars)
        self.lock = threading.Lock()


class Forgetful(Sound):
    """A copy starts without the position."""

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "position": 0.0}


class Outside(Sound):
    """The declared box is too small."""

    def __init__(self, bars: pd.DataFrame) -> None:
        super().__init__(bars)
        self.observation_space = gym.spaces.Box(-1e-3, 1e-3, (WINDOW + 1,), np.float64)


class NotANumber(Sound):
    """A flat position has no return: 0 / 0."""

    def pay(self, target: float, fee: float) -> float:
        return super().pay(target, fee) if abs(target) > 0.0 else float("nan")


class GlobalDraws(Sound):
    """The start comes from the process's generator."""

    def draw_start(self, seed: int | None) -> int:
        return random.randrange(WINDOW, 200)


class TellsSeed(Sound):
    """Info holds the seed."""

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        seen, info = super().reset(seed=seed)
        return seen, {**info, "seed": -1 if seed is None else seed}


class Raises(Sound):
    """It cannot play on flat prices."""

    def growth(self, row: int) -> float:
        if self.closes[row] == self.closes[row - 1]:
            raise ZeroDivisionError("no variance")
        return super().growth(row)


class Discrete(Sound):
    """Sound, with three actions by number."""

    def __init__(self, bars: pd.DataFrame) -> None:
        super().__init__(bars)
        self.action_space = gym.spaces.Discrete(3)

    def read(self, action: Any) -> float:
        if not self.action_space.contains(action):
            raise ValueError(f"action {action!r:.40}")
        return float(action) - 1.0


class NegativeIndex(Discrete):
    """Action -1 is the last one, as Python has it."""

    def read(self, action: Any) -> float:
        return (-1.0, 0.0, 1.0)[action]


class Fixed(Sound):
    """Sound, and nothing is drawn."""

    def draw_start(self, seed: int | None) -> int:
        return 30


class TakesFrame(Sound):
    """Sound, with the bars as `df`."""

    def __init__(self, df: pd.DataFrame) -> None:
        super().__init__(df)


class OwnBars(Sound):
    """Sound, on bars that cannot be handed in."""

    def __init__(self) -> None:
        from trading_env.audit.worlds import random_walk

        super().__init__(random_walk(seed=3))


class NextOpen(Sound):
    """Sound: a decision fills at the next open."""

    def pay(self, target: float, fee: float) -> float:
        return float(target * (self.closes[self.row] / self.opens[self.row] - 1.0) - fee)


class Realised(Sound):
    """Sound: a gain is paid when its position is closed or turned, or the episode ends."""

    def pay(self, target: float, fee: float) -> float:
        price, held, entry = self.closes[self.row - 1], *getattr(self, "entry", (0.0, 1.0))
        gain = 0.0
        if target != held:
            gain = held * (price / entry - 1.0)
            self.entry = (target, price)
        if self.steps == LENGTH:
            gain += target * (self.closes[self.row] / self.entry[1] - 1.0)
        return float(gain - fee)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        self.entry = (0.0, 1.0)
        return super().reset(seed=seed)


class PatchyFeed(Sound):
    """Sound: every third bar is not shown, and the observation before it stays."""

    def observe(self) -> Any:
        last = self.row - (self.row % 3 == 0)
        return np.append(np.diff(np.log(self.closes[last - WINDOW : last + 1])), self.position)


class ThreeBars(Sound):
    """Sound: a decision holds for three bars."""

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        target = self.read(action)
        before, self.position = self.position, target
        self.row += 3
        self.steps += 1
        growth = float(self.closes[self.row] / self.closes[self.row - 3] - 1.0)
        reward = target * growth - FEE * abs(target - before)
        return self.observe(), reward, False, self.steps == LENGTH, self.describe()


class Late(Sound):
    """Sound: a decision trades a bar later, and gains are paid a bar after that."""

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        asked = self.read(action)
        pending, held = getattr(self, "queue", (0.0, 0.0))
        self.queue = (asked, pending)
        self.position = held
        self.row += 1
        self.steps += 1
        reward = held * self.growth(self.row - 1) - FEE * abs(pending - held)
        return self.observe(), reward, False, self.steps == LENGTH, self.describe()

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        self.queue = (0.0, 0.0)
        return super().reset(seed=seed)


class Ruin(Sound):
    """Sound: the episode ends when a tenth is lost; observations are a dict."""

    def __init__(self, bars: pd.DataFrame) -> None:
        super().__init__(bars)
        self.wealth = 1.0
        self.observation_space = gym.spaces.Dict(
            {"returns": self.observation_space, "wealth": gym.spaces.Box(0.0, 9.0, (), np.float64)}
        )

    def observe(self) -> Any:
        return {"returns": super().observe(), "wealth": np.array(self.wealth)}

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        self.wealth = 1.0
        return super().reset(seed=seed)

    def pay(self, target: float, fee: float) -> float:
        before = self.wealth
        self.wealth *= 1.0 + 3.0 * super().pay(target, fee)
        return float(np.log(self.wealth / before))

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        seen, reward, _, truncated, info = super().step(action)
        return seen, reward, self.wealth < 0.9, truncated, info


class Numbered(Discrete):
    """Sound, with many actions by number, of which only the last is long."""

    actions = 10

    def __init__(self, bars: pd.DataFrame) -> None:
        super().__init__(bars)
        self.action_space = gym.spaces.Discrete(self.actions)

    def read(self, action: Any) -> float:
        return 1.0 if super().read(action) == self.actions - 2.0 else 0.0


class LatePaid(Numbered):
    """The last two of ten actions are paid for the return that has been shown."""

    def read(self, action: Any) -> float:
        self.stale = super(Numbered, self).read(action) >= self.actions - 3.0
        return float(self.stale)

    def growth(self, row: int) -> float:
        return super().growth(row - 1) if self.stale else 0.0


class TooMany(Numbered):
    """A thousand actions: 32 are tried; number 500, which is not among them, is long."""

    actions = 1000

    def read(self, action: Any) -> float:
        return float(super(Numbered, self).read(action) == 499.0)


class Grid(Sound):
    """Sound, with three choices of three; only one combination is long."""

    def __init__(self, bars: pd.DataFrame) -> None:
        super().__init__(bars)
        self.action_space = gym.spaces.MultiDiscrete([3, 3, 3])

    def read(self, action: Any) -> float:
        if not isinstance(action, np.ndarray) or not self.action_space.contains(action):
            raise ValueError(f"action {action!r:.40}")
        return float(np.array_equal(action, [1, 2, 1]))


class Named(Sound):
    """Sound, with a dict of choices; only one combination is long."""

    def __init__(self, bars: pd.DataFrame) -> None:
        super().__init__(bars)
        self.action_space = gym.spaces.Dict(
            {"side": gym.spaces.Discrete(3), "open": gym.spaces.MultiBinary(1)}
        )

    def read(self, action: Any) -> float:
        if not self.action_space.contains(action):
            raise ValueError(f"action {action!r:.40}")
        return float(action["side"] == 1 and action["open"][0] == 1)


class Breaks(Sound):
    """It raises from a step on."""

    step_number = 9

    def pay(self, target: float, fee: float) -> float:
        if self.steps >= self.step_number:
            raise RuntimeError("out of\nbars")
        return super().pay(target, fee)


class BreaksAtOnce(Breaks):
    """It raises at the first step."""

    step_number = 1


class BreaksLate(Breaks):
    """It raises after the checks that repeat a play."""

    step_number = 45


class NoNumber(Sound):
    """Its reward is not a number while the price stands still."""

    def pay(self, target: float, fee: float) -> float:
        growth = self.growth(self.row)
        return float(target * growth - fee) if growth else np.nan


class Leaves(Breaks):
    """It ends the process."""

    def pay(self, target: float, fee: float) -> float:
        if self.steps >= self.step_number:
            raise SystemExit(0)
        return super(Breaks, self).pay(target, fee)


class SpaceGoes(Sound):
    """Its action space is there but twice: for the trial of building it."""

    left = 2

    def __init__(self, bars: pd.DataFrame) -> None:
        super().__init__(bars)
        type(self).left -= 1
        if type(self).left < 0:
            raise OSError("no more files")
