/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Expressions of the monitor, 64 bits wide. From loose to tight:
 *   + -     & | ^     * / %     unary + - ~, numbers, 'c', $register, ( )
 * (the bit operators bind tighter than the sum, as on QEMU's monitor).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/core/monitor_int.h"
#include "util/error.h"

enum { MAX_NESTING = 64 };

typedef struct Expr {
    Cpu *cpu;
    const char *p;
    unsigned depth;
    GError **error;
} Expr;

static bool sum(Expr *e, int64_t *v);

static void skip_space(Expr *e)
{
    while (g_ascii_isspace(*e->p))
        e->p++;
}

static bool number(Expr *e, int64_t *v)
{
    char *end;
    errno = 0;
    *v = (int64_t)strtoull(e->p, &end, 0);
    if (errno == ERANGE)
        return error_set(e->error, "number too large");
    if (end == e->p)
        return error_set(e->error, "invalid char '%c' in expression", *e->p);
    e->p = end;
    skip_space(e);
    return true;
}

static bool character(Expr *e, int64_t *v)
{
    if (!e->p[1])
        return error_set(e->error, "character constant expected");
    *v = (unsigned char)e->p[1];
    if (e->p[2] != '\'')
        return error_set(e->error, "missing terminating ' character");
    e->p += 3;
    skip_space(e);
    return true;
}

static bool reg(Expr *e, int64_t *v)
{
    const char *start = ++e->p;
    while (g_ascii_isalnum(*e->p) || *e->p == '_' || *e->p == '.')
        e->p++;
    g_autofree char *name = g_strndup(start, e->p - start);
    uint64_t value;
    if (!e->cpu || !e->cpu->target->reg_by_name ||
        !e->cpu->target->reg_by_name(e->cpu, name, &value))
        return error_set(e->error, "unknown register");
    *v = (int64_t)value;
    skip_space(e);
    return true;
}

static bool unary(Expr *e, int64_t *v)
{
    skip_space(e);
    if (++e->depth > MAX_NESTING)
        return error_set(e->error, "expression nested too deeply");
    bool ok = true;
    char c = *e->p;
    switch (c) {
    case '+':
    case '-':
    case '~':
        e->p++;
        ok = unary(e, v);
        *v = c == '-' ? (int64_t)-(uint64_t)*v : c == '~' ? ~*v : *v;
        break;
    case '(':
        e->p++;
        ok = sum(e, v);
        if (ok && *e->p != ')')
            ok = error_set(e->error, "')' expected");
        if (ok) {
            e->p++;
            skip_space(e);
        }
        break;
    case '\'':
        ok = character(e, v);
        break;
    case '$':
        ok = reg(e, v);
        break;
    case '\0':
        ok = error_set(e->error, "unexpected end of expression");
        break;
    default:
        ok = number(e, v);
    }
    e->depth--;
    return ok;
}

/* "SIZE /tmp/file": a slash that stands before a word begins the next argument. */
static bool is_path(const Expr *e)
{
    return e->p[0] == '/' && g_ascii_isspace(e->p[-1]) && (g_ascii_isalpha(e->p[1]) ||
                                                           e->p[1] == '.' || e->p[1] == '_');
}

static bool product(Expr *e, int64_t *v)
{
    if (!unary(e, v))
        return false;
    while (*e->p && strchr("*/%", *e->p) && !is_path(e)) {
        char op = *e->p++;
        int64_t b;
        if (!unary(e, &b))
            return false;
        if (op == '*') {
            *v = (int64_t)((uint64_t)*v * (uint64_t)b);
        } else if (!b) {
            return error_set(e->error, "division by zero");
        } else if (b == -1) { /* INT64_MIN / -1 traps on some hosts */
            *v = op == '/' ? (int64_t)-(uint64_t)*v : 0;
        } else {
            *v = op == '/' ? *v / b : *v % b;
        }
    }
    return true;
}

static bool bits(Expr *e, int64_t *v)
{
    if (!product(e, v))
        return false;
    while (*e->p && strchr("&|^", *e->p)) {
        char op = *e->p++;
        int64_t b;
        if (!product(e, &b))
            return false;
        *v = op == '&' ? *v & b : op == '|' ? *v | b : *v ^ b;
    }
    return true;
}

static bool sum(Expr *e, int64_t *v)
{
    if (!bits(e, v))
        return false;
    while (*e->p == '+' || *e->p == '-') {
        char op = *e->p++;
        int64_t b;
        if (!bits(e, &b))
            return false;
        *v = (int64_t)(op == '+' ? (uint64_t)*v + (uint64_t)b : (uint64_t)*v - (uint64_t)b);
    }
    return true;
}

bool expr_parse(Cpu *cpu, const char **p, int64_t *value, GError **error)
{
    Expr e = { .cpu = cpu, .p = *p, .error = error };
    *value = 0;
    if (!sum(&e, value))
        return false;
    *p = e.p;
    return true;
}
