"""From folds to tables: each function returns a Table of tidy rows in base units. Nothing here prints."""
