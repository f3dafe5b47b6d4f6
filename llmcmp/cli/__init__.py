"""The command line: one file a command, each load → fold → show."""
