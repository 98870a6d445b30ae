#!/bin/bash
# Verifies what `trucgate evidence export` wrote with openssl and python3 alone: no line of trucgate takes part.
#
#   verify-with-openssl.sh DIR [DOCUMENT] ANCHORS.pem
#
# HUB=CODE in the environment says whose receipt may witness the time.
#
# Exits with 0 when all holds, 1 naming the first check that fails, 2 when something can't be read.
#
# Time of verification: the earliest time stamp (RFC 3161) over a head that covers the record, or the earliest "accepted"
# receipt of HUB if that is earlier; without a stamp a receipt of somebody who is neither sender nor recipient has to do,
# without one the signing time. Revocation lists are compared by date here instead of with -crl_check: they are as of the export, and
# openssl refuses every list that is younger than -attime.
set -euo pipefail

if [ $# -lt 2 ] || [ $# -gt 3 ]; then
    sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
for tool in openssl python3; do
    command -v "$tool" >/dev/null || { echo "$tool is missing" >&2; exit 2; }
done
exec python3 - "$@" <<'PYTHON'
import base64, calendar, hashlib, os, re, subprocess, sys, tempfile, time

arguments = sys.argv[1:]
root, anchors = arguments[0], arguments[-1]
document = arguments[1] if len(arguments) == 3 else None
hub = os.environ.get("HUB")
MEMBER = "urn:trucgate:member:"


def fail(part, check):
    print(f"✗ [{part}] {check}")
    sys.exit(1)


def holds(part, check):
    print(f"✓ [{part}] {check}")


def read(*names):
    try:
        with open(os.path.join(*names), "rb") as file:
            return file.read()
    except OSError as error:
        print(error, file=sys.stderr)
        sys.exit(2)


def openssl(*words, given=b""):
    done = subprocess.run(["openssl", *words], input=given, capture_output=True)
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


def lines_of(raw, part, file):
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        fail(part, f"{file} is not UTF-8")
    if not text.endswith("\n"):
        fail(part, f"{file} does not end with a line feed")
    return text[:-1].split("\n")


def epoch(text):
    """RFC 3339 in UTC, as records have it, in whole seconds."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?Z", text)
    return calendar.timegm(time.strptime(found[1], "%Y-%m-%dT%H:%M:%S")) if found else None


def openssl_time(text):
    return calendar.timegm(time.strptime(text.strip(), "%b %d %H:%M:%S %Y GMT"))


def leaf(entry):
    return hashlib.sha256(b"\0" + entry).digest()


def node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def included(entry, index, size, path, head):
    """RFC 9162 section 2.1.3.2."""
    if index >= size:
        return False
    at, last, value = index, size - 1, leaf(entry)
    for other in path:
        if last == 0:
            return False
        if at & 1 or at == last:
            value = node(other, value)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            value = node(value, other)
        at, last = at >> 1, last >> 1
    return last == 0 and value == head


def blocks(pem):
    return re.findall(r"-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+?-----END CERTIFICATE-----\n", pem)


def check_form(part):
    """Record, checkpoint and path; gives the record's fields."""
    raw = read(root, part, "record.txt")
    lines = lines_of(raw, part, "record.txt")
    if lines[0] != "trucgate-record 1":
        fail(part, "record.txt has an unknown format")
    fields = {"to": [], "ref": []}
    order = "kind packet digest size from to time message document code status reason priority ref".split()
    place = 0
    for line in lines[1:]:
        name, colon, value = line.partition(": ")
        if not colon or name not in order[place:]:
            fail(part, f"record.txt: line out of order: {line!r}")
        place = order.index(name)
        if name in ("to", "ref"):
            fields[name].append(value)
        else:
            if name in fields:
                fail(part, f"record.txt: {name} stands twice")
            fields[name] = value
    if any(name not in fields for name in "kind packet digest size from time priority".split()):
        fail(part, "record.txt lacks a field")
    if epoch(fields["time"]) is None:
        fail(part, "record.txt: time is not RFC 3339 in UTC")
    head = lines_of(read(root, part, "checkpoint.txt"), part, "checkpoint.txt")
    place = lines_of(read(root, part, "path.txt"), part, "path.txt")
    try:
        size, value = int(head[1]), base64.b64decode(head[2], validate=True)
        index, of = (re.fullmatch(rf"{name} (0|[1-9]\d*)", line)[1] for name, line in zip(("index", "size"), place))
        path = [bytes.fromhex(re.fullmatch("[0-9a-f]{64}", line)[0]) for line in place[2:]]
    except (ValueError, IndexError, TypeError):
        fail(part, "checkpoint.txt or path.txt is malformed")
    if int(of) != size:
        fail(part, "path.txt speaks of another tree than checkpoint.txt")
    holds(part, "form")
    if not included(raw, int(index), size, path, value):
        fail(part, "inclusion: the record is not under its checkpoint")
    holds(part, "inclusion")
    if head[0] != fields["from"]:
        fail(part, f"origin: the log is of {head[0]!r}, the record of {fields['from']!r}")
    return fields


def signing_time(part):
    _, told, _ = openssl("asn1parse", "-inform", "DER", "-in", os.path.join(root, part, "checkpoint.p7s"))
    found = re.search(r":signingTime\n.*SET.*\n.*(UTCTIME|GENERALIZEDTIME)\s*:(\d+)Z", told)
    if not found:
        fail(part, "signature: it has no signing time")
    form = "%y%m%d%H%M%S" if found[1] == "UTCTIME" else "%Y%m%d%H%M%S"
    return calendar.timegm(time.strptime(found[2], form))


def check_signature(part, at, fields):
    p7s, chain = os.path.join(root, part, "checkpoint.p7s"), os.path.join(root, part, "chain.pem")
    with tempfile.TemporaryDirectory() as scratch:
        sent = os.path.join(scratch, "sent.pem")
        code, _, told = openssl(
            "cms", "-verify", "-binary", "-cades", "-purpose", "any", "-inform", "DER", "-in", p7s,
            "-content", os.path.join(root, part, "checkpoint.txt"), "-CAfile", anchors, "-attime", str(at),
            "-certsout", sent, "-out", os.devnull)
        if code:
            reason = " ".join(told.split())
            fail(part, f"signature at {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(at))}: {reason}")
        # Fields that no signature covers have one value each (RFC 5652 sections 5.1 and 5.3).
        _, told, _ = openssl("cms", "-cmsout", "-print", "-noout", "-inform", "DER", "-in", p7s)
        outside = re.findall(r"^    version: (\d+)$|^ {8}version: (\d+)$", told.split("certificates:")[0], re.M)
        signers = told.split("signerInfos:")[-1]
        if outside[:1] != [("1", "")] or re.findall(r"^ {8}version: (\d+)$", signers, re.M) != ["1"] \
                or told.split("certificates:")[0].count("algorithm: sha256 ") != 1:
            fail(part, "signature: CMS version or digest is not the standard's")
        written = read(root, part, "chain.pem").decode(errors="replace")
        listed = blocks(written)
        if "".join(listed) != written or sorted(listed) != sorted(blocks(read(sent).decode())):
            fail(part, "chain.pem does not hold the certificates of the signature")
    _, names, _ = openssl("x509", "-in", chain, "-noout", "-ext", "subjectAltName")
    codes = re.findall(rf"URI:{MEMBER}([^,\s]+)", names)
    if not codes:
        _, subject, _ = openssl("x509", "-in", chain, "-noout", "-subject", "-nameopt", "sep_multiline,utf8")
        codes = set(re.findall(r"(?:serialNumber|organizationIdentifier)=(\S+)", subject))
    if fields["from"] not in codes:
        fail(part, f"origin: the certificate is of {', '.join(codes) or 'nobody'}, the record of {fields['from']}")
    holds(part, f"signature and chain at {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(at))}")
    holds(part, f"origin {fields['from']}")
    return listed


def lists(authorities):
    """Verified revocation lists: issuer, and date by serial number."""
    found = []
    names = sorted(name for name in os.listdir(root) if re.fullmatch(r"crl-\d+\.(der|pem)", name))
    for name in names:
        form = ["-inform", "DER" if name.endswith("der") else "PEM", "-in", os.path.join(root, name)]
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as known:
            known.write(read(anchors).decode() + "\n" + "".join(authorities))
            known.flush()
            code, text, told = openssl("crl", *form, "-CAfile", known.name, "-text", "-noout")
        if code or "verify OK" not in told:
            fail(name, "revocation list: its authority did not sign it")
        _, issuer, _ = openssl("crl", *form, "-noout", "-issuer")
        entries = re.findall(r"Serial Number: ([0-9A-F]+)\n\s+Revocation Date: (.+)", text)
        found.append((issuer.strip(), {serial.lstrip("0"): openssl_time(date) for serial, date in entries}))
        holds(name, "revocation list")
    return found


def stamped(part):
    """A time stamp over a head under which the packet's record stands; gives its time."""
    if read(root, part, "record.txt") != read(root, "packet", "record.txt"):
        fail(part, "subject: the stamped head is shown with another record")
    fields = check_form(part)
    token = ["-token_in", "-in", os.path.join(root, part, "checkpoint.tst")]
    code, told, _ = openssl("ts", "-reply", *token, "-token_out", "-text")
    found = re.search(r"^Time stamp: (.+?)(\.\d+)?( GMT)$", told, re.M)
    if code or not found:
        fail(part, "stamp: it can't be read")
    at = openssl_time(found[1] + found[3])
    code, _, told = openssl("ts", "-verify", *token, "-data", os.path.join(root, part, "checkpoint.p7s"),
                            "-CAfile", anchors, "-attime", str(at))
    if code:
        fail(part, "stamp: " + " ".join(told.split()))
    holds(part, f"stamped at {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(at))}")
    return at, check_signature(part, at, fields)


def answers(chains, at):
    """Verified OCSP answers about certificates of the proof: issuer, and date by serial number."""
    found = []
    tops = blocks(read(anchors).decode())
    pairs = {(one, above) for chain in chains for one, above in zip(chain, chain[1:])}
    pairs |= {(chain[-1], top) for chain in chains for top in tops}
    for name in sorted(name for name in os.listdir(root) if re.fullmatch(r"ocsp-\d+\.der", name)):
        said, reason = None, ""
        for one, above in pairs:
            with tempfile.TemporaryDirectory() as scratch:
                for file, pem in (("one.pem", one), ("above.pem", above)):
                    with open(os.path.join(scratch, file), "w") as out:
                        out.write(pem)
                code, told, why = openssl(
                    "ocsp", "-respin", os.path.join(root, name), "-issuer", os.path.join(scratch, "above.pem"),
                    "-cert", os.path.join(scratch, "one.pem"), "-verify_other", os.path.join(scratch, "above.pem"),
                    "-CAfile", anchors, "-no_nonce", "-attime", str(at))
            # Years later openssl warns that it is old before it says what it says.
            status = re.search(r"one\.pem: (?:WARNING: .*\n(?:.*\n)*?)?(good|revoked|unknown)$", told, re.M)
            if not status:
                reason = " ".join(why.split()) or reason
                continue
            if code or "Response verify OK" not in why:
                fail(name, "OCSP answer: " + " ".join(why.split()))
            said = status[1]
            _, names, _ = openssl("x509", "-noout", "-issuer", "-serial", given=one.encode())
            issuer, serial = names.strip().split("\n")
            since = re.search(r"Revocation Time: (.+)", told)
            if since:
                found.append((issuer, {serial.split("=")[1].lstrip("0"): openssl_time(since[1])}))
            else:
                found.append((issuer, {}))
        if said is None:
            fail(name, f"OCSP answer: it is about no certificate of this proof: {reason}")
        holds(name, said)
    return found


def check_revocation(part, at, chain, revoked):
    for one in chain:
        _, told, _ = openssl("x509", "-noout", "-issuer", "-serial", given=one.encode())
        issuer, serial = told.strip().split("\n")
        serial = serial.split("=")[1].lstrip("0")
        for lister, entries in revoked:
            # Ten minutes for clocks that differ.
            if lister == issuer and entries.get(serial, at + 601) <= at + 600:
                fail(part, f"revocation: certificate {serial} was revoked")
    holds(part, "revocation" if revoked else "revocation: no list is at hand, nothing was compared")


packet = check_form("packet")
if packet["kind"] != "packet":
    fail("packet", f"kind: {packet['kind']}")
recipients = [to.split(" ")[0] for to in packet["to"]]
receipts = sorted((name for name in os.listdir(root) if re.match(r"receipt-\d+", name)),
                  key=lambda name: int(re.match(r"receipt-(\d+)", name)[1]))
judged, witnesses = [], []
for part in receipts:
    fields = check_form(part)
    if fields["kind"] not in ("receipt", "void"):
        fail(part, f"kind: {fields['kind']}")
    if any(fields[name] != packet[name] for name in ("packet", "digest", "size")):
        fail(part, "subject: the receipt is about another packet")
    at = signing_time(part)
    judged.append((part, at, check_signature(part, at, fields)))
    if fields["kind"] == "receipt" and fields.get("status") == "accepted" \
            and (fields["from"] == hub if hub else fields["from"] not in [packet["from"], *recipients]):
        witnesses.append((epoch(fields["time"]), fields["from"]))
times = []
for part in sorted(name for name in os.listdir(root) if re.fullmatch(r"stamp-\d+", name)):
    at, chain = stamped(part)
    judged.append((part, at, chain))
    times.append(at)
if times and not (hub and witnesses and min(witnesses)[0] < min(times)):
    at = min(times)
    print("✓ [packet] time by a time stamp")
elif witnesses:
    at, witness = min(witnesses)
    print(f"{'✓' if hub else '!'} [packet] time witnessed by {witness}{'' if hub else ': is that the hub?'}")
else:
    at = signing_time("packet")
    print("! [packet] no witness: the time is what the signer claims")
judged.insert(0, ("packet", at, check_signature("packet", at, packet)))
revoked = lists({one for _, _, chain in judged for one in chain[1:]})
revoked += answers([chain for _, _, chain in judged], at)
for part, at, chain in judged:
    check_revocation(part, at, chain, revoked)
if document is not None:
    content = read(document)
    if f"sha256:{hashlib.sha256(content).hexdigest()}" != packet["digest"] or str(len(content)) != packet["size"]:
        fail("packet", "document: it is not the one that was sealed")
    holds("packet", "document")
print("✓ all holds")
PYTHON
