/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupt lines (and any other wire): a sink has a handler, a source sets a level.
 * Main lock held, except where the sink says it takes calls from any thread (CPU inputs do).
 */
#ifndef HW_IRQ_H
#define HW_IRQ_H

#include <stdbool.h>

/* The input that a line leads to. */
typedef struct IrqSink {
    void (*set)(void *opaque, int n, int level);
    void *opaque;
    int n;
} IrqSink;

/* An output pin. Unconnected (sink.set NULL) is fine. */
typedef struct IrqLine {
    IrqSink sink;
    int level; /* last level set; saved with the device that owns the pin */
} IrqLine;

static inline void irq_connect(IrqLine *line, IrqSink sink)
{
    line->sink = sink;
}

/* Passes every call on: a sink that needs edges compares with what it knew. */
static inline void irq_set(IrqLine *line, int level)
{
    line->level = level;
    if (line->sink.set)
        line->sink.set(line->sink.opaque, line->sink.n, level);
}

static inline void irq_pulse(IrqLine *line)
{
    irq_set(line, 1);
    irq_set(line, 0);
}

#endif
