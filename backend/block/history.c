/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a disk held when snapshots were taken: a layer over any node.
 *
 * The image itself always is the disk as it is now, so that other programs can use it. Before the
 * first write to a cluster after a snapshot, what was there is copied to a log; each snapshot has a
 * map that says where its clusters are: 0, still in the image; 1, zeros; n, slot n of the log.
 * Snapshots share slots. Going back to a snapshot makes its map the "current" one, which takes no
 * time: clusters named there are read from the log, and copied back by a thread, or before they are
 * written in part. When that is done the image is the truth again.
 *
 * FILE.snapshots/.disk holds
 *   log            clusters, by slot
 *   UUID.map       of each snapshot: a head of 4096 bytes, a u64 (little-endian) per cluster
 *   current.map    the same, while clusters have still to be copied back
 *   stamp          size and time of the image when it was closed; not there while it is open
 *   foreign        somebody else changed the image: snapshots can't be trusted
 *
 * Every step leaves a state that the next start understands, whenever the program is killed: slots
 * are written before maps name them, maps before the image is overwritten. Against loss of power
 * the order holds from one flush of the guest to the next.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/block/history_int.h"
#include "util/error.h"
#include "util/tsan.h"

static HistoryNode *history(BlockNode *n)
{
    return (HistoryNode *)n;
}

static void lock(HistoryNode *h)
{
    g_mutex_lock(&h->lock);
    TSAN_ACQUIRE(&h->lock);
}

static void unlock(HistoryNode *h)
{
    TSAN_RELEASE(&h->lock);
    g_mutex_unlock(&h->lock);
}

/* ---- pieces ---- */

static uint64_t cluster_len(const HistoryNode *h, uint64_t c)
{
    return MIN((uint64_t)CLUSTER, h->node.size - (c << CLUSTER_BITS));
}

static int read_slot(HistoryNode *h, uint64_t slot, uint64_t offset, const struct iovec *iov,
                     int n, uint64_t len)
{
    if (slot != ZEROS)
        return block_fd_rw(h->log, false, history_slot_at(slot) + offset, iov, n, len);
    for (int i = 0; i < n; i++)
        memset(iov[i].iov_base, 0, iov[i].iov_len);
    return 0;
}

static int set_slot(int fd, uint64_t *slots, uint64_t c, uint64_t slot)
{
    uint64_t le = GUINT64_TO_LE(slot);
    int r = history_fd_rw(fd, true, &le, 8, HEAD + c * 8);
    if (!r)
        slots[c] = slot;
    return r;
}

/* ---- keeping ---- */

static bool all_zero(const uint8_t *p, uint64_t len)
{
    return !p[0] && !memcmp(p, p + 1, len - 1);
}

/* Copies the image's cluster for the snapshots that have it there. Lock held. */
static int keep(HistoryNode *h, uint64_t c, uint8_t *buf)
{
    uint64_t len = cluster_len(h, c), slot = ZEROS;
    struct iovec iov = { buf, len };
    if (!history_is_needed(h, c))
        return 0;
    int r = h->node.file->driver->readv(h->node.file, c << CLUSTER_BITS, &iov, 1, len);
    if (!r && !all_zero(buf, len)) {
        slot = h->next_slot++;
        r = history_fd_rw(h->log, true, buf, len, history_slot_at(slot));
    }
    for (Map *m = h->maps; !r && m; m = m->next)
        if (m->slot[c] == IN_IMAGE)
            r = set_slot(m->fd, m->slot, c, slot);
    if (!r)
        atomic_fetch_and_explicit(&h->needed[c / 64], ~BIT(c % 64), memory_order_release);
    return r;
}

static void current_gone(HistoryNode *h)
{
    g_autofree char *path = g_build_filename(h->dir, "current.map", NULL);
    unlink(path);
    close(h->current_fd);
    h->current_fd = -1;
    /* Readers may still look: the memory stays, all IN_IMAGE, until the next load. */
}

static int clear_current(HistoryNode *h, uint64_t c)
{
    uint64_t *slots = atomic_load(&h->current);
    int r = set_slot(h->current_fd, slots, c, IN_IMAGE);
    if (!r && !--h->n_current)
        current_gone(h);
    return r;
}

