"""An OVA: what is taken from it, and everything it is refused for."""

from __future__ import annotations

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon.domain.errors import PhotonError
from photon.domain.image import ImageSetting
from photon.images.errors import InvalidOva, UnsupportedDiskController
from photon.images.ova import Ova, read_ova
from photon.images.ovf import read_ovf
from tests.images.builders import IDE, NVME, SATA, SCSI, a_manifest, a_tar, an_ovf

DISK = b"KDMV" + bytes(2044)
MEMBERS = [("vm.ovf", an_ovf()), ("disk.vmdk", DISK)]
DEVICES = """
<Item><rasd:ResourceSubType>VmxNet3</rasd:ResourceSubType><rasd:ResourceType>10</rasd:ResourceType>
</Item>
<Item><rasd:ResourceSubType>E1000</rasd:ResourceSubType><rasd:ResourceType>10</rasd:ResourceType>
</Item>
<Item><rasd:ResourceSubType>vmware.serialport.uri</rasd:ResourceSubType>
  <rasd:ResourceType>21</rasd:ResourceType>
  <vmw:Config vmw:key="backing.serviceURI" vmw:value="serial-service"/></Item>
<vmw:ExtraConfig vmw:key="vhv.enable" vmw:value="TRUE"/>
<vmw:ExtraConfig vmw:key="bios.bootOrder" vmw:value=""/>
"""


def read(content: bytes) -> Ova:
    return read_ova(io.BytesIO(content), len(content))


