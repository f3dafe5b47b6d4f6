"""The tabs of the workbench, one to a file."""
