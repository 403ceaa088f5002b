/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hostile guest's requests to virtio devices: 9P2000.L messages, Ethernet frames, disk and
 * console commands, mostly well-formed so that they are looked into, with something wrong in them.
 */
#include "hostile.h"

typedef struct Out {
    u8 *p;
    u32 n;
} Out;

static void put(Out *o, u64 v, u32 bytes)
{
    while (bytes--) {
        o->p[o->n++] = v;
        v >>= 8;
    }
}

/* Network order. */
static void put_be(Out *o, u64 v, u32 bytes)
{
    while (bytes--)
        o->p[o->n++] = v >> 8 * bytes;
}

static void spoil(u8 *p, u32 n)
{
    for (u32 k = below(4); n && k; k--)
        p[below(n)] = rnd();
}

/* ---- 9P ---- */

static const char *const names[] = {
    "a", "b", "c", "d", "dir", "dir", "dir2", "file", "link", "out", "outfile", "loop", "swap", "swap",
    "swap", "secret", "..", ".", "", "/", "../secret", "a/../../secret", "dir/..", "../../x",
    "/nowhere/f", "fifo", "deep", "deep", "x\nb", "%s%n", "\xff\xfe", "user.a", "security.capability",
    "user.virtfs.uid", "system.posix_acl_access", "trusted.x",
};

static void put_name(Out *o)
{
    u32 kind = below(32);
    if (kind == 0) {            /* long */
        u32 n = below(4) ? 250 + below(10) : below(5000);
        put(o, n, 2);
        for (u32 i = 0; i < n; i++)
            put(o, below(64) ? 'n' : below(2) ? '/' : '.', 1);
    } else if (kind == 1) {     /* longer than the message; with a NUL */
        put(o, below(2) ? 0xffff : 5, 2);
        put(o, rnd() & 0xff00ffffffUL, 5);
    } else {
        const char *s = names[below(sizeof names / sizeof *names)];
        u32 n = 0;
        while (s[n])
            n++;
        put(o, n, 2);
        while (*s)
            put(o, *s++, 1);
    }
}

/*
 * Members: f fid, s name, 1 2 4 8 numbers of that many bytes, o an offset, c a count, m a mode,
 * F flags of open, w names to walk, d counted data, D a device number, v setattr's "valid".
 */
static const struct {
    u8 type, weight;
    const char *members;
} requests[] = {
    { 100, 1, "4s" }, { 102, 1, "fss4" }, { 104, 6, "fNss4" }, { 108, 1, "2" }, { 110, 24, "ffw" },
    { 116, 8, "foc" }, { 118, 6, "fod" }, { 120, 6, "f" }, { 122, 3, "f" }, { 8, 1, "f" },
    { 12, 14, "fF" }, { 14, 6, "fsFm4" }, { 16, 5, "fss4" }, { 18, 3, "fsmDD4" }, { 20, 5, "ffs" },
    { 22, 3, "f" }, { 24, 6, "f8" }, { 26, 6, "fvm44o8888" }, { 30, 4, "ffs" }, { 32, 3, "fso4" },
    { 40, 5, "foc" }, { 50, 1, "f4" }, { 52, 2, "f14884s" }, { 54, 1, "f1884s" }, { 70, 3, "ffs" },
    { 72, 4, "fsm4" }, { 74, 6, "fsfs" }, { 76, 4, "fs4" }, { 6, 1, "" }, { 7, 1, "4" },
    { 112, 1, "f1" }, { 114, 1, "fs41" },
};

static u64 offset(void)
{
    return below(4) ? below(10000) : below(2) ? value() & 0xffffff : value();
}

static void put_member(Out *o, char m)
{
    u32 n;
    switch (m) {
    case 'f': put(o, below(32) ? below(8) : value(), 4); break;
    case 'N': put(o, -1, 4); break;
    case 's': put_name(o); break;
    case '1': put(o, rnd(), 1); break;
    case '2': put(o, value(), 2); break;
    case '4': put(o, below(2) ? 0 : value(), 4); break;
    case '8': put(o, below(2) ? below(64) : value(), 8); break;
    case 'o': put(o, offset(), 8); break;
    case 'c': put(o, below(8) ? below(5000) : value(), 4); break;
    case 'm': put(o, below(2) ? 0755 : below(2) ? rnd() & 0177777 : value(), 4); break;
    case 'D': put(o, 1 + below(3), 4); break;
    case 'F': put(o, below(2) ? below(3) : rnd() & 037777777, 4); break;
    case 'v': put(o, below(2) ? 1u << below(9) : rnd(), 4); break;
    case 'w':
        n = below(16) ? below(4) : below(2) ? below(20) : rnd() & 0xffff;
        put(o, n, 2);
        for (u32 i = 0; i < n && i < 20; i++)
            put_name(o);
        break;
    case 'd':
        n = below(1500);
        put(o, below(16) ? n : value(), 4);
        for (u32 i = 0; i < n; i++)
            put(o, 'w', 1);
        break;
    }
}

