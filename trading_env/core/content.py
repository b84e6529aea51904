"""A hash of what a value holds: of data its numbers, of a user's code what it does.

Of a user's function that is: its compiled code, what it closes over, its defaults, its attributes,
and whatever of its module it names; of a class its methods and its data; of an object what pickling
would keep; of tables, tensors and networks what `core/foreign.py` says. Code of this package, of
Python and of installed packages goes by its file, and by its name where it is written in C. What
refers to itself is fed once, and then by its number. Not seen: files that code reads, what a module
named as in `module.name` uses beyond its own file, modules that are imported inside a function, and
whether two equal values are one.
"""

import copyreg
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from trading_env.core.errors import ConfigError
from trading_env.core.foreign import held_by
from trading_env.core.user_code import (
    attributes_of,
    held_as,
    held_in,
    is_in_python,
    is_installed,
    name_if_users,
    names_in,
    source_of,
)

PLAIN = (type(None), bool, int, float, str, bytes, np.generic)
NAMED = (type, FunctionType, ModuleType, CodeType)  # fed once, or without what refers to it
CODE_PARTS = ("co_code", "co_exceptiontable", "co_names", "co_varnames", "co_freevars")
DEEPEST = 10_000  # values inside each other
LONGEST = 90  # characters of the way to a value
Parts: TypeAlias = Iterator[tuple[Any, str]]  # what a value holds, each with the step to it


def content_digest(what: str, value: Any) -> str:
    """SHA-256 of a value that `what` names, or of its attribute `fingerprint`, where it has one.

    Raises:
        ConfigError: it holds something that has no definite content; the message names the way.
    """
    content = Content()
    try:
        content.feed(getattr(value, "fingerprint", "") or value)
    except TypeError as error:
        reason = f"{error}; give it an attribute `fingerprint`, a string"
        raise ConfigError(f"{what}{content.way()}: {reason}") from None
    return content.digest.hexdigest()


class Held(NamedTuple):
    """A value that is being fed."""

    value: Any
    step: str  # from the one that holds it
    parts: Parts


