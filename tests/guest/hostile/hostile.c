/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest that means harm: what it does to devices. Each action picks at random what it does; what
 * the machine does then is its own business, as long as the emulator survives it.
 */
#include "hostile.h"

Setup setup __attribute__((section(".setup"))) = { .seed = 1 };

u64 rnd(void)
{
    CpuData *c = cpu_data();
    c->random ^= c->random << 13;
    c->random ^= c->random >> 7;
    c->random ^= c->random << 17;
    return c->random ^ c->random >> 20;
}

u64 device(void)
{
    const Place *p = &setup.devices[below(N_DEVICES)];
    return p->addr + (rnd() & p->mask);
}

u64 value(void)
{
    u64 r = rnd() >> 8;
    switch (below(16)) {
    case 0: case 1: case 2: case 3:
        return r & 31;
    case 4: case 5:
        return 1UL << (r & 63);
    case 6: case 7:
        return setup.ram + (r & 0x1ffffff & ~0xfffUL) + 0x1800000;
    case 8: case 9:
        return setup.ram + 0x1800000 + (r & 0x1ffffff);
    case 10:
        return setup.ram + setup.ram_size - (r & 0xfff);
    case 11: case 12:
        return device();
    case 13:
        return -(r & 255);
    case 14:
        return r & 0xffff;
    default:
        return r;
    }
}

static void fill(u8 *p, u32 n)
{
    for (u32 i = 0; i < n; i++)
        p[i] = rnd();
}

static void w32(u64 addr, u64 v) { access(addr, v, 2); }
static void w16(u64 addr, u64 v) { access(addr, v, 1); }
static void w8(u64 addr, u64 v) { access(addr, v, 0); }
/* What it reads; 0 after a fault. */
u64 read_of(u64 addr, u64 kind);
static u64 r32(u64 addr) { return read_of(addr, 2); }

void do_device(void)
{
    for (int i = 0; i < 32; i++)
        access(device(), value(), below(4) ? 2 : below(32));
}

/* ---- virtio queues ---- */

typedef struct Desc {
    u64 addr;
    u32 len;
    u16 flags, next;
} Desc;

enum { RING = 0x4000, AVAIL = 0x1000, USED = 0x2000, N_QUEUES = 6, BUFFER = 0x10000 };

/* Of the queues of the device that this CPU drives. */
typedef struct Ring {
    u8 *base, *buffer;
    u32 size, type, queue, avail_at, used_at;
    u16 next;
} Ring;

static Desc *descs(const Ring *r) { return (Desc *)r->base; }
static volatile u16 *avail(const Ring *r) { return (volatile u16 *)(r->base + r->avail_at); }

static void garbage(const Ring *r)
{
    for (u32 i = 0; i < r->size; i++) {
        Desc d = { value(), below(8) ? below(128) : value(), below(16) ? below(4) : rnd(),
                   below(r->size + 1) };
        descs(r)[i] = d;
    }
    avail(r)[0] = below(8) ? 0 : rnd();
    avail(r)[1] += below(r->size);
    for (u32 i = 0; i < r->size; i++)
        avail(r)[2 + i] = below(r->size + 2);
}

/* The pieces of n bytes as descriptors from number i on; returns the number behind them. */
static u32 pieces(const Ring *r, Desc *table, u32 i, u32 max, u8 *p, u32 n, u32 write)
{
    do {
        u32 part = below(3) || i + 2 >= max ? n : below(n + 1);
        Desc d = { (u64)p, part, 1 | write << 1, i + 1 };
        if (!below(200))
            d.addr = value();
        if (!below(200))
            d.len = value();
        if (!below(200))
            d.flags = rnd();
        if (!below(200))
            d.next = below(r->size + 2);
        table[i++] = d;
        p += part;
        n -= part;
    } while (n && i < max);
    return i;
}

/* True if it should be answered soon. */
static int request(Ring *r)
{
    u32 room = 0, out = make_message(r->type, r->queue, r->next, r->buffer, &room);
    u8 *reply = r->buffer + BUFFER / 2;
    u32 start = r->next % r->size, max = r->size < 8 ? r->size : 8;
    int indirect = below(4) == 0;
    /* A table of its own, or descriptors from 0 on: requests run one after the other. */
    Desc *table = indirect ? (Desc *)(r->base + 0x3000 + below(2) * 0x800) : descs(r);
    u32 i = 0;
    if (out)
        i = pieces(r, table, i, max, r->buffer, out, 0);
    if (room)
        i = pieces(r, table, i, max, reply, room, 1);
    if (!i)
        return 0;
    if (below(200))
        table[i - 1].flags &= ~1;
    if (indirect) {
        Desc d = { (u64)table, below(32) ? i * 16 : value(), below(32) ? 4 : 5, 0 };
        descs(r)[0] = d;
    }
    avail(r)[2 + start] = below(200) ? 0 : below(r->size + 3);
    barrier();
    r->next += below(256) ? 1 : below(4);
    avail(r)[1] = r->next;
    barrier();
    return out != 0;
}

