"""volatile.py IMAGE SOCKET: a disk with a volatile cache, over NBD. What was flushed is in IMAGE; when the machine goes without a
word, as at a power cut, each block that was not flushed is kept or lost by chance. Ends with its machine."""

import os
import random
import socket
import struct
import sys

BLOCK = 4096
OPTION, REPLY, REQUEST, SIMPLE = b"IHAVEOPT", 0x3E889045565A9, 0x25609513, 0x67446698
EXPORT_NAME, ABORT, GO = 1, 2, 7
READ, WRITE, DISCONNECT, FLUSH = 0, 1, 2, 3
# Has flags, takes flush, takes FUA.
ABILITIES = 1 | 4 | 8
FUA = 1

disk = os.open(sys.argv[1], os.O_RDWR)
size = os.fstat(disk).st_size
cache = {}


def read(at, length):
    data = bytearray(os.pread(disk, length, at))
    for block in range(at // BLOCK, -(-(at + length) // BLOCK)):
        if block in cache:
            begin, end = max(at, block * BLOCK), min(at + length, (block + 1) * BLOCK)
            data[begin - at : end - at] = cache[block][begin - block * BLOCK : end - block * BLOCK]
    return bytes(data)


def write(at, data):
    end = at + len(data)
    first, last = at // BLOCK * BLOCK, -(-end // BLOCK) * BLOCK
    if first != at or last != end:
        data = read(first, at - first) + data + read(end, last - end)
    for offset in range(0, len(data), BLOCK):
        cache[(first + offset) // BLOCK] = data[offset : offset + BLOCK]


def flush(keep=lambda: True):
    for block, data in cache.items():
        if keep():
            os.pwrite(disk, data, block * BLOCK)
    cache.clear()
    os.fdatasync(disk)


listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[2])
listener.listen(1)
machine, _ = listener.accept()


def take(count):
    data = bytearray()
    while len(data) < count:
        more = machine.recv(count - len(data))
        if not more:
            raise ConnectionError
        data += more
    return bytes(data)


def greet():
    machine.sendall(b"NBDMAGIC" + OPTION + struct.pack(">H", 1 | 2))
    no_zeroes = struct.unpack(">I", take(4))[0] & 2
    while True:
        option, length = struct.unpack(">8xII", take(16))
        take(length)

        def reply(kind, data=b""):
            machine.sendall(struct.pack(">QIII", REPLY, option, kind, len(data)) + data)

        if option == EXPORT_NAME:
            machine.sendall(struct.pack(">QH", size, ABILITIES) + (b"" if no_zeroes else bytes(124)))
            return
        if option == GO:
            reply(3, struct.pack(">HQH", 0, size, ABILITIES))
            reply(1)
            return
        reply(1 if option == ABORT else 0x80000001)


try:
    greet()
    while True:
        magic, flags, kind, handle, at, length = struct.unpack(">IHHQQI", take(28))
        assert magic == REQUEST
        data = b""
        if kind == READ:
            data = read(at, length)
        elif kind == WRITE:
            write(at, take(length))
        if kind in (FLUSH, DISCONNECT) or flags & FUA:
            flush()
        if kind == DISCONNECT:
            break
        machine.sendall(struct.pack(">IIQ", SIMPLE, 0, handle) + data)
except ConnectionError:
    print(f"power cut: {len(cache)} blocks were not flushed")
    flush(lambda: random.random() < 0.5)