static uint64_t current_slot(HistoryNode *h, uint64_t c)
{
    const uint64_t *slots = atomic_load_explicit(&h->current, memory_order_acquire);
    return slots ? __atomic_load_n(&slots[c], __ATOMIC_ACQUIRE) : IN_IMAGE;
}

/* Brings a cluster of the current map back into the image. Lock held. */
static int copy_back(HistoryNode *h, uint64_t c, uint8_t *buf)
{
    uint64_t slot = current_slot(h, c), len = cluster_len(h, c);
    struct iovec iov = { buf, len };
    if (slot == IN_IMAGE)
        return 0;
    int r = keep(h, c, buf);
    if (!r)
        r = read_slot(h, slot, 0, &iov, 1, len);
    if (!r)
        r = h->node.file->driver->writev(h->node.file, c << CLUSTER_BITS, &iov, 1, len);
    return r ? r : clear_current(h, c);
}

/* ---- transfers ---- */

static bool range_is(HistoryNode *h, uint64_t offset, uint64_t len, bool *needed, bool *current)
{
    *needed = *current = false;
    for (uint64_t c = offset >> CLUSTER_BITS; c <= (offset + len - 1) >> CLUSTER_BITS; c++) {
        *needed |= history_is_needed(h, c);
        *current |= current_slot(h, c) != IN_IMAGE;
    }
    return *needed || *current;
}

/*
 * Before [offset, offset + len) is overwritten. With the lock held afterwards if *current: then
 * clusters that are overwritten as a whole are still in the current map.
 */
static int before_write(HistoryNode *h, uint64_t offset, uint64_t len, bool *current)
{
    bool needed;
    *current = false;
    if (!range_is(h, offset, len, &needed, current))
        return 0;
    g_autofree uint8_t *buf = g_malloc(CLUSTER);
    int r = 0;
    lock(h);
    for (uint64_t c = offset >> CLUSTER_BITS; !r && c <= (offset + len - 1) >> CLUSTER_BITS; c++) {
        uint64_t start = c << CLUSTER_BITS;
        bool whole = offset <= start && offset + len >= start + cluster_len(h, c);
        if (current_slot(h, c) != IN_IMAGE && !whole)
            r = copy_back(h, c, buf);
        if (!r)
            r = keep(h, c, buf);
    }
    if (r || !*current) {
        *current = false;
        unlock(h);
    }
    return r;
}

static int after_write(HistoryNode *h, uint64_t offset, uint64_t len, bool current, int r)
{
    if (!current)
        return r;
    for (uint64_t c = offset >> CLUSTER_BITS; !r && c <= (offset + len - 1) >> CLUSTER_BITS; c++)
        if (current_slot(h, c) != IN_IMAGE)
            r = clear_current(h, c);
    unlock(h);
    return r;
}

static int history_writev(BlockNode *n, uint64_t offset, const struct iovec *iov, int n_iov,
                          uint64_t len)
{
    HistoryNode *h = history(n);
    bool current;
    int r = len ? before_write(h, offset, len, &current) : 0;
    if (r || !len)
        return r;
    r = h->node.file->driver->writev(h->node.file, offset, iov, n_iov, len);
    return after_write(h, offset, len, current, r);
}

static int history_write_zeroes(BlockNode *n, uint64_t offset, uint64_t len, bool may_unmap)
{
    HistoryNode *h = history(n);
    bool current;
    int r = len ? before_write(h, offset, len, &current) : 0;
    if (r || !len)
        return r;
    r = h->node.file->driver->write_zeroes(h->node.file, offset, len, may_unmap);
    return after_write(h, offset, len, current, r);
}

/* What a discard leaves behind is up to the base, so clusters must come back first. */
static int history_discard(BlockNode *n, uint64_t offset, uint64_t len)
{
    HistoryNode *h = history(n);
    bool needed, current;
    int r = 0;
    if (!len)
        return 0;
    if (range_is(h, offset, len, &needed, &current)) {
        g_autofree uint8_t *buf = g_malloc(CLUSTER);
        lock(h);
        for (uint64_t c = offset >> CLUSTER_BITS; !r && c <= (offset + len - 1) >> CLUSTER_BITS;
             c++) {
            r = copy_back(h, c, buf);
            if (!r)
                r = keep(h, c, buf);
        }
        unlock(h);
    }
    return r ? r : h->node.file->driver->discard(h->node.file, offset, len);
}

