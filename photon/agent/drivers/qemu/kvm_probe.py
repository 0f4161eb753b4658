"""Does KVM really run guests here? Exits with 0 when it does. A program, so that it can be killed.

A KVM that exists may still be useless: one without hardware support emulates unmodified guests a
thousand times slower, and passes every shorter test than this. So the probe runs a guest of seven
instructions, which counts far enough that only the hardware is done before the caller's deadline.

The numbers are the kernel's: include/uapi/linux/kvm.h and arch/x86/include/uapi/asm/kvm.h.
"""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import struct
import sys

COUNT_DOWN_FROM = 20_000_000  # About 10 ms of any processor; 20 s of an emulation.
API_VERSION = 12
EXIT_REASON_IO = 2
MEMORY_BYTES = 0x4000
CODE_ADDRESS = 0x1000
TSS_ADDRESS = 0x7FFBD000  # Any place outside the guest's memory.

_GET_API_VERSION, _CREATE_VM, _GET_VCPU_MMAP_SIZE = 0xAE00, 0xAE01, 0xAE04
_CREATE_VCPU, _SET_TSS_ADDR, _RUN = 0xAE41, 0xAE47, 0xAE80
_SET_USER_MEMORY_REGION, _SET_REGS = 0x4020AE46, 0x4090AE82
_GET_SREGS, _SET_SREGS = 0x8138AE83, 0x4138AE84
_SREGS_BYTES, _SEGMENT_BYTES, _CR0_OFFSET = 312, 24, 224
_PROTECTED_MODE = 1

_CODE = (
    b"\xb9"  # mov ecx, ...
    + struct.pack("<I", COUNT_DOWN_FROM)
    + b"\x49"  # dec ecx
    + b"\x75\xfd"  # jnz back to it
    + b"\xe6\x10"  # out 0x10, al: leaves the guest
    + b"\xf4"  # hlt
)


def counts_down() -> bool:
    """Runs the guest to its end; raises OSError when KVM refuses anything."""
    kvm = os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC)
    if fcntl.ioctl(kvm, _GET_API_VERSION) != API_VERSION:
        return False
    vm = fcntl.ioctl(kvm, _CREATE_VM, 0)
    fcntl.ioctl(vm, _SET_TSS_ADDR, TSS_ADDRESS)
    memory = mmap.mmap(-1, MEMORY_BYTES)
    memory[CODE_ADDRESS : CODE_ADDRESS + len(_CODE)] = _CODE
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    region = struct.pack("=IIQQQ", 0, 0, 0, MEMORY_BYTES, address)
    fcntl.ioctl(vm, _SET_USER_MEMORY_REGION, region)

    vcpu = fcntl.ioctl(vm, _CREATE_VCPU, 0)
    run = mmap.mmap(vcpu, fcntl.ioctl(kvm, _GET_VCPU_MMAP_SIZE))
    fcntl.ioctl(vcpu, _SET_SREGS, _flat_protected_mode(vcpu))
    registers = [0] * 18
    registers[16], registers[17] = CODE_ADDRESS, 2  # rip; the flag that is always set
    fcntl.ioctl(vcpu, _SET_REGS, struct.pack("=18Q", *registers))
    fcntl.ioctl(vcpu, _RUN, 0)
    [reason] = struct.unpack_from("=I", run, 8)
    return bool(reason == EXIT_REASON_IO)


def _flat_protected_mode(vcpu: int) -> bytes:
    """The processor's state with code and data segments over all the address space, no paging."""
    state = bytearray(fcntl.ioctl(vcpu, _GET_SREGS, bytes(_SREGS_BYTES)))
    code_type, data_type = 11, 3
    for number in range(6):  # cs, ds, es, fs, gs, ss
        kind, selector = (code_type, 8) if number == 0 else (data_type, 16)
        # base, limit, selector, type, present, dpl, db, s, l, g, avl, unusable, padding
        segment = struct.pack("=QIH10B", 0, 0xFFFFFFFF, selector, kind, 1, 0, 1, 1, 0, 1, 0, 0, 0)
        state[_SEGMENT_BYTES * number : _SEGMENT_BYTES * (number + 1)] = segment
    [control] = struct.unpack_from("=Q", state, _CR0_OFFSET)
    struct.pack_into("=Q", state, _CR0_OFFSET, control | _PROTECTED_MODE)
    return bytes(state)


if __name__ == "__main__":
    sys.exit(0 if counts_down() else 1)
