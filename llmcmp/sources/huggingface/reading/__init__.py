"""From a config.json of transformers to the tables of a preset: the other way of sources/huggingface.

What a model type has in common with others is a reader (`decoders`, `encoders`); what sets it apart is a row of a table
(`types`); the values of keys that a file leaves out are data (`defaults.json`, those of transformers 5.23).
"""
