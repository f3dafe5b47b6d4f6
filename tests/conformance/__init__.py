"""llmcmp held to the public implementations: parameters, FLOPs and caches against transformers and torch."""
