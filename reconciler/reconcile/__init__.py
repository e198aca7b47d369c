"""The shell: the only place that both decides and acts, by asking `core` and calling the edges.

passes      one pass: pull, tick until nothing moves, publish
engine      one tick over the open runs: observe, advance, record, launch
catalog     what the repository holds, by what changed     starting    which runs begin, and why
recovery    what is going on when a pass begins            publishing  finished runs to the ledger
preview     what a pass would start                        rehearsal   one definition, outside the ledger
"""
