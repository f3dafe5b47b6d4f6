"""What the workbench remembers from one start to the next, in one JSON file of this user's state folder.

A file that cannot be understood is as good as none: the workbench says so once and starts afresh.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from llmcmp.errors import QuantityError
from llmcmp.files import write
from llmcmp.folds.phases import Phase
from llmcmp.frozen import field_names, frozen, replace
from llmcmp.units import block, dtype_bits

if TYPE_CHECKING:
    from pathlib import Path


@frozen
class State:
    """Models by what was typed to open them, settings as they were, and where the reader was."""

    models: tuple[str, ...] = ()
    baseline: str | None = None
    context: int = 4096
    batch: int = 1
    dtype: str = "bf16"
    weights: str = "bf16"
    phase: str = "prefill"  # a Phase
    tab: str = "compare"
    theme: str = "llmcmp-dark"
    budget: int | None = None
    only_differences: bool = False
    library: bool = True


def default_path() -> Path:
    """Where the state lies: this user's state folder."""
    from platformdirs import user_state_path

    return user_state_path("llmcmp", appauthor=False) / "workbench.json"


def load(path: Path) -> tuple[State, str | None]:
    """The state in a file, and one line of what is wrong with it; the default where there is none."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return State(), None
    except (OSError, UnicodeDecodeError) as error:
        return State(), f"the last session could not be read ({type(error).__name__}); starting afresh"
    try:
        return _read(json.loads(text)), None
    except (ValueError, TypeError, RecursionError, QuantityError) as error:
        return State(), f"the last session was not understood ({error}); starting afresh"


def _read(document: Any) -> State:
    """A State from a JSON document. Raises TypeError or ValueError for what does not fit."""
    if not isinstance(document, dict):
        raise TypeError("no object")
    values: dict[str, Any] = document  # pyright: ignore[reportUnknownVariableType]
    unknown = values.keys() - set(field_names(State))
    if unknown:
        raise ValueError(f"unknown key {sorted(unknown)[0]!r}")
    kinds: dict[str, Any] = get_type_hints(State)
    state = State(**{key: _checked(key, value, kinds[key]) for key, value in values.items()})
    block(state.dtype)
    dtype_bits(state.weights)
    if state.phase not in get_args(Phase):
        raise ValueError(f"there is no phase {state.phase!r}")
    return replace(state, dtype=state.dtype.lower(), weights=state.weights.lower())


def _checked(key: str, value: Any, kind: Any) -> Any:
    if kind == tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):  # pyright: ignore[reportUnknownVariableType]
            raise TypeError(f"{key} is no list of names")
        return tuple(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f"{key} is {value!r}")
    if isinstance(value, int) and not isinstance(value, bool) and not 1 <= value <= 2**63:
        raise ValueError(f"{key} is {value!r}")
    return value


def save(state: State, path: Path) -> None:
    """Write a state, whole or not at all. Raises OSError, OutputError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {name: getattr(state, name) for name in field_names(State)}
    write(f"{json.dumps(document, indent=2)}\n".encode(), path)
