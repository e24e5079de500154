"""The demo's feeds: orders in JSON, rates in XML, the same every time."""

import json
from datetime import UTC, datetime, timedelta
from typing import Final

ORDERS: Final = "orders"
RATES: Final = "rates"
ORDER_COUNT: Final = 40

_STATES = ("open", "paid", "shipped", "paid", "returned")
_ITEMS = (("0001-AN", 2), ("0008-HA", 1), ("0019-SA", 3), ("0014-NA", 200))
_RATES = (
    ("AUD", "1.6471"), ("BRL", "6.0725"), ("CAD", "1.4913"), ("CHF", "0.9412"), ("CNY", "7.6380"), ("CZK", "25.187"),
    ("DKK", "7.4602"), ("GBP", "0.8437"), ("HUF", "405.30"), ("INR", "88.9650"), ("JPY", "163.22"), ("MXN", "21.0541"),
    ("NOK", "11.7435"), ("NZD", "1.8319"), ("PLN", "4.2365"), ("SEK", "11.4730"), ("SGD", "1.4185"), ("USD", "1.0482"),
    ("ZAR", "19.4106"),
)  # fmt: skip


def demo_feeds() -> dict[str, tuple[str, bytes, str]]:
    """By name: content type, document, key field."""
    return {
        ORDERS: ("application/json", _orders(), "id"),
        RATES: ("application/xml", _rates(), "@currency"),
    }


def _orders() -> bytes:
    return (json.dumps({"orders": [_order(n) for n in range(1, ORDER_COUNT + 1)]}, indent=2) + "\n").encode()


def _order(number: int) -> dict[str, object]:
    placed = datetime(2026, 1, 5, 8, tzinfo=UTC) + timedelta(hours=number * 7, minutes=number * 13 % 60)
    sku, quantity = _ITEMS[number % len(_ITEMS)]
    return {
        "id": 1000 + number,
        "customer": {"id": number * 5 % 200 + 1, "note": "by phone" if number % 6 == 0 else None},
        "state": _STATES[number % len(_STATES)],
        "total": number * 1931 % 50_000 / 100,
        "gift": number % 4 == 0,
        "items": [{"sku": sku, "quantity": quantity}],
        "placed_at": placed.isoformat(),
        "due": (placed + timedelta(days=14)).date().isoformat(),
    }


def _rates() -> bytes:
    rates = "".join(
        f'  <rate currency="{currency}">\n    <value>{value}</value>\n    <date>2026-01-30</date>\n  </rate>\n'
        for currency, value in _RATES
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<rates base="EUR">\n{rates}</rates>\n'.encode()
