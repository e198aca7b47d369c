"""The vocabulary: frozen values that every other layer speaks in. No I/O, no clock, no decisions."""
