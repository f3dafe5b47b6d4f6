"""A dimension is a Python int or a numpy array of them, and formulas never ask which.

Python ints are exact at any size. Arrays are int64 or float64, chosen once by `exact_enough` before a formula runs,
because int64 wraps without a word. `min`, `max` and `if` do not work on arrays, and `np.minimum` turns ints into
wrapping scalars: formulas use the functions below and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, cast

from llmcmp.errors import QuantityError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Dim: TypeAlias = int | npt.NDArray[Any]
    # A count that may be an expectation (distinct experts) and so need not be whole.
    Amount: TypeAlias = int | float | npt.NDArray[Any]

# Sums inside a formula may exceed its result by a small factor (pair counts halve a product), so int64 is used
# only where the exact answer leaves two bits free.
INT64_LIMIT = 2**61

# No token count or batch of this world is larger; up to here, floats of expectations stay finite and sums of positions
# inside a formula stay within int64.
MOST = 10**30
ARRAY_MOST = 2**40


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


def pick(choice: Any, options: Sequence[Any]) -> Any:
    """The option that `choice` numbers, elementwise where it is an array."""
    if isinstance(choice, int):
        return options[choice]
    picked = options[0]
    for number, option in enumerate(options[1:], start=1):
        picked = where(choice == number, option, picked)
    return picked


def dimension(value: Any, name: str, least: int = 0) -> Dim:
    """Check a user's number or array of numbers and return it as Dim.

    Raises QuantityError where a value is not whole, is below `least`, or is larger than what can be held exactly.
    """
    if type(value) is int:
        if not least <= value <= MOST:
            raise QuantityError(f"{name} must be at least {least}{f' and at most {MOST:.0e}' if value > 0 else ''}")
        return value
    if not hasattr(value, "dtype") and not isinstance(value, list | tuple | range):
        raise QuantityError(f"{name} must be a whole number or an array of them, not {value!r}")
    return _whole_array(value, name, least)


def _whole_array(value: Any, name: str, least: int) -> Dim:
    import numpy as np

    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:
        raise QuantityError(f"{name} is no array of whole numbers: {error}") from error
    if array.dtype.kind not in "iu" or isinstance(value, np.ma.MaskedArray):
        raise QuantityError(f"{name} must hold whole numbers, not {array.dtype}, and no masked ones")
    if array.ndim == 0:
        return dimension(int(array), name, least)
    if array.size and not (least <= int(array.min()) and int(array.max()) <= ARRAY_MOST):
        raise QuantityError(f"{name} must hold numbers from {least} to {ARRAY_MOST}; beyond that, ask number by number")
    return cast("Dim", array.astype(np.int64))


def check_together(**sizes: Dim) -> None:
    """Raise QuantityError where arrays do not broadcast, or where a number beside them is beyond what arrays hold."""
    shapes = [size.shape for size in sizes.values() if not isinstance(size, int)]
    if not shapes:
        return
    import numpy as np

    for name, size in sizes.items():
        if isinstance(size, int) and size > ARRAY_MOST:
            raise QuantityError(f"{name} must be at most {ARRAY_MOST} beside arrays")
    try:
        np.broadcast_shapes(*shapes)
    except ValueError as error:
        raise QuantityError(f"the shapes of {', '.join(sizes)} do not go together: {shapes}") from error


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
