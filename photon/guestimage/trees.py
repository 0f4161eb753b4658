"""The two file trees of the guest: what the kernel unpacks first, and what is on the disk."""

from __future__ import annotations

import shutil
from pathlib import Path

from photon.guestimage.commands import run
from photon.guestimage.kernel import BOOT_MODULES, ROOT_MODULES, Kernel

SOURCE = Path(__file__).parent / "tree"
# Ours come from the source tree, since init's own waits for seconds.
OWN_COMMANDS = frozenset({"poweroff", "reboot"})
ROOT_DIRECTORIES = ("bin", "sbin", "etc", "proc", "sys", "dev", "run", "tmp", "mnt", "root")


def make_initramfs(tree: Path, busybox: Path, kernel: Kernel) -> None:
    for name in ("bin", "proc", "sys", "dev", "mnt"):
        (tree / name).mkdir(parents=True, exist_ok=True)
    _copy_executable(SOURCE / "initramfs/init", tree / "init")
    _copy_executable(busybox, tree / "bin/busybox")
    _copy_modules(kernel.modules_in_order(BOOT_MODULES), tree / "modules")


def make_root(tree: Path, busybox: Path, kernel: Kernel) -> None:
    for name in ROOT_DIRECTORIES:
        (tree / name).mkdir(parents=True, exist_ok=True)
    for source in sorted(SOURCE.glob("root/**/*")):
        if source.is_file():
            target = tree / source.relative_to(SOURCE / "root")
            target.parent.mkdir(parents=True, exist_ok=True)
            _copy_executable(source, target)
    _copy_executable(busybox, tree / "bin/busybox")
    for command in run([str(busybox), "--list"]).split():
        link = tree / "bin" / command
        if command not in OWN_COMMANDS and not link.exists():
            link.symlink_to("busybox")
    (tree / "sbin/init").symlink_to("../bin/busybox")
    loaded = kernel.modules_in_order(BOOT_MODULES)
    wanted = kernel.modules_in_order(ROOT_MODULES)
    _copy_modules([each for each in wanted if each not in loaded], tree / "lib/modules")


def _copy_executable(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    target.chmod(0o755)


def _copy_modules(ordered: list[Path], into: Path) -> None:
    """The modules, and `order`: their names, in which they are to be loaded."""
    into.mkdir(parents=True)
    for module in ordered:
        shutil.copyfile(module, into / module.name)
    (into / "order").write_text("".join(f"{module.name}\n" for module in ordered))
