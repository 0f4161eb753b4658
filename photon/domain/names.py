"""What a name may be (contract, section 2: NAME)."""

from __future__ import annotations

import re
from typing import Final

NAME_LENGTH_MAX: Final = 63  # A DNS label (RFC 1035, 2.3.4).
NAME_PATTERN: Final = r"^[a-zA-Z][a-zA-Z0-9-]*$"
_NAME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9-]*")


def is_name(text: str) -> bool:
    return len(text) <= NAME_LENGTH_MAX and _NAME.fullmatch(text) is not None
