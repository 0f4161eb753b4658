"""The file that we ship for haproxy is one that it takes, and fits what the controllers do."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from photon.api.handlers.tasks import WAIT_SECONDS_MAX
from photon.api.request import BODY_BYTES_MAX
from photon.controller.http_config import CONNECTIONS_MAX, KEEP_ALIVE_SECONDS
from tests.deploy.proxy import CONFIG, FAREWELL_SECONDS, certificate_in, environment, program


def of_config(pattern: str) -> int:
    """The number that the file gives for it: the first group, in seconds where it is a time."""
    found = re.search(pattern, CONFIG.read_text(), flags=re.MULTILINE)
    assert found is not None, pattern
    return int(found[1])


def test_the_file_is_valid_and_haproxy_has_nothing_to_warn_of(tmp_path: Path) -> None:
    _, shown = certificate_in(tmp_path)
    places = [f"127.0.0.1:{port}" for port in (9001, 9002, 9003)]
    checked = subprocess.run(
        [program(), "-c", "-dW", "-f", str(CONFIG)],
        env=environment(shown, places),
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr


def test_its_limits_fit_the_controllers() -> None:
    """Inner waits end before outer ones, and what is refused here they would refuse as well."""
    silence = min(of_config(rf"^    timeout {side} (\d+)s$") for side in ("client", "server"))
    assert silence > WAIT_SECONDS_MAX
    assert of_config(r"^    timeout http-keep-alive (\d+)s$") < KEEP_ALIVE_SECONDS
    assert of_config(r"maxconn (\d+)$") <= CONNECTIONS_MAX
    assert of_config(r"default-server .* maxconn (\d+)$") < CONNECTIONS_MAX
    assert of_config(r"req.body_size gt (\d+)") == BODY_BYTES_MAX
    pause, check = of_config(r"check inter (\d+)s"), of_config(r"timeout check (\d+)s")
    assert of_config(r"check inter .* fall (\d+)") * (pause + check) < FAREWELL_SECONDS
