"""How transformers names what llmcmp knows: the configs of its classes, and the tensors that they hold.

Nothing here imports transformers: configs are keys and values, tensors are names.
"""
