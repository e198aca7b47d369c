"""What is remembered between passes: the only place that speaks SQL, and the lock.

The database is a cache. Deleting it between passes loses nothing that counts: finished runs are in the
ledger, runs in flight with their executor, definitions in the repository.
"""
