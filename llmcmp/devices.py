"""A device as data: what its vendor says that it reaches at most, and where. Peaks are dense, without sparsity.

Nothing is measured here: `bench` and `llmcmp devices` measure the machine at hand.
"""

from __future__ import annotations

from llmcmp.errors import ModelError, QuantityError
from llmcmp.frozen import field_names, frozen


@frozen
class Read:
    """Where a number was read; the address holds the version."""

    what: str
    url: str


@frozen
class Peak:
    """Dense TFLOP/s of matrix products by dtype; None where the vendor prints none."""

    fp32: float | None = None
    tf32: float | None = None
    bf16: float | None = None
    fp16: float | None = None
    fp8: float | None = None
    int8: float | None = None
    fp4: float | None = None
    int4: float | None = None


@frozen
class Device:
    """One accelerator. Units are the vendors' own: TFLOP/s and decimal GB/s."""

    name: str
    title: str
    vendor: str
    bandwidth_gb_per_second: float
    peak_tflops: Peak
    sources: tuple[Read, ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.name.isprintable() or not self.name.strip():
            raise ModelError(f"name must be one line of text, not {self.name!r}")
        if not self.sources:
            raise ModelError("sources must name at least one place where the figures were read")

    @property
    def bytes_per_second(self) -> float:
        """Of its memory."""
        return self.bandwidth_gb_per_second * 1e9

    @property
    def dtypes(self) -> tuple[str, ...]:
        """The dtypes that its vendor prints a peak for."""
        return tuple(name for name in field_names(Peak) if getattr(self.peak_tflops, name) is not None)

    def flops_per_second(self, dtype: str) -> float:
        """The dense peak in a dtype. Raises QuantityError where the vendor prints none."""
        if dtype not in self.dtypes:
            raise QuantityError(
                f"{self.title} has no published peak in {dtype}; choose one of {', '.join(self.dtypes)}"
            )
        return float(getattr(self.peak_tflops, dtype)) * 1e12
