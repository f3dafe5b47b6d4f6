"""The workbench: models, settings and every figure of them on one screen. It calls what the commands call."""
