"""Steps as pods. Imports nothing: the agent in the pod reads `job` and must stay small."""
