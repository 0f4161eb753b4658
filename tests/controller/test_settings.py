"""Where a controller's settings come from, and what is said of wrong ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from photon.controller.__main__ import main
from photon.controller.configure import configured, shown
from photon.controller.settings import SETTINGS, SettingsWrong, read_settings
from photon.coordination.ensemble import Ensemble
from photon.coordination.terms import LeaseTerms
from photon.rpc.tls import MutualTls
from tests.rpc.test_tls import a_certificate


def write(folder: Path, text: str) -> Path:
    file = folder / "controller.toml"
    file.write_text(text)
    return file


def problems(flags: dict[str, object], file: Path | None = None) -> list[str]:
    with pytest.raises(SettingsWrong) as wrong:
        configured(read_settings(flags, {}, file))
    return wrong.value.problems


def test_a_flag_counts_before_a_variable_before_the_file_before_the_default(
    tmp_path: Path,
) -> None:
    file = write(tmp_path, 'data_dir = "/file"\nname = "file"\nworkers = 3\nlisten = "[::1]:80"\n')
    environ = {"PHOTON_NAME": "variable", "PHOTON_WORKERS": "4", "PHOTON_TARGET": "http://x"}
    settings = read_settings({"workers": "5", "queue": None}, environ, file)
    config = configured(settings)
    assert (config.limits.running, config.name, config.data_dir) == (5, "variable", Path("/file"))
    assert (config.listen_host, config.listen_port) == ("::1", 80)
    assert config.limits.waiting == 512
    sources = {name: source for name, _, source in shown(settings)}
    assert sources["workers"] == "--workers"
    assert sources["name"] == "PHOTON_NAME"
    assert sources["data_dir"] == str(file)
    assert sources["queue"] == "default"


def test_every_problem_is_told_with_the_place_where_it_was_said(tmp_path: Path) -> None:
    file = write(
        tmp_path, 'data_dir = 7\nlisten = "here"\nworkers = 0\nqueue = "many"\ncolour = "red"\n'
    )
    found = problems({"lease_seconds": "nan", "advertise": "ftp://x"}, file)
    assert len(found) == 8
    text = "\n".join(found)
    for part in (
        f"{file}: there is no setting 'colour'",
        f"{file}: data_dir: 7 is no text",
        f"{file}: listen: 'here' is not HOST:PORT",
        f"{file}: workers: 0 is not between 1 and 2048",
        f"{file}: queue: 'many' is no whole number",
        "--lease-seconds: lease_seconds: nan is not between 2 and 300 seconds",
        "--advertise: advertise: 'ftp://x' is no URL",
        "data_dir is missing",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({"coordination": "zookeeper://a:1"}, "several controllers"),
        ({"coordination": "etcd://a:1"}, "neither 'store' nor zookeeper://"),
        ({"coordination": "zookeeper://a"}, "'a' is not HOST:PORT"),
        ({"coordination": "zookeeper://a:99999"}, "no port 99999"),
        ({"coordination": "zookeeper://a:1/.. /"}, "is no path"),
        ({"coordination_user": "u"}, "means nothing without"),
        ({"store": "mysql://x"}, "'mysql' is not known"),
        ({"store": "postgresql://u@h1:5432,:77,h3/db"}, "':77' is not HOST or HOST:PORT"),
        ({"store": "postgresql://u@h1:66000/db"}, "'h1:66000' is not HOST or HOST:PORT"),
        ({"store": "postgresql://" + ",".join("h" * 17) + "/db"}, "17 servers"),
        ({"listen": "127.0.0.1:70000"}, "no port 70000"),
        ({"name": "a b"}, "is not letters"),
        ({"verbose": "perhaps"}, "neither true nor false"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(flags: dict[str, object], expected: str) -> None:
    assert expected in "\n".join(problems({"data_dir": "/x", **flags}))


def test_files_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    assert "cannot be read" in problems({"data_dir": "/x"}, tmp_path / "none.toml")[0]
    assert "is not TOML" in problems({"data_dir": "/x"}, write(tmp_path, "= ="))[0]
    big = write(tmp_path, "#" * (2 << 20))
    assert "longer than" in problems({"data_dir": "/x"}, big)[0]


def test_an_ensemble_is_configured_with_its_secret_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hush\nignored\n")
    ca = tmp_path / "ca.pem"
    ca.touch()
    flags = {
        "data_dir": "/x",
        "store": "postgresql://u:pw@h/db",
        "coordination": "zookeeper://a:1,b:2/photon",
        "coordination_user": "photon",
        "coordination_password_file": str(secret),
        "coordination_ca": str(ca),
        "lease_seconds": "6",
    }
    settings = read_settings(flags, {}, None)
    config = configured(settings)
    assert config.ensemble == Ensemble("a:1,b:2", "/photon", "photon", "hush", ca)
    assert config.lease == LeaseTerms(6.0)
    assert not config.embedded
    text = str([*shown(settings), config.ensemble])
    assert "hush" not in text
    assert "pw" not in text
    gone = problems({**flags, "coordination_ca": "/none", "coordination_password_file": "/none"})
    assert len(gone) == 2


def test_tls_between_controllers_takes_three_files_that_can_be_used(tmp_path: Path) -> None:
    certificate, key = a_certificate(tmp_path, "controllers")
    flags: dict[str, object] = {"data_dir": "/x", "nodes_ca": str(certificate)}
    flags["nodes_certificate"] = str(certificate)
    assert "all three or none" in problems(flags)[0]
    assert "cannot be used" in problems({**flags, "nodes_key": str(certificate)})[0]
    config = configured(read_settings({**flags, "nodes_key": str(key)}, {}, None))
    assert config.nodes_tls == MutualTls(certificate, certificate, key)
    assert configured(read_settings({"data_dir": "/x"}, {}, None)).nodes_tls is None


def test_tls_towards_agents_takes_three_files_that_can_be_used(tmp_path: Path) -> None:
    certificate, key = a_certificate(tmp_path, "controller")
    flags: dict[str, object] = {"data_dir": "/x", "agents_ca": str(certificate)}
    assert "agents_ca, agents_certificate, agents_key: give all three" in problems(flags)[0]
    flags["agents_certificate"] = str(certificate)
    assert "cannot be used" in problems({**flags, "agents_key": "/none"})[0]
    config = configured(read_settings({**flags, "agents_key": str(key)}, {}, None))
    assert config.agents_tls == MutualTls(certificate, certificate, key)
    assert config.nodes_tls is None


def test_the_program_checks_a_file_and_says_what_is_in_force(tmp_path: Path) -> None:
    good = write(tmp_path, 'data_dir = "/data"\n')
    ran = CliRunner().invoke(main, ["--check", "--config", str(good)])
    assert ran.exit_code == 0
    assert "in order" in ran.output
    assert len(ran.output.splitlines()) == len(SETTINGS) + 1
    bad = write(tmp_path, "data_dir = 1\nname = 2\n")
    ran = CliRunner().invoke(main, ["--check", "--config", str(bad)])
    assert ran.exit_code == 2
    assert len(ran.output.splitlines()) == 3
