# Sourced. Where Debian's packages come from, and an apt of our own that knows Debian 13 whatever this machine runs.
# The addresses are those that this machine's apt is configured with; DEBIAN_MIRROR and DEBIAN_SECURITY_MIRROR say others.

fail() {
    echo "image: $*" >&2
    exit 1
}

# The address under which this machine's apt finds what bears a label.
configured_address() {
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' "Label: $1" | sort -u | head -n 1
}

mirror=${DEBIAN_MIRROR:-$(configured_address Debian)}
security_mirror=${DEBIAN_SECURITY_MIRROR:-$(configured_address Debian-Security)}
[ -n "$mirror" ] || fail "this machine's apt names no Debian archive; run apt-get update, or set DEBIAN_MIRROR=ADDRESS"
[ -n "$security_mirror" ] || fail "this machine's apt names no archive of security updates;" \
    "run apt-get update, or set DEBIAN_SECURITY_MIRROR=ADDRESS"

# An apt that sees Debian 13 and an empty machine; its files lie below $1.
own_apt() {
    mkdir -p "$1/lists/partial" "$1/cache/archives/partial"
    {
        echo "deb $mirror trixie main"
        echo "deb $mirror trixie-updates main"
        echo "deb $security_mirror trixie-security main"
    } >"$1/sources.list"
    cat >"$1/apt.conf" <<END
Dir::State "$1";
Dir::State::lists "$1/lists";
Dir::State::status "/dev/null";
Dir::Cache "$1/cache";
Dir::Etc::sourcelist "$1/sources.list";
Dir::Etc::sourceparts "/dev/null";
APT::Architecture "amd64";
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Acquire::Languages "none";
END
    export APT_CONFIG=$1/apt.conf
    apt-get update -qq
}
