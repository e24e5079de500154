"""What the demo prints once it runs: what to open and what to type. The README's tour types the same."""

import shlex
from pathlib import Path

SUBSCRIPTION = 'subscription { changes(source: "customers", snapshot: false) { cursor changes { operation key row } } }'


def ready(server: str, sandbox: str, spreadsheet: str, data_dir: Path) -> str:
    """The text; `server` and `sandbox` are base URLs."""
    here = Path.cwd()
    folder = data_dir.relative_to(here) if data_dir.is_relative_to(here) else data_dir
    return f"""
rowcast runs.

  The sheet          {sandbox}/spreadsheets/d/{spreadsheet}
  The JSON feed      {sandbox}/feeds/orders/edit
  The XML feed       {sandbox}/feeds/rates/edit
  The dashboard      {server}/
  The playground     {server}/playground

Open the playground, and run this subscription:

  {SUBSCRIPTION}

Then watch every change arrive there, in the sheet, and in the table public.customers:

1. Type into a cell of the sheet. A program's edit arrives with the next poll, every 5 s, up to 40 s apart where it
   was quiet; gspread works with {folder / "service-account.json"}
2. make psql SQL="UPDATE customers SET city = 'Oslo' WHERE id = 7"
   INSERT and DELETE likewise.
3. In the playground:
   mutation {{ upsertRows(source: "customers", rows: [{{id: 7, city: "Bergen"}}]) {{ transactionId }} }}
   mutation {{ registerSource(input: {{name: "products", key: ["sku"], pollSeconds: 5,
     sheet: {{spreadsheet: "{spreadsheet}", worksheet: "products"}}}}) {{ name table }} }}
4. Edit one cell on both sides at once, then look at what became of it:
   {{ conflicts(source: "customers", state: RESOLVED) {{ nodes {{ key column database sourceValue resolution }} }} }}
5. Edit a feed on its page, or the table that it is bound to: each follows the other. A feed is polled
   every second, up to 8 s apart where it was quiet.
   make psql SQL="UPDATE orders SET state = 'returned' WHERE id = 1007"
   make psql SQL="UPDATE rates SET value = 0.95 WHERE currency = 'CHF'"
6. kill -9 $(cat {shlex.quote(str(folder / "run" / "server.pid"))})
   It is started again, and nothing is lost: not an edit, not a change in the subscription.

Ctrl-C stops everything. The data stays in {folder}; `make clean` removes it.
"""  # noqa: S608 - text for people


def token_needed(path: Path) -> str:
    """What to know besides where every request needs a token."""
    where = "The dashboard asks for it, and the playground sends it then."
    return f"Every request needs a token: the demo's own is in {path}. {where}\n"
