"""What the description of the API cannot say: rules between parameters, and the size of a whole.

Schemathesis leaves out requests that break them; every check of the others stays on.
"""

import json
from datetime import datetime
from urllib.parse import urlencode

import schemathesis

ADDRESS_CHARACTERS_MAX = 8_192
BODY_BYTES_MAX = 16 * 1_024


def parse_number(value):
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def parse_time(text):
    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None


def size_of(body):
    return len(json.dumps(body).encode())


@schemathesis.hook
def filter_case(context, case):
    # OpenAPI has no limit for a body as a whole; a larger one is 413, which is tested elsewhere.
    if isinstance(case.body, (dict, list, str)) and size_of(case.body) > BODY_BYTES_MAX:
        return False
    query = case.query or {}
    if not isinstance(query, dict):
        return True
    # Nor has it one for an address.
    if len(case.formatted_path + urlencode(query, doseq=True)) + 1 > ADDRESS_CHARACTERS_MAX:
        return False
    # A range ends after it begins.
    start, end = parse_time(query.get("from")), parse_time(query.get("to"))
    if start is not None and end is not None and start >= end:
        return False
    lowest, highest = parse_number(query.get("min_score")), parse_number(query.get("max_score"))
    if lowest is not None and highest is not None and highest < lowest:
        return False
    # CSV for spreadsheets is asked for as format=csv&excel=1.
    is_excel = str(query.get("excel")).lower() in ("1", "true")
    return not is_excel or query.get("format") == "csv"