/* Moves a vector's start by n bytes; `part` has room for it. */
static int advance(struct iovec *part, int n_part, uint64_t n)
{
    int i = 0;
    while (i < n_part && n >= part[i].iov_len)
        n -= part[i++].iov_len;
    memmove(part, part + i, (n_part - i) * sizeof *part);
    if (i < n_part && n) {
        part[0].iov_base = (char *)part[0].iov_base + n;
        part[0].iov_len -= n;
    }
    return n_part - i;
}

/* The first len bytes of a vector, which is cut for the time being. */
static int cut(const struct iovec *from, int n, uint64_t len, struct iovec *to)
{
    int k = 0;
    for (int i = 0; i < n && len; i++) {
        to[k] = from[i];
        to[k].iov_len = MIN(to[k].iov_len, len);
        len -= to[k++].iov_len;
    }
    return k;
}

static int read_piecewise(HistoryNode *h, uint64_t offset, const struct iovec *iov, int n_iov,
                          uint64_t len)
{
    g_autofree struct iovec *rest = g_memdup2(iov, n_iov * sizeof *iov);
    g_autofree struct iovec *part = g_new(struct iovec, n_iov);
    int n = n_iov, r = 0;
    while (!r && len) {
        uint64_t c = offset >> CLUSTER_BITS, in = offset & (CLUSTER - 1);
        uint64_t here = MIN(len, CLUSTER - in), slot = current_slot(h, c);
        int k = cut(rest, n, here, part);
        r = slot == IN_IMAGE ? h->node.file->driver->readv(h->node.file, offset, part, k, here)
                             : read_slot(h, slot, in, part, k, here);
        n = advance(rest, n, here);
        offset += here;
        len -= here;
    }
    return r;
}

static int history_readv(BlockNode *n, uint64_t offset, const struct iovec *iov, int n_iov,
                         uint64_t len)
{
    HistoryNode *h = history(n);
    bool needed, current = false;
    if (len && atomic_load_explicit(&h->current, memory_order_acquire))
        range_is(h, offset, len, &needed, &current);
    if (current)
        return read_piecewise(h, offset, iov, n_iov, len);
    return h->node.file->driver->readv(h->node.file, offset, iov, n_iov, len);
}

static int history_try_rw(BlockNode *n, bool write, uint64_t offset, const struct iovec *iov,
                          int n_iov, uint64_t len)
{
    HistoryNode *h = history(n);
    bool needed, current;
    if (!h->node.file->driver->try_rw || !len)
        return -EAGAIN;
    range_is(h, offset, len, &needed, &current);
    if (current || (write && needed))
        return -EAGAIN;
    return h->node.file->driver->try_rw(h->node.file, write, offset, iov, n_iov, len);
}

static int history_flush(BlockNode *n)
{
    HistoryNode *h = history(n);
    int r = 0;
    /* What was kept must be safe before what replaced it. */
    if (h->maps || h->n_current) {
        lock(h);
        r = fdatasync(h->log) ? -errno : 0;
        for (Map *m = h->maps; !r && m; m = m->next)
            r = fdatasync(m->fd) ? -errno : 0;
        if (!r && h->current_fd >= 0)
            r = fdatasync(h->current_fd) ? -errno : 0;
        unlock(h);
    }
    return r ? r : h->node.file->driver->flush(h->node.file);
}

static int history_status(BlockNode *n, uint64_t offset, uint64_t *run, BlockStatus *s)
{
    bool needed, current = false;
    if (atomic_load_explicit(&history(n)->current, memory_order_acquire))
        range_is(history(n), offset, *run, &needed, &current);
    *s = BLOCK_DATA;
    return current ? 0 : block_node_status(n->file, offset, run, s);
}

static int history_resize(BlockNode *n, uint64_t size)
{
    HistoryNode *h = history(n);
    return size == h->node.size ? 0 : -EBUSY;
}

/* ---- copying back ---- */

