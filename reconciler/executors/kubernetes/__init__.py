"""Steps as pods. Imports nothing: the agent in the pod reads `errand` and must stay small."""
