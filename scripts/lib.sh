# SPDX-License-Identifier: GPL-2.0-or-later
# What demo and check share: installing packages, building, fetching Debian packages of another
# architecture without touching the machine's own apt state. Sourced by bash.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${SOSIA_CACHE:-$root/.cache}
build=${SOSIA_BUILD:-$root/build}

say() { echo "-- $*" >&2; }
die() { echo "${0##*/}: $*" >&2; exit 1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo "$@"; else
        die "needs root or sudo to install packages: $*"; fi
}

# The registry, or the way to it, may be away for a moment.
again() {           # COMMAND...
    local wait
    for wait in 2 5 10 20; do
        "$@" && return 0
        say "that failed; once more in $wait s"
        sleep "$wait"
    done
    "$@"
}

apt_install() {     # PACKAGE...
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=2 update >&2 || true
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install \
        "$@" </dev/null >"$cache/apt-install.log" 2>&1 || {
        tail -n 5 "$cache/apt-install.log" >&2
        return 1
    }
}

apt_download() {    # DIR PACKAGE...; of apt_for's architecture
    (cd "$1" && shift && apt-get "${apt_options[@]}" download "$@" >&2)
}

# Installs what is missing, or fails and says why.
need_packages() {   # PACKAGE...
    local missing=() p
    for p; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || missing+=("$p")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "installing ${missing[*]}"
    again apt_install "${missing[@]}"
}

build_packages=(gcc libc6-dev meson ninja-build pkg-config python3 libglib2.0-dev libfdt-dev
    libcapstone-dev libslirp-dev zlib1g-dev
    libpixman-1-dev libpng-dev)

