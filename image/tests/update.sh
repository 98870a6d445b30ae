# Sourced after vm.sh: an older and a newer version of the image, bundles, and the machine that takes them.
# The older one begins on the disk. Both are built of this tree; what differs is the number.
new=$built
new_version=${new##*_}
old_version=0.0.9
[ -e "$out/older/trucgate_$old_version.update" ] ||
    IMAGE_VERSION=$old_version IMAGE_BUILT=$out/older "$root/image/build" >build.log 2>&1 ||
    fail "an older version can't be built: $(tail -n 3 build.log)"
old=$out/older/trucgate_$old_version
usb=(-device qemu-xhci,id=usb)
page='MÁY CHỦ BẢO MẬT'

# old_disk FILE: the older version on a disk, as a person would write it there.
old_disk() {
    cp --sparse=always "$old.raw" "$1"
    truncate -s 3G "$1"
}

# medium BUNDLE: a medium with it, and nothing else.
medium() {
    rm -f update.img
    truncate -s 400M update.img
    in_tools mkfs.vfat -F 32 -n TRUC-UPD update.img >/dev/null
    cp --reflink=auto "$1" bundle.update
    in_tools mcopy -i update.img bundle.update ::bundle.update
}

# spoiled WORDS…: a bundle of the newer version, in order but for the kernel's command line, which gets these words more.
spoiled() {
    mkdir -p spoiled
    for section in linux initrd cmdline osrel uname; do
        objcopy --output-target=binary --only-section=.$section "$new.efi" spoiled/$section
    done
    in_tools ukify build --linux=spoiled/linux --initrd=spoiled/initrd --uname="$(tr -d '\0' <spoiled/uname)" \
        --os-release=@spoiled/osrel --cmdline="$(tr -d '\0' <spoiled/cmdline) $*" --output=spoiled/trucgate_"$new_version".efi >ukify.log 2>&1 ||
        fail "no kernel image: $(cat ukify.log)"
    for part in root.raw root-verity.raw; do
        cp --reflink=auto "$new.$part" "spoiled/trucgate_$new_version.$part"
    done
    "$root/image/bundle" "$work/spoiled/trucgate_$new_version" 0.0.1 "$out/keys" >bundle.log
    mv "spoiled/trucgate_$new_version.update" spoiled.update
}

# What a person does at the console with that medium, until the page says what became of it.
update_until() {
    monitor plug update.img
    keys 06
    vm_wait 60 'TRUC-UPD'
    keys 1y
    for _ in $(seq 200); do
        sleep 3
        keys r
        ! tr -d '\r' <console | grep -a -q -e "$1" || break
    done
    vm_wait 60 "$1"
    monitor unplug
}

# restart_into VERSION STARTS: ordered at the console; after so many starts that version's page stands there.
restart_into() {
    : >console
    keys 052y
    local seconds=$(($2 * ${START_SECONDS:-1500}))
    timeout "$seconds" bash -c 'until [ "$(grep -a -c "EFI stub: Loaded initrd" console)" -ge "$1" ]; do sleep 1; done' - "$2" ||
        fail "the machine has not started $2 times within $seconds s: $(tail -n 5 console)"
    : >console
    vm_wait 300 "ảnh hệ thống $1"
}

# entries DISK: what the loader will find.
entries() {
    in_tools mdir -b -i "$1@@$(offset_of "$1" esp)" ::/EFI/Linux | tr -d '\r' | sed 's#.*/##' | sort | paste -s -d ' '
}

# lines DISK ID: the journal's lines of that kind, as fields of all its starts.
lines() {
    read_var "$1" "journalctl --directory=/mnt/log/journal --no-pager --output=verbose --output-fields=MESSAGE,STEP,REASON,COUNT MESSAGE_ID=$2"
}
