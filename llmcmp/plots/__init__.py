"""Plots are functions of tables. matplotlib is imported here and nowhere else, and only when a picture is asked for."""
