/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * savevm: what happens while the machine stands still, and what a thread finishes behind it.
 *
 * Standing still: the block layer is drained, CPUs and devices put into records, disks marked, a
 * child forked that has RAM. Then the machine goes on. The thread waits for the child, adds the
 * small files, and renames the folder.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "accel/accel.h"
#include "backend/block.h"
#include "hw/board.h"
#include "softmmu/migrate.h"
#include "softmmu/run.h"
#include "softmmu/snapshot/snapshot_int.h"
#include "util/error.h"
#include "util/version.h"

typedef struct Save {
    char *dir, *tmp, *final; /* the store; the folder being made; its place */
    char *tag;
    unsigned id;
    int lock, pipe;
    pid_t child;             /* 0: RAM was written with the machine standing still */
    int err;                 /* of that */
    RamPlan *plan;
    GByteArray *state;
    Json *manifest;
    DiskMarks *disks;
    bool published;
    RamIndex *index;
    SnapshotDone *done;
    void *opaque;
    GError *error;
    _Atomic uint64_t progress;
    uint64_t total;
} Save;

static Save *current;

bool snapshot_saving(uint64_t *done, uint64_t *total)
{
    if (!current)
        return false;
    if (done)
        *done = current->progress;
    if (total)
        *total = current->total;
    return true;
}

static bool nobody_saves(void *opaque)
{
    return !current;
}

void snapshot_wait(void)
{
    main_loop_wait_for(nobody_saves, NULL);
}

static void save_free(Save *s)
{
    ram_plan_free(s->plan);
    if (s->lock >= 0)
        close(s->lock);
    if (s->pipe >= 0)
        close(s->pipe);
    if (s->state)
        g_byte_array_unref(s->state);
    json_free(s->manifest);
    disk_marks_free(s->disks, s->published);
    ram_index_free(s->index);
    g_clear_error(&s->error);
    g_free(s->dir);
    g_free(s->tmp);
    g_free(s->final);
    g_free(s->tag);
    g_free(s);
}

/* ---- the thread behind ---- */

/* Reports until the child is done; then how it ended. */
static bool wait_for_child(Save *s)
{
    uint64_t bytes;
    ssize_t n;
    int status = 0;
    if (!s->child)
        return !s->err || error_set_errno(&s->error, s->err, "can't write RAM to '%s'", s->tmp);
    while ((n = read(s->pipe, &bytes, sizeof bytes)) == sizeof bytes || (n < 0 && errno == EINTR))
        if (n > 0)
            atomic_store(&s->progress, bytes);
    while (waitpid(s->child, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFSIGNALED(status))
        return error_set(&s->error, "the process that wrote RAM was ended by signal %d",
                         WTERMSIG(status));
    int err = WEXITSTATUS(status);
    return !err || error_set_errno(&s->error, err, "can't write RAM to '%s'", s->tmp);
}

/* Files of the base that the new index does not need. Adds up what is the snapshot's alone. */
static void tidy_files(Save *s, uint64_t *size)
{
    GDir *d = g_dir_open(s->tmp, 0, NULL);
    const char *name;
    while (d && (name = g_dir_read_name(d))) {
        g_autofree char *path = g_build_filename(s->tmp, name, NULL);
        struct stat st;
        bool needed = !g_str_has_prefix(name, "ram-");
        for (unsigned i = 0; i < s->index->n_files; i++)
            needed |= !strcmp(name, s->index->files[i]);
        if (!needed)
            unlink(path);
        else if (!stat(path, &st) && st.st_nlink == 1)
            *size += (uint64_t)st.st_blocks * 512;
    }
    if (d)
        g_dir_close(d);
}

static bool finish(Save *s)
{
    uint64_t size = s->state->len;
    if (!wait_for_child(s) || !disk_marks_sync(s->disks, &s->error))
        return false;
    s->index = ram_index_read(s->tmp, &s->error);
    if (!s->index || !store_write(s->tmp, SNAP_STATE, s->state->data, s->state->len, &s->error))
        return false;
    tidy_files(s, &size);
    json_set_uint(s->manifest, "vm-size", size);
    g_autoptr(GString) text = g_string_new(NULL);
    json_print(s->manifest, text, true);
    g_string_append_c(text, '\n');
    return store_write(s->tmp, SNAP_MANIFEST, text->str, text->len, &s->error) &&
           store_sums_write(s->tmp, &s->error) && store_sync_dir(s->tmp, &s->error);
}

/* On the main thread. */
static void finished(void *opaque)
{
    Save *s = opaque;
    SnapshotInfo *old = store_find(s->tag, NULL);
    s->published = !s->error && store_publish(s->dir, s->tmp, s->id, s->tag, &s->error);
    if (s->published) {
        base_saved(s->final, s->index);
        s->index = NULL;
        if (old && old->uuid)
            disks_forget(old->uuid);
    } else {
        base_saved(NULL, NULL);
        store_remove_tree(s->tmp);
    }
    snapshot_info_free(old);
    current = NULL;
    if (s->done)
        s->done(s->opaque, s->error);
    save_free(s);
    main_loop_wake();
}

static gpointer behind(gpointer arg)
{
    Save *s = arg;
    finish(s);
    main_defer(finished, s);
    return NULL;
}

/* ---- while the machine stands still ---- */

/* The child must not keep sockets, locks and terminals of the program in use. */
static void close_others(int a, int b, int c)
{
    int keep[3] = { a, b, c };
    for (int i = 0; i < 2; i++)
        for (int k = i + 1; k < 3; k++)
            if (keep[i] > keep[k]) {
                int t = keep[i];
                keep[i] = keep[k];
                keep[k] = t;
            }
    int from = 3;
    for (int i = 0; i < 3; i++) {
        if (keep[i] > from)
            syscall(SYS_close_range, from, keep[i] - 1, 0);
        from = MAX(from, keep[i] + 1);
    }
    syscall(SYS_close_range, from, ~0U, 0);
}

static void write_ram(Save *s)
{
    int fds[2] = { -1, -1 };
    s->child = 0;
    if (!ram_plan_needs_pause() && !pipe2(fds, O_CLOEXEC)) {
        pid_t parent = getpid();
        s->child = fork();
        if (!s->child) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (getppid() != parent)
                _exit(EINTR);
            for (int sig = 1; sig < NSIG; sig++)
                signal(sig, SIG_DFL);
            signal(SIGINT, SIG_IGN); /* Ctrl-C on the terminal is the parent's to judge */
            signal(SIGPIPE, SIG_IGN);
            setpriority(PRIO_PROCESS, 0, 5);
            int a, b;
            ram_plan_fds(s->plan, &a, &b);
            close_others(a, b, fds[1]);
            _exit(ram_plan_write(s->plan, fds[1]));
        }
        close(fds[1]);
        s->pipe = fds[0];
    }
    /* No memory for a child, or others write to RAM's file: then the machine has to wait. */
    if (s->child <= 0) {
        s->child = 0;
        s->err = ram_plan_write(s->plan, -1);
    }
}

