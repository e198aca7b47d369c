"""Reconciler: a Git repository is the user interface of a workflow engine."""

__version__ = "0.1.0"
