"""Reads the table with delta-rs: the mean temperature of each city.

    pip install deltalake pyarrow
    python3 examples/python/read_table.py data
"""

import sys
from pathlib import Path

import pyarrow.compute as pc
from deltalake import DeltaTable

data = Path(sys.argv[1])
table = DeltaTable(data / "lake/weather_data/table/observations")
rows = table.to_pyarrow_table(columns=["city", "temperature_c"])
means = rows.group_by("city").aggregate([("temperature_c", "mean"), ("temperature_c", "count")])
for row in means.sort_by("city").to_pylist():
    print(f"{row['city']:<16} {row['temperature_c_mean']:6.1f} °C {row['temperature_c_count']:>8}")
print(f"version {table.version()}, {pc.count(rows['city'], mode='all')} rows")
