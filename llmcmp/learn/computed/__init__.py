"""Examples that are no comparison of a model with itself: tables of their own, one function a kind of question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcmp.learn.computed.attention import latent, sparse
from llmcmp.learn.computed.norms import residual_scale
from llmcmp.learn.computed.rotary import alibi_slopes, raised_base, rotations, wavelengths
from llmcmp.learn.computed.routing import combinations, experts_read
from llmcmp.learn.computed.scaling import chinchilla, kaplan, six_nd
from llmcmp.learn.computed.serving import roofline, speculation
from llmcmp.learn.computed.storage import formats, kv_formats
from llmcmp.learn.computed.training import alignment, objectives

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from llmcmp.learn.term import Term
    from llmcmp.model import Model
    from llmcmp.tables.table import Table

COMPUTED: dict[str, Callable[[Term, Sequence[Model]], Table]] = {
    "alignment": alignment,
    "chinchilla": chinchilla,
    "combinations": combinations,
    "experts_read": experts_read,
    "formats": formats,
    "kaplan": kaplan,
    "kv_formats": kv_formats,
    "latent": latent,
    "objectives": objectives,
    "raised_base": raised_base,
    "residual_scale": residual_scale,
    "roofline": roofline,
    "rotations": rotations,
    "six_nd": six_nd,
    "slopes": alibi_slopes,
    "sparse": sparse,
    "speculation": speculation,
    "wavelengths": wavelengths,
}
