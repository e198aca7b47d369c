"""The only place that runs git: reading what people pushed, and publishing what ran.

access       how to reach a remote: URL, branch, credentials; checked where it comes in
safety       the environment and the arguments of every git process             (pure)
process      run one process: its own session, a timeout, bounded output
command      git on one repository of ours, with our errors
translate    what git's complaints mean                                         (pure)
clone        our private bare clone: made, fetched, thrown away when damaged
tree         which paths and modes we refuse                                    (pure)
objects      the answers of one `git cat-file`, one object at a time            (pure)
repository   the source side, read from the clone
worktree     the same reading on a plain directory, such as an author's checkout
checkout     the same reading on any revision of a person's own repository
history      the ledger branch, read
ledger       the ledger branch, published to in spite of races
fast_import  commits as the stream that `git fast-import` reads                 (pure)
push         what a remote answers to a push                                    (pure)
backoff      how long to wait before the next try                               (pure)
probe        questions to a remote that change nothing, for `reconciler doctor`
"""