build_sosia() {     # [configure options]
    mkdir -p "$cache"
    need_packages "${build_packages[@]}" || die "cannot install what the build needs: ${build_packages[*]}"
    say "building in $build"
    if [ ! -f "$build/build.ninja" ] || [ $# -gt 0 ]; then
        mkdir -p "$build"
        (cd "$build" && "$root/configure" "$@") >"$build/configure.log" 2>&1 || {
            cat "$build/configure.log" >&2
            die "configure failed"
        }
    fi
    ninja -C "$build" >"$build/ninja.log" 2>&1 || {
        grep -E 'error|FAILED|warning' "$build/ninja.log" | head -n 40 >&2
        die "the build failed; $build/ninja.log has it all"
    }
}

# ---- Debian packages of another architecture ----

# Prints a field of the machine's first Debian source, whatever its format.
apt_source() {      # URIs|Signed-By
    local file line
    for file in /etc/apt/sources.list.d/*.sources; do
        [ -f "$file" ] || continue
        line=$(sed -n "s/^$1: *//p" "$file" | head -n 1)
        if [ -n "$line" ]; then
            echo "${line%% *}"
            return
        fi
    done
    [ "$1" != URIs ] ||
        sed -n 's/^deb \(\[[^]]*\] \)\?\([^ ]*\) .*/\2/p' /etc/apt/sources.list 2>/dev/null | head -n 1
}

# An apt of our own for ARCH and SUITE, in the cache. Sets apt_options.
apt_for() {         # ARCH SUITE
    local dir=$cache/apt-$1-$2 uri key
    uri=$(apt_source URIs)
    [ -n "$uri" ] || { say "found no Debian source in the machine's apt configuration"; return 1; }
    key=$(apt_source Signed-By)
    [ -n "$key" ] || key=/usr/share/keyrings/debian-archive-keyring.gpg
    mkdir -p "$dir"/{sources,lists/partial,archives/partial,state}
    : >"$dir/status"
    apt_options=(-qq -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$dir/sources"
        -o "Dir::State=$dir/state" -o "Dir::State::lists=$dir/lists"
        -o "Dir::State::status=$dir/status" -o "Dir::Cache=$dir"
        -o "Dir::Cache::archives=$dir/archives" -o "APT::Architecture=$1"
        -o "APT::Architectures=$1" -o APT::Sandbox::User=root -o Acquire::Retries=2)
    apt_archives=$dir/archives
    [ -f "$dir/updated" ] || again apt_update "$dir" "$1" "$2" "$uri" "$key"
}

# A mirror has the checksums of today and the index of yesterday now and then, for hours after a new
# release; by the suite's other name both may be of one day.
apt_update() {      # DIR ARCH SUITE URI KEY
    local name
    for name in "$3" stable oldstable; do
        printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nArchitectures: %s\nSigned-By: %s\n' \
            "$4" "$name" "$2" "$5" >"$1/sources/debian.sources"
        if ! apt-get "${apt_options[@]}" -o APT::Update::Error-Mode=any update >"$1/log" 2>&1; then
            say "$(grep -m 1 '^E:' "$1/log" || echo "apt-get update failed for $2")"
        elif grep -qs "^Codename: $3\$" "$1"/lists/*_dists_"$name"_*Release; then
            : >"$1/updated"
            return
        fi
    done
    return 1
}

# Downloads a package of apt_for's architecture; prints the path of the .deb.
fetch_deb() {       # PACKAGE
    local old
    for old in "$apt_archives/$1"_*.deb; do
        if [ -f "$old" ]; then
            echo "$old"
            return
        fi
    done
    again apt_download "$apt_archives" "$1" || return 1
    echo "$apt_archives/$1"_*.deb
}

# The package that a meta package of apt_for's architecture stands for.
package_behind() {  # META PREFIX
    apt-cache "${apt_options[@]}" depends "$1" | sed -n "s/^ *Depends: \($2.*\)/\1/p" | head -n 1
}

# Disks, network cards and buttons, and what is on them: modules in Debian's kernels.
guest_modules=(virtio_mmio virtio_pci virtio_blk virtio_net nvme ext4 crc32c_generic gpio_keys button
    evdev 9p 9pnet_virtio virtio_rng virtio_console)
# Not loaded by the demo guest: in modules/screen and modules/scsi.
screen_modules=(virtio_input virtio_gpu)
scsi_modules=(virtio_scsi sd_mod sr_mod)

# Unpacks a module from TREE and before it what it depends on into DIR; DIR/order lists them.
unpack_module() {   # TREE DIR NAME
    local file name dep
    file=$(find "$1" -name "${3//[-_]/[-_]}.ko*" | head -n 1)
    [ -n "$file" ] || return 0          # built into the kernel
    name=${file##*/}
    name=${name%%.ko*}.ko
    [ ! -f "$2/$name" ] || return 0
    case $file in
        *.xz) xz -dc "$file" ;;
        *.zst) zstd -dc "$file" ;;
        *) cat "$file" ;;
    esac >"$2/$name" || return 1
    for dep in $(tr '\0' '\n' <"$2/$name" | sed -n 's/^depends=//p' | tr , ' '); do
        unpack_module "$1" "$2" "$dep" || return 1
    done
    echo "$name" >>"$2/order"
}

