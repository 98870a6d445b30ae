# Sourced after vm.sh, in a network of the test's own. What stands outside a box: a TEST authority, a hub with its operator,
# another box as processes; who talks to a box does so over its card.
trucgate=$root/target/release/trucgate
hub_code=00.01.W00
hub_at=192.0.2.20
box_code=00.02.W00 box_at=192.0.2.10 member=000.00.00.G22
other_code=00.03.W00 other_at=192.0.2.30 other_member=000.00.00.H41
children=()
trap '[ ${#children[@]} -eq 0 ] || kill -9 "${children[@]}" 2>/dev/null; [ -z "$vm" ] || kill -9 "$vm" 2>/dev/null || true' EXIT

# A bridge that the given cards hang on, with every neighbour's address.
neighbours() {
    ip link set lo up
    ip link add bridge0 type bridge
    for card in "$@"; do
        ip tuntap add "$card" mode tap
        ip link set "$card" master bridge0 up
    done
    # The box's settings name the software's addresses, its clock's and its hub's.
    for address in $hub_at $other_at 192.0.2.65 192.0.2.123; do
        ip address add "$address/24" dev bridge0
    done
    ip link set bridge0 up
}

# token_home DIR: a soft token of its own for whoever works in DIR.
token_home() {
    mkdir -p "$1/tokens"
    printf 'directories.tokendir = %s\nlog.level = ERROR\n' "$work/$1/tokens" >"$1/softhsm2.conf"
}

# at DIR ARGUMENTS: trucgate with that token; what it says goes to DIR/said.
at() {
    local home=$1
    shift
    SOFTHSM2_CONF=$work/$home/softhsm2.conf "$trucgate" "$@" >"$home/said" 2>&1 || fail "trucgate $*: $(cat "$home/said")"
}

# run DIR VERB CONFIG: a process that stays, ready when this returns; its journal goes to DIR/VERB.log.
run() {
    local fifo=$work/$1/$2.ready
    [ -e "$fifo" ] || mkfifo "$fifo"
    python3 "$root/image/tests/ready.py" "$fifo" env SOFTHSM2_CONF="$work/$1/softhsm2.conf" \
        "$trucgate" "$2" --config "$3" >>"$1/$2.log" 2>&1 &
    children+=($!)
    [ "$(timeout 30 cat "$fifo")" = ready ] || fail "$1: $2 is not ready: $(tail -n 3 "$1/$2.log")"
}

trust_files=(root.pem server.pem agency.pem root.crl server.crl agency.crl)
trust_flags() {
    local ca=$work/ca
    echo "--anchors $ca/root.pem --intermediates $ca/server.pem --intermediates $ca/agency.pem" \
        "--crl $ca/root.crl --crl $ca/server.crl --crl $ca/agency.crl"
}

