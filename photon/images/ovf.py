"""An OVF: which file is the machine's disk, and the settings of its virtual hardware.

The format is DMTF's DSP0243. The settings are named as VMware's configuration files name them,
since that is what clients and VM environments speak: scsi0.virtualDev, ethernet0.virtualDev,
serial0.fileType, and whatever the OVF's ExtraConfig holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from photon.domain.image import ImageSetting
from photon.images.errors import InvalidOva, UnsupportedDiskController
from photon.images.xml import Element, MalformedXml, parse

SETTINGS_MAX = 128  # A machine with every device has some thirty.
SETTING_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,127}")
SETTING_VALUE_CHARS_MAX = 1024  # A file name or an address is the longest.

# Resource types of CIM, as DSP0243 uses them.
_IDE, _SCSI, _ETHERNET, _DISK, _OTHER_STORAGE, _SERIAL = "5", "6", "10", "17", "20", "21"

# How an OVF calls a SCSI controller, and how the setting scsiN.virtualDev does. An OVF that does
# not say means the one that every guest has a driver for.
_SCSI_DEVICES = {
    "": "lsilogic",
    "lsilogic": "lsilogic",
    "lsilogicsas": "lsisas1068",
    "buslogic": "buslogic",
    "virtualscsi": "pvscsi",
}
_SATA_SUBTYPES = ("ahci", "vmware.sata.ahci")


@dataclass(frozen=True)
class Ovf:
    disk_file: str  # the name of the disk's file beside the OVF
    settings: tuple[ImageSetting, ...]


def read_ovf(document: bytes) -> Ovf:
    """The parts of an OVF that an image needs. The caller bounds the document's size.

    Raises:
        InvalidOva: malformed, or not one machine with one disk.
        UnsupportedDiskController: the disk's controller is none that hosts offer.
    """
    try:
        envelope = parse(document)
    except MalformedXml as error:
        raise InvalidOva(f"its OVF cannot be read: {error}") from error
    hardware = list(envelope.find_all("VirtualSystem", "VirtualHardwareSection"))
    if envelope.name != "Envelope" or len(hardware) != 1:
        raise InvalidOva("its OVF does not describe exactly one machine")
    disks = list(envelope.find_all("DiskSection", "Disk"))
    if len(disks) != 1:
        raise InvalidOva(f"its OVF describes {len(disks)} disks, and an image is exactly one")
    items = [*hardware[0].find_all("Item"), *hardware[0].find_all("StorageItem")]
    _check_controller(items, disks[0].attributes.get("diskId", ""))
    items += hardware[0].find_all("EthernetPortItem")
    settings = [*_device_settings(items), *_extra_settings(hardware[0])]
    if len(settings) > SETTINGS_MAX:
        raise InvalidOva(f"its OVF has more than {SETTINGS_MAX} settings")
    return Ovf(_disk_file(envelope, disks[0]), tuple(settings))


def _disk_file(envelope: Element, disk: Element) -> str:
    if disk.attributes.get("parentRef"):
        raise InvalidOva("its disk is the child of another disk")
    wanted = disk.attributes.get("fileRef", "")
    files = [
        file.attributes
        for file in envelope.find_all("References", "File")
        if wanted and file.attributes.get("id") == wanted
    ]
    if len(files) != 1:
        raise InvalidOva("its OVF does not say which file is the disk")
    if files[0].get("compression", "identity") not in ("", "identity") or files[0].get("chunkSize"):
        raise InvalidOva("its disk is compressed or cut in chunks")
    return files[0].get("href", "")


def _check_controller(items: list[Element], disk_id: str) -> None:
    """The item of the disk names its controller as parent; the controller's type decides."""
    wanted = (f"ovf:/disk/{disk_id}", f"/disk/{disk_id}")
    holders = [item for item in items if item.text_of("HostResource") in wanted]
    if not disk_id or len(holders) != 1 or holders[0].text_of("ResourceType") != _DISK:
        raise InvalidOva("its OVF does not attach the disk to the machine, once")
    parent = holders[0].text_of("Parent")
    controllers = [item for item in items if parent and item.text_of("InstanceID") == parent]
    if len(controllers) != 1:
        raise InvalidOva("its OVF does not say which controller the disk hangs on")
    kind = controllers[0].text_of("ResourceType")
    subtype = controllers[0].text_of("ResourceSubType").lower()
    supported = (
        kind == _IDE
        or (kind == _SCSI and subtype in _SCSI_DEVICES)
        or (kind == _OTHER_STORAGE and subtype in _SATA_SUBTYPES)
    )
    if not supported:
        raise UnsupportedDiskController(f"{kind[:16]} {subtype[:64]}".strip())


def _device_settings(items: list[Element]) -> Iterator[ImageSetting]:
    """Devices of a kind are numbered in the order in which the OVF lists them."""
    numbers = {_SCSI: 0, _ETHERNET: 0, _SERIAL: 0}
    for item in items:
        kind = item.text_of("ResourceType")
        if kind not in numbers:
            continue
        number = numbers[kind]
        numbers[kind] += 1
        subtype = item.text_of("ResourceSubType").lower()
        if kind == _SCSI:
            device = _SCSI_DEVICES.get(subtype, subtype)
            yield _setting(f"scsi{number}.virtualDev", device)
        elif kind == _ETHERNET:
            # A choice of several is written with blanks between; the first is the preferred one.
            yield _setting(f"ethernet{number}.virtualDev", (subtype.split() or ["e1000"])[0])
        else:
            yield from _serial_settings(f"serial{number}", subtype, item)


def _serial_settings(port: str, subtype: str, item: Element) -> Iterator[ImageSetting]:
    """A port over the network has a concentrator, which may be left for each VM to say."""
    backing = subtype.rpartition(".")[2]
    config = _config(item)
    if backing == "uri":
        yield _setting(f"{port}.fileType", "network")
        yield _setting(f"{port}.fileName", config.get("backing.serviceURI", ""))
        yield _setting(f"{port}.vspc", config.get("backing.proxyURI", ""))
    else:
        yield _setting(f"{port}.fileType", backing or "device")
        yield _setting(f"{port}.fileName", item.text_of("HostResource"))


def _extra_settings(hardware: Element) -> Iterator[ImageSetting]:
    for extra in hardware.find_all("ExtraConfig"):
        yield _setting(extra.attributes.get("key", ""), extra.attributes.get("value", ""))


def _config(item: Element) -> dict[str, str]:
    return {
        config.attributes.get("key", ""): config.attributes.get("value", "")
        for config in item.find_all("Config")
    }


def _setting(name: str, default: str) -> ImageSetting:
    if not SETTING_NAME.fullmatch(name):
        raise InvalidOva("its OVF has a setting with a name that none may have")
    if len(default) > SETTING_VALUE_CHARS_MAX or not (default.isprintable() or default == ""):
        raise InvalidOva(f"its OVF has a value for {name} that is too long or not printable")
    return ImageSetting(name=name, default_value=default)