static void ring_new(Ring *r, u32 queue, u32 type)
{
    r->base = at(AT_RINGS + (cpu_data()->index & 3) * 0x80000 + queue * RING);
    r->buffer = at(AT_BUFFERS + (cpu_data()->index & 3) * 0x80000 + queue * BUFFER);
    r->size = 1u << (3 + below(5));
    r->avail_at = AVAIL;
    r->used_at = USED;
    r->type = type;
    r->queue = queue;
    r->next = 0;
    for (u32 i = 0; i < RING; i += 8)
        *(u64 *)(r->base + i) = 0;
    if (!below(8))
        garbage(r);
}

/* Where a part of a ring is said to be: there, but for some. */
static u64 place(const u8 *p)
{
    return below(48) ? (u64)p : value();
}

/* Drives all queues of a device that is ready. */
static void traffic(Ring *rings, u64 kick, u64 kick_step, u64 noise, u64 noise_mask)
{
    static const u8 queues[16] = { 6, 3, 1, 6, 1, 4, 6, 6, 6, 1, 6, 6, 6, 6, 6, 6 };
    u32 patience = 300000, proper = below(4), n = below(4) ? 64 : 400;
    for (u32 k = 0; k < n; k++) {
        Ring *r = &rings[below(below(32) ? queues[rings[0].type & 15] : N_QUEUES)];
        int answered = 0;
        if (below(64))
            answered = request(r);
        else
            garbage(r);
        w16(kick + r->queue * kick_step, kick_step ? 0 : r->queue);
        if (!kick_step)
            w32(kick, r->queue);
        volatile u16 *used = (volatile u16 *)(r->base + r->used_at);
        for (u32 spin = answered ? patience : 0; spin && used[1] != r->next; spin--)
            barrier();
        if (answered)
            patience = used[1] == r->next ? 300000 : patience / 2 + 500;
        look_at_reply(r->buffer + BUFFER / 2, 4096);
        if (!proper && !below(4))
            access(noise + (rnd() & noise_mask), value(), below(4) ? 2 : below(32));
    }
}

static u32 features(u32 offered)
{
    return below(2) ? offered : offered & rnd();
}

/* Which devices are being driven, so that CPUs mostly leave each other's alone. */
static volatile u8 busy[64];

static int taken(u32 n)
{
    if (busy[n] && below(16))
        return 1;
    busy[n] = 1;
    return 0;
}

void do_virtio(void)
{
    u32 slot = below(setup.virtio_count);
    u64 dev = setup.virtio + setup.virtio_step * slot;
    if (r32(dev) != 0x74726976)
        return;
    u32 type = r32(dev + 8), version = r32(dev + 4);
    if (!type || (setup.only && type != setup.only) || taken(slot))
        return;
    Ring rings[N_QUEUES];
    w32(dev + 0x70, 0);
    w32(dev + 0x70, 3);
    w32(dev + 0x28, 4096);
    w32(dev + 0x14, 0);
    u32 low = features(r32(dev + 0x10));
    w32(dev + 0x24, 0);
    w32(dev + 0x20, low);
    w32(dev + 0x14, 1);
    u32 high = features(r32(dev + 0x10)) | 1;
    w32(dev + 0x24, 1);
    w32(dev + 0x20, below(8) ? high & ~4u : high);
    w32(dev + 0x70, 11);
    for (u32 q = 0; q < N_QUEUES; q++) {
        Ring *r = &rings[q];
        ring_new(r, q, type);
        w32(dev + 0x30, q);
        u32 max = r32(dev + 0x34);
        if (max && r->size > max)
            r->size = max;
        w32(dev + 0x38, below(32) ? r->size : rnd());
        if (version == 1) {     /* one piece of memory */
            r->avail_at = 16 * r->size;
            r->used_at = (r->avail_at + 6 + 2 * r->size + 4095) & ~4095u;
            w32(dev + 0x3c, 4096);
            w32(dev + 0x40, place(r->base) >> 12);
            continue;
        }
        u64 desc = place(r->base), driver = place(r->base + r->avail_at), used = place(r->base + r->used_at);
        w32(dev + 0x80, desc);
        w32(dev + 0x84, desc >> 32);
        w32(dev + 0x90, driver);
        w32(dev + 0x94, driver >> 32);
        w32(dev + 0xa0, used);
        w32(dev + 0xa4, used >> 32);
        w32(dev + 0x44, 1);
    }
    w32(dev + 0x70, 15);
    traffic(rings, dev + 0x50, 0, dev, 0x1ff);
    busy[slot] = 0;
    if (below(2))
        w32(dev + 0x70, 0);
}

