"""csv_to_npy.py DATA.csv X.npy y.npy: all columns but the last as float32, the last as int32."""

import csv
import struct
import sys


def write(path: str, descr: str, shape: tuple[int, ...], data: bytes) -> None:
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data)


with open(sys.argv[1], newline="") as file:
    rows = [[float(value) for value in row] for row in list(csv.reader(file))[1:]]
features = [value for row in rows for value in row[:-1]]
write(sys.argv[2], "<f4", (len(rows), len(rows[0]) - 1), struct.pack(f"<{len(features)}f", *features))
write(sys.argv[3], "<i4", (len(rows),), struct.pack(f"<{len(rows)}i", *(int(row[-1]) for row in rows)))
