"""How inference engines keep a cache: one file an engine, each a rule over what the components say they keep."""
