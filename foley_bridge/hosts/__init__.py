"""The scripts that run inside editors, from this side: where they go, how they get there, whether they are up to date."""