/* Where a function may be: on bus 0, or behind the bridges of slots 16 to 23, which are opened. */
static u64 pci_function(u32 slot)
{
    u64 bridge = setup.ecam + ((u64)slot << 15), low = setup.pci_window >> 16;
    if (slot < 16)
        return bridge;
    w32(bridge + 0x18, slot << 8 | slot << 16);
    w32(bridge + 0x20, (u32)((low & 0xfff0) | ((low + 0x70) & 0xfff0) << 16));
    w32(bridge + 0x24, (u32)((low & 0xfff0) | ((low + 0x70) & 0xfff0) << 16));
    w32(bridge + 0x28, 0);
    w32(bridge + 0x2c, 0);
    w16(bridge + 0x3e, 0);
    w32(bridge + 4, 7);
    if ((r32(bridge + 0x54) & 0xff) == 0x10) /* a slot: power */
        w16(bridge + 0x6c, 0x1c0 | (below(2) ? 0x39 : 0));
    return setup.ecam + ((u64)slot << 20) + (below(2) ? 0 : below(4) << 15);
}

/* The layout that docs/compatibility.md promises: BAR 4 has the common part, and doorbells. */
void do_virtio_pci(void)
{
    u32 slot = below(24);
    u64 config = pci_function(slot), bar = setup.pci_window + ((u64)slot << 17);
    u32 id = r32(config);
    if ((id & 0xffff) != 0x1af4)
        return;
    u32 type = r32(config + 0x2c) >> 16;
    if ((id >> 16) >= 0x1040)
        type = (id >> 16) - 0x1040;
    if ((setup.only && type != setup.only) || taken(32 + slot))
        return;
    Ring rings[N_QUEUES];
    w32(config + 0x20, bar);
    w32(config + 0x24, 0);
    w32(config + 0x14, bar + 0x10000);
    w32(config + 4, 7);
    w8(bar + 20, 0);
    w8(bar + 20, 3);
    w32(bar, 1);
    u32 high = features(r32(bar + 4)) | 1;
    w32(bar + 8, 1);
    w32(bar + 12, below(8) ? high & ~4u : high);
    w32(bar + 8, 0);
    w32(bar, 0);
    w32(bar + 12, features(r32(bar + 4)));
    w8(bar + 20, 11);
    for (u32 q = 0; q < N_QUEUES; q++) {
        Ring *r = &rings[q];
        ring_new(r, q, type);
        w16(bar + 22, q);
        u32 max = read_of(bar + 24, 1) & 0xffff;
        if (max && r->size > max)
            r->size = max;
        w16(bar + 24, below(32) ? r->size : rnd());
        w16(bar + 26, below(4));
        u64 desc = place(r->base), driver = place(r->base + r->avail_at), used = place(r->base + r->used_at);
        w32(bar + 32, desc);
        w32(bar + 36, desc >> 32);
        w32(bar + 40, driver);
        w32(bar + 44, driver >> 32);
        w32(bar + 48, used);
        w32(bar + 52, used >> 32);
        w16(bar + 28, 1);
    }
    w8(bar + 20, 15);
    traffic(rings, bar + 0x3000, 4, below(2) ? bar : config, below(2) ? 0x1ffff : 0xff);
    busy[32 + slot] = 0;
    if (below(2))
        w8(bar + 20, 0);
}