class Content:
    """A hash that values are fed to, each with what it holds."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()
        self._met: dict[str, list[Any]] = {}  # name -> code that has been fed, or is being fed
        self._way: list[Held] = []  # from the value that was given to the one that is being fed
        self._open: dict[int, int] = {}  # id -> place on the way
        self._circles: dict[int, tuple[int, Any]] = {}  # id -> number of what refers to itself

    def feed(self, value: Any) -> None:
        """Add a value, its type and what it holds.

        Raises:
            TypeError: it has no definite content.
        """
        start = len(self._way)
        self._enter(value, "")
        while len(self._way) > start:
            part = next(self._way[-1].parts, None)
            if part is not None:
                self._enter(*part)
            else:
                left = id(self._way.pop().value)
                if self._open.get(left) == len(self._way):
                    del self._open[left]

    def way(self) -> str:
        """Say how to come from the user's part of the value to the one that is being fed."""
        names = [name_if_users(held.value) for held in self._way]
        first = next((place for place, name in enumerate(names) if name), 0)
        start = f": {names[first]}" if first else ""
        text = start + "".join(held.step for held in self._way[first + 1 :] if held.step != ".")
        return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]}...{text[-LONGEST // 2 :]}"

    def _enter(self, value: Any, step: str) -> None:
        """Add a value's type and, where it holds no others, the value; else put it on the way."""
        digest = self.digest
        digest.update(f"{type(value).__module__}.{type(value).__qualname__}:".encode())
        if isinstance(value, PLAIN):
            text = repr(value).encode()
            digest.update(f"{len(text)};".encode() + text)
            return
        if not isinstance(value, NAMED):
            if id(value) in self._open:  # and so whatever lies between
                for held in self._way[self._open[id(value)] :]:
                    found = len(self._circles), held.value
                    self._circles.setdefault(id(held.value), found)
            if id(value) in self._circles:
                digest.update(f"circle {self._circles[id(value)][0]};".encode())
                return
            self._open[id(value)] = len(self._way)
        self._way.append(Held(value, step, self._parts(value, step)))
        if len(self._way) > DEEPEST:
            raise TypeError("it is nested without an end")

    def _parts(self, value: Any, step: str) -> Parts:
        """Yield what a value holds, and add what is not a value."""
        digest = self.digest
        if isinstance(value, np.ndarray):
            digest.update(f"{value.dtype.str}{value.shape}".encode())
            if value.dtype.hasobject:
                yield value.tolist(), ""
            else:
                digest.update(np.ascontiguousarray(value).tobytes())
        elif isinstance(value, np.random.Generator):
            yield value.bit_generator.state, "."
        elif isinstance(value, Mapping):
            digest.update(f"{len(value)};".encode())
            for key in self._in_order(value):
                yield key, ""
                yield value[key], f".{key}" if step == "." else f"[{_short(key)}]"
        elif isinstance(value, list | tuple | set | frozenset):
            digest.update(f"{len(value)};".encode())
            is_ordered = isinstance(value, list | tuple)
            for place, item in enumerate(value if is_ordered else self._in_order(value)):
                yield item, f"[{place}]"
        elif isinstance(value, CodeType):
            yield [getattr(value, part) for part in CODE_PARTS], ""
            yield [value.co_argcount, value.co_kwonlyargcount, value.co_flags], ""
            yield value.co_consts, ""
        elif isinstance(value, ModuleType):
            self._add_module(value)
        elif isinstance(value, type | FunctionType):
            yield from self._code_parts(value)
        elif isinstance(value, property | staticmethod | classmethod):
            yield held_as("", value), ""
        elif isinstance(getattr(value, "py_func", None), FunctionType):  # compiled by numba
            yield from self._code_parts(value.py_func)
        else:
            yield from self._object_parts(value)

    def _object_parts(self, value: Any) -> Parts:
        """Yield what pickling would keep: how it is made, of what, and its state."""
        reduced = _reduced(value)
        yield from self._code_parts(type(value))
        if isinstance(reduced, dict):
            yield reduced, "."
        elif isinstance(reduced, str):  # kept by its name: C, or a cache around a function
            inner = getattr(value, "__wrapped__", None)
            module = getattr(value, "__module__", None)
            yield reduced, ""
            yield module if inner is None and module != "builtins" else inner, ""
            if inner is not None:
                yield from self._attributes(value)
        else:
            for place, part in enumerate(reduced):
                held = list(part) if isinstance(part, Iterator) else part
                yield held, "." if place == 2 else ""

    def _in_order(self, items: Iterable[Any]) -> list[Any]:
        """Sort what has no order: plain values as they are written, others by their content."""
        return sorted(items, key=self._order)

    def _order(self, item: Any) -> str:
        whole = item if isinstance(item, tuple) else (item,)
        if all(isinstance(each, (*PLAIN, type)) for each in whole):
            return repr(item)
        inner = Content()
        inner._met = {name: [*codes] for name, codes in self._met.items()}
        inner._way, inner._open, inner._circles = [*self._way], {**self._open}, {**self._circles}
        inner.feed(item)
        return inner.digest.hexdigest()

    def _add_module(self, module: ModuleType) -> None:
        """Add a module: its name and, a user's, its file."""
        self.digest.update(f"{module.__name__};".encode())
        path = source_of(module)
        if path is not None and not is_installed(path):
            self.digest.update(hashlib.sha256(path.read_bytes()).digest())

    def _code_parts(self, code: Any) -> Parts:
        """Add a class or function: its name and its file or, a user's, what it does and uses."""
        name = f"{code.__module__}.{code.__qualname__};"
        self.digest.update(name.encode())
        met = self._met.setdefault(name, [])
        for number, other in enumerate(met):
            if other is code:
                self.digest.update(f"{number};".encode() if number else b"")
                return
        met.append(code)
        if isinstance(code, FunctionType):
            cells = code.__closure__ or ()
            for inner, cell in zip(code.__code__.co_freevars, cells, strict=True):
                yield held_in(cell), f": closure {inner!r}"
            yield from self._attributes(code)
        path = source_of(code)
        if path is not None and is_installed(path):
            self.digest.update(hashlib.sha256(path.read_bytes()).digest())
        elif isinstance(code, FunctionType):
            yield from self._function_parts(code)
        elif path is not None or is_in_python(code):
            yield from self._class_parts(code)

    def _attributes(self, code: Any) -> Parts:
        """Yield what was set on a function."""
        if found := attributes_of(code):
            self.digest.update(b"attributes;")
            yield found, "."

    def _class_parts(self, code: type) -> Parts:
        """Yield the data of a user's class, its methods and what they use."""
        for name, value in sorted(vars(code).items()):
            if held := held_as(name, value):
                self.digest.update(f"{name};".encode())
                for each in held:
                    yield each, f".{name}"
        for base in (*code.__bases__, type(code)):
            yield from self._code_parts(base)

    def _function_parts(self, code: FunctionType) -> Parts:
        """Yield a user's function: its code, its defaults, and what it names of its module."""
        self.digest.update(b"builtins.list:3;")
        yield code.__code__, ""
        yield code.__defaults__, ": default "
        yield code.__kwdefaults__, ": default "
        for name in sorted(names_in(code.__code__)):
            if name in code.__globals__:
                self.digest.update(f"{name};".encode())
                yield code.__globals__[name], f": global {name!r}"


def _reduced(value: Any) -> Any:
    """Return what is kept of a value: its content by name, or as pickling does it.

    Pickling keeps a name, or how a value is made and of what.

    Raises:
        TypeError: it has no definite content.
    """
    by_kind = copyreg.dispatch_table.get(type(value))
    try:
        reduced = held_by(value) or (by_kind(value) if by_kind else value.__reduce_ex__(4))
    except Exception:  # a user's __getstate__ may raise anything
        reduced = None
    is_made = type(value) is np.ufunc and getattr(value, "__module__", None) is None
    if not isinstance(reduced, str | tuple | dict) or is_made:
        kind = type(value)
        module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
        raise TypeError(f"a {module}{kind.__qualname__} has no definite content")
    return reduced


def _short(key: Any) -> str:
    return repr(key)[:30] if isinstance(key, PLAIN) else "..."
