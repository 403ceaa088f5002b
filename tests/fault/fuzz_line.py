# SPDX-License-Identifier: GPL-2.0-or-later
"""Command lines: every option of the schema, with values that are nearly right or not at all."""
import os
import re
import tomllib

from fuzz_program import Failure, ROOT, refused_or_fine, shown

with open(os.path.join(ROOT, "monitor", "schema", "options.toml"), "rb") as f:
    OPTIONS = tomllib.load(f)["option"]
# daemonize leaves the terminal, and so the test; these two would wait for a client or a key.
LEFT_OUT = {"daemonize", "serial", "monitor", "qmp", "qmp-pretty", "nographic"}

NASTY = ["", "=", ",", ",,", ",,,", "=,=", "a", "a=b", "help", "?", "help=on", "on", "off", "0", "-1", "1",
         "4294967296", "18446744073709551615", "18446744073709551616", "9" * 40, "0x", "0x10", "1e9",
         "1<<99", "nan", "%s%n%p", "\\", "'", "\"", "../..", "/", ".", "/dev/null", "/dev/full", ":", "::",
         "a" * 300, "b" * 70000, "ä€", "\x7f", "\x01", "\n", " ", "id=x", "id=", "id=a,id=b", "type=", "none",
         "null", "stdio", "null,id=x", "file:", "tcp:", "tcp::", "unix:", "tcp:::99999", "udp:", "pty",
         "chardev:x", "1T", "1E", "16E", "99999999T", "-5G", "1K", "1.5G", "0.5M", "shift=auto,sleep=off"]
VALID = {
    "machine": ["virt", "virt,accel=tcg", "type=virt,dumpdtb=x.dtb", "virt,gic-version=3,its=on",
                "virt,secure=on,virtualization=on", "none", "virt,acpi=off,memory-backend=m"],
    "cpu": ["rv64,zba=off", "cortex-a72", "max,pauth=off", "max,sve=off", "rv64,pmp=false,mmu=on"],
    "accel": ["tcg,tb-size=1", "tcg,thread=single", "interp", "tcg,x-tiny-tlb=on", "tcg,x-regions=on"],
    "smp": ["2", "cpus=2,maxcpus=4", "2,sockets=1,cores=2,threads=1"],
    "m": ["64", "size=64M", "64,slots=2,maxmem=128M", "1G"],
    "boot": ["order=c", "menu=on,strict=on", "order=dn,once=c"],
    "smbios": ["type=1,manufacturer=x,product=y", "type=11,value=z", "file=kernel"],
    "rtc": ["base=utc", "base=2020-01-02T03:04:05,clock=vm", "base=localtime"],
    "icount": ["shift=3", "auto", "2,sleep=off", "shift=1,align=off,x-hash=1000"],
    "action": ["reboot=shutdown,shutdown=pause,panic=none"],
    "device": ["virtio-blk-device,drive=d", "virtio-rng-pci", "virtio-net-device,netdev=n,mac=52:54:0:1:2:3",
               "virtio-serial-device,id=s,max_ports=3", "virtconsole,chardev=x", "loader,addr=0x80000000",
               "virtio-9p-pci,fsdev=f,mount_tag=t", "virtio-blk-pci,addr=3.1,drive=d,disable-legacy=on"],
    "global": ["virtio-mmio.force-legacy=false", "driver=virtio-blk-device,property=x,value=y", "a.b=c"],
    "drive": ["file=disk,format=raw,if=none,id=d", "file=disk,if=virtio,readonly=on,cache=none",
              "file=disk,if=pflash,unit=1,format=raw", "if=none,id=e,driver=null-co,size=1M"],
    "blockdev": ["driver=file,filename=disk,node-name=d", "raw,file=d,node-name=r",
                 '{"driver":"file","filename":"disk","node-name":"j"}', "null-co,node-name=n,size=1k"],
    "chardev": ["null,id=x", "file,path=out,id=x", "socket,id=x,path=sock,server=on,wait=off",
                "ringbuf,id=x,size=64", "pty,id=x", "udp,id=x,port=9", "null,id=x,mux=on", "pipe,id=x,path=p"],
    "object": ["rng-random,id=r,filename=/dev/urandom", "rng-builtin,id=r",
               "memory-backend-ram,id=m,size=64M", "memory-backend-file,id=m,size=64M,mem-path=disk",
               "filter-dump,id=f,netdev=n,file=p.pcap", "iothread,id=i"],
    "netdev": ["user,id=n", "stream,id=n,server=on,addr.type=unix,addr.path=s.sock,reconnect=1",
               "dgram,id=n,local.type=unix,local.path=l.sock,remote.type=unix,remote.path=r.sock",
               "socket,id=n,listen=127.0.0.1:0", "tap,id=n,fd=0", "bridge,id=n,helper=/bin/false",
               "user,id=n,net=10.1.0.0/16,hostfwd=tcp:127.0.0.1:0-:22,restrict=on",
               "user,id=n,guestfwd=tcp:10.0.2.100:80-chardev:x,tftp=.,dns=10.0.2.3"],
    "nic": ["none", "user", "user,model=virtio-net-pci,mac=52:54:00:12:34:57"],
    "net": ["none", "nic,model=virtio-net-pci", "user"],
    "virtfs": ["local,path=.,mount_tag=t,security_model=none"],
    "fsdev": ["local,id=f,path=.,security_model=mapped-xattr,readonly=on,fmode=0600,dmode=0700"],
    "fw_cfg": ["name=opt/x,string=y", "opt/z,file=disk", "name=opt/f,string="],
    "mon": ["chardev=x,mode=control", "x,mode=readline,pretty=on"],
    "d": ["guest_errors", "in_asm,op,int", "all", "nochain"],
    "gdb": ["unix:gdb,server=on,wait=off", "none", "tcp:127.0.0.1:0"],
    "semihosting-config": ["enable=on,target=native,arg=a,arg=b", "enable=off", "chardev=x,userspace=on"],
    "kernel": ["kernel", "disk"], "initrd": ["disk"], "dtb": ["disk"], "bios": ["none", "disk", "default"],
    "pflash": ["disk"], "append": ["console=ttyS0"], "uuid": ["01234567-89ab-cdef-0123-456789abcdef"],
    "name": ["guest=x,process=y,debug-threads=on"], "seed": ["7"], "echr": ["2", "0x14"],
    "snapshots": ["snaps"], "loadvm": ["tag"], "D": ["log"], "pidfile": ["pid"], "display": ["none"],
    "vga": ["none"], "parallel": ["none"], "msg": ["timestamp=on"], "hda": ["disk"], "hdb": ["disk"],
    "L": ["."],
}


