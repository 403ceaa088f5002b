/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The log of -d: see include/util/log.h. */
#include "util/log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "util/error.h"

uint32_t log_mask;

static const struct {
    const char *name, *help;
} items_table[] = {
#define X(c, n, h) { n, h },
    LOG_ITEMS(X)
#undef X
};

static GMutex lock; /* of `stream`, and keeps multi-line output in one piece */
static FILE *stream;

bool log_set_items(const char *text, GError **error)
{
    uint32_t mask = 0;
    bool ok = true;
    char **words = g_strsplit(text, ",", -1);
    for (char **w = words; *w && ok; w++) {
        if (!**w || !strcmp(*w, "none"))
            continue;
        if (!strcmp(*w, "all")) {
            mask |= (1u << LOG_N_ITEMS) - 1;
            continue;
        }
        int found = -1;
        const char *names[LOG_N_ITEMS + 1] = { NULL };
        for (int i = 0; i < LOG_N_ITEMS; i++) {
            names[i] = items_table[i].name;
            if (!strcmp(*w, names[i]))
                found = i;
        }
        if (found >= 0) {
            mask |= 1u << found;
            continue;
        }
        const char *near = error_nearest(*w, names);
        ok = near ? error_set(error, "-d: there is no log item '%s'; did you mean '%s'?", *w, near)
                  : error_set(error, "-d: there is no log item '%s'; '-d help' lists them", *w);
    }
    g_strfreev(words);
    if (ok)
        log_mask = mask;
    return ok;
}

bool log_set_file(const char *name, GError **error)
{
    FILE *f = NULL;
    if (name && strcmp(name, "-")) {
        const char *percent = strchr(name, '%');
        char *path;
        if (percent && percent[1] == 'd' && !strchr(percent + 1, '%'))
            path = g_strdup_printf("%.*s%d%s", (int)(percent - name), name, (int)getpid(),
                                   percent + 2);
        else
            path = g_strdup(name);
        f = fopen(path, "w");
        int err = errno;
        if (!f)
            error_set_errno(error, err, "-D %s: cannot write the log", path);
        g_free(path);
        if (!f)
            return false;
        setvbuf(f, NULL, _IOLBF, 0);
    }
    g_mutex_lock(&lock);
    if (stream)
        fclose(stream);
    stream = f;
    g_mutex_unlock(&lock);
    return true;
}

char *log_items_help(void)
{
    GString *s = g_string_new("Log items (comma separated):\n");
    for (int i = 0; i < LOG_N_ITEMS; i++)
        g_string_append_printf(s, "%-15s %s\n", items_table[i].name, items_table[i].help);
    return g_string_free(s, FALSE);
}

FILE *log_begin(uint32_t items)
{
    if (!log_on(items))
        return NULL;
    g_mutex_lock(&lock);
    return stream ? stream : stderr;
}

void log_end(FILE *f)
{
    if (f)
        g_mutex_unlock(&lock);
}

static void log_line(uint32_t items, const char *where, const char *fmt, va_list ap)
{
    FILE *f = log_begin(items);
    if (!f)
        return;
    if (where)
        fprintf(f, "%s: ", where);
    vfprintf(f, fmt, ap);
    if (where)
        fputc('\n', f);
    log_end(f);
}

void log_printf(uint32_t items, const char *fmt, ...)
{
    if (!log_on(items))
        return;
    va_list ap;
    va_start(ap, fmt);
    log_line(items, NULL, fmt, ap);
    va_end(ap);
}

void log_guest_error(const char *where, const char *fmt, ...)
{
    if (!log_on(LOG_GUEST_ERRORS))
        return;
    va_list ap;
    va_start(ap, fmt);
    log_line(LOG_GUEST_ERRORS, where, fmt, ap);
    va_end(ap);
}

void log_unimp(const char *where, const char *fmt, ...)
{
    if (!log_on(LOG_UNIMP))
        return;
    va_list ap;
    va_start(ap, fmt);
    log_line(LOG_UNIMP, where, fmt, ap);
    va_end(ap);
}