static u32 message_9p(u32 number, u8 *p)
{
    Out o = { p, 7 };
    u32 total = 0, k = 0;
    for (u32 i = 0; i < sizeof requests / sizeof *requests; i++)
        total += requests[i].weight;
    /* A session begins with version and attach, and has some files at hand. */
    static const u8 begin[] = { 0, 2, 4, 4, 4, 4, 4, 4 };
    if (number < sizeof begin)
        k = begin[number];
    else
        for (u32 pick = below(total); pick >= requests[k].weight; k++)
            pick -= requests[k].weight;
    if (requests[k].type == 100) {      /* a version that is understood, and one that is not */
        put(&o, below(16) ? 8192 : value(), 4);
        const char *version = below(8) ? "9P2000.L" : "9P2000.u";
        put(&o, 8, 2);
        while (*version)
            put(&o, *version++, 1);
    } else {
        for (const char *m = requests[k].members; *m; m++)
            if (number < sizeof begin && *m == 'f')     /* fid 0 is the root, the others come of it */
                put(&o, m > requests[k].members ? number : 0, 4);
            else
                put_member(&o, *m);
    }
    Out head = { p, 0 };
    put(&head, below(64) ? o.n : value(), 4);
    put(&head, below(128) ? requests[k].type : rnd(), 1);
    put(&head, below(8), 2);
    if (!below(24))
        spoil(p, o.n);
    return below(48) ? o.n : below(o.n + 1);
}

/* ---- network ---- */

static u32 sum(const u8 *p, u32 n, u32 from)
{
    for (u32 i = 0; i < n; i++)
        from += i & 1 ? p[i] : p[i] << 8;
    while (from >> 16)
        from = (from & 0xffff) + (from >> 16);
    return from;
}

static void put_sum(u8 *p, u32 v)
{
    if (!below(24))
        v = rnd();
    p[0] = ~v >> 8;
    p[1] = ~v;
}

static u32 address(void)
{
    static const u32 known[] = { 0x0a000202, 0x0a000202, 0x0a000203, 0x0a00020f, 0x0a0002ff, 0xffffffff,
                                 0x7f000001, 0, 0xe0000001, 0x0a000204 };
    return known[below(sizeof known / sizeof *known)];
}

static void options_dhcp(Out *o)
{
    put_be(o, 0x63825363, 4);
    put_be(o, 0x350100 | below(10), 3);
    for (u32 i = below(8); i; i--) {
        u32 n = below(8) ? below(8) : rnd() & 255, code = rnd() & 255;
        put(o, code, 1);
        put(o, below(8) ? n : rnd(), 1);
        for (u32 k = 0; k < n; k++)
            put(o, rnd(), 1);
    }
    if (below(4))
        put(o, 255, 1);
}

static void payload(Out *o, u32 port)
{
    if (port == 67) {               /* DHCP */
        put_be(o, 0x01010600, 4);
        put_be(o, rnd(), 8);
        for (u32 i = 0; i < 16; i++)
            put(o, 0, 1);
        put_be(o, 0x525400123456, 6);
        for (u32 i = 0; i < 10 + 64 + 128; i++)
            put(o, 0, 1);
        options_dhcp(o);
    } else if (port == 69) {        /* TFTP */
        put_be(o, 1 + below(6), 2);
        static const char *const files[] = { "file", "../secret", "/secret", "", "dir/../../secret",
                                             "out", "outfile", "swap/secret" };
        for (const char *s = files[below(8)]; *s; s++)
            put(o, *s, 1);
        put(o, 0, 1);
        for (const char *s = below(4) ? "octet" : "netascii"; *s; s++)
            put(o, *s, 1);
        put(o, 0, 1);
        for (const char *s = below(2) ? "blksize" : "tsize"; *s && below(64); s++)
            put(o, *s, 1);
        put(o, 0, 1);
        put(o, '0' + below(10), 1);
        put(o, 0, below(2));
    } else if (port == 53) {
        put_be(o, rnd(), 2);
        put_be(o, 0x01000001, 4);
        put_be(o, 0, 6);
        for (u32 i = below(40); i; i--)
            put(o, below(2) ? below(70) : rnd(), 1);
    } else {
        for (u32 i = below(8) ? below(64) : below(1400); i; i--)
            put(o, rnd(), 1);
    }
}