static gpointer copier(gpointer arg)
{
    HistoryNode *h = arg;
    g_autofree uint8_t *buf = g_malloc(CLUSTER);
    for (uint64_t c = 0; c < h->clusters && !atomic_load(&h->stop_copier); c++) {
        if (current_slot(h, c) == IN_IMAGE)
            continue;
        lock(h);
        int r = copy_back(h, c, buf);
        unlock(h);
        if (r) {
            error_report("a cluster of '%s' can't be copied back from its snapshot: %s; it is "
                         "read from there as long as that is so", h->image, g_strerror(-r));
            break;
        }
    }
    return NULL;
}

static void copier_stop(HistoryNode *h)
{
    if (!h->copier)
        return;
    atomic_store(&h->stop_copier, true);
    g_thread_join(h->copier);
    h->copier = NULL;
    atomic_store(&h->stop_copier, false);
}

static void copier_start(HistoryNode *h)
{
    if (h->n_current && !h->node.read_only)
        h->copier = g_thread_try_new("disk", copier, h, NULL);
}

/* The new current map; its file is in place. Nobody reads or writes. */
static void current_set(HistoryNode *h, const uint64_t *slots, int fd)
{
    uint64_t *to = atomic_load(&h->current);
    if (h->current_fd >= 0)
        close(h->current_fd);
    if (!to)
        to = history_reserve(history_slots_bytes(h));
    if (!to)
        g_error("out of memory for the map of a disk");
    memcpy(to, slots, h->clusters * 8);
    h->n_current = 0;
    for (uint64_t c = 0; c < h->clusters; c++)
        h->n_current += to[c] != IN_IMAGE;
    h->current_fd = fd;
    atomic_store_explicit(&h->current, to, memory_order_release);
    if (!h->n_current)
        current_gone(h);
}

/* ---- the image's stamp ---- */

