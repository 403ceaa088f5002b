# SPDX-License-Identifier: GPL-2.0-or-later
"""Disks that EFI firmware boots from."""
import os
import subprocess


def make_esp(folder, grub, boot_name, kernel, initrd, command_line):
    """A FAT disk in the new folder, from which the firmware starts GRUB, and GRUB Linux."""
    os.makedirs(folder)
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
