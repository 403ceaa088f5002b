/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vFile packets (gdb manual, "Host I/O Packets"): the files that library.c names, to be read. There
 * are no others, nothing of the host's. A file is made when it is opened and stays what it was
 * until it is closed, whatever the guest does. gdb keeps the files of all libraries open.
 */
#include "monitor/gdb/gdb_int.h"

#include <string.h>

#include "util/bits.h"

/* Errors as the File-I/O protocol numbers them. */
enum { FILE_ENOENT = 2, FILE_EIO = 5, FILE_EBADF = 9, FILE_EINVAL = 22, FILE_EMFILE = 24,
       FILE_EROFS = 30 };
enum { MAX_FILES = 4096, MAX_BYTES = 256 << 20, O_ACCESS = 3 };

static GBytes *files[MAX_FILES]; /* by descriptor */
static size_t total;             /* bytes in them */

static bool result(GString *out, uint64_t value)
{
    g_string_append_printf(out, "F%" G_GINT64_MODIFIER "x", value);
    return true;
}

static bool failed(GString *out, unsigned why)
{
    g_string_append_printf(out, "F-1,%x", why);
    return true;
}

static char *get_path(GdbText *t)
{
    GByteArray *bytes = gdb_get_bytes(t);
    g_byte_array_append(bytes, (const guint8 *)"", 1);
    return (char *)g_byte_array_free(bytes, FALSE);
}

/* An open file. */
static bool get_file(GdbText *t, uint64_t *fd)
{
    return gdb_get_hex(t, fd) && *fd < MAX_FILES && files[*fd];
}

static void close_file(unsigned fd)
{
    total -= g_bytes_get_size(files[fd]);
    g_clear_pointer(&files[fd], g_bytes_unref);
}

void gdb_files_close(void)
{
    for (unsigned i = 0; i < MAX_FILES; i++)
        if (files[i])
            close_file(i);
}

/* setfs:PID: whose view of the files; there is one. */
static bool file_setfs(GdbText t, GString *out)
{
    return result(out, 0);
}

/* open:NAME,FLAGS,MODE */
static bool file_open(GdbText t, GString *out)
{
    g_autofree char *path = get_path(&t);
    uint64_t flags, mode;
    unsigned fd = 0;
    if (!gdb_get_char(&t, ',') || !gdb_get_range(&t, &flags, &mode))
        return failed(out, FILE_EINVAL);
    if (!gdb_library_exists(path))
        return failed(out, FILE_ENOENT);
    if (flags & O_ACCESS)
        return failed(out, FILE_EROFS);
    while (fd < MAX_FILES && files[fd])
        fd++;
    if (fd == MAX_FILES || total > MAX_BYTES)
        return failed(out, FILE_EMFILE);
    files[fd] = gdb_library_file(path);
    if (!files[fd])
        return failed(out, FILE_EIO);
    total += g_bytes_get_size(files[fd]);
    return result(out, fd);
}

static bool file_close(GdbText t, GString *out)
{
    uint64_t fd;
    if (!get_file(&t, &fd))
        return failed(out, FILE_EBADF);
    close_file((unsigned)fd);
    return result(out, 0);
}

/* pread:FD,COUNT,OFFSET */
static bool file_pread(GdbText t, GString *out)
{
    uint64_t fd, len, offset;
    if (!get_file(&t, &fd))
        return failed(out, FILE_EBADF);
    if (!gdb_get_char(&t, ',') || !gdb_get_range(&t, &len, &offset))
        return failed(out, FILE_EINVAL);
    gsize size;
    const char *data = g_bytes_get_data(files[fd], &size);
    offset = MIN(offset, size);
    len = MIN(MIN(len, size - offset), (uint64_t)(GDB_PACKET_MAX - 32) / 2);
    result(out, len);
    g_string_append_c(out, ';');
    gdb_put_binary(out, data + offset, len);
    return true;
}

/* struct stat of the File-I/O protocol: words of 32 bits, and of 64 from st_size to st_blocks. */
static bool file_fstat(GdbText t, GString *out)
{
    enum { AT_MODE = 8, AT_NLINK = 12, AT_SIZE = 28, AT_BLKSIZE = 36, AT_BLOCKS = 44, BYTES = 64,
           S_REGULAR = 0100444 };
    uint8_t st[BYTES] = { 0 };
    uint64_t fd;
    if (!get_file(&t, &fd))
        return failed(out, FILE_EBADF);
    gsize size = g_bytes_get_size(files[fd]);
    store_be32(st + AT_MODE, S_REGULAR);
    store_be32(st + AT_NLINK, 1);
    store_be64(st + AT_SIZE, size);
    store_be64(st + AT_BLKSIZE, 4096);
    store_be64(st + AT_BLOCKS, (size + 511) / 512);
    result(out, BYTES);
    g_string_append_c(out, ';');
    gdb_put_binary(out, st, BYTES);
    return true;
}

/* None is a link. */
static bool file_readlink(GdbText t, GString *out)
{
    g_autofree char *path = get_path(&t);
    return failed(out, gdb_library_exists(path) ? FILE_EINVAL : FILE_ENOENT);
}

static bool file_read_only(GdbText t, GString *out)
{
    return failed(out, FILE_EROFS);
}

bool gdb_file_command(GdbText t, GString *out)
{
    static const struct {
        const char *name;
        bool (*fn)(GdbText t, GString *out);
    } table[] = {
        { "setfs:", file_setfs }, { "open:", file_open }, { "close:", file_close },
        { "pread:", file_pread }, { "fstat:", file_fstat }, { "readlink:", file_readlink },
        { "pwrite:", file_read_only }, { "unlink:", file_read_only },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++)
        if (gdb_get_word(&t, table[i].name))
            return table[i].fn(t, out);
    return true; /* the empty answer: not supported */
}
