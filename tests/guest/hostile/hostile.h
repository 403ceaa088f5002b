/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the parts of the hostile guest. tests/fault/guests.py fills in `setup`. */
#ifndef HOSTILE_H
#define HOSTILE_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;

enum { N_DEVICES = 128, N_ACTIONS = 64, N_WORDS = 2048, N_ENCODINGS = 1024, CPU_DATA = 0x10000 };

typedef struct Place {
    u64 addr, mask;
} Place;

typedef struct Setup {
    u64 seed, count;
    u64 ram, ram_size;      /* everything below is in the upper part of it */
    u64 virtio, virtio_step, virtio_count;
    u64 ecam, pci_window, fw_cfg, flash;
    u64 gic_version;
    u64 uart, finisher;
    u64 may_reset;
    u64 only;               /* virtio devices of this type; 0: of all */
    u8 canary[16];          /* of a file outside the shared folder, each byte inverted */
    u8 actions[N_ACTIONS];
    Place devices[N_DEVICES];
    u32 words[N_WORDS][2];  /* of instructions: value, random bits */
    u32 encodings[N_ENCODINGS]; /* of accesses to system registers, without their Rt */
} Setup;

extern Setup setup;

/* At the start of each CPU's memory, whose end is its stack. */
typedef struct CpuData {
    u64 random, left, index;
} CpuData;

static inline CpuData *cpu_data(void)
{
    u64 here = (u64)__builtin_frame_address(0);
    return (CpuData *)(here & ~(u64)(CPU_DATA - 1));
}

/* Offsets within RAM. */
enum {
    AT_ROUNDS = 0x3ff0000,  /* counts starts of this program; survives resets */
    AT_STACKS = 0x1800000,  /* CPU_DATA each */
    AT_RINGS = 0x1a00000,
    AT_BUFFERS = 0x1c00000,
    AT_CODE = 0x2000000,
    AT_TABLES = 0x3000000,
    AT_STORM = 0x3800000,   /* code that all CPUs rewrite */
};

static inline void *at(u64 offset)
{
    return (void *)(setup.ram + offset);
}

u64 rnd(void);
static inline u64 below(u64 n)
{
    return (rnd() >> 8) % n;
}
u64 value(void);            /* a number that somebody may take for something */
u64 device(void);           /* an address in a device */
void put_text(const char *s);

/* One access: kind 0 to 31 is which. Faults are skipped. (arm.S, riscv.S) */
void access(u64 addr, u64 value, u64 kind);
void barrier(void);

typedef void Action(void);
Action do_device, do_virtio, do_virtio_pci, do_pci, do_fw_cfg, do_flash;
/* messages.c: the contents of request number n for a device of this kind; returns its bytes. */
u32 make_message(u32 type, u32 queue, u32 n, u8 *p, u32 *room_for_reply);
void look_at_reply(const u8 *p, u32 n);

/* The target's: its actions follow the common ones in the list. */
extern Action *const target_actions[];
void target_begin(void);
__attribute__((noreturn)) void target_end(void);
__attribute__((noreturn)) void main_loop(void);

#endif
