"""Logistic regression with nothing but the standard library."""

import csv
import math

FEATURES = ("tenure", "monthly", "fee", "calls", "idle")


def load(path):
    """Customers, their features, and whether they left."""
    with open(path) as file:
        rows = list(csv.DictReader(file))
    features = [[float(row[name]) for name in FEATURES] for row in rows]
    return [row["customer"] for row in rows], features, [int(row["left"]) for row in rows]


def spread(features):
    """Mean and standard deviation of each feature."""
    columns = list(zip(*features))
    means = [sum(column) / len(column) for column in columns]
    return [
        (mean, math.sqrt(sum((x - mean) ** 2 for x in column) / len(column)) or 1.0)
        for mean, column in zip(means, columns)
    ]


def scaled(features, scale):
    return [[(x - mean) / width for x, (mean, width) in zip(row, scale)] for row in features]


def probability(weights, row):
    z = weights[0] + sum(weight * x for weight, x in zip(weights[1:], row))
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, z))))


def fit(features, left, epochs, rate):
    """The weights after `epochs` steps down the gradient, and the loss on the way."""
    weights, losses = [0.0] * (len(features[0]) + 1), []
    for _ in range(epochs):
        gradient, loss = [0.0] * len(weights), 0.0
        for row, truth in zip(features, left):
            guess = probability(weights, row)
            loss -= math.log(guess if truth else 1 - guess)
            for index, x in enumerate([1.0, *row]):
                gradient[index] += (guess - truth) * x
        weights = [weight - rate * slope / len(left) for weight, slope in zip(weights, gradient)]
        losses.append(loss / len(left))
    return weights, losses
