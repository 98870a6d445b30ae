"""At the socket argv[1] of a machine's monitor: `memory` tells the MiB in use inside, `off` presses the power key, `plug FILE`
and `unplug` a USB medium, `screen FILE` takes the screen as PNG, `type KEYS…` presses keys at the screen by QEMU's names; `line TEXT` is typed
at the serial line, whose socket argv[1] is then."""

import fcntl
import json
import socket
import struct
import sys
import termios
import time

monitor = socket.socket(socket.AF_UNIX)
monitor.connect(sys.argv[1])
if sys.argv[2] == "line":
    monitor.sendall(sys.argv[3].encode())
    # A slow machine takes them a few at a time; what it has not taken when this end closes is lost.
    while struct.unpack("i", fcntl.ioctl(monitor, termios.TIOCOUTQ, bytes(4)))[0]:
        time.sleep(0.05)
    sys.exit()
lines = monitor.makefile("rw")
json.loads(lines.readline())


def ask(command, **arguments):
    lines.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
    lines.flush()
    while True:
        answer = json.loads(lines.readline())
        if "error" in answer:
            sys.exit(f"{command}: {answer['error']['desc']}")
        # Events come in between.
        if "return" in answer:
            return answer["return"]


ask("qmp_capabilities")
verb, rest = sys.argv[2], sys.argv[3:]
if verb == "off":
    ask("system_powerdown")
    sys.exit()
if verb == "plug":
    ask("blockdev-add", driver="raw", **{"node-name": "medium"}, file={"driver": "file", "filename": rest[0]})
    ask("device_add", driver="usb-storage", id="stick", drive="medium", bus="usb.0", removable=True)
    sys.exit()
if verb == "unplug":
    ask("device_del", id="stick")
    while json.loads(lines.readline()).get("event") != "DEVICE_DELETED":
        pass
    ask("blockdev-del", **{"node-name": "medium"})
    sys.exit()
if verb == "screen":
    ask("screendump", filename=rest[0], format="png")
    sys.exit()
if verb == "type":
    for key in rest:
        ask("send-key", keys=[{"type": "qcode", "data": key}])
    sys.exit()
path = "/machine/peripheral/balloon"
ask("qom-set", path=path, property="guest-stats-polling-interval", value=1)
# Idle is when nothing is being started any more: the least of a minute. Until the driver has answered, all of them are the
# largest number there is.
least = None
deadline = time.monotonic() + 60
while time.monotonic() < deadline:
    told = ask("qom-get", path=path, property="guest-stats")
    stats = told["stats"]
    if told["last-update"] and stats["stat-total-memory"] < 1 << 62:
        used = (stats["stat-total-memory"] - stats["stat-available-memory"]) >> 20
        least = used if least is None else min(least, used)
    time.sleep(1)
if least is None:
    sys.exit("the machine's balloon driver does not answer")
print(least)
