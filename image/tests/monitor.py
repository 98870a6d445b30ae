"""At the socket argv[1] of a machine's monitor: `memory` tells the MiB in use inside, `off` presses the power key."""

import json
import socket
import sys
import time

monitor = socket.socket(socket.AF_UNIX)
monitor.connect(sys.argv[1])
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
if sys.argv[2] == "off":
    ask("system_powerdown")
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
