# Sourced after vm.sh, in a network of the test's own. What stands around the boxes: a TEST authority, a hub with its operator,
# agencies' software. What belongs to a machine lies in a directory of its name, where `box` goes; all else in $work.
trucgate=${IMAGE_BINARY:-$root/target/release/trucgate}
hub_code=00.01.W00
hub_at=192.0.2.20
# Of the agencies' range in the settings.
software_at=192.0.2.65

# box NAME: goes to the box `one` or `two`, as machine or as processes.
box() {
    case $1 in
        one) code=00.02.W00 member=000.00.00.G22 address=192.0.2.10 tap=tap0 mac=52:54:00:12:34:56 ;;
        two) code=00.03.W00 member=000.00.00.H41 address=192.0.2.30 tap=tap1 mac=52:54:00:12:34:57 ;;
    esac
    mkdir -p "$work/$1"
    cd "$work/$1"
    card=(-netdev "tap,id=net,ifname=$tap,script=no,downscript=no,vnet_hdr=off" -device "virtio-net-pci,netdev=net,mac=$mac")
    settings=(-drive file=settings.img,format=raw,if=none,id=settings,readonly=on -device virtio-blk-pci,drive=settings)
    usb=(-device qemu-xhci,id=usb)
}

# neighbours ADDRESS…: a bridge with the cards of both boxes, and whoever else is there.
neighbours() {
    ip link set lo up
    ip link add bridge0 type bridge
    for card in tap0 tap1; do
        ip tuntap add "$card" mode tap
        ip link set "$card" master bridge0 up
    done
    for address in "$hub_at" "$software_at" "$@"; do
        ip address add "$address/24" dev bridge0
    done
    ip link set bridge0 up
}

# token_home NAME: a soft token of its own for whoever works there.
token_home() {
    mkdir -p "$work/$1/tokens"
    printf 'directories.tokendir = %s\nlog.level = ERROR\n' "$work/$1/tokens" >"$work/$1/softhsm2.conf"
}

# at NAME ARGUMENTS: trucgate with that token; what it says goes to NAME/said.
at() {
    local home=$work/$1
    shift
    SOFTHSM2_CONF=$home/softhsm2.conf "$trucgate" "$@" >"$home/said" 2>&1 || fail "trucgate $*: $(cat "$home/said")"
}

# run NAME VERB CONFIG: a process that stays, ready when this returns; its journal goes to NAME/VERB.log.
run() {
    local home=$work/$1 fifo=$work/$1/$2.ready
    [ -e "$fifo" ] || mkfifo "$fifo"
    python3 "$root/image/tests/ready.py" "$fifo" env SOFTHSM2_CONF="$home/softhsm2.conf" \
        "$trucgate" "$2" --config "$home/$3" >>"$home/$2.log" 2>&1 &
    [ "$(timeout 60 cat "$fifo")" = ready ] || fail "$1: $2 is not ready: $(tail -n 3 "$home/$2.log")"
}

trust_files=(root.pem server.pem agency.pem root.crl server.crl agency.crl)

