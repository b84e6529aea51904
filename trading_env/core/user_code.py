"""Whose code a class or function is, where it is written, and what it holds and names."""

import inspect
import sys
import sysconfig
from functools import partial, partialmethod
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from trading_env.core.sources import PACKAGE

INSTALLED = tuple(Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib"))
AROUND = ("__func__", "fget", "func", "py_func", "__wrapped__")  # of a method, a property, a cache


def _function_in(value: Any) -> FunctionType | None:
    """Return the function that an entry of a class is, or is made of."""
    if isinstance(value, FunctionType):
        return value
    if hasattr(type(value), "__get__") and not isinstance(value, partial):
        for name in AROUND:
            if isinstance(inner := getattr(value, name, None), FunctionType):
                return inner
    return None


def held_in(cell: Any) -> Any:
    """Return what a closure's cell holds; None where it is empty yet."""
    try:
        return cell.cell_contents
    except ValueError:
        return None


def held_as(name: str, value: Any) -> list[Any]:
    """Return what an entry of a class holds: functions, a value, or nothing of Python's."""
    if isinstance(value, staticmethod | classmethod):
        return held_as(name, value.__func__)
    if isinstance(value, property):
        return [each for each in (value.fget, value.fset, value.fdel) if each is not None]
    if isinstance(value, partialmethod):
        return [value.func, value.args, value.keywords]
    inner, is_own = _function_in(value), is_users(type(value))
    if inner is not None and not is_own:
        return [inner]
    is_data = is_own or isinstance(value, type | partial) or not hasattr(type(value), "__get__")
    return [value] if is_data and not name.startswith(("__", "_abc_")) else []


def is_in_python(code: type) -> bool:
    """Tell a class that was typed in, without a file, from one written in C."""
    methods = (isinstance(value, FunctionType) for value in vars(code).values())
    return code.__module__ == "__main__" or any(methods)


def is_installed(path: Path) -> bool:
    """Tell whether a file is ours, Python's or of an installed package."""
    return any(path.is_relative_to(root) for root in (PACKAGE, *INSTALLED))


def source_of(code: Any) -> Path | None:
    """Return the file that a class, function or module is written in, if there is one.

    What is typed in below an installed program (`__main__`, as of pytest) is not of its file.
    """
    path = _file_of(code)
    if path is None and isinstance(code, FunctionType):  # made from text, as by dataclasses
        path = _file_of(sys.modules.get(code.__module__))
    is_main = getattr(code, "__module__", None) == "__main__"
    if is_main and path is not None and path == _file_of(sys.modules["__main__"]):
        return None if is_installed(path) else path
    return path


def _file_of(code: Any) -> Path | None:
    try:
        path = inspect.getsourcefile(code)
    except (TypeError, OSError):  # written in C; a class that was typed in
        return None
    return Path(path) if path is not None and Path(path).exists() else None


def names_in(code: CodeType) -> set[str]:
    """Return the names that a function and those inside it may look up in their module."""
    inner = [const for const in code.co_consts if isinstance(const, CodeType)]
    return {*code.co_names}.union(*(names_in(each) for each in inner))


def is_users(code: Any) -> bool:
    """Tell whether a class or function is the user's own: neither installed nor written in C."""
    path = source_of(code)
    if path is None:
        return isinstance(code, FunctionType) or is_in_python(code)
    return not is_installed(path)


def name_if_users(value: Any) -> str:
    """Return the name of a user's function or class, or of the class that made a value; else ""."""
    code = getattr(value, "py_func", value)
    code = code if isinstance(code, type | FunctionType) else type(code)
    name: str = code.__qualname__.rpartition("<locals>.")[2]
    return f"{code.__module__}.{name}" if is_users(code) else ""


def attributes_of(code: Any) -> dict[str, Any]:
    """Return what was set on a function, or on a cache around one.

    The one that it is wrapped around is left out where it is closed over too.
    """
    found = dict(vars(code))
    if not isinstance(code, FunctionType):  # a cache has Python's own there too
        own = [name for name in found if not name.startswith("__") and name != "cache_parameters"]
        return {name: found[name] for name in own}
    cells = [held_in(cell) for cell in code.__closure__ or ()]
    if any(found.get("__wrapped__") is value for value in cells):
        found.pop("__wrapped__", None)
    return found
