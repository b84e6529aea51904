"""Hints to the memory system: this will be read soon.

What 1,024 episodes read at one step lies far apart; asking for it while something else is being
computed hides most of the wait. Hints change no value, and are nothing when compilation is off.
"""

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, overload

from trading_env.core.jit import kernel
from trading_env.core.records import AssetState, OrderSlot, Table, record_dtype
from trading_env.core.world import Lanes, World

LINE = 64  # bytes of a cache line
ASSET_BYTES = record_dtype(AssetState).itemsize
SLOT_BYTES = record_dtype(OrderSlot).itemsize
tools: Any = cgutils  # its functions have no types
POINTER, WORD = ir.IntType(8).as_pointer(), ir.IntType(32)
FOR_READING, ALL_CACHES, DATA = WORD(0), WORD(3), WORD(1)


def prefetch(array: Table, index: int, offset: int) -> None:
    """Ask for the cache line `offset` bytes into an element of a one-dimensional array."""


@intrinsic
def _prefetch(typing: Any, array: Any, index: Any, offset: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = signature.args[0]
        struct = context.make_array(kind)(context, builder, arguments[0])
        element = tools.get_item_pointer(
            context, builder, kind, struct, [arguments[1]], wraparound=False
        )
        address = builder.gep(builder.bitcast(element, POINTER), [arguments[2]])
        call = ir.FunctionType(ir.VoidType(), [POINTER, WORD, WORD, WORD])
        function = tools.get_or_insert_function(builder.module, call, "llvm.prefetch.p0i8")
        builder.call(function, [address, FOR_READING, ALL_CACHES, DATA])
        return context.get_dummy_value()

    return types.none(array, types.intp, types.intp), generate


hint_line: Any = _prefetch  # as it is called from compiled code, without the typing context


@overload(prefetch, inline="always")
def _compiled(array: Table, index: int, offset: int) -> Any:
    def hint(array: Table, index: int, offset: int) -> None:
        hint_line(array, index, offset)

    return hint


@kernel
def prefetch_row(world: World, row: int) -> None:
    """Ask for a row of the market table."""
    for a in range(world.bars.shape[1]):
        prefetch(world.bars[row], a, 0)
        prefetch(world.signals[row, a], 0, 0)
    prefetch(world.elapsed_s, row, 0)


@kernel
def prefetch_lane(lanes: Lanes, i: int) -> None:
    """Ask for the state of lane i, if there is one: its assets and their first order slots."""
    if i < lanes.assets.shape[0]:
        for a in range(lanes.assets.shape[1]):
            for offset in range(0, ASSET_BYTES, LINE):
                prefetch(lanes.assets[i], a, offset)
            for offset in range(0, SLOT_BYTES, LINE):
                prefetch(lanes.slots[i, 0], a, offset)
