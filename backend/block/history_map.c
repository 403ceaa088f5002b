/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The maps of history.c: for each snapshot of a disk, where its clusters are, in memory and in a
 * file; and which slots of the log are in use.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <unistd.h>

#include "backend/block/history_int.h"
#include "util/error.h"

char *history_map_path(const HistoryNode *h, const char *uuid)
{
    g_autofree char *name = g_strconcat(uuid, ".map", NULL);
    return g_build_filename(h->dir, name, NULL);
}

/* Reads what is allocated of a map: most of it is a hole. */
static int read_slots(int fd, uint64_t *slots, uint64_t clusters)
{
    off_t end = HEAD + (off_t)(clusters * 8), at = HEAD;
    while (at < end && (at = lseek(fd, at, SEEK_DATA)) >= 0 && at < end) {
        off_t stop = lseek(fd, at, SEEK_HOLE);
        at &= ~(off_t)7;
        stop = stop < 0 || stop > end ? end : stop;
        int r = history_fd_rw(fd, false, (char *)slots + (at - HEAD), stop - at, at);
        if (r)
            return r;
        at = stop;
    }
    for (uint64_t c = 0; G_BYTE_ORDER == G_BIG_ENDIAN && c < clusters; c++)
        slots[c] = GUINT64_FROM_LE(slots[c]);
    return 0;
}

Map *history_map_free(Map *m, const HistoryNode *h)
{
    Map *next = m->next;
    if (m->fd >= 0)
        close(m->fd);
    if (m->slot)
        munmap(m->slot, history_slots_bytes(h));
    g_free(m->uuid);
    g_free(m);
    return next;
}

static bool slots_exist(const HistoryNode *h, const uint64_t *slots)
{
    for (uint64_t c = 0; c < h->clusters; c++)
        if (slots[c] >= h->next_slot && slots[c] >= FIRST_SLOT)
            return false;
    return true;
}

Map *history_map_open(HistoryNode *h, const char *file, MapHead *head, GError **error)
{
    g_autofree char *path = g_build_filename(h->dir, file, NULL);
    Map *m = g_new0(Map, 1);
    m->fd = open(path, O_RDWR | O_CLOEXEC);
    m->slot = history_reserve(history_slots_bytes(h));
    if (m->fd < 0 || !m->slot || history_fd_rw(m->fd, false, head, sizeof *head, 0))
        error_set_errno(error, errno, "can't read '%s'", path);
    else if (memcmp(head->magic, "SOSIAMAP", 8) || head->version != MAP_VERSION ||
             head->cluster_bits != CLUSTER_BITS || !memchr(head->uuid, 0, sizeof head->uuid) ||
             !memchr(head->path, 0, sizeof head->path))
        error_set(error, "'%s' is damaged", path);
    else if (head->disk_size != h->node.size)
        error_set(error, "'%s' is of a disk of %" G_GUINT64_FORMAT " bytes, and the image has %"
                  G_GUINT64_FORMAT, path, head->disk_size, h->node.size);
    else if (read_slots(m->fd, m->slot, h->clusters))
        error_set(error, "can't read '%s'", path);
    else if (!slots_exist(h, m->slot))
        error_set(error, "'%s' is damaged, or the log beside it was cut short", path);
    else
        return m;
    history_map_free(m, h);
    return NULL;
}

int history_map_write(HistoryNode *h, const char *file, const char *uuid, const char *snapshot,
                     const uint64_t *slots)
{
    g_autofree char *path = g_build_filename(h->dir, file, NULL);
    g_autofree MapHead *head = g_new0(MapHead, 1);
    memcpy(head->magic, "SOSIAMAP", 8);
    head->version = MAP_VERSION;
    head->cluster_bits = CLUSTER_BITS;
    head->disk_size = h->node.size;
    g_strlcpy(head->uuid, uuid, sizeof head->uuid);
    g_strlcpy(head->path, snapshot, sizeof head->path);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool ok = fd >= 0 && !history_fd_rw(fd, true, head, sizeof *head, 0) &&
              !ftruncate(fd, HEAD + (off_t)(h->clusters * 8));
    for (uint64_t c = 0; ok && slots && c < h->clusters; c++) {
        if (slots[c] == IN_IMAGE)
            continue;
        uint64_t n = 1;
        while (c + n < h->clusters && n < 8192 && slots[c + n] != IN_IMAGE)
            n++;
        ok = !history_fd_rw(fd, true, (void *)(slots + c), n * 8, HEAD + c * 8);
        c += n;
    }
    if (ok)
        return fd;
    int err = errno;
    if (fd >= 0)
        close(fd);
    unlink(path);
    errno = err;
    return -1;
}

void history_find_needed(HistoryNode *h)
{
    for (uint64_t c = 0; c < h->clusters; c++) {
        bool any = false;
        for (Map *m = h->maps; !any && m; m = m->next)
            any = m->slot[c] == IN_IMAGE;
        if (any)
            h->needed[c / 64] |= BIT(c % 64);
        else if (history_is_needed(h, c))
            h->needed[c / 64] &= ~BIT(c % 64);
    }
}

static void mark_used(const HistoryNode *h, const uint64_t *slots, uint8_t *used)
{
    for (uint64_t c = 0; slots && c < h->clusters; c++)
        if (slots[c] >= FIRST_SLOT && slots[c] < h->next_slot)
            used[slots[c] / 8] |= BIT(slots[c] % 8);
}

void history_free_slots(HistoryNode *h)
{
    uint64_t n = h->next_slot;
    g_autofree uint8_t *used = g_malloc0(n / 8 + 1);
    for (Map *m = h->maps; m; m = m->next)
        mark_used(h, m->slot, used);
    mark_used(h, h->n_current ? h->current : NULL, used);
    uint64_t last = FIRST_SLOT;
    for (uint64_t s = FIRST_SLOT; s < n; s++) {
        uint64_t e = s;
        while (e < n && !(used[e / 8] >> e % 8 & 1))
            e++;
        if (e > s)
            fallocate(h->log, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, history_slot_at(s),
                      (off_t)((e - s) << CLUSTER_BITS));
        if (e < n)
            last = e + 1;
        s = e;
    }
    h->next_slot = last;
    if (ftruncate(h->log, history_slot_at(last)))
        return; /* it is only longer than it need be */
}
