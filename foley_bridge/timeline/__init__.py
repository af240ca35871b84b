"""Timelines: exact time, marked regions and what they ask for, the picture under them, and takes placed back."""
