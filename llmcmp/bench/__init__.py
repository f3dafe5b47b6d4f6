"""Measuring models on this machine: what is timed, against which ceilings, each model in a process of its own.

The run itself (`runner`) never imports torch: it prepares requests, and workers (`worker`) build and time the twins.
"""
