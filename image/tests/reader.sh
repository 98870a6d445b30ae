# Sourced after vm.sh. Another machine, with the same kernel and none of the appliance's system, takes the disk and reads /var.

# read_var DISK COMMAND: what COMMAND prints with /var mounted at /mnt. The disk stays as it is.
read_var() {
    mkdir -p reader/tree
    objcopy --output-target=binary --only-section=.linux "$built.efi" reader/linux
    objcopy --output-target=binary --only-section=.initrd "$built.efi" reader/initrd
    {
        cat <<'END'
#!/usr/bin/sh
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mount -t tmpfs run /run
for module in virtio_pci virtio_blk dm_crypt xts aesni_intel ext4; do modprobe -q $module; done
until [ -b /dev/vdb ]; do :; done
export DM_DISABLE_UDEV=1
mkdir -p /key && mount -o ro /dev/vdb /key
/usr/bin/systemd-cryptsetup attach var /dev/vda6 /key/var.key headless=yes && mount /dev/mapper/var /mnt || echo "READER: /var does not open"
stty -F /dev/ttyS1 raw
END
        echo "{ $2 ; } >/dev/ttyS1 2>&1"
        echo 'umount /mnt; echo o >/proc/sysrq-trigger; while :; do :; done'
    } >reader/tree/reader
    chmod 0755 reader/tree/reader
    # Without it `journalctl` opens no sealed file; the start of the appliance has no use for it.
    mkdir -p reader/tree/usr/lib/x86_64-linux-gnu
    cp "$out"/tools/usr/lib/x86_64-linux-gnu/lib{gcrypt.so.20,gpg-error.so.0} reader/tree/usr/lib/x86_64-linux-gnu/
    in_tools sh -c 'cd reader/tree && find * -type f | cpio --quiet -H newc -o' >reader/more
    truncate --size=%4 reader/initrd
    cat reader/initrd reader/more >reader/both
    qemu-system-x86_64 -machine "q35,accel=$acceleration" -cpu "$processor" -m 1024 -nodefaults -display none -no-reboot \
        -kernel reader/linux -initrd reader/both -append 'console=ttyS0 rdinit=/reader panic=-1 mitigations=off no_timer_check' \
        -drive "file=$1,format=raw,if=none,id=disk,snapshot=on" -device virtio-blk-pci,drive=disk \
        -drive file=key.img,format=raw,if=none,id=key,readonly=on -device virtio-blk-pci,drive=key \
        -serial file:reader/console -serial file:reader/answer >reader/qemu.log 2>&1 &
    vm=$!
    vm_end 200
    ! grep -a 'READER:' reader/console >&2 || fail "another machine can't open /var with its key"
    tr -d '\r' <reader/answer
}

# id_of NAME: the MESSAGE_ID of that name.
id_of() {
    sed -n "s/^ *$1 = \"\([0-9a-f]*\)\".*/\1/p" "$root/src/journal/ids.rs"
}