static void transport(Out *o, u32 protocol)
{
    static const u16 ports[] = { 67, 67, 69, 69, 53, 7, 80, 0, 65535, 113, 546, 547 };
    u32 port = ports[below(sizeof ports / sizeof *ports)];
    u32 from = port == 67 ? 68 : 1024 + below(8);
    if (protocol == 17) {
        u32 at = o->n;
        put_be(o, from, 2);
        put_be(o, port, 2);
        put_be(o, 0, 4);
        payload(o, port);
        u32 n = below(24) ? o->n - at : rnd();
        o->p[at + 4] = n >> 8;
        o->p[at + 5] = n;
    } else if (protocol == 6) {
        put_be(o, from, 2);
        put_be(o, port, 2);
        put_be(o, below(4) * 1000, 4);
        put_be(o, below(4) * 1000, 4);
        put_be(o, (below(8) ? 5 : below(16)) << 12 | (below(3) ? 2 : rnd() & 0x1ff), 2);
        put_be(o, rnd(), 2);
        put_be(o, 0, 4);
        payload(o, 0);
    } else if (protocol == 1 || protocol == 58) {
        static const u8 types[] = { 8, 0, 3, 11, 133, 135, 134, 136, 128 };
        put_be(o, types[below(sizeof types)] << 8 | (below(4) ? 0 : rnd() & 255), 2);
        put_be(o, 0, 2);
        payload(o, 0);
    } else {
        payload(o, 0);
    }
}

static void ip4(Out *o)
{
    static const u8 protocols[] = { 17, 17, 17, 6, 6, 6, 1, 1, 2, 41, 255 };
    u32 at = o->n, protocol = protocols[below(sizeof protocols)];
    u32 source = below(4) ? 0x0a00020f : address(), target = address();
    u32 options = below(16) ? 0 : below(11);
    put_be(o, (below(64) ? 0x45 + options : rnd() & 0xff) << 24 | 0, 4);
    put_be(o, rnd(), 2);
    put_be(o, below(8) ? 0x4000 : rnd(), 2);
    put_be(o, 64 << 8 | protocol, 2);
    put_be(o, 0, 2);
    put_be(o, source, 4);
    put_be(o, target, 4);
    for (u32 i = 0; i < options; i++)
        put_be(o, rnd(), 4);
    u32 head = o->n - at;
    transport(o, protocol);
    u32 n = o->n - at;
    if (protocol == 6) {
        u32 pseudo = (source >> 16) + (source & 0xffff) + (target >> 16) + (target & 0xffff) + 6 +
                     n - head;
        put_sum(o->p + at + head + 16, sum(o->p + at + head, n - head, pseudo));
    } else if (protocol == 1) {
        put_sum(o->p + at + head + 2, sum(o->p + at + head, n - head, 0));
    }
    if (!below(24))
        n = rnd();
    o->p[at + 2] = n >> 8;
    o->p[at + 3] = n;
    put_sum(o->p + at + 10, sum(o->p + at, head, 0));
}

static void ip6(Out *o)
{
    static const u8 protocols[] = { 17, 6, 58, 58, 58, 0, 44, 60 };
    u32 at = o->n, protocol = protocols[below(sizeof protocols)];
    put_be(o, 0x60000000, 4);
    put_be(o, 0, 2);
    put_be(o, protocol << 8 | (below(2) ? 255 : 64), 2);
    put_be(o, 0xfe80000000000000, 8);
    put_be(o, 0x505400fffe123456, 8);
    put_be(o, below(2) ? 0xff02000000000000 : 0xfec0000000000000, 8);
    put_be(o, 1 + below(3), 8);
    transport(o, protocol);
    u32 n = o->n - at - 40;
    if (protocol == 58) {
        u32 pseudo = sum(o->p + at + 8, 32, 58 + n);
        put_sum(o->p + at + 42, sum(o->p + at + 40, n, pseudo));
    }
    o->p[at + 4] = n >> 8;
    o->p[at + 5] = n;
}

