"""What runs beside a step in its pod: fetches its inputs before it starts, stores its outputs after it ended.

Imports nothing: most of its life the agent only waits, and should weigh no more than the interpreter.
"""
