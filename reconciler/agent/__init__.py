"""What runs in a pod for its step: fetches its inputs before it starts, stores its outputs after it ended.

A program of its own in the image of the pass, which a pod starts when there is something to move.
"""