# machine DIR CODE NAME MEMBER PLAN-FLAGS: token, keys, certificates and configuration of a machine made of processes.
machine() {
    local home=$1 code=$2 name=$3 member=$4
    shift 4
    token_home "$home"
    # shellcheck disable=SC2046
    at "$home" provision plan --dir "$work/$home" --box "$code" --name "$name" --member "$member=Cơ quan $member" \
        --hub "$hub_at:8443" --hub-name hub.example --hub-code $hub_code --enrolment "$hub_at:8444" --seal-key p-256 \
        $(trust_flags) "$@"
    for step in init-token 'pin --pin-plain' keys request; do
        # shellcheck disable=SC2086
        at "$home" provision $step --dir "$work/$home"
    done
    at ca provision ca issue --dir "$work/ca" "$home"/provision/requests/*.csr
    at "$home" provision import --dir "$work/$home" "$home"/provision/requests/*.pem
    at "$home" provision configure --dir "$work/$home"
}

make_authority() {
    token_home ca
    at ca provision ca init --dir "$work/ca"
}

# The hub, running.
make_hub() {
    machine hub $hub_code hub.example $hub_code
    local ca=$work/ca hub=$work/hub
    cat >hub/hub.toml <<END
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
    mkdir -p hub/state
    local tls seal
    tls=$(fingerprint hub/certificates/tls.pem)
    seal=$(fingerprint "hub/certificates/seal-$hub_code.pem")
    echo "[{\"set-hub\": {\"code\": \"$hub_code\", \"tls\": [\"$tls\"], \"seal\": [\"$seal\"]}}]" >hub/registry.json
    operator apply "$hub/registry.json"
    run hub signer "$hub/signer.toml"
    run hub hub "$hub/hub.toml"
}

fingerprint() {
    openssl x509 -in "$1" -outform DER | sha256sum | cut -d ' ' -f 1
}

# What the hub's operator does.
operator() {
    at hub hub --config "$work/hub/hub.toml" admin "$@"
}

# invitation CODE MEMBER: the single-use code.
invitation() {
    operator invite --box "$1" --member "$2"
    grep -o -E '[A-Z0-9]{5}(-[A-Z0-9]{5}){3}' hub/said | head -n 1
}

# Another agency's box, provisioned and running, and its software.
make_other_box() {
    machine other $other_code $other_at $other_member --listen "$other_at:443"
    at other provision enrol --dir "$work/other" --code "$(invitation $other_code $other_member)"
    operator approve $other_code
    at other provision self-test --dir "$work/other"
    run other signer "$work/other/signer.toml"
    run other relay "$work/other/relay.toml"
    software other $other_member "$other_at" other/systems.toml
}

# software NAME MEMBER HOST SYSTEMS [FROM]: what an agency's software is told, into NAME.json.
software() {
    local secret
    secret=$(sed -n 's/^secret = "\(.*\)"$/\1/p' "$4")
    cat ca/root.pem >roots.pem
    cat >"$1.json" <<END
{"address": "$3:443", "name": "$3", "roots": "$work/roots.pem", "member": "$2", "systemid": "QLVB-$2", "secret": "$secret", "from": "${5:-}"}
END
}

as() {
    python3 "$root/image/tests/software.py" "$1.json" "${@:2}"
}

# The box's card, its settings, and a socket for media.
card=(-netdev tap,id=net,ifname=tap0,script=no,downscript=no,vnet_hdr=off -device virtio-net-pci,netdev=net,mac=52:54:00:12:34:56)
settings=(-drive file=settings.img,format=raw,if=none,id=settings,readonly=on -device virtio-blk-pci,drive=settings)
usb=(-device qemu-xhci,id=usb)

new_settings() {
    mkdir -p settings
    cp "$root/image/settings.toml" settings/
    truncate -s 8M settings.img
    mke2fs -q -t ext4 -L TRUC-SET -d settings settings.img
}

# plug_until PATTERN: the medium is plugged in until its checklist shows that, and taken out when it is no longer mounted.
plug_until() {
    monitor plug medium.img
    for _ in $(seq 240); do
        # The lowest bit there is set as long as the file system is in use.
        if [ "$(od -An -tu1 -j 37 -N 1 medium.img)" -eq 0 ] &&
            in_tools mtype -i medium.img ::checklist.txt 2>/dev/null | tr -d '\r' >checklist && grep -q -e "$1" checklist; then
            monitor unplug
            return
        fi
        sleep 1
    done
    fail "the medium's checklist did not come to '$1': $(cat checklist)"
}

# What a person does with a medium and no shell, from an empty box to one that relays.
provision_by_medium() {
    mkdir -p medium/trust medium/certificates
    cp "$root/image/plan.toml" medium/
    for file in "${trust_files[@]}"; do
        cp "ca/$file" medium/trust/
    done
    truncate -s 16M medium.img
    in_tools mkfs.vfat -F 16 -n TRUC-PRO medium.img >/dev/null
    in_tools mcopy -s -i medium.img medium/plan.toml medium/trust ::
    plug_until '\[x\]  5\.'

    # At the authority.
    mkdir -p requests
    in_tools mcopy -n -i medium.img '::requests/*' requests/
    at ca provision ca issue --dir "$work/ca" requests/*.csr
    cp requests/*.pem medium/certificates/
    # At the hub.
    invitation $box_code $member >medium/invitation
    in_tools mcopy -s -i medium.img medium/certificates medium/invitation ::
    (
        for _ in $(seq 240); do
            operator pending
            grep -q $box_code hub/said && operator approve $box_code && exit 0
            sleep 1
        done
        exit 1
    ) &
    local approves=$!
    plug_until '\[x\]  9\.'
    wait $approves || fail "the hub never saw the box's enrolment: $(cat hub/said)"
    in_tools mcopy -n -i medium.img ::systems.toml medium-systems.toml
}
