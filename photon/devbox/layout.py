"""Where a devbox keeps everything: one folder, which git ignores."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER_VARIABLE: Final = "PHOTON_DEVBOX_DIR"
API_PORT: Final = 9000
AGENT_PORT: Final = 8835
SIMULATOR_PORT: Final = 8836
PORT_GROUPS: Final = ("VM Network", "Management Network")


@dataclass(frozen=True, slots=True)
class Layout:
    """`api_port` moves the whole devbox: its agents listen as far from their own ports."""

    root: Path
    api_port: int = API_PORT

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def agent_endpoint(self) -> str:
        return f"127.0.0.1:{AGENT_PORT + self._moved}"

    @property
    def simulator_endpoint(self) -> str:
        return f"127.0.0.1:{SIMULATOR_PORT + self._moved}"

    @property
    def _moved(self) -> int:
        return self.api_port - API_PORT

    @property
    def scope(self) -> str:
        """Keeps the bridges of two devboxes on one machine apart."""
        return hashlib.sha256(str(self.root).encode()).hexdigest()[:8]

    @property
    def network_pool(self) -> str:
        """A private /16 of its own, most likely."""
        return f"10.{128 + int(self.scope, 16) % 100}.0.0/16"

    @property
    def guest_dir(self) -> Path:
        return self.root / "guest"

    @property
    def controller_dir(self) -> Path:
        return self.root / "controller"

    @property
    def agent_dir(self) -> Path:
        return self.root / "agent"

    @property
    def simulator_dir(self) -> Path:
        return self.root / "simulator"

    @property
    def run_dir(self) -> Path:
        """Process ids and logs."""
        return self.root / "run"


def default_root() -> Path:
    """`.devbox` in the checkout, unless the environment names another folder."""
    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named).resolve() if named else Path(__file__).resolve().parents[2] / ".devbox"
