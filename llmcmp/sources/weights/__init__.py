"""Headers of weight files: the tensors of a file, their shapes, dtypes and bytes; never the weights."""
