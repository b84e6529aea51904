"""Hashes of a policy and of the code: they tell whether a stored result still holds.

A policy is its class (name and source file) and its values after `reset(1)`, the ones that pickling
would keep; or its attribute `fingerprint`, where it has one. Of a user's code that is: what
functions close over, their defaults, the values of their module that they name, and the data of
classes. Not seen: what other modules that it calls into hold, and files that it reads while it
acts.
"""

import hashlib
import inspect
import sysconfig
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from trading_env.core.errors import ConfigError
from trading_env.core.sources import PACKAGE, source_digest
from trading_env.policies.policy import Policy

INSTALLED = tuple(Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib"))
CODE = (type, FunctionType, BuiltinFunctionType, ModuleType)
PLAIN = (type(None), bool, int, float, str, bytes, np.generic)


def code_digest() -> str:
    """SHA-256 over the sources and versions that a result depends on, data left out."""
    digest = hashlib.sha256(source_digest(Path(__file__).with_name("playing.py")).encode())
    digest.update(f"{version('numpy')} {version('numba')}".encode())
    return digest.hexdigest()


def fingerprint(policy: Policy) -> str:
    """SHA-256 of a policy; it is reset.

    Raises:
        ConfigError: it holds something that has no definite content.
    """
    policy.reset(1)
    content = Content()
    try:
        content.feed(policy.fingerprint or policy)
    except (TypeError, RecursionError) as error:
        name = type(policy).__qualname__
        reason = f"{error}; give it an attribute `fingerprint`, a string"
        raise ConfigError(f"policy {name:.40}: {reason}") from None
    return content.digest.hexdigest()


class Content:
    """A hash that values are fed to, each with what it holds."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()
        self._met: dict[int, Any] = {}  # code that has been fed, or is being fed

    def feed(self, value: Any) -> None:
        """Add a value, its type and what it holds.

        Raises:
            TypeError: it has no definite content.
        """
        digest = self.digest
        digest.update(f"{type(value).__module__}.{type(value).__qualname__}:".encode())
        if isinstance(value, PLAIN):
            digest.update(repr(value).encode())
        elif isinstance(value, np.ndarray):
            if value.dtype.hasobject:
                raise TypeError("an array of objects has no definite content")
            digest.update(f"{value.dtype.str}{value.shape}".encode())
            digest.update(np.ascontiguousarray(value).tobytes())
        elif isinstance(value, np.random.Generator):
            self.feed(value.bit_generator.state)
        elif isinstance(value, Mapping):
            digest.update(f"{len(value)};".encode())
            for key in sorted(value, key=repr):
                self.feed(key)
                self.feed(value[key])
        elif isinstance(value, list | tuple):
            digest.update(f"{len(value)};".encode())
            for item in value:
                self.feed(item)
        elif isinstance(value, type | FunctionType):
            self._feed_code(value)
        elif isinstance(getattr(value, "py_func", None), FunctionType):  # compiled by numba
            self._feed_code(value.py_func)
        else:  # what pickling would keep: how it is made, of what, and its state
            reduced = value.__reduce_ex__(4)
            self._feed_code(type(value))
            parts = reduced if isinstance(reduced, tuple) else (reduced,)
            for part in parts:
                self.feed(list(part) if isinstance(part, Iterator) else part)

    def _feed_code(self, code: Any) -> None:
        """Add a class or function: its name, the file it is written in and, a user's, its data."""
        self.digest.update(f"{code.__module__}.{code.__qualname__};".encode())
        if id(code) in self._met:
            return
        self._met[id(code)] = code
        path = _source_of(code)
        if path is not None:
            self.digest.update(hashlib.sha256(path.read_bytes()).digest())
        for cell in getattr(code, "__closure__", None) or ():
            self.feed(cell.cell_contents)
        if path is None or any(path.is_relative_to(root) for root in (PACKAGE, *INSTALLED)):
            return
        if isinstance(code, type):
            self._feed_class(code)
        else:
            self._feed_function(code)

    def _feed_class(self, code: type) -> None:
        """Add the data of a user's class, and what its methods use."""
        for name, value in sorted(vars(code).items()):
            inner = getattr(value, "__func__", getattr(value, "fget", value))
            if isinstance(inner, FunctionType):
                self._feed_code(inner)
            elif _is_data(name, inner):
                self.feed(inner)
        for base in code.__bases__:
            self._feed_code(base)

    def _feed_function(self, code: FunctionType) -> None:
        """Add a user's function's defaults, and the values of its module that it names."""
        self.feed([code.__defaults__, code.__kwdefaults__])
        for name in sorted(_names_in(code.__code__)):
            value = code.__globals__.get(name)
            if isinstance(value, FunctionType | type) and value.__module__ == code.__module__:
                self._feed_code(value)
            elif name in code.__globals__ and not isinstance(value, CODE):
                self.feed(value)


def _is_data(name: str, value: Any) -> bool:
    """Tell whether an entry of a class is a value: no code, no slot and none of Python's own."""
    is_own = name.startswith(("__", "_abc_"))
    return not (is_own or callable(value) or hasattr(type(value), "__get__"))


def _source_of(code: Any) -> Path | None:
    """Return the file that a class or function is written in, if there is one."""
    try:
        path = inspect.getsourcefile(code)
    except TypeError:
        return None
    return Path(path) if path is not None and Path(path).exists() else None


def _names_in(code: CodeType) -> set[str]:
    """Return the names that a function and those inside it may look up in their module."""
    inner = [const for const in code.co_consts if isinstance(const, CodeType)]
    return {*code.co_names}.union(*(_names_in(each) for each in inner))
