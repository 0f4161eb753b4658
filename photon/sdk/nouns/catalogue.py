"""What VMs and disks are made from: flavors and images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from photon.domain.image import ReplicationType
from photon.sdk.file_body import FileBody, Progress, file_size_bytes
from photon.sdk.operation import Face, Noun, listing, operation, watching
from photon.sdk.request import Listing, Request, Sink, decoder, delete, get, path, post, query
from photon.sdk.watching import Watch
from photon.wire.v1.flavor import Flavor, FlavorCreateSpec
from photon.wire.v1.image import Image
from photon.wire.v1.task import Task

# The API answers an upload when it holds the last byte, and hashes and converts it before that.
UPLOAD_ANSWER_SECONDS = 600.0


class Flavors(Noun[Face]):
    @operation
    def create(self, spec: FlavorCreateSpec) -> Request[Task]:
        return post(path("flavors"), spec)

    @listing
    def list(self, *, name: str | None = None, kind: str | None = None) -> Listing[Flavor]:
        return Listing(path("flavors"), Flavor, query(name=name, kind=kind))

    @operation
    def get(self, flavor_id: str) -> Request[Flavor]:
        return get(path("flavors", flavor_id), Flavor)

    @operation
    def delete(self, flavor_id: str) -> Request[Task]:
        return delete(path("flavors", flavor_id))

    @listing
    def tasks(self, flavor_id: str, *, state: str | None = None) -> Listing[Task]:
        return Listing(path("flavors", flavor_id, "tasks"), Task, query(state=state))


@dataclass(frozen=True, slots=True)
class ImageUpload:
    """A file to become an image. With a project, only that project's members see the image.

    `file` is read from where it stands to its end, in pieces, so its size does not matter.
    `progress` gets (bytes sent, bytes in all).
    """

    name: str
    file: BinaryIO
    replication: ReplicationType = ReplicationType.EAGER
    project_id: str | None = None
    progress: Progress | None = None


class Images(Noun[Face]):
    @operation
    def upload(self, upload: ImageUpload) -> Request[Task]:
        """Answers when the whole file is there; the task then replicates the image."""
        where = ("projects", upload.project_id, "images") if upload.project_id else ("images",)
        body = FileBody(
            field=("ImageReplication", upload.replication),
            name=upload.name,
            file=upload.file,
            size_bytes=file_size_bytes(upload.file),
            progress=upload.progress,
        )
        return Request(
            "POST", path(*where), decoder(Task), body=body, answer_seconds=UPLOAD_ANSWER_SECONDS
        )

    @operation
    def download(self, image_id: str, sink: Sink) -> Request[None]:
        """Hands the stored qcow2 to `sink`, piece by piece. Not repeated when it breaks off."""
        return Request("GET", path("images", image_id, "content"), _nothing, sink=sink)

    @listing
    def list(self, *, name: str | None = None) -> Listing[Image]:
        return Listing(path("images"), Image, query(name=name))

    @watching
    def watch(self, *, name: str | None = None, since: str | None = None) -> Watch[Image]:
        """The changes of that list, as they come."""
        return Watch(Listing(path("images"), Image, query(name=name)), since)

    @operation
    def get(self, image_id: str) -> Request[Image]:
        return get(path("images", image_id), Image)

    @operation
    def delete(self, image_id: str) -> Request[Task]:
        return delete(path("images", image_id))

    @listing
    def tasks(self, image_id: str, *, state: str | None = None) -> Listing[Task]:
        return Listing(path("images", image_id, "tasks"), Task, query(state=state))


def _nothing(body: bytes) -> None:
    assert not body, "the sink took it"
