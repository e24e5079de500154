"""How httpx calls servers of this machine: past any proxy, and without the public authorities.

To read the list of those takes 50 ms for each client, many times what a call takes.
"""

import ssl
from typing import Any, Final

LOOPBACK: Final[dict[str, Any]] = {"trust_env": False, "verify": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)}