# machine NAME CODE HOST MEMBER PLAN-FLAGS: token, keys, certificates and configuration of one made of processes.
machine() {
    local home=$work/$1 ca=$work/ca
    token_home "$1"
    at "$1" provision plan --dir "$home" --box "$2" --name "$3" --member "$4=Cơ quan $4" --hub "$hub_at:8443" \
        --hub-name hub.example --hub-code $hub_code --enrolment "$hub_at:8444" --seal-key p-256 \
        --anchors "$ca/root.pem" --intermediates "$ca/server.pem" --intermediates "$ca/agency.pem" \
        --crl "$ca/root.crl" --crl "$ca/server.crl" --crl "$ca/agency.crl" "${@:5}"
    for step in init-token 'pin --pin-plain' keys request; do
        # shellcheck disable=SC2086
        at "$1" provision $step --dir "$home"
    done
    at ca provision ca issue --dir "$ca" "$home"/provision/requests/*.csr
    at "$1" provision import --dir "$home" "$home"/provision/requests/*.pem
    at "$1" provision configure --dir "$home"
}

# The authority, and the hub, running.
make_hub() {
    local ca=$work/ca hub=$work/hub
    token_home ca
    at ca provision ca init --dir "$ca"
    cp "$ca/root.pem" "$work/roots.pem"
    machine hub $hub_code hub.example $hub_code
    cat >"$hub/hub.toml" <<END
listen = "$hub_at:8443"
enrolment = { listen = "$hub_at:8444", calls_per_minute = 600 }
seal_key = "seal-$hub_code"

[box]
code = "$hub_code"
state = "$hub/state"
signer = "$hub/signer.sock"
tls_key = "tls"

[trust]
anchors = ["$ca/root.pem"]
intermediates = ["$ca/server.pem", "$ca/agency.pem"]
revocation_lists = ["$ca/root.crl", "$ca/server.crl", "$ca/agency.crl"]
END
    mkdir -p "$hub/state"
    local tls seal
    tls=$(fingerprint "$hub/certificates/tls.pem")
    seal=$(fingerprint "$hub/certificates/seal-$hub_code.pem")
    echo "[{\"set-hub\": {\"code\": \"$hub_code\", \"tls\": [\"$tls\"], \"seal\": [\"$seal\"]}}]" >"$hub/registry.json"
    operator apply "$hub/registry.json"
    run hub signer signer.toml
    run hub hub hub.toml
}

fingerprint() {
    openssl x509 -in "$1" -outform DER | sha256sum | cut -d ' ' -f 1
}

# What the hub's operator does.
operator() {
    at hub hub --config "$work/hub/hub.toml" admin "$@"
}

# The single-use code for this box.
invitation() {
    operator invite --box "$code" --member "$member"
    grep -o -E '[A-Z0-9]{5}(-[A-Z0-9]{5}){3}' "$work/hub/said" | head -n 1
}

# This box as processes, provisioned and running. NAME is the directory that `box` went to.
run_as_processes() {
    local name
    name=$(basename "$PWD")
    machine "$name" "$code" "$address" "$member" --listen "$address:443"
    at "$name" provision enrol --dir "$PWD" --code "$(invitation)"
    operator approve "$code"
    at "$name" provision self-test --dir "$PWD"
    run "$name" signer signer.toml
    run "$name" relay relay.toml
    software "$name" systems.toml
}

# software NAME SYSTEMS: what the software of this box's agency is told, into NAME.json.
software() {
    local secret
    secret=$(sed -n 's/^secret = "\(.*\)"$/\1/p' "$2")
    cat >"$work/$1.json" <<END
{"address": "$address:443", "name": "$address", "roots": "$work/roots.pem", "from": "$software_at",
 "member": "$member", "systemid": "QLVB-$member", "secret": "$secret"}
END
}

# as NAME CALL: that software. In the background it is the very process that is killed.
as() {
    [ "$BASHPID" = $$ ] || exec python3 "$root/image/tests/software.py" "$work/$1.json" "${@:2}"
    python3 "$root/image/tests/software.py" "$work/$1.json" "${@:2}"
}

# exactly_once SENT COLLECTED: all that `load` wrote there is in what `collect` wrote here, once, and nothing came again that was
# confirmed.
exactly_once() {
    cut -d ' ' -f 2 "$1" | sort >promised
    sed -n 's/^got \([^ ]*\) \([^ ]*\)$/\2 \1/p' "$2" | sort -u >documents
    cut -d ' ' -f 1 documents | sort >there
    lost=$(comm -23 promised there)
    [ -z "$lost" ] || fail "$2: acknowledged and lost: $lost"
    twice=$(uniq -d there)
    [ -z "$twice" ] || fail "$2: these came twice: $twice"
    again=$(awk '$1 == "done" { over[$2] } $1 == "got" && $2 in over' "$2")
    [ -z "$again" ] || fail "$2: offered again after it was confirmed: $again"
}

# This box's medium of settings: the sample's, with its own name, card and address.
new_settings() {
    mkdir -p settings
    sed "s/box-1/$(basename "$PWD")/; s/52:54:00:12:34:56/$mac/; s#192\.0\.2\.10/#$address/#" "$root/image/settings.toml" >settings/settings.toml
    truncate -s 8M settings.img
    mke2fs -q -t ext4 -L TRUC-SET -d settings settings.img
}

# is_put_away MEDIUM: whether the FAT16 file system there is not in use any more; its lowest bit here is set as long as it is.
is_put_away() {
    [ "$(od -An -tu1 -j 37 -N 1 "$1")" -eq 0 ]
}

# plug_until PATTERN: the medium is plugged in until its checklist shows that, and taken out when it is no longer mounted.
plug_until() {
    monitor plug medium.img
    for _ in $(seq 600); do
        if is_put_away medium.img &&
            in_tools mtype -i medium.img ::checklist.txt 2>/dev/null | tr -d '\r' >checklist && grep -q -e "$1" checklist; then
            monitor unplug
            return
        fi
        sleep 1
    done
    fail "the medium's checklist did not come to '$1': $(cat checklist)"
}

# What a person does with a medium and no shell, from an empty box to one that relays. Backups are for whom $work/ca/backup.pem
# names; a lost box comes back by what lies in ./restore, and `again=--replace` tells the hub so.
provision_by_medium() {
    mkdir -p medium/trust medium/certificates requests
    sed "s/00\.02\.W00/$code/; s/192\.0\.2\.10/$address/; s/000\.00\.00\.G22/$member/" "$root/image/plan.toml" >medium/plan.toml
    for file in "${trust_files[@]}"; do
        cp "$work/ca/$file" medium/trust/
    done
    if [ -e "$work/ca/backup.pem" ]; then
        cp "$work/ca/backup.pem" medium/trust/
        printf '[backup]\ncertificates = ["/etc/trucgate/trust/backup.pem"]\n' >>medium/plan.toml
    fi
    truncate -s 16M medium.img
    in_tools mkfs.vfat -F 16 -n TRUC-PRO medium.img >/dev/null
    in_tools mcopy -s -i medium.img medium/plan.toml medium/trust ::
    plug_until '\[x\]  5\.'

    # At the authority.
    in_tools mcopy -n -i medium.img '::requests/*' requests/
    at ca provision ca issue --dir "$work/ca" requests/*.csr
    cp requests/*.pem medium/certificates/
    # At the hub.
    invitation >medium/invitation
    [ ! -d restore ] || in_tools mcopy -s -i medium.img restore ::
    in_tools mcopy -s -i medium.img medium/certificates medium/invitation ::
    (
        for _ in $(seq 600); do
            operator pending
            if grep -q "$code" "$work/hub/said"; then
                # shellcheck disable=SC2086
                operator approve "$code" ${again:-}
                exit 0
            fi
            sleep 1
        done
        exit 1
    ) &
    local approves=$!
    plug_until '\[x\]  9\.'
    wait $approves || fail "the hub never saw the box's enrolment: $(cat "$work/hub/said")"
    in_tools mcopy -n -i medium.img ::systems.toml systems.toml
    software "$(basename "$PWD")" systems.toml
}