static u32 message_net(u8 *p, u32 queue)
{
    Out o = { p, 0 };
    if (queue == 2) {               /* control: class, command, data */
        put(&o, below(8), 1);
        put(&o, below(4), 1);
        for (u32 i = below(4) ? below(24) : below(600); i; i--)
            put(&o, below(2) ? below(4) : rnd(), 1);
        return o.n;
    }
    /* flags, gso_type, hdr_len, gso_size, csum_start, csum_offset, num_buffers */
    put(&o, below(2) ? 0 : rnd() & 7, 1);
    put(&o, below(4) ? 0 : below(2) ? below(6) : rnd(), 1);
    for (int i = 0; i < 4; i++)
        put(&o, below(2) ? below(100) : rnd(), 2);
    put(&o, 0, below(16) ? 2 : 0);
    put_be(&o, below(2) ? 0xffffffffffff : 0x52550a000202, 6);
    put_be(&o, 0x525400123456, 6);
    switch (below(8)) {
    case 0:
        put_be(&o, 0x0806, 2);
        put_be(&o, 0x0001080006040001 + below(3), 8);
        put_be(&o, 0x525400123456, 6);
        put_be(&o, 0x0a00020f, 4);
        put_be(&o, 0, 6);
        put_be(&o, address(), 4);
        break;
    case 1: case 2:
        put_be(&o, 0x86dd, 2);
        ip6(&o);
        break;
    case 3:
        put_be(&o, rnd(), 2);
        payload(&o, 0);
        break;
    default:
        put_be(&o, 0x0800, 2);
        ip4(&o);
    }
    if (!below(16))
        spoil(p, o.n);
    return below(32) ? o.n : below(o.n + 1);
}

/* ---- disks, consoles ---- */

static u32 message_blk(u8 *p, u32 *room)
{
    static const u8 types[] = { 0, 0, 1, 1, 4, 8, 11, 13, 2, 25 };
    Out o = { p, 0 };
    u32 type = below(16) ? types[below(sizeof types)] : rnd(), n = below(8) * 512;
    put(&o, type, 4);
    put(&o, 0, 4);
    put(&o, below(4) ? below(9000) : value(), 8);
    if (type == 1) {
        o.n += below(16) ? n : below(5000);
    } else if (type == 11 || type == 13) {
        for (u32 i = 1 + below(3); i; i--) {
            put(&o, below(4) ? below(9000) : value(), 8);
            put(&o, below(4) ? below(128) : value(), 4);
            put(&o, below(4) ? 0 : rnd(), 4);
        }
        n = 0;
    }
    *room = (type == 1 ? 0 : type == 8 ? 20 : below(16) ? n : below(5000)) + 1;
    return o.n;
}

/* ---- screens, keys ---- */

static u32 message_gpu(u8 *p, u32 queue)
{
    static const u8 formats[] = { 1, 2, 3, 4, 67, 68, 121, 134, 5, 0 };
    Out o = { p, 0 };
    u32 type = !below(16) ? rnd() : queue ? 0x300 + below(2) : 0x100 + below(11);
    u32 id = below(16) ? below(6) : rnd(), n = 0;
    put(&o, type, 4);
    put(&o, below(2), 4);
    put(&o, rnd(), 8);
    put(&o, 0, 8);
    if (type == 0x101) {
        put(&o, id, 4);
        put(&o, formats[below(sizeof formats)], 4);
        put(&o, below(8) ? 64 : value(), 4);
        put(&o, below(8) ? 64 : value(), 4);
    } else if (type == 0x106) {
        n = below(16) ? below(20) : value();
        put(&o, id, 4);
        put(&o, n, 4);
        for (u32 i = 0; i < n && i < 100; i++) {
            put(&o, below(16) ? setup.ram + 0x1800000 + (rnd() & 0x7fffff) : value(), 8);
            put(&o, below(16) ? below(20000) : rnd(), 4);
            put(&o, 0, 4);
        }
    } else if (type >= 0x103 && type <= 0x105) {
        for (u32 i = 0; i < 4; i++)
            put(&o, below(16) ? below(i < 2 ? 32 : 64) : value(), 4);
        if (type == 0x105)
            put(&o, below(8) ? below(20000) : value(), 8);
        if (type == 0x103)
            put(&o, below(3), 4);
        put(&o, id, 4);
        put(&o, 0, 4);
    } else if (type >= 0x300) {
        put(&o, below(3), 4);
        put(&o, value(), 4);
        put(&o, value(), 8);
        put(&o, id, 4);
        put(&o, rnd(), 8);
        put(&o, 0, 4);
    } else {
        put(&o, type == 0x10a ? below(3) : id, 4);
        put(&o, 0, 4);
    }
    if (!below(32))
        spoil(p, o.n);
    return below(32) ? o.n : below(o.n + 1);
}

/* ---- SCSI ---- */

static void put_scsi_lun(Out *o)
{
    put(o, below(32) ? 1 : rnd(), 1);
    put(o, below(32) ? below(3) : rnd(), 1);
    put_be(o, below(8) ? 0 : below(2) ? below(3) : rnd(), 2);
    put(o, 0, 4);
}

