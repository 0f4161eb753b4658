"""The form of an upload, as the clients in the wild send it and as nobody should."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon.domain.errors import PhotonError
from photon.domain.image import ReplicationType
from photon.images.errors import ImageUploadError, IsoUploadError
from photon.images.multipart import UploadForm, UploadParser

BOUNDARY = "f2c8a1"
CONTENT_TYPE = f"multipart/form-data; boundary={BOUNDARY}"
CONTENT = b"QFI\xfb" + bytes(range(256)) * 8 + b"\r\n--f2c8a\r\n--f2c8\r" + b"end"


def field(name: str, value: str) -> bytes:
    disposition = f'Content-Disposition: form-data; name="{name}"'
    return f"--{BOUNDARY}\r\n{disposition}\r\n\r\n{value}\r\n".encode()


def file(name: str, content: bytes = CONTENT) -> bytes:
    disposition = f'Content-Disposition: form-data; name="file"; filename="{name}"'
    kind = "Content-Type: application/octet-stream"
    return f"--{BOUNDARY}\r\n{disposition}\r\n{kind}\r\n\r\n".encode() + content + b"\r\n"


END = f"--{BOUNDARY}--".encode()
GO_BODY = b"\r\n" + field("ImageReplication", "EAGER") + file("my-image.qcow2") + END
RUBY_BODY = field("imageReplication", "on_demand") + file("my-image.qcow2") + END + b"\r\n"


async def pieces(parts: Sequence[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def read(
    parts: Sequence[bytes], *, form: UploadForm = UploadForm.IMAGE
) -> tuple[str, ReplicationType | None, bytes]:
    upload = await UploadParser(CONTENT_TYPE, form=form).parse(pieces(parts))
    content = b"".join([chunk async for chunk in upload.chunks])
    return upload.file_name, upload.replication, content


async def test_the_form_of_the_go_client_is_read() -> None:
    assert await read([GO_BODY]) == ("my-image.qcow2", ReplicationType.EAGER, CONTENT)


async def test_the_form_of_the_ruby_client_is_read() -> None:
    assert await read([RUBY_BODY]) == ("my-image.qcow2", ReplicationType.ON_DEMAND, CONTENT)


async def test_an_iso_form_has_the_file_part_alone() -> None:
    found = await read([b"\r\n" + file("seed.iso") + END], form=UploadForm.ISO)
    assert found == ("seed.iso", None, CONTENT)


@given(cuts=st.lists(st.integers(0, len(GO_BODY)), max_size=12))
async def test_a_form_may_be_cut_into_chunks_anywhere(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(GO_BODY)]
    parts = [GO_BODY[start:end] for start, end in itertools.pairwise(edges)]
    assert await read(parts) == ("my-image.qcow2", ReplicationType.EAGER, CONTENT)


async def test_a_form_may_come_byte_by_byte() -> None:
    parts = [GO_BODY[at : at + 1] for at in range(len(GO_BODY))]
    assert (await read(parts))[2] == CONTENT


@given(length=st.integers(0, len(GO_BODY) - 1))
async def test_a_form_that_breaks_off_is_refused_wherever_it_does(length: int) -> None:
    with pytest.raises(ImageUploadError):
        await read([GO_BODY[:length]])


@pytest.mark.parametrize(
    "body, reason",
    [
        (file("a.ova") + field("ImageReplication", "EAGER") + END, "before the file part"),
        (file("a.ova") + END, "before the file part"),
        (field("ImageReplication", "EAGER") + END, "no file part"),
        (field("ImageReplication", "LAZY") + file("a.ova") + END, "neither EAGER nor ON_DEMAND"),
        (field("ImageReplication", "") + file("a.ova") + END, "neither EAGER nor ON_DEMAND"),
        (field("ImageReplication", "EAGER") * 2 + file("a.ova") + END, "twice"),
        (field("ImageReplication", "EAGER") + file("") + END, "no file name"),
        (field("ImageReplication", "EAGER") + file("  ") + END, "no file name"),
        (field("ImageReplication", "EAGER") + file("dir/..") + END, "no file name"),
        (field("ImageReplication", "EAGER") + file("a" * 256) + END, "longer than 255"),
        (field("ImageReplication", "EAGER") + file("a.ova") * 2 + END, "second file"),
        (field("ImageReplication", "E" * 2000) + file("a.ova") + END, "longer than 1024"),
        (field("other", "x") * 9 + END, "more than 8 parts"),
        (b"\r\n" + b"x" * 100_000, "well-formed"),
        (GO_BODY + b"x" * 100_000, "bytes around its file"),
        (f"--{BOUNDARY}\r\nX-Name: y\r\n\r\nz\r\n".encode() + END, "Content-Disposition"),
        (f"--{BOUNDARY}\r\nX: {'y' * 9000}\r\n\r\n".encode(), "well-formed"),
        (f"--{BOUNDARY}\r\n".encode() + b"X: y\r\n" * 20, "well-formed"),
        (b"", "ended before the form did"),
        (END, "no file part"),
        (b"junk", "well-formed"),
    ],
)
async def test_a_form_with_a_fault_is_refused_with_the_reason(body: bytes, reason: str) -> None:
    with pytest.raises(ImageUploadError, match=reason):
        await read([body[at : at + 1000] for at in range(0, len(body), 1000)])


async def test_a_fault_of_an_iso_form_has_a_code_of_its_own() -> None:
    with pytest.raises(IsoUploadError, match="no file name"):
        await read([file("") + END], form=UploadForm.ISO)


@pytest.mark.parametrize(
    "sent, name",
    [
        ("ubuntu 14.04 (x64).vmdk", "ubuntu 14.04 (x64).vmdk"),
        ("../../etc/passwd", "passwd"),
        ("C:\\\\images\\\\win.ova", "win.ova"),
        ("a\x01b\x7f\u202ec.ova", "abc.ova"),
        ("größe.ova", "größe.ova"),
        ('quo\\"ted.ova', 'quo"ted.ova'),
    ],
)
async def test_the_name_is_the_last_component_without_control_characters(
    sent: str, name: str
) -> None:
    body = field("ImageReplication", "EAGER") + file(sent) + END
    assert (await read([body]))[0] == name


@pytest.mark.parametrize(
    "content_type",
    ["", "application/json", "multipart/form-data", "multipart/form-data; boundary=" + "b" * 71],
)
def test_a_content_type_without_a_usable_boundary_is_refused(content_type: str) -> None:
    with pytest.raises(ImageUploadError):
        UploadParser(content_type)


async def test_a_connection_that_breaks_is_an_upload_error() -> None:
    async def breaking() -> AsyncIterator[bytes]:
        yield GO_BODY[: GO_BODY.index(CONTENT)]
        raise ConnectionResetError

    upload = await UploadParser(CONTENT_TYPE).parse(breaking())
    with pytest.raises(ImageUploadError, match="broke off"):
        [chunk async for chunk in upload.chunks]


async def test_the_file_is_handed_on_before_the_form_is_complete() -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield GO_BODY[: GO_BODY.index(CONTENT)]
        while True:
            yield bytes(1000)

    upload = await UploadParser(CONTENT_TYPE).parse(endless())
    assert await anext(upload.chunks) == bytes(1000)


@given(body=st.binary(max_size=300), content_type=st.text(max_size=60))
async def test_junk_is_never_more_than_a_refusal(body: bytes, content_type: str) -> None:
    with pytest.raises(PhotonError):
        await read([END[2:] + body, body])
    with pytest.raises(PhotonError):
        UploadParser(content_type)
    with pytest.raises(PhotonError):
        await read([f"--{BOUNDARY}\r\n".encode() + body])
