/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks on the bare board: a line for each, "ok NAME" or "BAD NAME: got ... want ...". */
#ifndef SUITE_H
#define SUITE_H

#include <stdint.h>

#ifndef GIC
#define GIC 3
#endif
#define GICD 0x08000000ULL
#define GICC 0x08010000ULL
#define GICR 0x080a0000ULL
#define SGI_FRAME (GICR + 0x10000)
/* Where the registers of private interrupts are. */
#define PRIVATE (GIC == 3 ? SGI_FRAME : GICD)

#define MSR(name, v) __asm__ volatile("msr " name ", %0\n isb" : : "r"((uint64_t)(v)) : "memory")
#define MRS(name) ({ uint64_t v_; __asm__ volatile("isb\n mrs %0, " name : "=r"(v_) : : "memory"); \
                     v_; })

static inline uint32_t rd32(uint64_t at) { return *(volatile uint32_t *)at; }
static inline void wr32(uint64_t at, uint32_t v) { *(volatile uint32_t *)at = v; }
static inline uint8_t rd8(uint64_t at) { return *(volatile uint8_t *)at; }
static inline void wr8(uint64_t at, uint8_t v) { *(volatile uint8_t *)at = v; }
static inline uint64_t rd64(uint64_t at) { return *(volatile uint64_t *)at; }
static inline void wr64(uint64_t at, uint64_t v) { *(volatile uint64_t *)at = v; }

void put(const char *s);
void check(const char *name, uint64_t got, uint64_t want);
/* Interrupts, last and how many; exceptions. */
extern volatile uint32_t irq_id, irq_count, trap_count;
extern volatile uint64_t trap_esr;
/* What on_irq does about a level before it ends the interrupt. */
extern void (*volatile irq_quiet)(uint32_t id);

void gic_init(void);
void gic_enable(uint32_t id, uint8_t priority);
void gic_sgi_self(uint32_t id);
uint32_t gic_ack(void);
void gic_end(uint32_t id);
static inline void irqs_on(void) { __asm__ volatile("msr daifclr, #2\n isb" : : : "memory"); }
static inline void irqs_off(void) { __asm__ volatile("msr daifset, #2\n isb" : : : "memory"); }
uint64_t psci(uint64_t fn, uint64_t a, uint64_t b, uint64_t c);
/* Until cond, or for two seconds. */
#define WAIT(cond)                                                                             \
    do {                                                                                       \
        uint64_t end_ = MRS("cntvct_el0") + 2 * MRS("cntfrq_el0");                             \
        while (!(cond) && MRS("cntvct_el0") < end_)                                            \
            ;                                                                                  \
    } while (0)

void test_timers(void);
void test_pmu(void);
void test_gic(void);
void test_psci(void);
void test_pci(void);

#endif
