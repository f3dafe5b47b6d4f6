"""A dimension is a Python int or a numpy array of them, and formulas never ask which.

Python ints are exact at any size. Arrays are int64 or float64, chosen once by `exact_enough` before a formula runs,
because int64 wraps without a word. `min`, `max` and `if` do not work on arrays, and `np.minimum` turns ints into
wrapping scalars: formulas use the functions below and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, cast

from llmcmp.errors import QuantityError

if TYPE_CHECKING:
    import numpy.typing as npt

    Dim: TypeAlias = int | npt.NDArray[Any]
    # A count that may be an expectation (distinct experts) and so need not be whole.
    Amount: TypeAlias = int | float | npt.NDArray[Any]

# Sums inside a formula may exceed its result by a small factor (pair counts halve a product), so int64 is used
# only where the exact answer leaves two bits free.
INT64_LIMIT = 2**61


def is_scalar(value: Any) -> bool:
    """Whether `value` is a plain number rather than an array."""
    return isinstance(value, int | float)


def lesser(a: Dim, b: Dim) -> Dim:
    """The smaller of the two, elementwise; ints stay Python ints."""
    if isinstance(a, int) and isinstance(b, int):
        return min(a, b)
    import numpy as np

    return np.minimum(a, b)


def greater(a: Dim, b: Dim) -> Dim:
    """The larger of the two, elementwise; ints stay Python ints."""
    if isinstance(a, int) and isinstance(b, int):
        return max(a, b)
    import numpy as np

    return np.maximum(a, b)


def ceil_div(a: Dim, b: int) -> Dim:
    """a / b rounded up."""
    return -(-a // b)


def where(condition: Any, yes: Any, no: Any) -> Any:
    """`yes` where the condition holds, else `no`, elementwise."""
    if isinstance(condition, bool):
        return yes if condition else no
    import numpy as np

    return cast("Any", np.where(condition, yes, no))


def any_true(condition: Any) -> bool:
    """Whether the condition holds anywhere."""
    return bool(condition if isinstance(condition, bool) else condition.any())


def dimension(value: Any, name: str, least: int = 0) -> Dim:
    """Check a user's number or array of numbers and return it as Dim.

    Raises QuantityError where a value is not whole, is below `least`, or cannot be held exactly.
    """
    if isinstance(value, bool):
        raise QuantityError(f"{name} must be a whole number, not {value}")
    if isinstance(value, int):
        if value < least:
            raise QuantityError(f"{name} must be at least {least}, not {value}")
        return value
    if hasattr(value, "__index__") and not getattr(value, "shape", ()):
        return dimension(value.__index__(), name, least)
    if not (hasattr(value, "dtype") or isinstance(value, list | tuple | range)):
        raise QuantityError(f"{name} must be a whole number or an array of them, not {value!r}")
    return _whole_array(value, name, least)


def _whole_array(value: Any, name: str, least: int) -> Dim:
    import numpy as np

    array = np.asarray(value)
    if array.dtype.kind not in "iu":
        raise QuantityError(f"{name} must hold whole numbers, not {array.dtype}")
    if array.size and int(array.min()) < least:
        raise QuantityError(f"{name} must be at least {least}, not {int(array.min())}")
    if array.size and int(array.max()) > np.iinfo(np.int64).max:
        raise QuantityError(f"{name} must fit in 64 bits, not {int(array.max())}")
    return cast("Dim", array.astype(np.int64))


def maximum(value: Dim) -> int:
    """The largest entry as an exact Python int (0 for an empty array)."""
    if isinstance(value, int):
        return value
    return int(value.max()) if value.size else 0


def exact_enough(value: Dim, bound: int) -> Dim:
    """`value` ready for a formula whose largest result is `bound`: int64 where that fits, else float64.

    float64 keeps 53 bits: results are then equal to the exact ones to about 1e-15.
    """
    if isinstance(value, int) or bound < INT64_LIMIT:
        return value
    return cast("Dim", value.astype("float64"))
