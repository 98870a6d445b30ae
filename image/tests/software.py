"""An agency's software towards its box: the calls of the VXP SDK over HTTPS, certificate and name judged.

software.py CONFIG send TO          one document; prints its docId and digest
software.py CONFIG load TO FILE [S]  one after the other, S seconds between them, until the box is gone; FILE gets a line for each that
                                    was acknowledged
software.py CONFIG collect FILE [SENT]  what comes, until all that `load` wrote into SENT are in FILE or the box is gone: `got` when it has
                                    been read, `done` when its confirmation was acknowledged
software.py CONFIG take [N]         what has come, until N are there; each is confirmed; prints docId, sender's code and digest
software.py CONFIG sent DOC STATUS  waits until the box says of a sent document what its receiver did
CONFIG is a JSON object: address, name, roots, member, systemid, secret, and from, the own address.
"""

import base64
import datetime
import hashlib
import hmac
import http.client
import json
import os
import socket
import ssl
import sys
import time

HANOI = datetime.timezone(datetime.timedelta(hours=7))
NAMESPACE = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
PATIENCE = 600


class Software:
    def __init__(self, config):
        self.own = json.load(open(config))
        self.tls = ssl.create_default_context(cafile=self.own["roots"])
        self.connection = None

    def call(self, verb, body=b"", **parameters):
        now = datetime.datetime.now(HANOI)
        stamp = now.strftime("%d%m%YT%H%M%S+") + f"{now.microsecond // 1000:04}"
        pairs = {"systemid": self.own["systemid"], **{key.replace("_", "-"): value for key, value in parameters.items()}}
        pairs |= {"Content-Type": "application/octet-stream", "timestamp": stamp}
        # As Gson writes it.
        text = json.dumps({f"XroadVnpt-{key}": value for key, value in pairs.items()}, separators=(",", ":"), ensure_ascii=False)
        headers = {f"XroadVnpt-{key}": value for key, value in pairs.items()}
        headers |= {
            "XroadVnpt-sign-header-key": ";".join(pairs),
            "XroadVnpt-sign-header": text,
            "XroadVnpt-hash-header": hmac.new(self.own["secret"].encode(), text.encode(), hashlib.sha256).hexdigest(),
            "XroadVnpt-version": "3.0.201608",
            "Content-Type": "application/octet-stream",
        }
        if self.connection is None:
            host, port = self.own["address"].rsplit(":", 1)
            plain = socket.create_connection((host, int(port)), timeout=60, source_address=(self.own["from"], 0))
            self.connection = http.client.HTTPSConnection(self.own["name"], int(port))
            self.connection.sock = self.tls.wrap_socket(plain, server_hostname=self.own["name"])
        try:
            self.connection.request("POST", f"/XrdAdapter/adapter/{verb}", body, headers)
            answer = json.loads(self.connection.getresponse().read())
        except (OSError, http.client.HTTPException):
            self.connection.close()
            self.connection = None
            raise
        if answer["status"] != "OK" or answer["ErrorCode"] != "0":
            raise RuntimeError(f"{verb}: {answer['ErrorCode']} {answer['ErrorDesc']}")
        return answer

    def send(self, to):
        text = document(self.own["member"], to)
        # Each byte without its leading zero, and CR LF behind the document.
        digest = "".join(f"{byte:x}" for byte in hashlib.sha256(text).digest())
        answer = self.call("sendEdoc", text + b"\r\n", servicetype="eDoc", messagetype="edoc", hash_file=digest)
        return answer["DocId"], hashlib.sha256(text).hexdigest()

    def take(self, tell=lambda *row: None):
        listed = self.call("getReceivedEdocList", servicetype="eDoc", messagetype="edoc")
        for row in listed["data"]:
            if row["status"] == "done":
                continue
            text = base64.b64decode(self.call("getEdoc", b"{}", docId=row["docId"], filePath="/tmp/vxp")["data"])
            digest = hashlib.sha256(text).hexdigest()
            tell("got", row["docId"], digest)
            self.call("updateStatus", b"{}", docId=row["docId"], status="done")
            tell("done", row["docId"])
            yield row["docId"], row["from"], digest

    def receiver_of(self, doc):
        for row in self.call("getSentEdocList", servicetype="eDoc", messagetype="edoc")["data"]:
            if row["senderDocId"] == doc:
                return row["receiveStatus"]
        raise RuntimeError(f"{doc} is not listed as sent")


