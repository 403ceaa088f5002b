/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See include/util/inflate.h. */
#include "util/inflate.h"

#include <limits.h>
#include <zlib.h>

GBytes *inflate_gzip(const void *data, size_t len, uint64_t max, bool *too_long)
{
    z_stream z = { .next_in = (uint8_t *)data, .avail_in = (uInt)MIN(len, (size_t)UINT_MAX) };
    GByteArray *out = g_byte_array_new();
    int status = inflateInit2(&z, 15 + 16);
    *too_long = false;
    while (status == Z_OK) {
        guint at = out->len;
        if (at >= max || at > G_MAXUINT / 2) {
            *too_long = true;
            break;
        }
        guint room = MAX(1u << 20, at);
        g_byte_array_set_size(out, at + room);
        z.next_out = out->data + at;
        z.avail_out = room;
        status = inflate(&z, Z_NO_FLUSH);
        g_byte_array_set_size(out, at + room - z.avail_out);
    }
    inflateEnd(&z);
    if (status == Z_STREAM_END)
        return g_byte_array_free_to_bytes(out);
    g_byte_array_unref(out);
    return NULL;
}

bool inflate_raw(const void *data, size_t len, void *to, size_t room)
{
    z_stream z = { .next_in = (uint8_t *)data, .avail_in = (uInt)len, .next_out = to,
                   .avail_out = (uInt)room };
    if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
        return false;
    int end = inflate(&z, Z_FINISH);
    inflateEnd(&z);
    return !z.avail_out && (end == Z_STREAM_END || end == Z_OK || end == Z_BUF_ERROR);
}

size_t deflate_raw(const void *data, size_t len, int level, void *to, size_t room)
{
    z_stream z = { .next_in = (uint8_t *)data, .avail_in = (uInt)len, .next_out = to,
                   .avail_out = (uInt)room };
    if (deflateInit2(&z, level, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return 0;
    int end = deflate(&z, Z_FINISH);
    deflateEnd(&z);
    return end == Z_STREAM_END ? room - z.avail_out : 0;
}

uint32_t crc32_add(uint32_t sum, const void *data, size_t len)
{
    return crc32_z(sum, data, len);
}
