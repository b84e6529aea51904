"""What tables, tensors and networks hold, in values of Python and NumPy; no library is imported.

Pickling keeps more of them than their content: where a tensor lies in memory, how a table is cut
into blocks, the random state and the optimizer of a model. Not seen: what another class's networks
keep beside tensors and plain values where Stable-Baselines3 predicts with them.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

PLAIN_OF_NETWORK = (bool, int, float, str, type, list, tuple, np.ndarray)


def held_by(value: Any) -> dict[str, Any] | None:
    """Return the content of a value of pandas, PyTorch or Stable-Baselines3; None of any other."""
    libraries = {base.__module__.partition(".")[0] for base in type(value).__mro__}
    if "stable_baselines3" in libraries and hasattr(value, "predict"):
        network = getattr(value, "policy", value)
        return _network(network) if hasattr(network, "named_modules") else None
    if "torch" in libraries and hasattr(value, "untyped_storage"):
        return {"dtype": str(value.dtype), "layout": str(value.layout), "values": _array(value)}
    if "pandas" in libraries and hasattr(type(value), "iterrows"):
        columns = [column for _, column in value.items()]
        return {"columns": value.columns, "index": value.index, "values": [*map(_column, columns)]}
    if "pandas" in libraries and hasattr(type(value), "array"):
        index = getattr(value, "index", None)  # of a series
        about = {"names": list(getattr(value, "names", ())), "name": value.name}
        return {"index": index, "freq": getattr(value, "freqstr", None)} | about | _column(value)
    return None


def _column(series: Any) -> dict[str, Any]:
    """Return the type and the values of a column or an index; times as whole numbers."""
    if isinstance(series.dtype, np.dtype):
        return {"dtype": series.dtype.str, "values": series.to_numpy()}
    if hasattr(series.array, "asi8"):
        return {"dtype": series.dtype, "values": series.array.asi8}
    return {"dtype": series.dtype, "values": series.to_numpy(dtype=object)}


def _array(tensor: Any) -> Any:
    """Return a tensor's numbers; of types that NumPy lacks as float32, which holds them all."""
    dense = tensor if str(tensor.layout) == "torch.strided" else tensor.to_dense()
    try:
        return dense.numpy(force=True)
    except TypeError:
        return dense.float().numpy(force=True)


def _network(network: Any) -> dict[str, Any]:
    """Return what a network of Stable-Baselines3 predicts with: modules, tensors, bounds."""
    tensors = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    named = network.named_modules(remove_duplicate=False)
    modules = {name: [type(module), dict(_plain(module))] for name, module in named}
    return {
        "modules": modules,
        "tensors": tensors,
        "actions": repr(getattr(network, "action_space", None)),
    }


def _plain(module: Any) -> Iterator[tuple[str, Any]]:
    """Yield a module's own settings; whether it trains is set before each prediction."""
    for name, value in vars(module).items():
        if isinstance(value, PLAIN_OF_NETWORK) and name != "training":
            yield name, value
