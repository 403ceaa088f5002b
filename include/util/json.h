/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON values (RFC 8259), a parser that takes a stream in any pieces, and a printer.
 *
 * Input may be hostile: size, nesting and memory are bounded, and every error is a message. As an
 * extension strings may stand in single quotes, because hand-written QMP has them.
 * A value belongs to one owner; a container owns what is in it.
 */
#ifndef UTIL_JSON_H
#define UTIL_JSON_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum JsonType {
    JSON_NULL, JSON_BOOL, JSON_INT /* fits int64_t */, JSON_UINT /* above that, fits uint64_t */,
    JSON_DOUBLE, JSON_STRING, JSON_ARRAY, JSON_OBJECT
} JsonType;

typedef struct Json Json;

/* ---- making ---- */
Json *json_null(void);
Json *json_bool(bool v);
Json *json_int(int64_t v);
Json *json_uint(uint64_t v);
Json *json_double(double v);
Json *json_string(const char *s);                      /* bytes that are no UTF-8 become U+FFFD */
Json *json_string_len(const char *s, size_t len);
Json *json_array(void);
Json *json_object(void);
Json *json_copy(const Json *v);
void json_free(Json *v);                               /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Json, json_free)
void json_add(Json *array, Json *v);                   /* takes v over */
void json_set(Json *object, const char *key, Json *v); /* takes v over; replaces */
void json_set_str(Json *object, const char *key, const char *s); /* NULL: leaves the key out */
void json_set_int(Json *object, const char *key, int64_t v);
void json_set_uint(Json *object, const char *key, uint64_t v);
void json_set_bool(Json *object, const char *key, bool v);

/* ---- looking ---- */
JsonType json_type(const Json *v);
unsigned json_len(const Json *v);                      /* of an array or object, else 0; NULL: 0 */
const Json *json_at(const Json *v, unsigned i);        /* NULL past the end */
const char *json_key_at(const Json *object, unsigned i);
const Json *json_get(const Json *object, const char *key); /* NULL: none, or not an object */
const char *json_str(const Json *v);                   /* NULL if it is not a string */
/* Members of an object, or def if it is not there or of another type. */
const char *json_get_str(const Json *object, const char *key, const char *def);
int64_t json_get_int(const Json *object, const char *key, int64_t def);
uint64_t json_get_uint(const Json *object, const char *key, uint64_t def);
double json_get_number(const Json *object, const char *key, double def); /* of any kind */
bool json_get_bool(const Json *object, const char *key, bool def);

/*
 * An object as option texts: {"a": {"b": true}, "c": [1]} gives a.b=on, c.0=1. What opts_parse
 * makes of "a.b=on,c.0=1". NULL if v is not an object.
 */
GHashTable *json_to_opts(const Json *v, GError **error);

/* ---- text ---- */
Json *json_parse(const char *text, size_t len, GError **error);
/* ", " and ": " between members, ASCII only; pretty: a line per member, indented by 4. */
void json_print(const Json *v, GString *out, bool pretty);

/* ---- streams ---- */
typedef struct JsonStream JsonStream;
/* Called per top-level value (which it owns) or error (v NULL; *error is freed by the stream). */
typedef void JsonStreamFn(void *opaque, Json *v, GError *error);
JsonStream *json_stream_new(JsonStreamFn *fn, void *opaque);
void json_stream_feed(JsonStream *s, const char *buf, size_t len);
void json_stream_reset(JsonStream *s);                 /* forgets a value begun */
/* Not from within the callback. */
void json_stream_free(JsonStream *s);

#endif
