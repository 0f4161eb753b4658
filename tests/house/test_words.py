"""What no file of the project may say."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.house.tree import Finding, no_findings, text_files

# Written apart, so that this file does not say them either.
REGISTRY_HOSTS = (
    "pypi" + ".org",
    "python" + "hosted.org",
    "npmjs" + ".org",
    "deb." + "debian.org",
    "security." + "debian.org",
    "crates" + ".io",
    "proxy." + "golang.org",
)
REGISTRY_OPTIONS = ("index" + "-url", "find" + "-links", "trusted" + "-host")
HOME_FOLDERS = ("work", "root", "home")

FORBIDDEN = {
    re.compile(
        "|".join(map(re.escape, REGISTRY_HOSTS))
    ): "a registry's address: any mirror must do",
    re.compile(f"--({'|'.join(REGISTRY_OPTIONS)})"): "a registry's address: any mirror must do",
    re.compile(f"(?<![\\w.$}}-])/({'|'.join(HOME_FOLDERS)})/"): "a path of one machine",
    re.compile("[<]{7} |[>]{7} "): "a merge that was not finished",
}


def forbidden(content: str) -> Iterator[Finding]:
    for number, line in enumerate(content.splitlines(), start=1):
        for pattern, why in FORBIDDEN.items():
            if pattern.search(line):
                yield Finding(number, why)


def test_no_file_names_a_registry_or_one_machine() -> None:
    no_findings(
        f"{path}:{finding.line}: {finding.what}"
        for path, content in text_files()
        for finding in forbidden(content)
    )


@pytest.mark.parametrize(
    "line",
    [
        f"see https://{REGISTRY_HOSTS[0]}/simple",
        f"pip install --{REGISTRY_OPTIONS[0]} x",
        f"open('/{HOME_FOLDERS[0]}/main')",
        "<" * 7 + " HEAD",
    ],
)
def test_a_forbidden_word_is_caught(line: str) -> None:
    assert list(forbidden(line))


def test_paths_of_the_project_are_fine() -> None:
    assert not list(forbidden("photon/work/vm.py ./root/x $HOME/home/x /var/lib/photon"))
