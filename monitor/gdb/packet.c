/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets of gdb's remote protocol (gdb manual, appendix E.1): framing, checksums,
 * acknowledgement, hexadecimal and binary data. Run-length encoding is not used: gdb sends none,
 * and needs none.
 */
#include "monitor/gdb/gdb_int.h"

#include <string.h>

/* ---- framing ---- */

void gdb_wire_init(GdbWire *w)
{
    if (!w->in) {
        w->in = g_byte_array_new();
        w->last = g_byte_array_new();
    }
    w->state = WIRE_IDLE;
    g_byte_array_set_size(w->in, 0);
    g_byte_array_set_size(w->last, 0);
    w->no_ack = w->too_long = false;
}

static uint8_t checksum(const uint8_t *data, size_t len)
{
    uint8_t sum = 0;
    for (size_t i = 0; i < len; i++)
        sum += data[i];
    return sum;
}

void gdb_wire_send(GdbWire *w, const void *data, size_t len)
{
    char tail[4];
    g_snprintf(tail, sizeof tail, "#%02x", checksum(data, len));
    g_byte_array_set_size(w->last, 0);
    g_byte_array_append(w->last, (const guint8 *)"$", 1);
    g_byte_array_append(w->last, data, (guint)len);
    g_byte_array_append(w->last, (const guint8 *)tail, 3);
    w->send(w->last->data, w->last->len);
    if (w->no_ack)
        g_byte_array_set_size(w->last, 0);
}

static int hex_digit(uint8_t c)
{
    return g_ascii_xdigit_value((char)c);
}

static void complete(GdbWire *w)
{
    w->state = WIRE_IDLE;
    bool good = w->sum == w->sum_got;
    if (!w->no_ack)
        w->send(good ? "+" : "-", 1);
    if (!good && !w->no_ack)
        return;
    /* A handler may change w->in by what it does to the connection. */
    GByteArray *in = w->in;
    w->in = g_byte_array_new();
    g_byte_array_append(in, (const guint8 *)"", 1);
    if (w->too_long)
        gdb_wire_send(w, "E07", 3);
    else
        w->packet((const char *)in->data, in->len - 1);
    g_byte_array_unref(in);
}

static void idle_byte(GdbWire *w, uint8_t c)
{
    switch (c) {
    case '$':
        g_byte_array_set_size(w->in, 0);
        w->too_long = false;
        w->sum = 0;
        w->state = WIRE_DATA;
        break;
    case '+':
        g_byte_array_set_size(w->last, 0);
        break;
    case '-':
        if (w->last->len)
            w->send(w->last->data, w->last->len);
        break;
    case 3:
        w->interrupt();
        break;
    }
}

void gdb_wire_input(GdbWire *w, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint8_t c = data[i];
        switch (w->state) {
        case WIRE_IDLE:
            idle_byte(w, c);
            break;
        case WIRE_DATA:
            if (c == '#') {
                w->state = WIRE_SUM1;
            } else if (c == '$') {
                idle_byte(w, c); /* the end of the one before was lost */
            } else {
                w->sum += c;
                if (w->in->len < GDB_PACKET_MAX)
                    g_byte_array_append(w->in, &c, 1);
                else
                    w->too_long = true;
            }
            break;
        case WIRE_SUM1:
        case WIRE_SUM2:
            if (hex_digit(c) < 0) {
                w->sum_got = (uint8_t)~w->sum;
                complete(w);
            } else if (w->state == WIRE_SUM1) {
                w->sum_got = (uint8_t)(hex_digit(c) << 4);
                w->state = WIRE_SUM2;
            } else {
                w->sum_got |= (uint8_t)hex_digit(c);
                complete(w);
            }
            break;
        }
    }
}

/* ---- reading ---- */

bool gdb_get_char(GdbText *t, char c)
{
    if (t->p == t->end || *t->p != c)
        return false;
    t->p++;
    return true;
}

bool gdb_get_word(GdbText *t, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(t->end - t->p) < n || memcmp(t->p, word, n))
        return false;
    t->p += n;
    return true;
}

bool gdb_get_hex(GdbText *t, uint64_t *value)
{
    const char *p = t->p;
    uint64_t v = 0;
    for (; p < t->end && g_ascii_isxdigit(*p); p++) {
        if (v >> 60)
            return false;
        v = v << 4 | (unsigned)g_ascii_xdigit_value(*p);
    }
    if (p == t->p)
        return false;
    t->p = p;
    *value = v;
    return true;
}

bool gdb_get_range(GdbText *t, uint64_t *addr, uint64_t *len)
{
    GdbText u = *t;
    if (!gdb_get_hex(&u, addr) || !gdb_get_char(&u, ',') || !gdb_get_hex(&u, len))
        return false;
    *t = u;
    return true;
}

GByteArray *gdb_get_bytes(GdbText *t)
{
    GByteArray *a = g_byte_array_new();
    for (; t->end - t->p >= 2; t->p += 2) {
        int high = g_ascii_xdigit_value(t->p[0]), low = g_ascii_xdigit_value(t->p[1]);
        if (high < 0 || low < 0)
            break;
        guint8 b = (guint8)(high << 4 | low);
        g_byte_array_append(a, &b, 1);
    }
    return a;
}

GByteArray *gdb_get_binary(GdbText *t)
{
    GByteArray *a = g_byte_array_new();
    while (t->p < t->end) {
        guint8 b = (guint8)*t->p++;
        if (b == '}' && t->p < t->end)
            b = (guint8)(*t->p++ ^ 0x20);
        g_byte_array_append(a, &b, 1);
    }
    return a;
}

/* ---- writing ---- */

void gdb_put_hex(GString *out, const void *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *p = data;
    for (size_t i = 0; i < len; i++) {
        g_string_append_c(out, digits[p[i] >> 4]);
        g_string_append_c(out, digits[p[i] & 15]);
    }
}

void gdb_put_binary(GString *out, const void *data, size_t len)
{
    const char *p = data;
    for (size_t i = 0; i < len; i++) {
        if (p[i] == '#' || p[i] == '$' || p[i] == '}' || p[i] == '*') {
            g_string_append_c(out, '}');
            g_string_append_c(out, p[i] ^ 0x20);
        } else {
            g_string_append_c(out, p[i]);
        }
    }
}
