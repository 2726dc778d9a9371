"""Reads a table with delta-rs and prints what it sees as JSON: another program's eyes."""

import json
import sys

from deltalake import DeltaTable, QueryBuilder

folder, logs = sys.argv[1], sys.argv[2].split(",")
table = DeltaTable(folder)
rows = QueryBuilder().register("t", table).execute(
    "SELECT city_id, CAST(observed_at AS BIGINT) AS at, temperature_c, log_partition, log_offset, "
    "observed_month FROM t ORDER BY city_id, observed_at"
)
batch = rows.read_all() if hasattr(rows, "read_all") else rows
names = batch.schema.names
out = [dict(zip(names, values)) for values in zip(*[batch.column(n).to_pylist() for n in names])]
print(
    json.dumps(
        {
            "version": table.version(),
            "rows": out,
            "transactions": {app: table.transaction_version(app) for app in logs},
        }
    )
)
