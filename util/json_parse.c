/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Parsing JSON: a recursive descent over one complete text, and in front of it a splitter that
 * finds where a value in a stream ends. The splitter knows only strings and brackets, so that
 * whatever arrives it is never further from recovery than the next line end, control character or
 * 0xFF byte: clients send those to get in step again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/error.h"
#include "util/json.h"

enum { MAX_DEPTH = 1024, MAX_SIZE = 64 << 20 };

typedef struct Parser {
    const char *p, *end;
    unsigned depth;
    GError **error;
} Parser;

static Json *fail(Parser *ps, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

static Json *fail(Parser *ps, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    error_set(ps->error, "JSON parse error, %s", text);
    g_free(text);
    return NULL;
}

static void skip_space(Parser *ps)
{
    while (ps->p < ps->end && (*ps->p == ' ' || *ps->p == '\t' || *ps->p == '\n' || *ps->p == '\r'))
        ps->p++;
}

static bool take(Parser *ps, char c)
{
    skip_space(ps);
    if (ps->p == ps->end || *ps->p != c)
        return false;
    ps->p++;
    return true;
}

/* ---- strings ---- */

static bool hex4(Parser *ps, unsigned *value)
{
    if (ps->end - ps->p < 4)
        return false;
    *value = 0;
    for (int i = 0; i < 4; i++) {
        int d = g_ascii_xdigit_value(*ps->p++);
        if (d < 0)
            return false;
        *value = *value << 4 | d;
    }
    return true;
}

/* Behind "\u". */
static bool unicode_escape(Parser *ps, GString *s)
{
    unsigned hi, lo;
    if (!hex4(ps, &hi))
        return fail(ps, "invalid hex escape in string");
    if (hi >= 0xd800 && hi < 0xdc00) {
        bool pair = ps->end - ps->p >= 2 && ps->p[0] == '\\' && ps->p[1] == 'u';
        ps->p += pair ? 2 : 0;
        if (!pair || !hex4(ps, &lo) || lo < 0xdc00 || lo > 0xdfff)
            return fail(ps, "\\u%04X is not a valid Unicode character", hi);
        hi = 0x10000 + ((hi & 0x3ff) << 10) + (lo & 0x3ff);
    } else if (!hi || (hi >= 0xdc00 && hi < 0xe000)) {
        return fail(ps, "\\u%04X is not a character that strings here can hold", hi);
    }
    g_string_append_unichar(s, hi);
    return true;
}

static bool escape(Parser *ps, GString *s)
{
    if (ps->p == ps->end)
        return fail(ps, "unterminated string");
    char c = *ps->p++;
    static const char from[] = "\"'\\/bfnrt", to[] = "\"'\\/\b\f\n\r\t";
    if (c == 'u')
        return unicode_escape(ps, s);
    const char *at = c ? strchr(from, c) : NULL;
    if (!at)
        return fail(ps, "invalid escape \\%c in string", g_ascii_isprint(c) ? c : '?');
    g_string_append_c(s, to[at - from]);
    return true;
}

/* At the quote. NULL with an error. */
static char *parse_text(Parser *ps)
{
    char quote = *ps->p++;
    GString *s = g_string_new(NULL);
    bool ok = true;
    while (ok && ps->p < ps->end && *ps->p != quote) {
        unsigned char c = *ps->p;
        if (c == '\\') {
            ps->p++;
            ok = escape(ps, s);
        } else if (c < 32) {
            ok = fail(ps, "control character \\x%02x in string", c);
        } else if (c < 128) {
            g_string_append_c(s, *ps->p++);
        } else {
            gunichar u = g_utf8_get_char_validated(ps->p, ps->end - ps->p);
            ok = u < 0x110000 || fail(ps, "invalid UTF-8 sequence in string");
            if (ok) {
                g_string_append_unichar(s, u);
                ps->p = g_utf8_next_char(ps->p);
            }
        }
    }
    if (ok && ps->p == ps->end)
        ok = fail(ps, "unterminated string");
    ps->p++;
    return g_string_free(s, !ok);
}

/* ---- other scalars ---- */

static Json *parse_number(Parser *ps)
{
    const char *start = ps->p, *p = ps->p;
    bool is_int = true;
    p += *p == '-';
    const char *digits = p;
    while (p < ps->end && g_ascii_isdigit(*p))
        p++;
    bool ok = p > digits && !(*digits == '0' && p - digits > 1);
    if (p < ps->end && *p == '.') {
        is_int = false;
        const char *fraction = ++p;
        while (p < ps->end && g_ascii_isdigit(*p))
            p++;
        ok &= p > fraction;
    }
    if (p < ps->end && (*p == 'e' || *p == 'E')) {
        is_int = false;
        p++;
        p += p < ps->end && (*p == '+' || *p == '-');
        const char *exponent = p;
        while (p < ps->end && g_ascii_isdigit(*p))
            p++;
        ok &= p > exponent;
    }
    if (!ok)
        return fail(ps, "invalid number");
    ps->p = p;
    g_autofree char *text = g_strndup(start, p - start);
    if (is_int) {
        errno = 0;
        gint64 i = g_ascii_strtoll(text, NULL, 10);
        if (!errno)
            return json_int(i);
        errno = 0;
        guint64 u = *text == '-' ? 0 : g_ascii_strtoull(text, NULL, 10);
        if (!errno && *text != '-')
            return json_uint(u);
    }
    return json_double(g_ascii_strtod(text, NULL));
}

static Json *parse_keyword(Parser *ps)
{
    const char *start = ps->p;
    while (ps->p < ps->end && (g_ascii_isalnum(*ps->p) || *ps->p == '_'))
        ps->p++;
    size_t n = ps->p - start;
    if (n == 4 && !memcmp(start, "true", 4))
        return json_bool(true);
    if (n == 5 && !memcmp(start, "false", 5))
        return json_bool(false);
    if (n == 4 && !memcmp(start, "null", 4))
        return json_null();
    if (n)
        return fail(ps, "invalid keyword '%.*s'", (int)MIN(n, 64), start);
    if (ps->p == ps->end)
        return fail(ps, "expecting value");
    unsigned char c = *ps->p;
    return g_ascii_isprint(c) ? fail(ps, "stray '%c'", c) : fail(ps, "stray '\\x%02x'", c);
}

/* ---- containers ---- */

static Json *parse_value(Parser *ps);

static Json *parse_array(Parser *ps)
{
    g_autoptr(Json) array = json_array();
    ps->p++;
    if (take(ps, ']'))
        return g_steal_pointer(&array);
    for (;;) {
        Json *v = parse_value(ps);
        if (!v)
            return NULL;
        json_add(array, v);
        if (take(ps, ']'))
            return g_steal_pointer(&array);
        if (!take(ps, ','))
            return fail(ps, "expected separator in list");
    }
}

static Json *parse_object(Parser *ps)
{
    g_autoptr(Json) object = json_object();
    ps->p++;
    if (take(ps, '}'))
        return g_steal_pointer(&object);
    for (;;) {
        skip_space(ps);
        if (ps->p == ps->end || (*ps->p != '"' && *ps->p != '\''))
            return fail(ps, "key is not a string in object");
        g_autofree char *key = parse_text(ps);
        if (!key)
            return NULL;
        if (!take(ps, ':'))
            return fail(ps, "missing : in object pair");
        if (json_get(object, key))
            return fail(ps, "duplicate key");
        Json *v = parse_value(ps);
        if (!v)
            return NULL;
        json_set(object, key, v);
        if (take(ps, '}'))
            return g_steal_pointer(&object);
        if (!take(ps, ','))
            return fail(ps, "expected separator in dict");
    }
}

static Json *parse_value(Parser *ps)
{
    skip_space(ps);
    char c = ps->p < ps->end ? *ps->p : '\0';
    if (c == '{' || c == '[') {
        if (ps->depth >= MAX_DEPTH)
            return fail(ps, "nested deeper than %d levels", MAX_DEPTH);
        ps->depth++;
        Json *v = c == '{' ? parse_object(ps) : parse_array(ps);
        ps->depth--;
        return v;
    }
    if (c == '"' || c == '\'') {
        char *s = parse_text(ps);
        Json *v = s ? json_string(s) : NULL;
        g_free(s);
        return v;
    }
    return c == '-' || g_ascii_isdigit(c) ? parse_number(ps) : parse_keyword(ps);
}

Json *json_parse(const char *text, size_t len, GError **error)
{
    Parser ps = { .p = text, .end = text + len, .error = error };
    if (len > MAX_SIZE)
        return fail(&ps, "more than %d MiB", MAX_SIZE >> 20);
    Json *v = parse_value(&ps);
    if (!v)
        return NULL;
    skip_space(&ps);
    if (ps.p == ps.end)
        return v;
    json_free(v);
    return fail(&ps, "text behind the value");
}

/* ---- streams ---- */

struct JsonStream {
    JsonStreamFn *fn;
    void *opaque;
    GString *text;      /* of the value begun */
    unsigned depth;
    uint8_t closer[MAX_DEPTH / 8]; /* bit: the level is an object */
    char quote;         /* in a string, else 0 */
    bool escaped;
};

JsonStream *json_stream_new(JsonStreamFn *fn, void *opaque)
{
    JsonStream *s = g_new0(JsonStream, 1);
    s->fn = fn;
    s->opaque = opaque;
    s->text = g_string_new(NULL);
    return s;
}

void json_stream_reset(JsonStream *s)
{
    if (s->text->allocated_len > 1 << 20) {
        g_string_free(s->text, TRUE);
        s->text = g_string_new(NULL);
    }
    g_string_truncate(s->text, 0);
    s->depth = 0;
    s->quote = 0;
    s->escaped = false;
}

void json_stream_free(JsonStream *s)
{
    if (!s)
        return;
    g_string_free(s->text, TRUE);
    g_free(s);
}

static void stream_error(JsonStream *s, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

static void stream_error(JsonStream *s, const char *fmt, ...)
{
    GError *error = NULL;
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    json_stream_reset(s);
    error_set(&error, "JSON parse error, %s", text);
    s->fn(s->opaque, NULL, error);
    g_error_free(error);
}

/* What was collected is a whole value. */
static void stream_finish(JsonStream *s)
{
    GError *error = NULL;
    g_autofree char *text = g_strndup(s->text->str, s->text->len);
    size_t len = s->text->len;
    json_stream_reset(s);
    Json *v = json_parse(text, len, &error);
    s->fn(s->opaque, v, error);
    g_clear_error(&error);
}

static void stream_close(JsonStream *s, char c)
{
    unsigned level = s->depth - 1;
    bool object = s->closer[level / 8] >> level % 8 & 1;
    if (object != (c == '}')) {
        stream_error(s, "expected separator in %s", object ? "dict" : "list");
        return;
    }
    g_string_append_c(s->text, c);
    if (!--s->depth)
        stream_finish(s);
}

static void stream_open(JsonStream *s, char c)
{
    if (s->depth == MAX_DEPTH) {
        stream_error(s, "nested deeper than %d levels", MAX_DEPTH);
        return;
    }
    unsigned level = s->depth++;
    s->closer[level / 8] &= ~(1 << level % 8);
    s->closer[level / 8] |= (c == '{') << level % 8;
    g_string_append_c(s->text, c);
}

static void stream_in_string(JsonStream *s, char c)
{
    g_string_append_c(s->text, c);
    if (s->escaped)
        s->escaped = false;
    else if (c == '\\')
        s->escaped = true;
    else if (c == s->quote) {
        s->quote = 0;
        if (!s->depth)
            stream_finish(s);
    }
}

static void stream_byte(JsonStream *s, char c)
{
    unsigned char u = c;
    bool space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    if (u == 0xff || (u < 32 && (!space || s->quote))) {
        stream_error(s, "stray '\\x%02x'", u);
        return;
    }
    if (s->quote) {
        stream_in_string(s, c);
        return;
    }
    bool scalar = !s->depth && s->text->len; /* a number or keyword at top level */
    if (scalar && (space || strchr("{}[]\"',:", c)))
        stream_finish(s);
    if (space) {
        if (s->depth)
            g_string_append_c(s->text, c);
    } else if (c == '{' || c == '[') {
        stream_open(s, c);
    } else if ((c == '}' || c == ']') && s->depth) {
        stream_close(s, c);
    } else if (!s->depth && strchr("}],:", c)) {
        stream_error(s, "expecting value, not '%c'", c);
    } else {
        if (c == '"' || c == '\'')
            s->quote = c;
        g_string_append_c(s->text, c);
    }
}

void json_stream_feed(JsonStream *s, const char *buf, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        stream_byte(s, buf[i]);
        if (s->text->len > MAX_SIZE)
            stream_error(s, "more than %d MiB", MAX_SIZE >> 20);
    }
}
