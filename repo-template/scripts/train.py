"""Fit the model and keep its weights."""

import json
import os

import logistic

_, features, left = logistic.load("training.csv")
scale = logistic.spread(features)
weights, losses = logistic.fit(
    logistic.scaled(features, scale), left, int(os.environ["EPOCHS"]), float(os.environ["RATE"])
)
for epoch in range(0, len(losses), max(1, len(losses) // 10)):
    print(f"epoch {epoch:4d}  loss {losses[epoch]:.4f}")
print(f"the end     loss {losses[-1]:.4f}")

with open("model.json", "w") as file:
    json.dump({"features": logistic.FEATURES, "weights": weights, "scale": scale, "losses": losses}, file)
