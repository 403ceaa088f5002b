/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Errors: see include/util/error.h. */
#include "util/error.h"

#include <stdio.h>
#include <string.h>

G_DEFINE_QUARK(sosia-error-quark, sosia_error)

static void set_message(GError **error, const char *fmt, va_list ap, const char *suffix)
{
    if (!error)
        return;
    char *text = g_strdup_vprintf(fmt, ap);
    /* The first error is the cause; a later one would only hide it. */
    if (!*error)
        g_set_error(error, SOSIA_ERROR, 1, "%s%s%s", text, suffix ? ": " : "", suffix ? suffix : "");
    g_free(text);
}

bool error_set(GError **error, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    set_message(error, fmt, ap, NULL);
    va_end(ap);
    return false;
}

bool error_set_errno(GError **error, int err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    set_message(error, fmt, ap, g_strerror(err));
    va_end(ap);
    return false;
}

/* One line whatever the user's words in it are; nothing that a terminal would obey. */
static void report(const char *kind, const char *fmt, va_list ap)
{
    char *text = g_strdup_vprintf(fmt, ap);
    for (char *p = text; *p; p++)
        *p = g_ascii_iscntrl(*p) ? '?' : *p;
    const char *program = g_get_prgname();
    fprintf(stderr, "%s: %s%s\n", program ? program : "sosia", kind, text);
    g_free(text);
}

void error_report(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    report("", fmt, ap);
    va_end(ap);
}

void warn_report(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    report("warning: ", fmt, ap);
    va_end(ap);
}

/* Optimal string alignment distance: insertions, deletions, substitutions, adjacent swaps. */
static unsigned edit_distance(const char *a, const char *b)
{
    enum { MAX = 64 };
    size_t n = strlen(a), m = strlen(b);
    if (n > MAX || m > MAX)
        return MAX;
    unsigned row[3][MAX + 1];
    for (size_t j = 0; j <= m; j++)
        row[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        unsigned *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= m; j++) {
            unsigned cost = g_ascii_tolower(a[i - 1]) != g_ascii_tolower(b[j - 1]);
            unsigned best = MIN(MIN(last[j] + 1, now[j - 1] + 1), last[j - 1] + cost);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                best = MIN(best, before[j - 2] + 1);
            now[j] = best;
        }
    }
    return row[n % 3][m];
}

const char *error_nearest(const char *word, const char *const *names)
{
    const char *best = NULL;
    /* A third of the letters may be wrong; a prefix is a good guess too. */
    unsigned limit = strlen(word) / 3 + 1, best_distance = limit + 1;
    for (; *names; names++) {
        unsigned d = edit_distance(word, *names);
        if (strlen(word) >= 3 && g_str_has_prefix(*names, word))
            d = MIN(d, limit);
        if (d < best_distance && d < strlen(word)) {
            best_distance = d;
            best = *names;
        }
    }
    return best;
}
