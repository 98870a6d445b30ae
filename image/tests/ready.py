"""ready.py FIFO COMMAND…: runs it as systemd would a Type=notify service; FIFO hears `ready`, or nothing where it ends before."""

import os
import select
import socket
import sys
import tempfile

at = tempfile.mkdtemp() + "/notify"
told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
told.bind(at)
os.environ["NOTIFY_SOCKET"] = at
command = os.pidfd_open(os.getpid())
# The process that whoever started this knows is the command itself; who waits is its child.
if os.fork() > 0:
    os.execvp(sys.argv[2], sys.argv[2:])
with open(sys.argv[1], "w") as fifo:
    while True:
        heard, _, _ = select.select([told, command], [], [])
        if told in heard and b"READY=1" in told.recv(4096):
            fifo.write("ready\n")
            break
        if command in heard:
            break
