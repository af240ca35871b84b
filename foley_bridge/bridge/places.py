"""What lies in a daemon's folder, for those who look for a daemon without being one."""

STATE_FILE = "daemon.json"
"""While a daemon runs: its ``pid``, ``version`` and ``endpoints``."""
JOURNAL_FILE = "journal.sqlite"
