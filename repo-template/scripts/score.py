"""Say for the customers held back how likely each one is to leave, and how often that is right."""

import csv
import json

import logistic

with open("model.json") as file:
    model = json.load(file)
customers, features, left = logistic.load("customers.csv")
guesses = [logistic.probability(model["weights"], row) for row in logistic.scaled(features, model["scale"])]

with open("scores.csv", "w", newline="") as file:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["customer", "probability", "left"])
    for customer, guess, truth in sorted(zip(customers, guesses, left), key=lambda row: -row[1]):
        writer.writerow([customer, f"{guess:.4f}", truth])

accuracy = sum((guess >= 0.5) == bool(truth) for guess, truth in zip(guesses, left)) / len(left)
with open("accuracy.txt", "w") as file:
    print(round(accuracy, 4), file=file)
print(f"right for {accuracy:.1%} of {len(left)} customers")
