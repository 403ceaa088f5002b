/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arguments of HMP commands, by the little language of hmp_args in monitor/schema/commands.toml.
 * The result is an object with the arguments' names; a format ("/4xw") gives members "count",
 * "format" and "size", where the monitor's defaults fill in what is not said.
 */
#include <string.h>

#include "monitor/core/monitor_int.h"
#include "util/error.h"
#include "util/opts.h"

typedef struct ArgSpec {
    char *name;
    char type;      /* of commands.toml; '-' with flag */
    char flag;
    bool valued;    /* a word follows the flag */
    bool optional;
} ArgSpec;

typedef struct ArgParser {
    Monitor *mon;
    const Command *c;
    const char *typed; /* for the hint */
    const char *p;
    Json *out;
} ArgParser;

static void skip_space(const char **p)
{
    while (g_ascii_isspace(**p))
        (*p)++;
}

/* As error messages name it: "mtree" of "info mtree", "cont|c" of cont. */
static const char *short_name(const Command *c)
{
    return g_str_has_prefix(c->hmp, "info ") ? c->hmp + 5 : c->hmp;
}

char *hmp_word(Monitor *mon, const char **p)
{
    GString *s = g_string_new(NULL);
    skip_space(p);
    if (**p != '"') {
        while (**p && !g_ascii_isspace(**p))
            g_string_append_c(s, *(*p)++);
        return g_string_free(s, s->len == 0);
    }
    for ((*p)++; **p && **p != '"'; (*p)++) {
        char c = **p;
        if (c == '\\') {
            c = *++*p;
            const char *at = c ? strchr("nr\\'\"", c) : NULL;
            if (!at) {
                monitor_printf(mon, "unsupported escape code: '\\%c'\n", c ? c : ' ');
                g_string_free(s, TRUE);
                return NULL;
            }
            c = "\n\r\\'\""[at - strchr("nr\\'\"", 'n')];
        }
        g_string_append_c(s, c);
    }
    if (**p != '"') {
        monitor_puts(mon, "unterminated string\n");
        g_string_free(s, TRUE);
        return NULL;
    }
    (*p)++;
    return g_string_free(s, FALSE);
}

static bool parse_word(ArgParser *a, const ArgSpec *spec)
{
    char *word = hmp_word(a->mon, &a->p);
    if (!word) {
        monitor_printf(a->mon, "%s: %s expected\n", short_name(a->c),
                       spec->type == 'F' ? "filename" : spec->type == 'B' ? "block device name"
                                                                          : "string");
        return false;
    }
    bool ok = true, value;
    uint64_t size;
    GError *error = NULL;
    if (spec->type == 'b') {
        ok = parse_bool(word, &value);
        if (ok)
            json_set_bool(a->out, spec->name, value);
        else
            monitor_puts(a->mon, "Expected 'on' or 'off'\n");
    } else if (spec->type == 'o') {
        ok = parse_size(word, 1 << 20, &size, &error);
        if (ok)
            json_set_uint(a->out, spec->name, size);
        else
            monitor_printf(a->mon, "%s: %s\n", short_name(a->c), error->message);
        g_clear_error(&error);
    } else {
        json_set_str(a->out, spec->name, word);
    }
    g_free(word);
    return ok;
}

static bool parse_number_arg(ArgParser *a, const ArgSpec *spec)
{
    GError *error = NULL;
    int64_t v;
    if (!expr_parse(monitor_cpu(a->mon), &a->p, &v, &error)) {
        monitor_printf(a->mon, "%s\n", error->message);
        g_error_free(error);
        return false;
    }
    if (spec->type == 'i' && (v < INT32_MIN || v > UINT32_MAX)) {
        monitor_printf(a->mon, "%s: integer is for 32-bit values\n", short_name(a->c));
        return false;
    }
    json_set_int(a->out, spec->name, v);
    return true;
}