# Puts kernel, busybox and modules of Debian for a guest into $cache/ARCH/{kernel,busybox,modules}.
fetch_guest() {     # ARCH
    local arch=$1 suite meta image module dir=$cache/$1 tmp
    local wanted="${guest_modules[*]} ${screen_modules[*]} ${scsi_modules[*]}"
    case $arch in
        arm64) suite=bookworm meta=linux-image-arm64 ;;
        riscv64) suite=trixie meta=linux-image-riscv64 ;; # the first suite with this port
        *) die "there is no guest '$arch'" ;;
    esac
    [ -s "$dir/kernel" ] && [ -s "$dir/busybox" ] &&
        [ "$(cat "$dir/modules/wanted" 2>/dev/null)" = "$wanted" ] &&
        return 0
    say "fetching Debian's $arch kernel and busybox ($suite)"
    mkdir -p "$dir"
    need_packages xz-utils zstd && apt_for "$arch" "$suite" || return 1
    image=$(package_behind "$meta" linux-image-)
    [ -n "$image" ] || return 1
    tmp=$(mktemp -d "$dir/tmp.XXXXXX")
    local kernel_deb busybox_deb
    kernel_deb=$(fetch_deb "$image") && busybox_deb=$(fetch_deb busybox-static) || return 1
    dpkg-deb --fsys-tarfile "$kernel_deb" | tar -x -C "$tmp" --wildcards './boot/vmlinu*' \
        '*/lib/modules/*'
    dpkg-deb -x "$busybox_deb" "$tmp/busybox"
    cp "$(find "$tmp/busybox" -name busybox -type f -perm -u+x | head -n 1)" "$dir/busybox"
    rm -rf "$dir/modules"
    mkdir -p "$tmp"/modules/{screen,scsi}
    for module in "${guest_modules[@]}"; do
        unpack_module "$tmp" "$tmp/modules" "$module" || return 1
    done
    for module in "${screen_modules[@]}"; do
        unpack_module "$tmp" "$tmp/modules/screen" "$module" || return 1
    done
    for module in "${scsi_modules[@]}"; do
        unpack_module "$tmp" "$tmp/modules/scsi" "$module" || return 1
    done
    echo "$wanted" >"$tmp/modules/wanted"
    mv "$tmp/modules" "$dir/modules"
    cp "$tmp"/boot/vmlinu* "$dir/kernel"
    rm -rf "$tmp"
}

# Puts kernel and initramfs of Debian's installer into $cache/ARCH/installer/{linux,initrd.gz}.
fetch_installer() { # ARCH
    local arch=$1 suite package dir=$cache/$1/installer deb tmp
    case $arch in
        arm64) suite=bookworm package=debian-installer-12-netboot-arm64 ;;
        riscv64) suite=trixie package=debian-installer-13-netboot-riscv64 ;;
        *) die "there is no installer for '$arch'" ;;
    esac
    [ -s "$dir/linux" ] && [ -s "$dir/initrd.gz" ] && return 0
    say "fetching Debian's $arch installer ($suite)"
    mkdir -p "$dir"
    apt_for "$arch" "$suite" && deb=$(fetch_deb "$package") || return 1
    tmp=$(mktemp -d "$dir/tmp.XXXXXX")
    dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$tmp" --wildcards '*/text/*/linux' \
        '*/text/*/initrd.gz' || return 1
    mv "$(find "$tmp" -name linux)" "$(find "$tmp" -name initrd.gz)" "$dir"
    rm -rf "$tmp"
}

# Puts GRUB as an EFI program into $cache/ARCH/grub.efi.
fetch_grub() {      # ARCH
    local deb suite package name dir=$cache/$1
    [ ! -s "$dir/grub.efi" ] || return 0
    case $1 in
        arm64) suite=bookworm package=grub-efi-arm64-bin name=grubaa64.efi ;;
        riscv64) suite=trixie package=grub-efi-riscv64-unsigned name=grubriscv64.efi ;;
        *) die "there is no guest '$1'" ;;
    esac
    say "fetching Debian's $1 GRUB"
    mkdir -p "$dir"
    apt_for "$1" "$suite" && deb=$(fetch_deb "$package") || return 1
    dpkg-deb --fsys-tarfile "$deb" | tar -x -O --wildcards "*/monolithic/$name" \
        >"$dir/grub.efi.new" && mv "$dir/grub.efi.new" "$dir/grub.efi"
}

