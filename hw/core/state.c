/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * State records: see include/hw/state.h.
 *
 * All numbers little-endian:
 *   record = u32 length of the rest, member...
 *   member = u8 type, u8 flags (1: optional), u8 length of name, name, u32 count,
 *            u32 length of data, data
 * Data of a struct member is `count` records. A timer is its expiry as i64 (-1: off), a pin its
 * level as u32. Type numbers are those of StateType and must never change their meaning.
 */
#include <string.h>

#include "hw/core/core.h"
#include "hw/irq.h"
#include "softmmu/run.h"
#include "util/bits.h"
#include "util/error.h"

enum { MEMBER_OPTIONAL = 1 };

static void put_u32(GByteArray *out, uint32_t v)
{
    uint8_t b[4];
    store_le32(b, v);
    g_byte_array_append(out, b, sizeof b);
}

static unsigned element_size(StateType type)
{
    switch (type) {
    case STATE_BOOL:
    case STATE_U8:
    case STATE_BYTES:
    case STATE_VAR_BYTES:
        return 1;
    case STATE_U16:
        return 2;
    case STATE_U32:
    case STATE_VAR_U32:
    case STATE_IRQ:
        return 4;
    case STATE_U64:
    case STATE_TIMER:
        return 8;
    default:
        return 0; /* no fixed size */
    }
}

static uint32_t member_count(const StateField *f, const void *obj)
{
    if (f->type == STATE_VAR_U32 || f->type == STATE_VAR_BYTES)
        return *(const uint32_t *)((const char *)obj + f->count_offset);
    return f->type == STATE_CUSTOM ? 1 : f->count;
}

/* The bytes of a plain member, or NULL where it needs conversion. */
static void *plain_data(const StateField *f, const void *obj)
{
    char *at = (char *)obj + f->offset;
    switch (f->type) {
    case STATE_VAR_U32:
    case STATE_VAR_BYTES:
        return *(void **)at;
    case STATE_STRUCT:
    case STATE_TIMER:
    case STATE_IRQ:
    case STATE_CUSTOM:
    case STATE_END:
        return NULL;
    default:
        return at;
    }
}

static void save_member(const StateField *f, const void *obj, GByteArray *out)
{
    const char *at = (const char *)obj + f->offset;
    uint32_t count = member_count(f, obj);
    size_t name_len = strlen(f->name);
    uint8_t head[3] = { f->type, f->optional ? MEMBER_OPTIONAL : 0, (uint8_t)name_len };
    g_assert(name_len < 256);

    g_byte_array_append(out, head, sizeof head);
    g_byte_array_append(out, (const uint8_t *)f->name, name_len);
    put_u32(out, count);
    guint len_at = out->len;
    put_u32(out, 0);

    const void *plain = plain_data(f, obj);
    if (plain) {
        g_byte_array_append(out, plain, count * element_size(f->type));
    } else if (f->type == STATE_STRUCT) {
        for (uint32_t i = 0; i < count; i++)
            state_save(f->fields, at + i * f->stride, out);
    } else if (f->type == STATE_TIMER) {
        for (uint32_t i = 0; i < count; i++) {
            const Timer *t = ((Timer *const *)at)[i];
            uint8_t b[8];
            store_le64(b, t ? (uint64_t)timer_expire_ns(t) : UINT64_MAX);
            g_byte_array_append(out, b, sizeof b);
        }
    } else if (f->type == STATE_IRQ) {
        for (uint32_t i = 0; i < count; i++)
            put_u32(out, ((const IrqLine *)at)[i].level);
    } else if (f->type == STATE_CUSTOM) {
        f->save(obj, out);
    }
    store_le32(out->data + len_at, out->len - len_at - 4);
}

void state_save(const StateField *fields, const void *obj, GByteArray *out)
{
    guint start = out->len;
    put_u32(out, 0);
    for (const StateField *f = fields; f && f->type != STATE_END; f++)
        save_member(f, obj, out);
    store_le32(out->data + start, out->len - start - 4);
}

typedef struct Member {
    uint8_t type, flags;
    char name[256];
    uint32_t count, len;
    const uint8_t *data;
} Member;

/* Takes one member off [*p, end). */
static bool next_member(const uint8_t **p, const uint8_t *end, Member *m)
{
    const uint8_t *q = *p;
    if (end - q < 3)
        return false;
    m->type = q[0];
    m->flags = q[1];
    unsigned name_len = q[2];
    q += 3;
    if (end - q < (ptrdiff_t)name_len + 8)
        return false;
    memcpy(m->name, q, name_len);
    m->name[name_len] = 0;
    q += name_len;
    m->count = load_le32(q);
    m->len = load_le32(q + 4);
    q += 8;
    if ((size_t)(end - q) < m->len)
        return false;
    m->data = q;
    *p = q + m->len;
    return true;
}

static const StateField *find_field(const StateField *fields, const char *name, unsigned *index)
{
    for (unsigned i = 0; fields && fields[i].type != STATE_END; i++) {
        if (!strcmp(fields[i].name, name)) {
            *index = i;
            return &fields[i];
        }
    }
    return NULL;
}

