/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Form of the tables that scripts/gen_schema.py makes from monitor/schema. */
#ifndef MONITOR_SCHEMA_H
#define MONITOR_SCHEMA_H

#include <stdbool.h>
#include <stdint.h>

#include "monitor/monitor.h"

typedef enum TypeKind {
    TYPE_STR, TYPE_INT, TYPE_NUMBER, TYPE_BOOL, TYPE_ANY, TYPE_ENUM, TYPE_ARRAY, TYPE_STRUCT,
} TypeKind;

typedef struct SchemaType SchemaType;

typedef struct SchemaMember {
    const char *name;
    const SchemaType *type;
    bool optional;
} SchemaMember;

struct SchemaType {
    const char *name;
    TypeKind kind;
    int64_t min, max;            /* TYPE_INT */
    const char *const *values;   /* TYPE_ENUM, NULL-terminated */
    const SchemaType *element;   /* TYPE_ARRAY */
    const SchemaMember *members; /* TYPE_STRUCT */
    unsigned n_members;
};

/* See monitor/schema/commands.toml for what the members mean. */
typedef struct Command {
    const char *qmp, *hmp, *hmp_args, *usage, *help, *text, *refuse, *reply, *says;
    const SchemaType *args, *returns;
    Json *(*query)(const Json *args, GError **error);
    bool (*act)(const Json *args, GError **error);
    void (*body)(Monitor *mon, const Json *args);
    bool open, paused;
} Command;

typedef struct SchemaEvent {
    const char *name, *doc;
    const SchemaType *data;
} SchemaEvent;

extern const Command commands[];              /* help NULL ends it */
extern const SchemaEvent schema_events[];     /* name NULL ends it */
extern const SchemaType *const schema_types[];/* NULL-terminated */

/*
 * Does v match the type? `name` is what v is called in the message; `open` lets a struct have
 * members that the type does not name.
 */
bool schema_check(const SchemaType *type, const Json *v, const char *name, bool open,
                  GError **error);
/* Runs a QMP command. The value returned ({} where there is none), or NULL with an error. */
Json *qmp_call(const char *name, const Json *args, GError **error);

#endif
