"""Paint a year of weather: a column per week, a row per weekday, the colour is the temperature."""

import csv
import datetime
import struct
import sys
import zlib

CELL, GAP = 14, 2
COLD, MILD, HOT = (49, 84, 159), (244, 236, 190), (196, 57, 43)


def colour(temperature):
    """Between blue at -5 degrees, sand at 10 and red at 25."""
    share = max(-1.0, min(1.0, (temperature - 10) / 15))
    far = HOT if share > 0 else COLD
    return bytes(round(a + (b - a) * abs(share)) for a, b in zip(MILD, far))


def png(width, height, pixels):
    """An RGB picture as a PNG file."""

    def chunk(kind, content):
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    rows = b"".join(b"\0" + bytes(pixels[y * width * 3 : (y + 1) * width * 3]) for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


with open(sys.argv[1]) as file:
    days = [(datetime.date.fromisoformat(row["date"]), float(row["temperature"])) for row in csv.DictReader(file)]

first = days[0][0].weekday()
width = (len(days) + first + 6) // 7 * (CELL + GAP) + GAP
height = 7 * (CELL + GAP) + GAP
pixels = bytearray(b"\xff" * (width * height * 3))
for index, (_, temperature) in enumerate(days, start=first):
    left, top = GAP + index // 7 * (CELL + GAP), GAP + index % 7 * (CELL + GAP)
    for y in range(top, top + CELL):
        start = (y * width + left) * 3
        pixels[start : start + CELL * 3] = colour(temperature) * CELL

with open(sys.argv[2], "wb") as file:
    file.write(png(width, height, pixels))
print(f"{sys.argv[2]}: {len(days)} days, {width} x {height} pixels")