static bool has_flag(const Command *c, char flag)
{
    for (const char *p = c->hmp_args; (p = strstr(p, ":-")); p += 2) {
        if (p[2] == flag)
            return true;
    }
    return false;
}

static bool parse_flag(ArgParser *a, const ArgSpec *spec)
{
    if (*a->p != '-')
        return true;
    char given = a->p[1];
    if (given == spec->flag && spec->valued) {
        a->p += 2;
        g_autofree char *word = hmp_word(a->mon, &a->p);
        if (!word)
            monitor_printf(a->mon, "%s: value expected for -%c\n", short_name(a->c), given);
        else
            json_set_str(a->out, spec->name, word);
        return word;
    }
    if (given == spec->flag) {
        json_set_bool(a->out, spec->name, true);
        a->p += 2;
        return true;
    }
    if (given && has_flag(a->c, given) && !g_ascii_isalnum(a->p[2]))
        return true; /* comes later in the list */
    monitor_printf(a->mon, "%s: unsupported option -%c\n", short_name(a->c), given ? given : ' ');
    return false;
}

static bool parse_format(ArgParser *a)
{
    uint64_t count = 1;
    char format = 0;
    int size = 0;
    if (*a->p == '/') {
        a->p++;
        if (g_ascii_isdigit(*a->p)) {
            for (count = 0; g_ascii_isdigit(*a->p); a->p++)
                count = MIN(count * 10 + (*a->p - '0'), 1 << 20);
        }
        for (; *a->p && !g_ascii_isspace(*a->p); a->p++) {
            if (strchr("odxuic", *a->p)) {
                format = *a->p;
            } else if (strchr("bhwg", *a->p)) {
                size = 1 << (strchr("bhwg", *a->p) - strchr("bhwg", 'b'));
            } else {
                monitor_printf(a->mon, "invalid char in format: '%c'\n", *a->p);
                return false;
            }
        }
    }
    if (!format)
        format = a->mon->format;
    if (!size)
        size = a->mon->format_size;
    a->mon->format = format;
    if (format != 'i')
        a->mon->format_size = size;
    char text[2] = { format };
    json_set_uint(a->out, "count", count);
    json_set_str(a->out, "format", text);
    json_set_int(a->out, "size", size);
    return true;
}

static bool parse_one(ArgParser *a, const ArgSpec *spec)
{
    skip_space(&a->p);
    if (spec->type == '-')
        return parse_flag(a, spec);
    if (spec->type == '/')
        return parse_format(a);
    if (spec->optional && !*a->p)
        return true;
    if (spec->type == 'S') {
        json_set_str(a->out, spec->name, a->p);
        a->p += strlen(a->p);
        return true;
    }
    if (spec->type == 'i' || spec->type == 'l')
        return parse_number_arg(a, spec);
    return parse_word(a, spec);
}

static bool parse_all(ArgParser *a)
{
    g_auto(GStrv) specs = g_strsplit(a->c->hmp_args ? a->c->hmp_args : "", ",", -1);
    for (char **s = specs; *s && **s; s++) {
        char *colon = strchr(*s, ':');
        *colon = '\0';
        ArgSpec spec = { .name = *s, .type = colon[1], .flag = colon[2],
                         .valued = colon[1] == '-' && colon[3] == 's',
                         .optional = colon[1] != '-' && colon[2] == '?' };
        if (!parse_one(a, &spec))
            return false;
    }
    skip_space(&a->p);
    if (!*a->p)
        return true;
    monitor_printf(a->mon, "%s: extraneous characters at the end of line\n", short_name(a->c));
    return false;
}

Json *hmp_parse_args(Monitor *mon, const Command *c, const char *typed, const char *text)
{
    ArgParser a = { .mon = mon, .c = c, .typed = typed, .p = text, .out = json_object() };
    if (parse_all(&a))
        return a.out;
    monitor_printf(mon, "Try \"help %s\" for more information\n", typed);
    json_free(a.out);
    return NULL;
}