def a_link(name: str, kind: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        ovf = tarfile.TarInfo("vm.ovf")
        tar.addfile(ovf)
        link = tarfile.TarInfo(name)
        link.type, link.linkname = kind, "/etc/passwd"
        tar.addfile(link)
    return out.getvalue()


@pytest.mark.parametrize("tar_format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT])
def test_the_disk_is_found_in_place(tar_format: int) -> None:
    content = a_tar(MEMBERS, tar_format=tar_format)
    span = read(content).disk
    assert content[span.offset : span.offset + span.bytes] == DISK


def test_names_and_sizes_of_pax_headers_count() -> None:
    name = "größe.vmdk"
    content = a_tar(
        [("vm.ovf", an_ovf(disk_file=name)), (name, DISK)], tar_format=tarfile.PAX_FORMAT
    )
    span = read(content).disk
    assert content[span.offset : span.offset + span.bytes] == DISK


def test_a_leading_dot_in_member_names_is_of_no_weight() -> None:
    assert read(a_tar([("./" + name, content) for name, content in MEMBERS])).disk.bytes == 2048


def test_the_settings_are_named_as_the_contract_names_them() -> None:
    settings = read_ovf(an_ovf(more_hardware=DEVICES)).settings
    assert {setting.name: setting.default_value for setting in settings} == {
        "scsi0.virtualDev": "lsilogic",
        "ethernet0.virtualDev": "vmxnet3",
        "ethernet1.virtualDev": "e1000",
        "serial0.fileType": "network",
        "serial0.fileName": "serial-service",
        "serial0.vspc": "",
        "vhv.enable": "TRUE",
        "bios.bootOrder": "",
    }


@pytest.mark.parametrize("controller", [SCSI, IDE, SATA, ("6", "VirtualSCSI"), ("6", "")])
def test_a_disk_may_hang_on_ide_sata_and_scsi(controller: tuple[str, str]) -> None:
    assert read_ovf(an_ovf(controller=controller)).disk_file == "disk.vmdk"


@pytest.mark.parametrize("controller", [NVME, ("6", "floppyscsi"), ("8", ""), ("23", "usb.xhci")])
def test_a_disk_on_another_controller_is_refused(controller: tuple[str, str]) -> None:
    with pytest.raises(UnsupportedDiskController, match="IDE, SATA or SCSI"):
        read(a_tar([("vm.ovf", an_ovf(controller=controller)), ("disk.vmdk", DISK)]))


def test_settings_of_an_ide_machine_name_no_scsi_device() -> None:
    assert read_ovf(an_ovf(controller=IDE)).settings == ()


@pytest.mark.parametrize("algorithm", ["SHA1", "SHA256", "SHA512"])
def test_the_manifest_says_what_to_verify(algorithm: str) -> None:
    manifest = a_manifest(MEMBERS, algorithm=algorithm)
    digests = read(a_tar([*MEMBERS, ("vm.mf", manifest)])).digests
    assert [digest.name for digest in digests] == ["vm.ovf", "disk.vmdk"]
    assert {digest.algorithm for digest in digests} == {algorithm.lower()}


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'
DEEP = "<a>" * 100 + "</a>" * 100
MANY = "<Item/>" * 20_000
SECOND_DISK = '<Disk ovf:diskId="vmdisk2"/>'
BAD_NAME = '<vmw:ExtraConfig vmw:key="a b" vmw:value=""/>'
BAD_VALUE = '<vmw:ExtraConfig vmw:key="a" vmw:value="&#10;x"/>'
MANY_SETTINGS = "".join(f'<vmw:ExtraConfig vmw:key="k{n}" vmw:value=""/>' for n in range(200))


@pytest.mark.parametrize(
    "ovf, reason",
    [
        (b"", "not well-formed"),
        (b"<Envelope>", "not well-formed"),
        (b"<Envelope/>", "exactly one machine"),
        (b'<?xml version="1.0" encoding="no-such"?><a/>', "not well-formed"),
        (an_ovf(prologue=BOMB), "document type"),
        (an_ovf(prologue=BOMB).decode().replace("UTF-8", "UTF-16").encode("utf-16"), "document ty"),
        (an_ovf(more_hardware=DEEP), "deep"),
        (an_ovf(more_hardware=MANY), "over 10000 elements"),
        (an_ovf(more_hardware=f"<a>{'x' * 70_000}</a>"), "of text"),
        (an_ovf(more_disks=SECOND_DISK), "2 disks"),
        (an_ovf(more_hardware=BAD_NAME), "name that none may have"),
        (an_ovf(more_hardware=BAD_VALUE), "not printable"),
        (an_ovf(more_hardware=MANY_SETTINGS), "more than 128"),
        (an_ovf().replace(b"ovf:/disk/vmdisk1", b"ovf:/disk/other"), "does not attach"),
        (an_ovf().replace(b"<rasd:Parent>3", b"<rasd:Parent>9"), "which controller"),
        (an_ovf().replace(b'fileRef="file1"', b'fileRef="file2"'), "which file"),
        (an_ovf().replace(b"<File ", b'<File ovf:compression="gzip" '), "compressed"),
        (an_ovf().replace(b"<Disk ", b'<Disk ovf:parentRef="base" '), "child"),
        (an_ovf(disk_file="../disk.vmdk"), "lacks the disk"),
        (an_ovf(disk_file="http://host/disk.vmdk"), "lacks the disk"),
        (an_ovf() + b" " * (1 << 20), "larger than"),
    ],
)
def test_an_ovf_that_is_not_one_machine_with_one_disk_is_refused(ovf: bytes, reason: str) -> None:
    with pytest.raises(InvalidOva, match=reason):
        read(a_tar([("vm.ovf", ovf), ("disk.vmdk", DISK)]))


@pytest.mark.parametrize(
    "content, reason",
    [
        (a_tar([("readme.txt", b"x"), *MEMBERS]), "first member is not an OVF"),
        (a_tar([]), "first member"),
        (a_tar([*MEMBERS, ("other.ovf", b"")]), "more than one OVF"),
        (a_tar([*MEMBERS, ("../../etc/cron.d/x", b"x")]), "plain file name"),
        (a_tar([*MEMBERS, ("/etc/passwd", b"x")]), "plain file name"),
        (a_tar([*MEMBERS, ("a\\b", b"x")]), "plain file name"),
        (a_tar([*MEMBERS, ("..", b"x")]), "plain file name"),
        (a_tar([*MEMBERS, ("a\nb", b"x")]), "plain file name"),
        (a_tar([*MEMBERS, ("disk.vmdk", b"x")]), "two members"),
        (a_tar([*MEMBERS, *((f"f{n}", b"") for n in range(200))]), "more than 64"),
        (a_link("disk.vmdk", tarfile.SYMTYPE), "a link"),
        (a_link("disk.vmdk", tarfile.LNKTYPE), "a link"),
        (a_link("dir", tarfile.DIRTYPE), "a directory"),
        (a_link("dev", tarfile.CHRTYPE), "special file"),
        (a_tar([("a" * 200, b"")], tar_format=tarfile.GNU_FORMAT), "over the limit"),
        (a_tar(MEMBERS)[:3000], "cut off"),
        (a_tar([*MEMBERS, ("vm.mf", b"MD5(disk.vmdk)= 00")]), "malformed"),
        (a_tar([*MEMBERS, ("vm.mf", a_manifest(MEMBERS[:1]))]), "leaves out"),
        (a_tar([*MEMBERS, ("vm.mf", a_manifest([*MEMBERS, ("gone", b"")]))]), "of no member"),
        (a_tar([*MEMBERS, ("vm.mf", b"SHA256(vm.ovf)= " + b"0" * 40)]), "wrong length"),
        (a_tar([*MEMBERS, ("vm.mf", b"\n" * 100_000)]), "larger than"),
        (a_tar([*MEMBERS, ("a.mf", b""), ("b.mf", b"")]), "more than one manifest"),
    ],
)
def test_a_tar_that_is_no_ova_is_refused_with_the_reason(content: bytes, reason: str) -> None:
    with pytest.raises(InvalidOva, match=reason):
        read(content)


def test_a_member_that_claims_more_than_the_file_has_is_refused() -> None:
    content = bytearray(a_tar(MEMBERS))
    content[124:136] = b"\x80" + (1 << 80).to_bytes(11, "big")
    content[148:156] = b"%06o\0 " % (sum(content[:148]) + sum(content[156:512]) + 8 * 32)
    with pytest.raises(InvalidOva, match="cut off"):
        read(bytes(content))


def test_an_extended_header_of_any_size_is_not_held() -> None:
    content = bytearray(a_tar(MEMBERS))
    content[156:157] = b"x"
    content[124:136] = b"%011o\0" % (1 << 20)
    content[148:156] = b"%06o\0 " % (sum(content[:148]) + sum(content[156:512]) + 8 * 32)
    with pytest.raises(InvalidOva, match="more than 65536 bytes"):
        read(bytes(content) + bytes(1 << 21))


@given(junk=st.binary(max_size=600), offset=st.integers(0, 12_000))
def test_a_damaged_ova_is_never_more_than_refused(junk: bytes, offset: int) -> None:
    content = a_tar([*MEMBERS, ("vm.mf", a_manifest(MEMBERS))])
    damaged = content[:offset] + junk + content[offset + len(junk) :]
    try:
        read(damaged)
    except PhotonError:
        return


@given(junk=st.binary(max_size=60), offset=st.integers(0, 2000))
def test_a_damaged_ovf_is_never_more_than_refused(junk: bytes, offset: int) -> None:
    document = an_ovf(more_hardware=DEVICES)
    try:
        read_ovf(document[:offset] + junk + document[offset + len(junk) :])
    except PhotonError:
        return


@given(document=st.text(max_size=200))
def test_settings_are_only_ever_names_and_printable_values(document: str) -> None:
    extra = f'<vmw:ExtraConfig vmw:key="k" vmw:value="{document}"/>'
    try:
        settings = read_ovf(an_ovf(more_hardware=extra)).settings
    except PhotonError:
        return
    assert all(isinstance(setting, ImageSetting) for setting in settings)
    assert all(
        not setting.default_value or setting.default_value.isprintable() for setting in settings
    )
