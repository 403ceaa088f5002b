/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log of -d: what a guest does that a developer may want to see.
 *
 * Items are the spellings of QEMU's -d. Any thread may log. A line is written in one piece.
 * Test log_on() before building an expensive message.
 */
#ifndef UTIL_LOG_H
#define UTIL_LOG_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* X(constant, name for -d, help) */
#define LOG_ITEMS(X)                                                                           \
    X(OUT_ASM, "out_asm", "host code of every translated block")                              \
    X(IN_ASM, "in_asm", "guest code of every translated block")                               \
    X(OP, "op", "intermediate code of every translated block, as decoded")                    \
    X(OP_OPT, "op_opt", "intermediate code after optimisation")                               \
    X(INT, "int", "interrupts and exceptions")                                                \
    X(EXEC, "exec", "every entry into a translated block from the dispatcher")                \
    X(CPU, "cpu", "CPU registers before each such entry")                                     \
    X(MMU, "mmu", "page walks")                                                               \
    X(PCALL, "pcall", "calls in protected mode (x86)")                                        \
    X(CPU_RESET, "cpu_reset", "CPU state at reset")                                           \
    X(UNIMP, "unimp", "what the guest uses and Sosia does not implement")                     \
    X(GUEST_ERRORS, "guest_errors", "guest accesses that no manual allows")                   \
    X(PAGE, "page", "RAM and memory map at start")                                            \
    X(NOCHAIN, "nochain", "do not link blocks, so that exec and cpu show all of them")        \
    X(HASH, "hash", "a hash of the vCPU's state at equal distances (with -icount)")            \
    X(STRACE, "strace", "system calls of user-mode emulation (accepted, no effect)")

enum {
#define X(c, n, h) LOG_BIT_##c,
    LOG_ITEMS(X)
#undef X
    LOG_N_ITEMS
};
enum {
#define X(c, n, h) LOG_##c = 1u << LOG_BIT_##c,
    LOG_ITEMS(X)
#undef X
};

extern uint32_t log_mask; /* read freely; set through log_set_mask */

static inline bool log_on(uint32_t items)
{
    return G_UNLIKELY(log_mask & items);
}

/* Parses "in_asm,int" (also "all", "none"). On a bad item: false, and nothing changes. */
bool log_set_items(const char *items, GError **error);
/* NULL or "-": stderr. "%d" in the name stands for the process id. */
bool log_set_file(const char *name, GError **error);
char *log_items_help(void); /* caller frees */

/* Writes if any of `items` is on. */
void log_printf(uint32_t items, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/*
 * A guest did what no manual allows: one line under -d guest_errors. `where` is the device or CPU.
 * Rate-limited per call site is the caller's business; never fatal.
 */
void log_guest_error(const char *where, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
void log_unimp(const char *where, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/* A stream for multi-line output; hold it between log_begin and log_end. NULL if no item is on. */
FILE *log_begin(uint32_t items);
void log_end(FILE *f);

#endif
