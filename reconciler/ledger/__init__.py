"""What the ledger branch holds, as pure functions: runs to commits, and commits back to runs.

record    run -> the JSON document that is kept and shown            restore   back again
shelf     artifacts in a record, and their keys and links            values    parameters, none too long
mask      known secrets out of a record
message   record -> commit message          trailers   its last paragraph, written and read
page      record -> a workflow's page       overview   all workflows on one page
diagram   steps -> Mermaid                  markdown   foreign text in a page
plain     foreign text on one line          moment     times and durations
layout    where a workflow stands           commits    records -> the commits of a push
"""
