"""A report: everything about a set of models, as one page that needs nothing else, or as a folder of files."""