static void describe(Save *s, const char *uuid)
{
    Json *m = json_object();
    json_set_int(m, "format", SNAPSHOT_FORMAT);
    json_set_str(m, "program", SOSIA_VERSION);
    json_set_str(m, "uuid", uuid);
    json_set_str(m, "tag", s->tag);
    json_set_int(m, "date", g_get_real_time() / G_USEC_PER_SEC);
    json_set_int(m, "vm-clock-ns", clock_ns(CLOCK_VIRTUAL));
    if (icount_enabled())
        json_set_uint(m, "icount", icount_total());
    machine_describe(m);
    json_set(m, "disks", disk_marks_describe(s->disks));
    s->manifest = m;
}

static bool capture(Save *s, const char *uuid)
{
    vm_drain();
    block_drain_all();
    s->disks = disk_marks_new(s->final, uuid, &s->error);
    if (!s->disks)
        return false;
    describe(s, uuid);
    s->state = g_byte_array_new();
    machine_save(s->state);
    ram_dirty_log_sync();
    s->plan = ram_plan_new(s->tmp, base_index(), base_dirty(), &s->error);
    if (!s->plan)
        return false;
    s->total = ram_plan_total(s->plan);
    write_ram(s);
    base_saving();
    return true;
}

bool snapshot_save(const char *tag, SnapshotDone *done, void *opaque, GError **error)
{
    if (current)
        return error_set(error, "a snapshot is being saved; wait until that is done");
    if (!migrate_is_idle(error))
        return false;
    if (!current_machine || !current_machine->board || !cpu_count)
        return error_set(error, "there is no machine to take a snapshot of");
    g_autofree char *uuid = g_uuid_string_random(), *escaped = store_escape(tag);
    Save *s = g_new0(Save, 1);
    s->pipe = s->lock = -1;
    s->tag = g_strdup(tag);
    s->done = done;
    s->opaque = opaque;
    if (!(s->dir = store_dir(true, &s->error)) ||
        (s->lock = store_lock(s->dir, &s->error)) < 0)
        goto fail;
    store_clean(s->dir);
    s->id = store_next_id(s->dir);
    s->tmp = g_strdup_printf("%s/.new-%s", s->dir, uuid);
    s->final = g_strdup_printf("%s/%u-%s", s->dir, s->id, escaped);
    if (mkdir(s->tmp, 0755)) {
        error_set_errno(&s->error, errno, "can't make the folder '%s'", s->tmp);
        goto fail;
    }
    bool was_running = run_state_is_running();
    if (was_running)
        vm_stop(RUN_STATE_SAVE_VM);
    bool ok = capture(s, uuid);
    if (ok)
        current = s;
    if (was_running)
        vm_start();
    if (ok) {
        g_thread_unref(g_thread_new("snapshot", behind, s));
        return true;
    }
    store_remove_tree(s->tmp);
fail:
    g_propagate_error(error, s->error);
    s->error = NULL;
    save_free(s);
    return false;
}

bool snapshot_delete(const char *tag, GError **error)
{
    if (current)
        return error_set(error, "a snapshot is being saved; wait until that is done");
    SnapshotInfo *i = store_find(tag, error);
    if (!i)
        return false;
    g_autofree char *dir = g_path_get_dirname(i->path);
    int lock = store_lock(dir, error);
    bool ok = lock >= 0 && store_remove(dir, i->path, error);
    if (ok && i->uuid)
        disks_forget(i->uuid);
    if (lock >= 0)
        close(lock);
    snapshot_info_free(i);
    return ok;
}
