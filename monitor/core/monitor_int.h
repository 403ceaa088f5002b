/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the monitor share. */
#ifndef MONITOR_INT_H
#define MONITOR_INT_H

#include "monitor/core/readline.h"
#include "monitor/core/schema.h"
#include "monitor/monitor.h"

struct Monitor {
    Chardev *chr;        /* NULL: output is collected for hmp_execute */
    MonitorKind kind;
    GString *out;        /* not yet written */
    unsigned cpu;        /* index */
    GByteArray *input;   /* behind the command being carried out */
    bool ran;            /* a command was */
    bool suspended;
    guint input_tag, resume_tag;
    /* HMP */
    Readline *readline;
    bool focus;          /* of a mux; output waits without it */
    bool greeted;
    char format;         /* of x, xp and print when they do not say */
    int format_size;
    /* QMP */
    JsonStream *stream;
    bool negotiated;
};

extern GPtrArray *monitors;   /* Monitor *, all with a chardev */

/* Whose input is being carried out, or NULL. */
extern Monitor *monitor_active;

void monitor_flush(Monitor *mon);

/* schema.c: runs the QMP body, or what stands in its place; arguments are checked. */
Json *command_call(const Command *c, const Json *args, GError **error);

/* hmp.c */
void hmp_run(Monitor *mon, const char *line);
const Command *hmp_find(const char *name, bool info);
/* Candidates for the last word of `line`, which starts at *start. Free with its strings. */
GPtrArray *hmp_complete(const char *line, size_t *start);

/* hmp_args.c: arguments by Command.hmp_args, or NULL after a message. `typed` is what the user
 * wrote for the command's name. */
Json *hmp_parse_args(Monitor *mon, const Command *c, const char *typed, const char *text);
/* The next word ("quoted" or plain) of *p, or NULL with a message or at the end. */
char *hmp_word(Monitor *mon, const char **p);

/* expr.c: the expression at *p, which moves behind it. */
bool expr_parse(Cpu *cpu, const char **p, int64_t *value, GError **error);

/* qmp.c */
void qmp_greet(Monitor *mon);
void qmp_message(void *mon, Json *v, GError *error); /* a JsonStreamFn */

/* events.c */
void events_init(void);

#endif