static char *stamp_now(const HistoryNode *h)
{
    struct stat st;
    if (!h->image || stat(h->image, &st))
        return NULL;
    return g_strdup_printf("%lld %lld.%09ld\n", (long long)st.st_size,
                           (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

static void stamp_check(HistoryNode *h)
{
    g_autofree char *path = g_build_filename(h->dir, "stamp", NULL);
    g_autofree char *mark = g_build_filename(h->dir, "foreign", NULL);
    g_autofree char *then = NULL, *now = stamp_now(h);
    if (now && g_file_get_contents(path, &then, NULL, NULL) && strcmp(then, now) &&
        !g_file_test(mark, G_FILE_TEST_EXISTS)) {
        g_file_set_contents(mark, now, -1, NULL);
        warn_report("'%s' was changed by another program since its snapshots were taken: they "
                    "can't be loaded. If it is an unchanged copy, remove '%s' before the start",
                    h->image, mark);
    }
    h->foreign = g_file_test(mark, G_FILE_TEST_EXISTS);
}

/* Before the first write: from now on the image may change at any time. */
static void stamp_remove(HistoryNode *h)
{
    g_autofree char *path = g_build_filename(h->dir, "stamp", NULL);
    unlink(path);
}

static void stamp_write(HistoryNode *h)
{
    g_autofree char *path = g_build_filename(h->dir, "stamp", NULL), *now = stamp_now(h);
    if (now && !h->node.read_only)
        g_file_set_contents(path, now, -1, NULL);
}

/* ---- life ---- */

static void remove_dir(const HistoryNode *h)
{
    static const char *const names[] = { "log", "stamp", "foreign", "current.map", "current.new" };
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(h->dir, names[i], NULL);
        unlink(path);
    }
    rmdir(h->dir);
    g_autofree char *parent = g_path_get_dirname(h->dir);
    g_autofree char *guard = g_build_filename(parent, ".lock", NULL);
    GDir *d = h->temporary ? NULL : g_dir_open(parent, 0, NULL);
    const char *name = NULL;
    bool others = !d;
    while (d && (name = g_dir_read_name(d)))
        others |= strcmp(name, ".lock") != 0;
    if (d)
        g_dir_close(d);
    if (!others) {
        unlink(guard);
        rmdir(parent);
    }
}

/* As of a clean end: what is left to copy back is copied, and the image is stamped. */
void block_history_settle(BlockNode *n)
{
    if (!block_node_is_history(n))
        return;
    HistoryNode *h = history(n);
    if (h->copier)
        g_thread_join(h->copier);
    h->copier = NULL;
    if (h->temporary) {
        while (h->maps) {
            g_autofree char *path = history_map_path(h, h->maps->uuid);
            unlink(path);
            h->maps = history_map_free(h->maps, h);
        }
        remove_dir(h);
    } else if (!h->maps && !h->n_current) {
        remove_dir(h);
    } else {
        stamp_write(h);
    }
}

static void history_free(HistoryNode *h)
{
    while (h->maps)
        h->maps = history_map_free(h->maps, h);
    if (h->current)
        munmap(h->current, history_slots_bytes(h));
    if (h->current_fd >= 0)
        close(h->current_fd);
    if (h->log >= 0)
        close(h->log);
    if (h->needed)
        munmap((void *)h->needed, history_needed_bytes(h));
    g_mutex_clear(&h->lock);
    g_free(h->image);
    g_free(h->dir);
    g_free(h);
}

static void history_close(BlockNode *n)
{
    BlockNode *base = n->file;
    block_history_settle(n);
    history_free(history(n));
    block_node_unref(base);
}

static const BlockDriver history_driver = {
    .name = "history", .readv = history_readv, .writev = history_writev, .flush = history_flush,
    .discard = history_discard, .write_zeroes = history_write_zeroes, .resize = history_resize,
    .try_rw = history_try_rw, .status = history_status,
    .close = history_close, .layer = true,
};

bool block_node_is_history(const BlockNode *n)
{
    return n && n->driver == &history_driver;
}

static bool manifest_names(const char *snapshot, const char *uuid)
{
    g_autofree char *manifest = g_build_filename(snapshot, "manifest.json", NULL);
    g_autofree char *text = NULL;
    return g_file_get_contents(manifest, &text, NULL, NULL) && strstr(text, uuid);
}

/*
 * Does the snapshot that a map was made for exist? Where it was made, or beside the image, if that
 * was moved. Where that can't be told, it does.
 */
static bool has_snapshot(const HistoryNode *h, const MapHead *head)
{
    g_autofree char *parent = g_path_get_dirname(head->path);
    g_autofree char *beside = g_path_get_dirname(h->dir);
    bool found = manifest_names(head->path, head->uuid);
    GDir *d = g_dir_open(beside, 0, NULL);
    const char *name;
    while (!found && d && (name = g_dir_read_name(d))) {
        g_autofree char *path = g_build_filename(beside, name, NULL);
        found = manifest_names(path, head->uuid);
    }
    if (d)
        g_dir_close(d);
    return found || !g_file_test(parent, G_FILE_TEST_IS_DIR);
}

static bool open_maps(HistoryNode *h, GError **error)
{
    g_autofree MapHead *head = g_new(MapHead, 1);
    GDir *d = g_dir_open(h->dir, 0, NULL);
    const char *name;
    bool ok = true;
    while (ok && d && (name = g_dir_read_name(d))) {
        if (!g_str_has_suffix(name, ".map"))
            continue;
        g_autoptr(GError) why = NULL;
        Map *m = history_map_open(h, name, head, &why);
        if (!strcmp(name, "current.map")) {
            if (m)
                current_set(h, m->slot, dup(m->fd));
            else
                ok = error_set(error, "%s; without it the image is not complete", why->message);
        } else if (m && has_snapshot(h, head)) {
            m->uuid = g_strdup(head->uuid);
            m->next = h->maps;
            h->maps = m;
            continue;
        } else if (m) {
            g_autofree char *path = g_build_filename(h->dir, name, NULL);
            unlink(path);
        } else {
            warn_report("%s; that snapshot can't be loaded any more", why->message);
        }
        if (m)
            history_map_free(m, h);
    }
    if (d)
        g_dir_close(d);
    return ok;
}

static HistoryNode *history_new(BlockNode *base, const char *dir, const char *image,
                                GError **error)
{
    HistoryNode *h = g_new0(HistoryNode, 1);
    struct stat st;
    g_mutex_init(&h->lock);
    h->dir = g_strdup(dir);
    h->image = g_strdup(image);
    h->node = (BlockNode){ .driver = &history_driver, .refs = 1, .size = base->size,
                           .read_only = base->read_only, .file = base };
    h->clusters = (base->size + CLUSTER - 1) >> CLUSTER_BITS;
    h->current_fd = -1;
    h->needed = history_reserve(history_needed_bytes(h));
    g_autofree char *log = g_build_filename(dir, "log", NULL);
    h->log = open(log, base->read_only ? O_RDONLY | O_CLOEXEC : O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (h->log < 0 || fstat(h->log, &st) || !h->needed) {
        error_set_errno(error, errno, "can't open '%s', which holds snapshots of the disk; move "
                        "the folder away to go on without them", log);
    } else {
        h->next_slot = FIRST_SLOT + (((uint64_t)st.st_size + CLUSTER - 1) >> CLUSTER_BITS);
        if (open_maps(h, error)) {
            history_find_needed(h);
            return h;
        }
    }
    history_free(h);
    return NULL;
}

/* ---- for block.c ---- */

static char *history_dir(BlockBackend *b)
{
    struct stat st;
    g_autofree char *name = g_strdup(block_full_path(b));
    if (!stat(name, &st) && S_ISREG(st.st_mode))
        return g_strconcat(name, ".snapshots/.disk", NULL);
    g_strdelimit(name, "/", '_');
    return g_build_filename(g_get_user_state_dir(), "sosia", "disks", name, NULL);
}

static bool attach(BlockBackend *b, const char *dir, bool temporary, GError **error)
{
    g_autofree char *image = temporary ? NULL : g_strdup(block_full_path(b));
    HistoryNode *h = history_new(b->node, dir, image, error);
    if (!h)
        return false;
    h->temporary = temporary;
    if (!temporary)
        stamp_check(h);
    if (!b->read_only) {
        history_free_slots(h);
        stamp_remove(h);
        copier_start(h);
    }
    /* The layer has a reference to what it lies on; an export sees it, too. */
    block_node_ref(h->node.file);
    block_roots_replace(h->node.file, &h->node);
    block_node_unref(&h->node);
    return true;
}

/* An image, without a layer, on something of the host. */
static bool lies_on_file(const BlockNode *n)
{
    if (!n || n->driver->layer)
        return false;
    while (n->file)
        n = n->file;
    return block_node_is_file(n);
}

bool block_history_none(const BlockNode *image, GError **error)
{
    g_autofree char *log = g_strconcat(image->full_path, ".snapshots/.disk/log", NULL);
    return access(log, F_OK) ||
           error_set(error, "'%s' has snapshots, which would lose their disk; delete them first "
                     "(delvm)", image->filename);
}

bool block_history_detach(BlockBackend *b, GError **error)
{
    BlockNode *n = b->node;
    if (!block_node_is_history(n))
        return true;
    HistoryNode *h = history(n);
    if (h->copier)
        g_thread_join(h->copier);
    h->copier = NULL;
    if (h->maps || h->n_current)
        return error_set(error, "disk '%s' has snapshots, which know it as it is; delete them "
                         "first (delvm)", block_id(b));
    block_roots_replace(n, n->file);
    return true;
}

void block_history_give_up(BlockBackend *b)
{
    BlockNode *n = b->node;
    if (!block_node_is_history(n))
        return;
    copier_stop(history(n));
    block_roots_replace(n, n->file);
}

bool block_history_attach(BlockBackend *b, GError **error)
{
    if (block_inactive || !lies_on_file(b->node))
        return true;
    g_autofree char *dir = history_dir(b);
    g_autofree char *log = g_build_filename(dir, "log", NULL);
    return access(log, F_OK) || attach(b, dir, false, error);
}

/* A disk that has no snapshots yet gets the layer with the first one. */
static bool attach_new(BlockBackend *b, GError **error)
{
    if (block_node_is_history(b->node))
        return block_node_idle(block_image(b), block_id(b), error);
    if (!block_node_idle(block_image(b), block_id(b), error))
        return false;
    bool temporary = block_node_is_overlay(b->node);
    g_autofree char *dir = temporary ? g_dir_make_tmp("sosia-disk-XXXXXX", error) : history_dir(b);
    if (!dir)
        return false;
    if (!temporary && g_mkdir_with_parents(dir, 0755))
        return error_set_errno(error, errno, "can't make '%s', where the disk's old contents "
                               "would be kept", dir);
    return attach(b, dir, temporary, error);
}

struct BlockMark {
    BlockNode *node;
    char *uuid;
};

BlockMark *block_mark_new(BlockBackend *b, const char *uuid, const char *path, GError **error)
{
    if (!attach_new(b, error))
        return NULL;
    HistoryNode *h = history(b->node);
    g_autofree char *name = g_strconcat(uuid, ".map", NULL);
    Map *m = g_new0(Map, 1);
    lock(h);
    m->slot = history_reserve(history_slots_bytes(h));
    m->fd = m->slot ? history_map_write(h, name, uuid, path, h->n_current ? h->current : NULL) : -1;
    if (m->fd < 0) {
        error_set_errno(error, errno, "can't write to '%s'", h->dir);
        history_map_free(m, h);
        unlock(h);
        return NULL;
    }
    if (h->n_current)
        memcpy(m->slot, h->current, h->clusters * 8);
    m->uuid = g_strdup(uuid);
    m->next = h->maps;
    h->maps = m;
    for (uint64_t i = 0; !h->n_current && i < h->clusters / 64; i++)
        atomic_store_explicit(&h->needed[i], UINT64_MAX, memory_order_relaxed);
    for (uint64_t c = h->n_current ? 0 : h->clusters & ~63ULL; c < h->clusters; c++)
        if (m->slot[c] == IN_IMAGE)
            h->needed[c / 64] |= BIT(c % 64);
    unlock(h);
    BlockMark *mark = g_new(BlockMark, 1);
    *mark = (BlockMark){ &h->node, g_strdup(uuid) };
    h->node.refs++;
    return mark;
}

int block_mark_sync(BlockMark *m)
{
    HistoryNode *h = history(m->node);
    int r = h->node.driver->flush(&h->node);
    int fd = open(h->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (!r && (fd < 0 || fsync(fd)))
        r = -errno;
    if (fd >= 0)
        close(fd);
    return r;
}

static void forget(HistoryNode *h, const char *uuid)
{
    for (Map **at = &h->maps; *at; at = &(*at)->next) {
        if (strcmp((*at)->uuid, uuid))
            continue;
        g_autofree char *path = history_map_path(h, uuid);
        lock(h);
        unlink(path);
        *at = history_map_free(*at, h);
        history_find_needed(h);
        history_free_slots(h);
        unlock(h);
        return;
    }
}

void block_mark_free(BlockMark *m, bool keep_it)
{
    if (!keep_it)
        forget(history(m->node), m->uuid);
    block_node_unref(m->node);
    g_free(m->uuid);
    g_free(m);
}

static Map *find(BlockBackend *b, const char *uuid)
{
    Map *m = block_node_is_history(b->node) ? history(b->node)->maps : NULL;
    while (m && strcmp(m->uuid, uuid))
        m = m->next;
    return m;
}

bool block_mark_check(BlockBackend *b, const char *uuid, GError **error)
{
    if (b->node && !block_node_idle(block_image(b), block_id(b), error))
        return false;
    if (!find(b, uuid))
        return error_set(error, "what disk '%s' ('%s') held then is not kept in '%s.snapshots'; "
                         "is it the same image?", block_id(b), block_filename(b), block_filename(b));
    HistoryNode *h = history(b->node);
    return !h->foreign ||
           error_set(error, "'%s' was changed by another program since; if it is only a copy, "
                     "remove '%s/foreign' and start again", block_filename(b),
                     h->dir);
}

bool block_mark_restore(BlockBackend *b, const char *uuid, GError **error)
{
    const Map *m = find(b, uuid);
    HistoryNode *h = history(b->node);
    g_autofree char *path = g_build_filename(h->dir, "current.map", NULL);
    g_autofree char *new = g_build_filename(h->dir, "current.new", NULL);
    copier_stop(h);
    int fd = history_map_write(h, "current.new", uuid, "", m->slot);
    if (fd < 0 || rename(new, path)) {
        error_set_errno(error, errno, "can't write to '%s'", h->dir);
        if (fd >= 0)
            close(fd);
        copier_start(h);
        return false;
    }
    current_set(h, m->slot, fd);
    copier_start(h);
    return true;
}

void block_mark_forget(BlockBackend *b, const char *uuid)
{
    if (block_node_is_history(b->node))
        forget(history(b->node), uuid);
}