static u32 message_scsi(u8 *p, u32 queue, u32 *room)
{
    static const u8 opcodes[] = {
        0x00, 0x03, 0x04, 0x08, 0x0a, 0x12, 0x12, 0x15, 0x16, 0x1a, 0x1b, 0x1b, 0x1d, 0x1e, 0x25, 0x28, 0x28,
        0x2a, 0x2a, 0x2b, 0x2e, 0x2f, 0x35, 0x41, 0x42, 0x42, 0x43, 0x46, 0x4a, 0x51, 0x55, 0x5a, 0x88, 0x8a,
        0x8f, 0x91, 0x93, 0x93, 0x9e, 0xa0, 0xa8, 0xaa, 0xad, 0xbb, 0xbd,
    };
    Out o = { p, 0 };
    if (queue == 0) {               /* type, function, unit, tag; or unit, events */
        u32 type = below(32) ? below(3) : rnd();
        put(&o, type, 4);
        if (!type)
            put(&o, below(16) ? below(9) : rnd(), 4);
        put_scsi_lun(&o);
        put(&o, rnd(), 8);
        *room = below(16) ? 5 : below(8);
        return below(32) ? o.n : below(o.n + 1);
    }
    if (queue == 1) {               /* for events */
        *room = below(16) ? 16 : below(32);
        return 0;
    }
    put_scsi_lun(&o);
    put(&o, rnd(), 8);
    put(&o, 0, 3);
    u32 at = o.n;
    put(&o, below(16) ? opcodes[below(sizeof opcodes)] : rnd(), 1);
    for (u32 i = 1; i < 32; i++)
        put(&o, below(3) ? 0 : below(2) ? below(16) : rnd(), 1);
    if (p[at] == 0x9e && below(8))
        p[at + 1] = 0x10;
    u32 data = below(8) * 512;
    if (below(2)) {
        for (u32 i = 0; i < 64; i++)
            p[o.n + i] = below(2) ? below(40) : rnd();
        o.n += below(16) ? data : below(5000);
        *room = 108;
    } else {
        *room = 108 + (below(16) ? data : below(5000));
    }
    if (!below(64))
        *room = below(200);
    return below(64) ? o.n : below(o.n + 1);
}

/* ---- balloon: page numbers, statistics; queue 3 gets pages to report ---- */

static u32 message_balloon(u32 queue, u8 *p, u32 *room)
{
    Out o = { p, 0 };
    if (queue < 2)
        for (u32 i = below(below(8) ? 300 : 1900); i; i--)
            put(&o, (below(16) ? setup.ram + 0x1800000 + (rnd() & 0x1ffffff) : value()) >> 12, 4);
    else if (queue == 2)
        for (u32 i = below(100); i; i--) {
            put(&o, below(8) ? below(12) : rnd(), 2);
            put(&o, value(), 8);
        }
    if (queue < 3)
        *room = below(8) ? 0 : *room;
    return o.n;
}

u32 make_message(u32 type, u32 queue, u32 number, u8 *p, u32 *room)
{
    u32 n = 0;
    *room = below(16) ? 8192 : below(16000);
    switch (type) {
    case 1:
        if (queue == 0)             /* to be received into */
            return 0;
        n = message_net(p, queue);
        *room = queue == 2;
        return n;
    case 2:
        return message_blk(p, room);
    case 3:
        if (!(queue & 1))
            return 0;
        *room = 0;
        if (queue == 3) {           /* port, event, value */
            Out o = { p, 0 };
            put(&o, below(4) ? below(3) : rnd(), 4);
            put(&o, below(16) ? below(9) : rnd(), 2);
            put(&o, below(2), 2);
            return below(16) ? o.n : below(8);
        }
        return below(8) ? below(64) : below(8000);
    case 5:
        return message_balloon(queue, p, room);
    case 8:
        return message_scsi(p, queue, room);
    case 9:
        return message_9p(number, p);
    case 16:
        return message_gpu(p, queue);
    case 18:
        if (queue == 0)             /* to be told of keys */
            return 0;
        *room = 0;
        put(&(Out){ p, 0 }, below(4) ? 0x11 | below(5) << 16 | (u64)below(2) << 32 : rnd(), 8);
        return below(16) ? 8 : below(20);
    default:
        return 0;
    }
}

/* Tells if what came is out of a file that is not in the shared folder. */
void look_at_reply(const u8 *p, u32 n)
{
    for (u32 i = 0; i + 16 <= n; i++) {
        u32 k = 0;
        while (k < 16 && (p[i + k] ^ setup.canary[k]) == 0xff)
            k++;
        if (k == 16) {
            put_text("LEAK\n");
            return;
        }
    }
}
