"""What is asked in a window over the screen: filters, a model to open, a file to write; and the page of all keys."""
