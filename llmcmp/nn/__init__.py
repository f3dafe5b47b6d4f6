"""Torch twins: every component built as a module from the same dataclass that the costs are folded over.

File names are those of `components/`. Parameters carry the names that `weights()` gives; `build` makes a whole model.
Shapes stand in the names of tensors: B batch, S tokens of this pass, T keys, D hidden, N query heads, K key-value
heads, G query heads that share one of them, H head size, V vocabulary, E experts, C experts chosen by a token, L the
latent's width, R rows (B x S).
"""