def document(sender, receiver):
    now = datetime.datetime.now(HANOI)
    day, number = now.strftime("%Y/%m/%d"), int.from_bytes(os.urandom(4), "big")

    def party(code):
        return (
            f"<edXML:OrganId>{code}</edXML:OrganId><edXML:OrganizationInCharge>Bộ Ví Dụ</edXML:OrganizationInCharge>"
            f"<edXML:OrganName>Cơ quan {code}</edXML:OrganName><edXML:OrganAdd>Số 5, đường Ví Dụ</edXML:OrganAdd>"
            f"<edXML:Email>vanthu@example.vn</edXML:Email>"
        )

    content = base64.b64encode(b"%PDF-1.7\n" + os.urandom(3000)).decode()
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<edXML xmlns="{NAMESPACE}"><edXML:edXMLEnvelope xmlns:edXML="{NAMESPACE}"><edXML:edXMLHeader><edXML:MessageHeader>
<edXML:From>{party(sender)}</edXML:From><edXML:To>{party(receiver)}</edXML:To>
<edXML:DocumentId>{sender},{day},{number}/BVD-VP</edXML:DocumentId>
<edXML:Code><edXML:CodeNumber>{number}</edXML:CodeNumber><edXML:CodeNotation>BVD-VP</edXML:CodeNotation></edXML:Code>
<edXML:PromulgationInfo><edXML:Place>Hà Nội</edXML:Place><edXML:PromulgationDate>{day}</edXML:PromulgationDate></edXML:PromulgationInfo>
<edXML:DocumentType><edXML:Type>1</edXML:Type><edXML:TypeDetail>0</edXML:TypeDetail><edXML:TypeName>Công văn</edXML:TypeName></edXML:DocumentType>
<edXML:Subject>V/v gửi thử qua thiết bị, số {number}</edXML:Subject><edXML:Content>Kính gửi các đơn vị</edXML:Content>
<edXML:OtherInfo><edXML:Priority>0</edXML:Priority><edXML:TyperNotation>VT</edXML:TyperNotation></edXML:OtherInfo>
</edXML:MessageHeader><edXML:TraceHeaderList><edXML:TraceHeader><edXML:OrganId>{sender}</edXML:OrganId>
<edXML:Timestamp>{now:%Y/%m/%d %H:%M:%S}</edXML:Timestamp></edXML:TraceHeader><edXML:Bussiness><edXML:BussinessDocType>0</edXML:BussinessDocType>
<edXML:Paper>0</edXML:Paper></edXML:Bussiness></edXML:TraceHeaderList></edXML:edXMLHeader><edXML:edXMLBody><edXML:edXMLManifest version="1.0">
<edXML:Reference><edXML:ContentId>cid:t-01</edXML:ContentId><edXML:ContentType>application/pdf</edXML:ContentType>
<edXML:AttachmentName>cong-van.pdf</edXML:AttachmentName></edXML:Reference></edXML:edXMLManifest></edXML:edXMLBody></edXML:edXMLEnvelope>
<AttachmentEncoded><Attachment><ContentId>cid:t-01</ContentId><AttachmentName>cong-van.pdf</AttachmentName>
<ContentType>application/pdf</ContentType><edXML:ContentTransferEncoded xmlns:edXML="{NAMESPACE}">{content}</edXML:ContentTransferEncoded>
</Attachment></AttachmentEncoded></edXML>""".encode()


def until(what):
    """What `what` gives, asked again where it raises or gives nothing, until patience is over."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            found = what()
            if found:
                return found
            why = "not yet"
        except (OSError, http.client.HTTPException, RuntimeError) as error:
            why = error
        if time.monotonic() > end:
            sys.exit(f"after {PATIENCE} s: {why}")
        time.sleep(0.5)


def collect(software, path, promised):
    # Not counted: one whose sender was killed before it could write the answer down comes, too.
    wanted = {line.split()[1] for line in open(promised)} if promised else None
    known = set()
    if os.path.exists(path):
        known = {line.split()[2] for line in open(path) if line.startswith("got ")}
    with open(path, "a") as log:

        def tell(*row):
            print(*row, file=log, flush=True)
            if row[0] == "got":
                known.add(row[2])

        end = time.monotonic() + 3 * PATIENCE
        until(lambda: software.call("countReceiveEdoc", b"{}"))
        while wanted is None or not wanted <= known:
            for _ in software.take(tell):
                pass
            if time.monotonic() > end:
                sys.exit(f"{len(wanted - known)} of {len(wanted)} did not come" if wanted else "the box is still there")
            time.sleep(0.2)


def main():
    software, verb, rest = Software(sys.argv[1]), sys.argv[2], sys.argv[3:]
    if verb == "send":
        print(*until(lambda: software.send(rest[0])))
    elif verb == "load":
        with open(rest[1], "a") as acknowledged:
            print(*until(lambda: software.send(rest[0])), file=acknowledged, flush=True)
            while True:
                time.sleep(float(rest[2]) if len(rest) > 2 else 0)
                print(*software.send(rest[0]), file=acknowledged, flush=True)
    elif verb == "collect":
        collect(software, rest[0], rest[1] if len(rest) > 1 else None)
    elif verb == "take":
        wanted, taken = int(rest[0]) if rest else 0, []
        end = time.monotonic() + PATIENCE
        while True:
            try:
                for row in software.take():
                    print(*row, flush=True)
                    taken.append(row)
            except (OSError, http.client.HTTPException, RuntimeError) as error:
                print(error, file=sys.stderr)
            if len(taken) >= wanted:
                break
            if time.monotonic() > end:
                sys.exit(f"{len(taken)} of {wanted} came within {PATIENCE} s")
            time.sleep(0.5)
    elif verb == "sent":
        until(lambda: software.receiver_of(rest[0]) == rest[1])


main()
