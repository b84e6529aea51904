"""The compiler of kernels that compiled code alone calls.

Numba optimises every function by itself, and makes machine code of it at once, so that Python can
call it. A kernel is written out in drivers, which are optimised as a whole: what was made of it
before is thrown away. So its library of code is left as it was lowered, and only linked; a driver
compiles in three quarters of the time.

The classes of numba that this builds on are not promised to stay as they are. Where one of the
methods is missing, `OPTIONS` is empty and kernels are compiled as numba does.
"""

from typing import Any

from numba.core import codegen, compiler, compiler_machinery, typed_passes

LIBRARY: Any = getattr(codegen, "JITCodeLibrary", object)
PASS: Any = compiler_machinery.LoweringPass
COMPILER: Any = compiler.CompilerBase
register: Any = compiler_machinery.register_pass
OVERRIDDEN = ("_optimize_final_module", "_finalize_final_module", "get_pointer_to_function")


class LinkedLibrary(LIBRARY):  # type: ignore[misc]
    """Code that is linked into that of its callers, and never becomes machine code."""

    def _optimize_final_module(self) -> None:
        """Leave it to the driver."""

    def _finalize_final_module(self) -> None:
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        """Return 0: there is no machine code."""
        return 0

    @property
    def codegen(self) -> Any:
        """What is told where a function's environment is: nobody, since it has no address."""
        return self

    def set_env(self, name: str, environment: Any) -> None:
        """Do nothing: kernels have no use for their environment, which holds Python's objects."""


@register(mutates_CFG=False, analysis_only=True)
class LinkOnly(PASS):  # type: ignore[misc]
    """Gives a function a library of that kind before it is lowered."""

    _name = "link_only"

    def __init__(self) -> None:
        PASS.__init__(self)

    def run_pass(self, state: Any) -> bool:
        """Set the library."""
        state.library = LinkedLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        return False


class KernelCompiler(COMPILER):  # type: ignore[misc]
    """Numba's compiler, with that pass."""

    def define_pipelines(self) -> list[Any]:
        """Return the passes of a function, in one list."""
        builder: Any = compiler.DefaultPassBuilder
        passes = builder.define_nopython_pipeline(self.state)
        passes.add_pass_after(LinkOnly, typed_passes.AnnotateTypes)
        passes.finalize()
        return [passes]


OPTIONS: dict[str, Any] = {}
if all(hasattr(LIBRARY, name) for name in OVERRIDDEN):
    OPTIONS["pipeline_class"] = KernelCompiler
