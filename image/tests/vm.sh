# Sourced by each test. IMAGE_BUILT names another image than target/image/built. Machines: QEMU with UEFI, a disk with the image, a console in a file. $work is the test's directory.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
out=$root/target/image
built=$(echo "${IMAGE_BUILT:-$out/built}"/trucgate_*.efi)
built=${built%.efi}
work=$out/test/$(basename "$0")
rm -rf "$work"
mkdir -p "$work"
cd "$work"
vm=
trap 'for job in $(jobs -p); do kill -9 "$job" 2>/dev/null || true; done' EXIT

fail() {
    echo "$(basename "$0"): $*" >&2
    exit 1
}

# Runs a program of the tree of tools in this directory.
in_tools() {
    "$root/image/in-tools" "$@"
}

# new_disk FILE: the image on a disk that is larger, as a person would write it there.
new_disk() {
    cp --sparse=always "$built.raw" "$1"
    truncate -s 3G "$1"
}

# The medium with the key of /var, where no TPM holds it.
new_key() {
    mkdir -p key
    (umask 077 && head -c 64 /dev/urandom >key/var.key)
    truncate -s 8M key.img
    mke2fs -q -t ext4 -L TRUC-KEY -d key key.img
}

# KVM where it works, which /dev/kvm alone does not tell: firmware has to come to its end.
acceleration=${IMAGE_ACCEL:-}
if [ -z "$acceleration" ]; then
    acceleration=tcg
    timeout 10 qemu-system-x86_64 -machine q35,accel=kvm -cpu max -m 256 -nodefaults -display none -serial stdio \
        -drive if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd </dev/null 2>/dev/null |
        grep -q -a -m 1 BdsDxe && acceleration=kvm
fi
export IMAGE_ACCEL=$acceleration
slowly=1 processor=max processors=2
# Emulated, the kernel's SHA-256 by vectors costs a quarter more of a start than the plain one, and a second processor may run
# into code that the first one is rewriting: the kernel stops with an `int3` of its own.
[ "$acceleration" = kvm ] || { slowly=8 processor=max,avx=off,avx2=off processors=1; }

# What boots the machine: firmware and loader; in a test that is not about them (`quick=yes`) QEMU itself, with kernel, initrd
# and command line of the same UKI, without the kernel's guards against other guests, which emulation pays
# dearly, and without its look at the timer, which an emulated processor may miss.
boot() {
    if [ -n "${quick:-}" ]; then
        for section in linux initrd cmdline; do
            [ -e $section ] || objcopy --output-target=binary --only-section=.$section "$built.efi" $section
        done
        boot=(-machine "q35,accel=$acceleration" -kernel linux -initrd initrd -append "$(tr -d '\0' <cmdline) mitigations=off no_timer_check \
            systemd.default_device_timeout_sec=900")
        first=
        return
    fi
    first=,bootindex=0
    # Any firmware that an earlier call prepared is used on.
    [ -e vars.fd ] || cp /usr/share/OVMF/OVMF_VARS_4M.fd vars.fd
    boot=(-machine "q35,smm=${secure:-off},accel=$acceleration" -global driver=cfi.pflash01,property=secure,value="${secure:-off}"
        -drive "if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M${secure:+.secboot}.fd"
        -drive if=pflash,format=raw,file=vars.fd)
}

# vm_start DISK ARGUMENTS: starts a machine; its console goes to ./console and hears ./serial, its monitor listens at ./qmp.
vm_start() {
    local disk=$1
    shift
    rm -f console serial qmp
    : >console
    boot
    qemu-system-x86_64 "${boot[@]}" -cpu "$processor" -smp "$processors" -m 1024 -nodefaults -display none \
        -drive "file=$disk,format=raw,if=none,id=disk" -device "virtio-blk-pci,drive=disk$first" \
        -device virtio-rng-pci -device virtio-balloon-pci,id=balloon -vga std \
        -chardev socket,id=console,path=serial,server=on,wait=off,logfile=console,logappend=on -serial chardev:console -qmp unix:qmp,server=on,wait=off "$@" >qemu.log 2>&1 &
    vm=$!
}

with_key() {
    vm_start "$@" -drive file=key.img,format=raw,if=none,id=key,readonly=on -device virtio-blk-pci,drive=key
}

# vm_wait SECONDS PATTERN: until the console shows it, in a line that has ended or not. Where processors are emulated, and shared
# besides, eight times as long.
vm_wait() {
    local seconds=$(($1 * slowly))
    local end=$((SECONDS + seconds))
    until grep -q -a -e "$2" console; do
        if [ $SECONDS -ge $end ] || ! kill -0 "$vm"; then
            tail -n 15 console | tr -d '\r' >&2
            cat qemu.log >&2
            fail "the console did not show '$2' within $seconds s"
        fi
        sleep 0.5
    done
}

# Power is cut; or, with `vm_end SECONDS`, the machine is waited for until it ends by itself.
vm_end() {
    if [ $# -gt 0 ]; then
        timeout "$(($1 * slowly))" tail --pid="$vm" -f /dev/null || fail "the machine did not end within $1 s"
    else
        kill -9 "$vm"
    fi
    wait "$vm" 2>/dev/null || true
    vm=
}

monitor() {
    python3 "$root/image/tests/monitor.py" qmp "$@"
}

# keys TEXT: pressed at the serial line, one by one.
keys() {
    python3 "$root/image/tests/monitor.py" serial line "$1"
}

# The power key: the machine goes down in order.
vm_off() {
    monitor off
    vm_end 180
}

# offset_of DISK LABEL: where a partition begins, in bytes.
offset_of() {
    local sectors
    sectors=$(in_tools sfdisk --dump "$1" | sed -n "s/.*start= *\([0-9]*\),.*name=\"$2\".*/\1/p")
    [ -n "$sectors" ] || fail "$1 has no partition $2"
    echo $((sectors * 512))
}

ready='multi-user.target'
