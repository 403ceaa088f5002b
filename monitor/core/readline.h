/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Line editing for terminals: cursor keys, history, completion. */
#ifndef MONITOR_READLINE_H
#define MONITOR_READLINE_H

#include <glib.h>

typedef struct Readline Readline;

typedef struct ReadlineOps {
    void (*print)(void *opaque, const char *text);
    void (*line)(void *opaque, const char *line);
    /* Candidates for the text's last word, which starts at *start. */
    GPtrArray *(*complete)(void *opaque, const char *text, size_t *start);
} ReadlineOps;

Readline *readline_new(const ReadlineOps *ops, void *opaque);
void readline_free(Readline *r);
void readline_feed(Readline *r, unsigned char c);
void readline_prompt(Readline *r, const char *prompt); /* an empty line with this prompt */
void readline_redraw(Readline *r);                     /* the line as it stands */
GPtrArray *readline_history(Readline *r);              /* char *, oldest first; not to be freed */

#endif
