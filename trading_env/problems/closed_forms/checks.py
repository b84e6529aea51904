"""Refuse impossible parameters of a closed form: one line with the field, the value, the reason."""

import math

import numpy as np
from numpy.typing import ArrayLike

from trading_env.core.records import Floats

PerSchedule = np.float64 | Floats  # one number for one schedule, an array for many

SYMMETRIC = 1e-12  # relative difference between a matrix and its transpose that is rounding


def require_finite(field: str, value: float) -> None:
    """Raise ValueError unless a number is finite."""
    if not math.isfinite(value):
        raise ValueError(f"{field} = {value}: must be finite")


def require_positive(field: str, value: float) -> None:
    """Raise ValueError unless a number is finite and > 0."""
    if not (math.isfinite(value) and value > 0.0):
        raise ValueError(f"{field} = {value}: must be finite and > 0")


def require_not_negative(field: str, value: float) -> None:
    """Raise ValueError unless a number is finite and >= 0."""
    if not (math.isfinite(value) and value >= 0.0):
        raise ValueError(f"{field} = {value}: must be finite and >= 0")


def require_fraction(field: str, value: float) -> None:
    """Raise ValueError unless a number is strictly between 0 and 1."""
    if not 0.0 < value < 1.0:
        raise ValueError(f"{field} = {value}: must be above 0 and below 1")


def require_count(field: str, value: int, least: int) -> None:
    """Raise ValueError unless a value is a whole number, at least `least`."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not (whole and value >= least):
        raise ValueError(f"{field} = {value!r}: must be a whole number >= {least}")


def require_quantity(value: float) -> None:
    """Raise ValueError unless there is something to trade."""
    if not (math.isfinite(value) and value != 0.0):
        raise ValueError(f"quantity = {value}: must be finite and not 0; the sign is the side")


def checked_schedule(schedule: ArrayLike, trades: int) -> Floats:
    """Return schedules as float64 of shape (..., trades), or raise ValueError."""
    shares = np.asarray(schedule, dtype=np.float64)
    if shares.ndim == 0 or shares.shape[-1] != trades:
        raise ValueError(f"schedule has shape {shares.shape}: its last axis must be {trades} long")
    if not np.isfinite(shares).all():
        raise ValueError("schedule holds a value that is not finite")
    return shares


def checked_array(field: str, value: ArrayLike, shape: tuple[int, ...]) -> Floats:
    """Return a read-only float64 copy of the demanded shape, or raise ValueError."""
    array = np.array(value, dtype=np.float64)
    if array.shape != shape:
        raise ValueError(f"{field} has shape {array.shape}: must be {shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{field} holds a value that is not finite")
    array.flags.writeable = False
    return array


def checked_covariance(field: str, value: ArrayLike, size: int, *, strict: bool = True) -> Floats:
    """Return a symmetric positive definite matrix (semidefinite if not strict), or raise."""
    matrix = checked_array(field, value, (size, size))
    if np.abs(matrix - matrix.T).max() > SYMMETRIC * np.abs(matrix).max():
        raise ValueError(f"{field} is not symmetric: it must equal its transpose")
    values = np.linalg.eigvalsh(matrix)
    rounding = size * np.finfo(np.float64).eps * np.abs(values).max()
    if values[0] <= rounding if strict else values[0] < -rounding:
        kind = "positive definite" if strict else "positive semidefinite"
        raise ValueError(f"{field} has an eigenvalue of {values[0]:g}: must be {kind}")
    return matrix
