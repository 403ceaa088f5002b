# SPDX-License-Identifier: GPL-2.0-or-later
"""Disks that firmware boots from."""
import os
import shutil
import subprocess


def make_extlinux(folder, kernel, initrd, command_line, offset=0):
    """An ext4 file system from which U-Boot starts Linux, so many bytes into a disk of its own."""
    files, disk = os.path.join(folder, "files"), os.path.join(folder, "disk.img")
    os.makedirs(os.path.join(files, "extlinux"), exist_ok=True)
    shutil.copy(kernel, os.path.join(files, "Image"))
    shutil.copy(initrd, os.path.join(files, "initrd.gz"))
    with open(os.path.join(files, "extlinux", "extlinux.conf"), "w", encoding="ascii") as f:
        f.write("default one\nlabel one\n kernel /Image\n initrd /initrd.gz\n"
                f" append {command_line}\n")
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-d", files, "-E", f"offset={offset}", disk,
                    "96M"], check=True, stdout=subprocess.DEVNULL)
    return disk


def make_esp(folder, grub, boot_name, kernel, initrd, command_line):
    """A FAT disk in the folder, from which the firmware starts GRUB, and GRUB Linux."""
    os.makedirs(folder, exist_ok=True)
    disk, cfg = os.path.join(folder, "esp.img"), os.path.join(folder, "grub.cfg")
    with open(cfg, "w", encoding="ascii") as f:
        f.write(f"set timeout=0\nmenuentry linux {{\n linux /Image {command_line}\n"
                " initrd /initrd.gz\n}\n")
    with open(disk, "wb") as f:
        f.truncate(96 << 20)
    subprocess.run(["mkfs.vfat", "-n", "ESP", disk], check=True, stdout=subprocess.DEVNULL)
    for name in ("EFI", "EFI/BOOT", "EFI/debian"):
        subprocess.run(["mmd", "-i", disk, f"::{name}"], check=True)
    for source, name in ((grub, f"EFI/BOOT/{boot_name}"), (cfg, "EFI/debian/grub.cfg"),
                         (kernel, "Image"), (initrd, "initrd.gz")):
        subprocess.run(["mcopy", "-i", disk, source, f"::{name}"], check=True)
    return disk
