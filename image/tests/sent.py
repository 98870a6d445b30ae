"""What a card sent, each kind once: argv[1] is a capture, argv[2] the card's hardware address."""

import ipaddress
import struct
import sys

data = open(sys.argv[1], "rb").read()
mac = bytes.fromhex(sys.argv[2].replace(":", ""))
asked = set()
kinds = set()
at = 24
while at + 16 <= len(data):
    size, whole = struct.unpack("<8xII", data[at : at + 16])
    frame = data[at + 16 : at + 16 + size]
    at += 16 + size
    kind = struct.unpack(">H", frame[12:14])[0]
    body = frame[14:]
    if kind == 0x0806:
        if frame[6:12] == mac:
            kinds.add("arp")
    elif kind == 0x0800:
        head = (body[0] & 15) * 4
        source, target = (str(ipaddress.ip_address(body[i : i + 4])) for i in (12, 16))
        name = {1: "icmp", 6: "tcp", 17: "udp"}.get(body[9], f"protocol {body[9]}")
        ports = struct.unpack(">HH", body[head : head + 4]) if body[9] in (6, 17) else (0, 0)
        if frame[6:12] != mac:
            asked.add((name, source, ports))
        elif (name, target, ports[::-1]) in asked:
            kinds.add("answer")
        else:
            kinds.add(f"{name} {target} {ports[1]}")
    elif kind == 0x86DD and frame[6:12] == mac:
        # Hop-by-hop options before the reports of group membership.
        next_header, message = body[6], body[40]
        if next_header == 0:
            next_header, message = body[40], body[40 + (body[41] + 1) * 8]
        near = next_header == 58 and message in (133, 135, 136, 143)
        kinds.add("icmp6 neighbour" if near else f"ipv6 {ipaddress.ip_address(body[24:40])} {next_header}/{message}")
    elif frame[6:12] == mac:
        kinds.add(f"ethertype {kind:#x}")
print("\n".join(sorted(kinds)))