# Puts EDK2 for riscv64, which Debian has from trixie on, into $cache/riscv64/edk2-{code,vars}.fd.
fetch_edk2_riscv64() {
    local deb tmp dir=$cache/riscv64
    [ ! -s "$dir/edk2-vars.fd" ] || return 0
    say "fetching Debian's riscv64 EDK2"
    mkdir -p "$dir"
    apt_for riscv64 trixie && deb=$(fetch_deb qemu-efi-riscv64) || return 1
    tmp=$(mktemp -d "$dir/tmp.XXXXXX")
    dpkg-deb -x "$deb" "$tmp" &&
        cp --sparse=always "$tmp/usr/share/qemu-efi-riscv64/RISCV_VIRT_CODE.fd" "$dir/edk2-code.fd" &&
        cp --sparse=always "$tmp/usr/share/qemu-efi-riscv64/RISCV_VIRT_VARS.fd" "$dir/edk2-vars.fd"
    local failed=$?
    rm -rf "$tmp"
    return $failed
}

# Puts the kernel's symbols, out of the package of 800 MB that they are in, into $cache/ARCH/vmlinux.
fetch_vmlinux() {   # ARCH
    local deb image dir=$cache/$1
    [ ! -s "$dir/vmlinux" ] || return 0
    say "fetching the symbols of Debian's $1 kernel"
    apt_for "$1" bookworm && image=$(package_behind "linux-image-$1" linux-image-) &&
        deb=$(fetch_deb "$image-dbg") || return 1
    (set +o pipefail; dpkg-deb --fsys-tarfile "$deb" 2>/dev/null |
        tar -x -O --occurrence=1 --wildcards './usr/lib/debug/boot/vmlinux-*') >"$dir/vmlinux.new"
    rm -f "$deb"
    [ -s "$dir/vmlinux.new" ] && mv "$dir/vmlinux.new" "$dir/vmlinux"
}

# Puts a disk with stress-ng and the libraries it needs, but no drivers for graphics, into
# $cache/ARCH/stress.img.
fetch_stress() {    # ARCH SUITE
    local packages deb dir=$cache/$1 tmp
    [ ! -s "$dir/stress.img" ] || return 0
    say "fetching Debian's $1 stress-ng"
    apt_for "$1" "$2" && need_packages e2fsprogs || return 1
    packages=$(apt-cache "${apt_options[@]}" depends --recurse --no-recommends --no-suggests \
        --no-conflicts --no-breaks --no-replaces --no-enhances stress-ng | grep '^[a-z]' |
        grep -vE ':any|mesa|llvm|libz3|xml2|sensors|x11|dri|amdgpu|debconf' | sort -u)
    tmp=$(mktemp -d "$dir/tmp.XXXXXX")
    mkdir -p "$tmp"/{dev,proc,sys,tmp,usr/lib} "$dir/stress"
    ln -s usr/lib "$tmp/lib"
    # shellcheck disable=SC2086
    again apt_download "$dir/stress" $packages || return 1
    for deb in "$dir"/stress/*.deb; do
        dpkg-deb --fsys-tarfile "$deb" |
            tar -x -C "$tmp" --keep-directory-symlink --exclude './usr/share' || return 1
    done
    mke2fs -q -F -t ext4 -d "$tmp" "$dir/stress.img.new" 64M &&
        mv "$dir/stress.img.new" "$dir/stress.img" && rm -rf "$tmp" "$dir/stress"
}

# An initramfs around busybox with the given init script.
make_initrd() {     # ARCH INIT OUTPUT
    need_packages cpio gzip || return 1
    local tmp
    tmp=$(mktemp -d "$cache/initrd.XXXXXX")
    mkdir -p "$tmp"/{bin,dev,proc,sys,tmp,etc,root,lib}
    cp "$cache/$1/busybox" "$tmp/bin/busybox"
    install -m 755 "$2" "$tmp/init"
    [ ! -d "$cache/$1/modules" ] || cp -r "$cache/$1/modules" "$tmp/lib/modules"
    (cd "$tmp" && find . | LC_ALL=C sort | cpio -o -H newc -R 0:0 --quiet) | gzip -1n >"$3"
    rm -rf "$tmp"
}
