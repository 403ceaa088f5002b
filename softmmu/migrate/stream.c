/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stream: "SOSIAMIG", u32 version, u32 flags, then records of
 *   u32 type, u32 number of the record (from 0), u32 length, u32 CRC-32, that many bytes.
 * The checksum is of the twelve bytes before it and of what follows, and in the first record of the
 * stream's head, too, so that nothing can be lost, doubled, exchanged or changed unseen. Numbers are
 * little-endian. What comes from outside is believed to be anything: lengths have bounds, and memory
 * is taken as bytes come.
 */
#include <string.h>

#include "softmmu/migrate/migrate_int.h"
#include "util/bits.h"
#include "util/error.h"
#include "util/inflate.h"

enum { HEAD = 16, STEP = 1 << 20 };

bool mig_write_head(MigWriter *w, uint32_t flags, GError **error)
{
    uint8_t head[HEAD];
    memcpy(head, MIG_MAGIC, 8);
    store_le32(head + 8, MIG_VERSION);
    store_le32(head + 12, flags);
    w->sum = crc32_add(0, head, sizeof head);
    w->bytes += sizeof head;
    return w->write(w->opaque, head, sizeof head, error);
}

/* *before: the sum that this one goes on from, once. */
static uint32_t checksum(uint32_t *before, const uint8_t *head, const void *a, size_t a_len,
                         const void *b, size_t b_len)
{
    uint32_t sum = crc32_add(*before, head, 12);
    *before = 0;
    if (a_len)
        sum = crc32_add(sum, a, a_len);
    return b_len ? crc32_add(sum, b, b_len) : sum;
}

bool mig_write(MigWriter *w, MigType type, const void *a, size_t a_len, const void *b,
               size_t b_len, GError **error)
{
    uint8_t head[HEAD];
    g_assert(a_len + b_len <= MIG_RECORD_MAX);
    store_le32(head, type);
    store_le32(head + 4, w->sequence++);
    store_le32(head + 8, a_len + b_len);
    store_le32(head + 12, checksum(&w->sum, head, a, a_len, b, b_len));
    w->bytes += sizeof head + a_len + b_len;
    return w->write(w->opaque, head, sizeof head, error) &&
           (!a_len || w->write(w->opaque, a, a_len, error)) &&
           (!b_len || w->write(w->opaque, b, b_len, error));
}

bool mig_write_json(MigWriter *w, MigType type, const Json *v, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);
    json_print(v, text, false);
    if (text->len > MIG_MANIFEST_MAX)
        return error_set(error, "the machine has too many parts");
    return mig_write(w, type, text->str, text->len, NULL, 0, error);
}

bool mig_read_head(MigReader *r, GError **error)
{
    uint8_t head[HEAD];
    if (!r->buf)
        r->buf = g_byte_array_new();
    if (!r->read(r->opaque, head, sizeof head, error))
        return false;
    if (memcmp(head, MIG_MAGIC, 8))
        return error_set(error, "Not a migration stream of this program%s",
                         memcmp(head, "QEVM", 4) ? "" : ": QEMU's can't be read");
    if (load_le32(head + 8) != MIG_VERSION)
        return error_set(error, "the stream has version %u, and this program knows %d only",
                         load_le32(head + 8), MIG_VERSION);
    r->flags = load_le32(head + 12);
    if (r->flags & ~(uint32_t)MIG_ANSWERS)
        return error_set(error, "the stream is damaged, or of a newer program (flags 0x%x)",
                         r->flags);
    r->sum = crc32_add(0, head, sizeof head);
    return true;
}

bool mig_read(MigReader *r, MigRecord *rec, GError **error)
{
    uint8_t head[HEAD];
    if (!r->buf)
        r->buf = g_byte_array_new();
    if (!r->read(r->opaque, head, sizeof head, error))
        return false;
    uint32_t len = load_le32(head + 8);
    if (load_le32(head + 4) != r->sequence || len > MIG_RECORD_MAX)
        return error_set(error, "the stream is damaged: there is no record %u", r->sequence);
    for (uint32_t have = 0; have < len;) {
        uint32_t n = MIN(len - have, (uint32_t)STEP);
        g_byte_array_set_size(r->buf, have + n);
        if (!r->read(r->opaque, r->buf->data + have, n, error))
            return false;
        have += n;
    }
    if (checksum(&r->sum, head, r->buf->data, len, NULL, 0) != load_le32(head + 12))
        return error_set(error, "the stream is damaged: record %u has a wrong checksum",
                         r->sequence);
    r->sequence++;
    *rec = (MigRecord){ load_le32(head), r->buf->data, len };
    return true;
}

void mig_reader_clear(MigReader *r)
{
    g_clear_pointer(&r->buf, g_byte_array_unref);
}
