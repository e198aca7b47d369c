"""The only place that runs git: reading what people pushed, and publishing what ran.

access      how to reach a remote: URL, branch, credentials; checked where it comes in
safety      the environment and arguments of every git process            (pure)
process     run one process: own session, timeout, bounded output
command     git on one repository of ours, with our errors
translate   what git's complaints mean                                     (pure)
clone       our private bare clone: made, fetched, thrown away when damaged
tree        which paths and modes we refuse                                (pure)
repository  the source side, read from the clone
worktree    the same reading on a person's own directory
ledger      the ledger branch: read, and published to in spite of races
fast_import commits as the stream that `git fast-import` reads             (pure)
"""
