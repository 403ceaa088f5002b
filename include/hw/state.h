/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a snapshot keeps of a struct: a table of its members.
 *
 * Records describe themselves (member name, type, count), so that a snapshot can be read by a
 * version that knows more or fewer members: unknown members are refused by name unless marked
 * optional, missing ones keep their reset value if optional, else the load fails with a reason.
 */
#ifndef HW_STATE_H
#define HW_STATE_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum StateType {
    STATE_END, STATE_BOOL, STATE_U8, STATE_U16, STATE_U32, STATE_U64, STATE_BYTES,
    STATE_STRUCT,  /* nested table, `count` of them, `stride` apart */
    STATE_VAR_U32, /* dynamic array at pointer, length in the uint32_t at count_offset; fixed by
                      configuration, so a different length in a snapshot is refused */
    STATE_VAR_BYTES,
    STATE_TIMER,   /* Timer *: saves the expiry, or "off" */
    STATE_IRQ,     /* IrqLine: saves the level, and re-drives it after the whole load */
    STATE_CUSTOM,  /* save/load callbacks */
} StateType;

typedef struct StateField StateField;
struct StateField {
    const char *name;
    StateType type;
    size_t offset;
    uint32_t count; /* elements; 1 for a scalar */
    size_t stride;
    size_t count_offset;
    const StateField *fields; /* STATE_STRUCT */
    bool optional;
    void (*save)(const void *obj, GByteArray *out);
    bool (*load)(void *obj, const uint8_t *data, size_t len, GError **error);
};

#define STATE_TYPE_OF_(x)                                                                      \
    _Generic((x), bool: STATE_BOOL, uint8_t: STATE_U8, int8_t: STATE_U8, uint16_t: STATE_U16,  \
             int16_t: STATE_U16, uint32_t: STATE_U32, int32_t: STATE_U32, uint64_t: STATE_U64, \
             int64_t: STATE_U64)
/* A scalar member, its type taken from its declaration. */
#define STATE(S, m)                                                                            \
    { .name = #m, .type = STATE_TYPE_OF_(((S *)0)->m), .offset = offsetof(S, m), .count = 1 }
/* An array member of scalars. */
#define STATE_ARRAY(S, m)                                                                      \
    { .name = #m, .type = STATE_TYPE_OF_(((S *)0)->m[0]), .offset = offsetof(S, m),            \
      .count = sizeof(((S *)0)->m) / sizeof(((S *)0)->m[0]) }
#define STATE_STRUCTS(S, m, n, table)                                                          \
    { .name = #m, .type = STATE_STRUCT, .offset = offsetof(S, m), .count = (n),                \
      .stride = sizeof(((S *)0)->m) / (n), .fields = (table) }
#define STATE_VAR_ARRAY_U32(S, m, len)                                                         \
    { .name = #m, .type = STATE_VAR_U32, .offset = offsetof(S, m),                             \
      .count_offset = offsetof(S, len), .count = 1 }
#define STATE_VAR_ARRAY_BYTES(S, m, len)                                                       \
    { .name = #m, .type = STATE_VAR_BYTES, .offset = offsetof(S, m),                           \
      .count_offset = offsetof(S, len), .count = 1 }
#define STATE_TIMER_PTR(S, m)                                                                  \
    { .name = #m, .type = STATE_TIMER, .offset = offsetof(S, m), .count = 1 }
#define STATE_IRQ_LINES(S, m, n)                                                               \
    { .name = #m, .type = STATE_IRQ, .offset = offsetof(S, m), .count = (n) }

/* Appends the record of obj to out. */
void state_save(const StateField *fields, const void *obj, GByteArray *out);
/* All checks of state_load that need no change; custom members are not looked into. */
bool state_check(const StateField *fields, const void *obj, const uint8_t *data, size_t len,
                 GError **error);
/* Checks the whole record before it changes anything of obj. */
bool state_load(const StateField *fields, void *obj, const uint8_t *data, size_t len,
                GError **error);

#endif
