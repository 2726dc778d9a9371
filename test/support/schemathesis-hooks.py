"""What the description of the API cannot say: rules between parameters, and the whole address.

Schemathesis leaves out requests that break them; every check of the others stays on.
"""

from datetime import datetime
from urllib.parse import urlencode

import schemathesis

ADDRESS_CHARACTERS_MAX = 8_192


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


@schemathesis.hook
def filter_case(context, case):
    query = case.query or {}
    if not isinstance(query, dict):
        return True
    # OpenAPI has no limit for an address as a whole; a longer one is 413, which is tested elsewhere.
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
