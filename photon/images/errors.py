"""Why an upload is refused. Each says what is wrong and what the caller can do about it."""

from __future__ import annotations

from dataclasses import dataclass

from photon.domain.errors import Kind, PhotonError


@dataclass(eq=False)
class UnsupportedImageFileType(PhotonError):
    """The content is no image that can be used, whatever its name says."""

    code, kind = "UnsupportedImageFileType", Kind.INVALID
    text = (
        "The file cannot be used as an image: {reason}. "
        "Upload a qcow2 without a backing file, a raw disk, a stream-optimised VMDK, or an OVA."
    )
    reason: str


@dataclass(eq=False)
class InvalidVmdkFormat(PhotonError):
    code, kind = "InvalidVmdkFormat", Kind.INVALID
    text = (
        "The VMDK cannot be used: {reason}. "
        "Export the disk again as one stream-optimised VMDK and upload that."
    )
    reason: str


@dataclass(eq=False)
class InvalidOva(PhotonError):
    code, kind = "InvalidOva", Kind.INVALID
    text = "The OVA cannot be used: {reason}. Export the machine again with one disk, as one OVA."
    reason: str


@dataclass(eq=False)
class UnsupportedDiskController(PhotonError):
    code, kind = "UnsupportedDiskController", Kind.INVALID
    text = (
        "The OVA's disk hangs on a controller of type {controller}, which no host offers. "
        "Move the disk to an IDE, SATA or SCSI controller and export the machine again."
    )
    controller: str


@dataclass(eq=False)
class InvalidImageReplicationType(PhotonError):
    code, kind = "InvalidImageReplicationType", Kind.INVALID
    text = "an image cannot be replicated as '{replication_type}'; say EAGER or ON_DEMAND"
    replication_type: str


@dataclass(eq=False)
class ImageUploadError(PhotonError):
    """The request that carries the image is at fault, or its stream broke off."""

    code, kind = "ImageUploadError", Kind.INVALID
    text = "The image was not received: {reason}. Correct the request and upload the image again."
    reason: str


@dataclass(eq=False)
class IsoUploadError(PhotonError):
    """As ImageUploadError, for the form that carries an ISO."""

    code, kind = "IsoUploadError", Kind.INVALID
    text = "The ISO was not received: {reason}. Correct the request and upload the ISO again."
    reason: str


@dataclass(eq=False)
class ImageStoreFull(PhotonError):
    code, kind = "NotEnoughDatastoreCapacity", Kind.CAPACITY
    text = (
        "The image library lacks the space for this image: {needed_bytes} bytes are needed and "
        "{free_bytes} are free. Delete images that nothing uses, then upload again."
    )
    needed_bytes: int
    free_bytes: int


@dataclass(eq=False)
class ImageLibraryBusy(PhotonError):
    code, kind = "OutOfThreadPoolWorker", Kind.UNAVAILABLE
    text = (
        "The image library is receiving {uploads_max} images already, which is all it takes at "
        "once. Upload again when one of them is done."
    )
    uploads_max: int


@dataclass(eq=False)
class ImageFileMissing(PhotonError):
    code, kind = "ImageNotFound", Kind.NOT_FOUND
    text = "The image library has no file with checksum {checksum}. Upload the image again."
    checksum: str


@dataclass(eq=False)
class ImageToolFailed(PhotonError):
    """The conversion program is missing, ran too long, or failed for no reason of the image's."""

    code, kind = "InternalError", Kind.BUG
    text = (
        "The image was received but not converted: {reason}. "
        "Upload it again; if that fails too, show this to the operator of the installation."
    )
    reason: str