/* Configuration space and BARs, everywhere and over everything. */
void do_pci(void)
{
    for (int i = 0; i < 24; i++) {
        u64 config = setup.ecam + (below(24) << 15) + (below(8) ? 0 : (rnd() & 0xfffffff));
        switch (below(6)) {
        case 0:
            w32(config + 0x10 + 4 * below(6), below(2) ? value() : rnd());
            break;
        case 1:     /* over RAM, devices, itself */
            w32(config + 0x20, below(2) ? setup.ram + (below(64) << 17) : device());
            w32(config + 0x24, below(4) ? 0 : rnd());
            break;
        case 2:
            w32(config + 4, below(8) | (below(8) ? 0 : rnd()));
            break;
        case 3:     /* bridges: numbers, windows, resets; slots */
            w32(config + 0x18 + 4 * below(10), below(2) ? rnd() & 0x0fff0fff : value());
            w32(config + 0x6c, below(2) ? 0x7c0 : rnd());
            break;
        case 4:
            w16(config + 0x6c, 0x1c0 | (rnd() & 0x39));
            access(pci_function(16 + below(8)) + (rnd() & 0xff), value(), below(32));
            break;
        default:
            access(config + (rnd() & 0xfff), value(), below(32));
        }
        access(setup.pci_window + (rnd() & 0x1fffff), value(), below(32));
    }
}

/* ---- others ---- */

static u32 swap32(u32 v)
{
    return v << 24 | (v & 0xff00) << 8 | (v >> 8 & 0xff00) | v >> 24;
}

static u64 swap64(u64 v)
{
    return (u64)swap32(v) << 32 | swap32(v >> 32);
}

void do_fw_cfg(void)
{
    u32 *control = (u32 *)at(AT_BUFFERS + 0x3f0000 + cpu_data()->index * 256);
    for (int i = 0; i < 8; i++) {
        u32 what = below(32) | (below(4) ? below(64) << 16 : rnd());
        control[0] = swap32(what);
        control[1] = swap32(below(8) ? below(1024) : rnd());
        *(u64 *)(control + 2) = swap64(value());
        u64 addr = below(8) ? (u64)control : value();
        if (below(4)) {
            access(setup.fw_cfg + 16, swap64(addr), 3);
        } else {
            w32(setup.fw_cfg + 16, swap64(addr));
            w32(setup.fw_cfg + 20, swap64(addr) >> 32);
        }
        access(setup.fw_cfg + below(24), value(), below(32));
    }
}

static const u8 flash_commands[] = { 0x10, 0x20, 0x20, 0x28, 0x40, 0x40, 0x50, 0x60, 0x70, 0x80,
                                     0x90, 0x98, 0xb0, 0xc0, 0xd0, 0xd0, 0xd0, 0xe8, 0xe8, 0xe8,
                                     0xf0, 0xff, 0xff, 0,    1,    2,    0x0f, 0x1f, 0x55, 0xaa };

void do_flash(void)
{
    u64 addr = setup.flash + (rnd() & 0x7ffffff);
    for (int i = 0; i < 24; i++) {
        u32 c = flash_commands[below(sizeof flash_commands)];
        if (!below(6))
            addr = setup.flash + (rnd() & (below(2) ? 0x7ffffff : 0xfff));
        access(addr + below(4) * 4, below(4) ? c | c << 16 : value(), below(4) ? 2 : below(32));
    }
}

/* ---- the loop ---- */

void put_text(const char *s)
{
    for (; *s; s++)
        w8(setup.uart, *s);
}

static Action *const common[] = { do_device, do_virtio, do_virtio_pci, do_pci, do_fw_cfg, do_flash };

void main_loop(void)
{
    CpuData *c = cpu_data();
    while (c->left--) {
        target_begin();
        u32 k = setup.actions[below(N_ACTIONS)], n = sizeof common / sizeof *common;
        (k < n ? common[k] : target_actions[k - n])();
    }
    target_end();
}

/* The first C function of each CPU. */
void cpu_start(u64 index)
{
    CpuData *c = cpu_data();
    volatile u64 *rounds = at(AT_ROUNDS);
    if (!index)
        ++*rounds;
    c->index = index;
    c->random = (setup.seed * 0x9e3779b97f4a7c15UL + *rounds * 0x123456789abcdUL +
                 index * 0xfedcba987654321UL) | 1;
    c->left = setup.count;
    for (int i = 0; i < 8; i++)
        rnd();
    fill(at(AT_BUFFERS + index * 0x80000), 0x1000);
    main_loop();
}

/* What a compiler may call. */
void *memcpy(void *to, const void *from, u64 n)
{
    for (u64 i = 0; i < n; i++)
        ((volatile u8 *)to)[i] = ((const u8 *)from)[i];
    return to;
}

void *memset(void *to, int v, u64 n)
{
    for (u64 i = 0; i < n; i++)
        ((volatile u8 *)to)[i] = v;
    return to;
}