static bool check_structs(const StateField *f, const void *obj, const Member *m, GError **error)
{
    const uint8_t *p = m->data, *end = p + m->len;
    for (uint32_t i = 0; i < m->count; i++) {
        if (end - p < 4 || (size_t)(end - p) - 4 < load_le32(p))
            return error_set(error, "the record of member '%s' is cut short", m->name);
        size_t len = load_le32(p) + (size_t)4;
        if (!state_check(f->fields, (const char *)obj + f->offset + i * f->stride, p, len, error)) {
            g_prefix_error(error, "%s[%u]: ", f->name, i);
            return false;
        }
        p += len;
    }
    if (p != end)
        return error_set(error, "the record of member '%s' is too long", m->name);
    return true;
}

static bool check_member(const StateField *f, const void *obj, const Member *m, GError **error)
{
    if (m->type != f->type)
        return error_set(error, "member '%s' has type %u where %u is expected", f->name, m->type,
                         f->type);
    uint32_t count = member_count(f, obj);
    if (m->count != count)
        return error_set(error, "member '%s' has %u elements, this machine has %u", f->name,
                         m->count, count);
    unsigned size = element_size(f->type);
    if (size && m->len != (uint64_t)size * count)
        return error_set(error, "the record of member '%s' has a wrong length", f->name);
    if (f->type == STATE_STRUCT)
        return check_structs(f, obj, m, error);
    if (f->type == STATE_BOOL) {
        for (uint32_t i = 0; i < count; i++)
            if (m->data[i] > 1)
                return error_set(error, "member '%s' is neither true nor false", f->name);
    }
    if (f->type == STATE_TIMER) {
        Timer *const *timers = (Timer *const *)((const char *)obj + f->offset);
        for (uint32_t i = 0; i < count; i++)
            if (!timers[i] && load_le64(m->data + 8 * i) != UINT64_MAX)
                return error_set(error, "timer '%s' runs, and this machine doesn't have it",
                                 f->name);
    }
    return true;
}

bool state_check(const StateField *fields, const void *obj, const uint8_t *data, size_t len,
                 GError **error)
{
    if (len < 4 || load_le32(data) != len - 4)
        return error_set(error, "the record is cut short");
    unsigned n = 0;
    while (fields && fields[n].type != STATE_END)
        n++;
    g_autofree bool *seen = g_new0(bool, n + 1);
    const uint8_t *p = data + 4, *end = data + len;
    while (p < end) {
        Member m;
        unsigned i;
        if (!next_member(&p, end, &m))
            return error_set(error, "the record is damaged");
        const StateField *f = find_field(fields, m.name, &i);
        if (!f) {
            if (m.flags & MEMBER_OPTIONAL)
                continue;
            return error_set(error, "member '%s' is unknown to this version",
                             g_utf8_validate(m.name, -1, NULL) ? m.name : "?");
        }
        if (seen[i])
            return error_set(error, "member '%s' is there twice", f->name);
        seen[i] = true;
        if (!check_member(f, obj, &m, error))
            return false;
    }
    for (unsigned i = 0; i < n; i++)
        if (!seen[i] && !fields[i].optional)
            return error_set(error, "member '%s' is missing", fields[i].name);
    return true;
}

/* Stores a record that state_check accepted. Only custom members can fail here. */
static bool apply(const StateField *fields, void *obj, const uint8_t *data, size_t len,
                  GError **error)
{
    const uint8_t *p = data + 4, *end = data + len;
    Member m;
    while (p < end && next_member(&p, end, &m)) {
        unsigned index;
        const StateField *f = find_field(fields, m.name, &index);
        if (!f)
            continue;
        char *at = (char *)obj + f->offset;
        void *plain = plain_data(f, obj);
        if (plain) {
            memcpy(plain, m.data, m.len);
        } else if (f->type == STATE_STRUCT) {
            const uint8_t *q = m.data;
            for (uint32_t i = 0; i < m.count; i++) {
                size_t n = load_le32(q) + (size_t)4;
                if (!apply(f->fields, at + i * f->stride, q, n, error))
                    return false;
                q += n;
            }
        } else if (f->type == STATE_TIMER) {
            for (uint32_t i = 0; i < m.count; i++) {
                Timer *t = ((Timer **)at)[i];
                int64_t expire = (int64_t)load_le64(m.data + 8 * i);
                if (t && expire >= 0)
                    timer_mod(t, expire);
                else if (t)
                    timer_del(t);
            }
        } else if (f->type == STATE_IRQ) {
            for (uint32_t i = 0; i < m.count; i++)
                ((IrqLine *)at)[i].level = (int)load_le32(m.data + 4 * i);
        } else if (f->type == STATE_CUSTOM && !f->load(obj, m.data, m.len, error)) {
            g_prefix_error(error, "%s: ", f->name);
            return false;
        }
    }
    return true;
}

bool state_load(const StateField *fields, void *obj, const uint8_t *data, size_t len,
                GError **error)
{
    if (!state_check(fields, obj, data, len, error))
        return false;
    /* A custom member may refuse when others were stored already: keep the way back. */
    g_autoptr(GByteArray) before = g_byte_array_new();
    state_save(fields, obj, before);
    if (apply(fields, obj, data, len, error))
        return true;
    apply(fields, obj, before->data, before->len, NULL);
    return false;
}