def mutated(rng, text):
    """A value with something wrong."""
    words = re.split(r"([,=:/.-])", text)
    for _ in range(rng.choice((1, 1, 2, 3))):
        k, i = rng.randrange(8), rng.randrange(len(words))
        if k == 0:
            words[i] = rng.choice(NASTY)
        elif k == 1:
            del words[i:i + rng.randrange(1, 3)]
        elif k == 2:
            words[i:i] = words[rng.randrange(len(words)):]
        elif k == 3 and words[i]:
            at = rng.randrange(len(words[i]))
            words[i] = words[i][:at] + chr(rng.choice((0x20, 0x2c, 0x3d, 0x30, 0x7f, 0xe4))) + words[i][at + 1:]
        elif k == 4:
            words.append("," + rng.choice(NASTY))
        elif k == 5:
            words.append("," + rng.choice(("id", "size", "file", "x", "")) + "=" + rng.choice(NASTY))
        elif k == 6:
            words[i] = words[i].upper()
        else:
            words[i] = rng.choice(("0", "-1", "99999999999999999999", "0x7fffffffffffffff"))
        if not words:
            words = [""]
    return "".join(words)


def argument(rng, name):
    k = rng.randrange(8)
    if k < 2 or name not in VALID:
        return rng.choice(NASTY)
    text = rng.choice(VALID[name])
    return text if k == 2 else mutated(rng, text)


MAX_ARGUMENT = 30000 # characters of up to 4 bytes; Linux takes 128 KiB


def safe(text):
    """Neither NUL nor more bytes than an argument can have; no place outside the test's folder."""
    text = text.replace("\0", "")
    if len(text) > MAX_ARGUMENT:
        return False
    return not re.search(r"(^|[=:,])/(?!dev/(null|full|urandom))|\.\./", text) or text in ("/", "../..")


def command_line(build, tmp, rng, count):
    for name in ("disk", "kernel"):
        with open(os.path.join(tmp, name), "wb") as f:
            f.write(bytes(1 << 20))
    refused = 0
    for i in range(count):
        arch = rng.choice(("riscv64", "aarch64"))
        # A base that is valid and ends by itself.
        argv = [os.path.join(build, f"sosia-system-{arch}"), "-display", "none", "-S", "-qmp", "stdio",
                "-monitor", "none", "-serial", "null"]
        if rng.random() < 0.9:
            argv += ["-M", "virt", "-m", "64"] + (["-bios", "none"] if rng.random() < 0.5 else [])
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            o = rng.choice(OPTIONS)
            if o["name"] in LEFT_OUT:
                continue
            argv.append(rng.choice(("-", "-", "-", "--")) + o["name"])
            value = argument(rng, o["name"])
            if not safe(value):
                value = "x"
            if ("arg" in o) != (rng.random() < 0.02):
                argv.append(value)
        refused += refused_or_fine(argv, tmp)[0]
    # Each option that takes a value, without one; it is the last word.
    for o in OPTIONS if count > 1000 else rng.sample(OPTIONS, 10):
        if "arg" in o and "old" not in o:
            status, err = refused_or_fine([os.path.join(build, "sosia-system-riscv64"), "-" + o["name"]], tmp)
            if status != 1 or o["name"] not in err:
                raise Failure(f"-{o['name']} without its argument: {status} {shown(err)}")
    if not refused:
        raise Failure("nothing was refused: is this noise?")
