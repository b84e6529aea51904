"""Rolling walk-forward windows: train, then test on what comes after.

Window k, in bars of the market:

    train   [k step, k step + train - purge)
    test    [k step + train + embargo, k step + train + embargo + test)

The last `purge` bars of the training span are dropped: labels that look that far ahead would reach
out of it. The next `embargo` bars belong to no part, because what follows a training span is still
correlated with it (Lopez de Prado 2018, "Advances in Financial Machine Learning", ch. 7). So
purge + embargo bars lie between the last training bar and the first test bar. A window whose test
part does not fit is left out.

Policies here are fixed: none is fitted to a window's training part. It says what a policy fitted
elsewhere may have seen if the window is to be an honest test of it, and the test parts are what is
played. Features of the first test bars are computed from the bars before them, which are known by
then.
"""

import re
from typing import NamedTuple

from trading_env.core.errors import ConfigError, shown, unknown
from trading_env.envs.world import WARMUP

LENGTH = re.compile(r"(\d{1,9})(b|d|)", re.ASCII)
LENGTHS = ("train", "test", "step", "purge", "embargo")


class Window(NamedTuple):
    """One window: positions of bars, each part from its start to before its stop."""

    number: int
    train_start: int
    train_stop: int
    test_start: int
    test_stop: int


class Walk(NamedTuple):
    """Lengths of walk-forward windows, in bars."""

    train: int
    test: int
    step: int
    purge: int = 0
    embargo: int = 0

    @classmethod
    def read(cls, text: str, bars_per_day: float = 1.0) -> "Walk":
        """Read "train=504,test=126,step=126,purge=5,embargo=20".

        Lengths are bars, or trading days with the letter d: "train=250d". Left out: step is test,
        purge and embargo are 0.

        Args:
            text: the lengths.
            bars_per_day: bars in a trading day, > 0.

        Raises:
            ConfigError: an unknown key, a wrong length, or one that is missing.
        """
        if not isinstance(text, str):
            raise ConfigError(f'windows = {shown(text)}: give text, as "train=504,test=126"')
        lengths: dict[str, int] = {}
        for part in text.split(","):
            name, _, value = (piece.strip() for piece in part.partition("="))
            if name not in LENGTHS:
                raise ConfigError(f"windows: {unknown('key', name, LENGTHS)}")
            match = LENGTH.fullmatch(value)
            if match is None or name in lengths:
                reason = "twice" if name in lengths else "give bars, or trading days as in 250d"
                raise ConfigError(f"windows: {name} = {shown(value, 40)}: {reason}")
            unit = bars_per_day if match[2] == "d" else 1.0
            lengths[name] = round(int(match[1]) * unit)
        for name in ("train", "test"):
            if name not in lengths:
                raise ConfigError(f"windows: {name} is missing, as in train=504,test=126")
        lengths.setdefault("step", lengths["test"])
        return cls(**lengths)

    def _check(self, warmup: int) -> None:
        """Raise ConfigError for a length that makes no window."""
        for name, low in (("train", 1), ("test", 2), ("step", 1), ("purge", 0), ("embargo", 0)):
            if getattr(self, name) < low:
                raise ConfigError(f"windows: {name} = {getattr(self, name)} bars: must be >= {low}")
        if self.purge >= self.train:
            raise ConfigError(f"windows: purge = {self.purge} bars: must be below {self.train}")
        if self.train + self.embargo < warmup:
            found = self.train + self.embargo
            reason = f"{warmup} warm the features up"
            raise ConfigError(f"windows: train + embargo = {found} bars: {reason}")

    def windows(self, bars: int, warmup: int = WARMUP) -> tuple[Window, ...]:
        """Return every window that fits in so many bars, `warmup` of them before its test part.

        Raises:
            ConfigError: a length is impossible, or not one window fits.
        """
        self._check(warmup)
        found = []
        need = self.train + self.embargo + self.test
        for number, start in enumerate(range(0, bars - need + 1, self.step)):
            test_start = start + self.train + self.embargo
            train_stop = start + self.train - self.purge
            found.append(Window(number, start, train_stop, test_start, test_start + self.test))
        if not found:
            parts = f"{self.train} train + {self.embargo} embargo + {self.test} test"
            reason = f"one takes {need} bars, the market has {bars}: shorten {parts}"
            raise ConfigError(f"windows: {reason}")
        return tuple(found)
