"""A hash of what a value holds: of data its numbers, of a user's code what it does.

Of a user's function that is: its compiled code, what it closes over, its defaults, and whatever of
its module it names; of a class its methods and its data; of an object what pickling would keep.
Code of this package, of Python and of installed packages goes by its file. Not seen: files that
code reads, what a module named as in `module.name` uses beyond its own file, and modules that are
imported inside a function.
"""

import hashlib
import inspect
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from pickle import PicklingError
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from trading_env.core.errors import ConfigError
from trading_env.core.sources import PACKAGE

INSTALLED = tuple(Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib"))
PLAIN = (type(None), bool, int, float, str, bytes, np.generic)
AROUND = ("__func__", "fget", "func", "py_func", "__wrapped__")  # of a method, a property, a cache
CODE_PARTS = ("co_code", "co_exceptiontable", "co_names", "co_varnames", "co_freevars")


def content_digest(what: str, value: Any) -> str:
    """SHA-256 of a value that `what` names, or of its attribute `fingerprint`, where it has one.

    Raises:
        ConfigError: it holds something that has no definite content.
    """
    content = Content()
    try:
        content.feed(getattr(value, "fingerprint", "") or value)
    except (TypeError, RecursionError, PicklingError) as error:
        reason = f"{error}; give it an attribute `fingerprint`, a string"
        raise ConfigError(f"{what}: {reason}") from None
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
            text = repr(value).encode()
            digest.update(f"{len(text)};".encode() + text)
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
        elif isinstance(value, list | tuple | set | frozenset):
            digest.update(f"{len(value)};".encode())
            is_ordered = isinstance(value, list | tuple)
            for item in value if is_ordered else sorted(value, key=repr):
                self.feed(item)
        elif isinstance(value, CodeType):
            self.feed([getattr(value, part) for part in CODE_PARTS])
            self.feed([value.co_argcount, value.co_kwonlyargcount, value.co_flags])
            self.feed(value.co_consts)
        elif isinstance(value, ModuleType):
            self._feed_module(value)
        elif isinstance(value, type | FunctionType):
            self._feed_code(value)
        elif isinstance(getattr(value, "py_func", None), FunctionType):  # compiled by numba
            self._feed_code(value.py_func)
        else:  # what pickling would keep: how it is made, of what, and its state
            reduced = value.__reduce_ex__(4)
            self._feed_code(type(value))
            parts = reduced if isinstance(reduced, tuple) else (reduced,)
            if isinstance(reduced, str):  # kept by its name: a cache around a function, for one
                parts = reduced, getattr(value, "__wrapped__", None)
            for part in parts:
                self.feed(list(part) if isinstance(part, Iterator) else part)

    def _feed_module(self, module: ModuleType) -> None:
        """Add a module: its name and, a user's, its file."""
        self.digest.update(f"{module.__name__};".encode())
        path = _source_of(module)
        if path is not None and not _is_installed(path):
            self.digest.update(hashlib.sha256(path.read_bytes()).digest())

    def _feed_code(self, code: Any) -> None:
        """Add a class or function: its name and its file or, a user's, what it does and uses."""
        self.digest.update(f"{code.__module__}.{code.__qualname__};".encode())
        if id(code) in self._met:
            return
        self._met[id(code)] = code
        for cell in getattr(code, "__closure__", None) or ():
            self.feed(_held_in(cell))
        path = _source_of(code)
        if path is None and isinstance(code, FunctionType):  # made from text, as by dataclasses
            path = _source_of(sys.modules.get(code.__module__))
        if path is not None and _is_installed(path):
            self.digest.update(hashlib.sha256(path.read_bytes()).digest())
        elif isinstance(code, FunctionType):
            self._feed_function(code)
        elif path is not None or _is_in_python(code):
            self._feed_class(code)

    def _feed_class(self, code: type) -> None:
        """Add the data of a user's class, its methods and what they use."""
        for name, value in sorted(vars(code).items()):
            inner = _function_in(value)
            if inner is not None or _is_data(name, value):
                self.digest.update(f"{name};".encode())
                self.feed(value if inner is None else inner)
        for base in (*code.__bases__, type(code)):
            self._feed_code(base)

    def _feed_function(self, code: FunctionType) -> None:
        """Add a user's function: its code, its defaults, and the values of its module it names."""
        self.feed([code.__code__, code.__defaults__, code.__kwdefaults__])
        for name in sorted(_names_in(code.__code__)):
            value = code.__globals__.get(name)
            if name in code.__globals__ and not isinstance(value, BuiltinFunctionType):
                self.digest.update(f"{name};".encode())
                self.feed(value)


def _function_in(value: Any) -> FunctionType | None:
    """Return the function that an entry of a class is, or is made of."""
    if isinstance(value, FunctionType):
        return value
    if hasattr(type(value), "__get__") and not isinstance(value, partial):
        for name in AROUND:
            if isinstance(inner := getattr(value, name, None), FunctionType):
                return inner
    return None


def _held_in(cell: Any) -> Any:
    """Return what a closure's cell holds; None where it is empty yet."""
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _is_data(name: str, value: Any) -> bool:
    """Tell whether an entry of a class is a value: no slot and none of Python's own."""
    is_own = name.startswith(("__", "_abc_"))
    return not is_own and (isinstance(value, type | partial) or not hasattr(type(value), "__get__"))


def _is_in_python(code: type) -> bool:
    """Tell a class that was typed in, without a file, from one written in C."""
    methods = (isinstance(value, FunctionType) for value in vars(code).values())
    return code.__module__ == "__main__" or any(methods)


def _is_installed(path: Path) -> bool:
    """Tell whether a file is ours, Python's or of an installed package."""
    return any(path.is_relative_to(root) for root in (PACKAGE, *INSTALLED))


def _source_of(code: Any) -> Path | None:
    """Return the file that a class, function or module is written in, if there is one."""
    try:
        path = inspect.getsourcefile(code)
    except (TypeError, OSError):  # written in C; a class that was typed in
        return None
    return Path(path) if path is not None and Path(path).exists() else None


def _names_in(code: CodeType) -> set[str]:
    """Return the names that a function and those inside it may look up in their module."""
    inner = [const for const in code.co_consts if isinstance(const, CodeType)]
    return {*code.co_names}.union(*(_names_in(each) for each in inner))
