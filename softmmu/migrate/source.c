/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine on its way to another program.
 *
 * A thread opens the connection and sends; whatever touches the machine it has done by the main
 * thread (mig_call), which never waits for it. RAM goes in rounds while the guest runs, until what
 * is left can be sent within downtime-limit. Then the machine stops, disks are flushed and given
 * up, and the rest follows. With a connection that can be answered the other side says first that
 * all has come and fits, and begins only when it is told to: up to that moment anything that goes
 * wrong leaves the machine here, as it was. Without answers that moment is the end of the stream.
 */
#include <string.h>

#include "accel/accel.h"
#include "backend/block.h"
#include "hw/board.h"
#include "monitor/monitor.h"
#include "softmmu/dump.h"
#include "softmmu/migrate/migrate_int.h"
#include "softmmu/reverse.h"
#include "softmmu/run.h"
#include "softmmu/snapshot/snapshot_int.h"
#include "util/error.h"
#include "util/version.h"

typedef struct Source {
    MigChannel *channel;
    GThread *thread;
    MigCall call;
    MigRam *ram;
    Json *manifest;
    MigCounts counts;
    _Atomic bool cancelled, committed;
    _Atomic bool go_on;       /* from pre-switchover */
    bool exiting;
    /* the thread's */
    MigWriter w;
    bool heard;               /* an answer, or the end of answers */
    uint64_t dirty;           /* pages, of the last round */
    int64_t window_us;
    uint64_t window_bytes;
    double bytes_per_us;
    GError *error;
    /* the main thread's */
    bool stopped, was_running;
    RunState before;          /* the machine was stopped for the last part */
    GByteArray *state;
    int flushed;              /* 1: yes; -errno */
} Source;

static Source *current;       /* one is under way */

/* What is known of the last one. */
static struct {
    MigrateState state;
    char *error;
    int64_t start_us, setup_us, end_us, stop_us;
    MigCounts *counts;
    uint64_t total, precopy_bytes;
    bool stopped;
} last;

static void (*listener)(MigrateState s);

MigrateState migrate_state(void)
{
    return last.state;
}

const char *migrate_state_name(MigrateState s)
{
    static const char *const names[] = {
#define X(c, n) [MIGRATE_##c] = n,
        MIGRATE_STATES(X)
#undef X
    };
    return names[s];
}

bool migrate_is_running(void)
{
    return current;
}

void migrate_set_listener(void (*fn)(MigrateState s))
{
    listener = fn;
}

bool migrate_is_idle(GError **error)
{
    if (current)
        return error_set(error, "There's a migration process in progress");
    if (run_state() == RUN_STATE_INMIGRATE)
        return error_set(error, "Guest is waiting for an incoming migration");
    return !block_is_inactive() ||
           error_set(error, "the machine was migrated away, and its disks with it; 'cont' takes "
                     "them back");
}

void mig_set_state(MigrateState s)
{
    last.state = s;
    if (mig_cap(MIG_CAP_EVENTS)) {
        Json *data = json_object();
        json_set_str(data, "status", migrate_state_name(s));
        qmp_event_emit("MIGRATION", data);
    }
    if (listener)
        listener(s);
}

/* ---- calls of the main thread ---- */

typedef struct Called {
    MigCall *call;
    void (*fn)(void *opaque);
    void *opaque;
} Called;

static void run_call(void *opaque)
{
    Called *c = opaque;
    MigCall *call = c->call;
    g_mutex_lock(&call->lock);
    bool ending = call->ending;
    g_mutex_unlock(&call->lock);
    if (!ending) {
        c->fn(c->opaque);
        g_mutex_lock(&call->lock);
        call->done = true;
        g_cond_signal(&call->cond);
        g_mutex_unlock(&call->lock);
    }
    g_free(c);
}

bool mig_call(MigCall *call, void (*fn)(void *opaque), void *opaque)
{
    Called *c = g_new(Called, 1);
    *c = (Called){ call, fn, opaque };
    call->done = false;
    main_defer(run_call, c);
    g_mutex_lock(&call->lock);
    while (!call->done && !call->ending)
        g_cond_wait(&call->cond, &call->lock);
    bool done = call->done;
    g_mutex_unlock(&call->lock);
    return done;
}

void mig_call_end(MigCall *call)
{
    g_mutex_lock(&call->lock);
    call->ending = true;
    g_cond_signal(&call->cond);
    g_mutex_unlock(&call->lock);
}

/* ---- the main thread's part ---- */

static void set_active(void *opaque)
{
    last.setup_us = g_get_monotonic_time();
    if (last.state == MIGRATE_SETUP)
        mig_set_state(MIGRATE_ACTIVE);
}

static void tell_pass(Source *s)
{
    uint64_t n = atomic_fetch_add(&s->counts.passes, 1) + 1;
    if (!mig_cap(MIG_CAP_EVENTS))
        return;
    Json *data = json_object();
    json_set_uint(data, "pass", n);
    qmp_event_emit("MIGRATION_PASS", data);
}

/* No vCPU may be in the middle of a store: it would be in neither round. */
static void next_round(void *opaque)
{
    Source *s = opaque;
    bool first = !atomic_load(&s->counts.passes);
    cpus_pause_all();
    if (first)
        mig_ram_track(s->ram);
    uint64_t before = s->dirty;
    s->dirty = mig_ram_collect(s->ram);
    cpus_resume_all();
    atomic_store(&s->counts.remaining, s->dirty);
    tell_pass(s);
    /* More than the threshold of what was sent is dirty again. */
    if (mig_cap(MIG_CAP_AUTO_CONVERGE) && !first && run_state_is_running() &&
        s->dirty * 100 > before * mig_param(MIG_THROTTLE_TRIGGER))
        mig_throttle(mig_throttle_more());
}

static void stop_machine(void *opaque)
{
    Source *s = opaque;
    s->was_running = run_state_is_running();
    s->before = run_state();
    s->stopped = true;
    mig_throttle(0);
    last.stopped = true;
    last.precopy_bytes = s->counts.bytes;
    last.stop_us = g_get_monotonic_time();
    if (s->was_running)
        vm_stop(RUN_STATE_FINISH_MIGRATE);
    else
        run_state_set(RUN_STATE_FINISH_MIGRATE);
    if (mig_cap(MIG_CAP_PAUSE_BEFORE_SWITCHOVER) && !s->cancelled)
        mig_set_state(MIGRATE_PRE_SWITCHOVER);
    else
        s->go_on = true;
}

static void on_flushed(void *opaque, int ret)
{
    Source *s = opaque;
    if (s->exiting)
        return;
    s->flushed = ret ? ret : 1;
    g_mutex_lock(&s->call.lock);
    s->call.done = true;
    g_cond_signal(&s->call.cond);
    g_mutex_unlock(&s->call.lock);
}

static void start_flush(void *opaque)
{
    Source *s = opaque;
    if (last.state == MIGRATE_PRE_SWITCHOVER)
        mig_set_state(MIGRATE_DEVICE);
    vm_drain();
    block_drain_all();
    block_flush_all(on_flushed, s);
}

/* The machine stands still and its disks are flushed: the last round, and all that is no RAM. */
static void capture(void *opaque)
{
    Source *s = opaque;
    if (s->flushed < 0) {
        error_set_errno(&s->error, -s->flushed, "a disk can't be brought onto stable storage");
        return;
    }
    vm_drain();
    block_drain_all();
    next_round(s);
    s->state = g_byte_array_new();
    machine_save(s->state);
    if (s->state->len > MIG_STATE_MAX)
        error_set(&s->error, "the devices have too much state");
    else
        block_inactivate_all(&s->error);
}

static void put_back(Source *s)
{
    g_autoptr(GError) why = NULL;
    if (!s->stopped)
        return;
    if (!block_activate_all(&why)) {
        error_report("the machine stays stopped, as its disks can't be taken back: %s",
                     why->message);
        run_state_set(RUN_STATE_POSTMIGRATE);
    } else if (s->was_running) {
        vm_start();
    } else {
        run_state_set(s->before);
    }
}

static void source_free(Source *s)
{
    mig_ram_free(s->ram);
    json_free(s->manifest);
    if (s->state)
        g_byte_array_unref(s->state);
    g_clear_error(&s->error);
    mig_channel_free(s->channel);
    g_free(s);
}

static void ended(void *opaque)
{
    Source *s = opaque;
    g_thread_join(s->thread);
    MigCounts *kept = g_memdup2(&s->counts, sizeof s->counts);
    g_free(last.counts);
    last.counts = kept;
    last.end_us = g_get_monotonic_time();
    mig_throttle(0);
    current = NULL;
    if (!s->error) {
        run_state_set(RUN_STATE_POSTMIGRATE);
        mig_set_state(MIGRATE_COMPLETED);
    } else if (s->cancelled) {
        put_back(s);
        mig_set_state(MIGRATE_CANCELLED);
    } else {
        last.error = g_strdup(s->error->message);
        error_report("migration failed: %s", s->error->message);
        put_back(s);
        mig_set_state(MIGRATE_FAILED);
    }
    source_free(s);
}

/* ---- the thread ---- */

/* What the other side says while it should be silent is why it will not take the machine. */
static bool hear(Source *s, MigType wanted, GError **error)
{
    MigReader r = { .read = mig_channel_read, .opaque = s->channel };
    MigRecord rec;
    bool ok = mig_read(&r, &rec, error);
    s->heard = true;
    if (!ok)
        g_prefix_error(error, "the other side went away: ");
    if (ok && rec.type == MIG_REFUSED) {
        g_autofree char *text = g_strndup((const char *)rec.data, MIN(rec.len, 4096));
        g_autofree char *valid = g_utf8_make_valid(g_strdelimit(text, "\r\n", ' '), -1);
        ok = error_set(error, "the other side refused the machine: %s", valid);
    } else if (ok && rec.type != wanted) {
        ok = error_set(error, "the other side does not answer as it should");
    }
    mig_reader_clear(&r);
    return ok;
}

static bool answers(const Source *s)
{
    return mig_channel_two_way(s->channel);
}

/* As fast as max-bandwidth allows, in windows of a tenth of a second. */
static bool pace(void *opaque, MigWriter *w, unsigned *chunk, GError **error)
{
    Source *s = opaque;
    if (answers(s) && mig_channel_readable(s->channel))
        return hear(s, MIG_READY, error) && error_set(error, "the other side is confused");
    uint64_t limit = mig_param(MIG_MAX_BANDWIDTH);
    if (s->stopped || !limit)
        return true;
    uint64_t slot = MAX(limit / 10, 1);
    *chunk = MAX(1, MIN(*chunk, slot >> RAM_PAGE_BITS));
    for (;;) {
        int64_t now = g_get_monotonic_time();
        if (now - s->window_us >= 100000) {
            s->window_us = now;
            s->window_bytes = w->bytes;
        }
        if (w->bytes - s->window_bytes < slot)
            return true;
        /* Where one record was more than a window's worth, as many windows as it took. */
        uint64_t over = (w->bytes - s->window_bytes) / slot;
        int64_t left = s->window_us + (int64_t)MIN(over, 1000) * 100000 - now;
        if (left > 0 && !mig_channel_sleep(s->channel, MIN(left, 100000)))
            return error_set(error, "it was cancelled");
        if (left > 100000)
            continue;
        s->window_us = g_get_monotonic_time();
        s->window_bytes = w->bytes;
        return true;
    }
}

static int packed_level(void)
{
    uint64_t level = mig_param(MIG_COMPRESS_LEVEL);
    return mig_cap(MIG_CAP_COMPRESS) && level ? (int)level : -1;
}

static bool send_round(Source *s)
{
    uint64_t before = s->w.bytes, pages = s->dirty;
    int64_t start = g_get_monotonic_time();
    if (!mig_ram_send(s->ram, &s->w, packed_level(), &s->counts, pace, s, &s->error))
        return false;
    int64_t us = MAX(g_get_monotonic_time() - start, 1);
    double rate = (double)(s->w.bytes - before) / us;
    s->bytes_per_us = MAX(rate, s->bytes_per_us / 2);
    if (!pages)
        return true;
    atomic_store(&s->counts.pages_per_second, pages * G_USEC_PER_SEC / us);
    atomic_store(&s->counts.kbps, (uint64_t)(rate * 8000));
    return true;
}

/* RAM while the machine runs, until what is left takes no longer than it may stand still. */
static bool send_live(Source *s)
{
    for (;;) {
        int64_t start = g_get_monotonic_time();
        if (!send_round(s))
            return false;
        if (!mig_call(&s->call, next_round, s))
            return error_set(&s->error, "the program ends");
        int64_t us = MAX(g_get_monotonic_time() - start, 1);
        atomic_store(&s->counts.dirty_rate, s->dirty * G_USEC_PER_SEC / us);
        double may = s->bytes_per_us * mig_param(MIG_DOWNTIME_LIMIT) * 1000;
        if (s->cancelled)
            return error_set(&s->error, "it was cancelled");
        if ((double)(s->dirty << RAM_PAGE_BITS) <= may)
            return true;
    }
}

static bool send_state(Source *s)
{
    enum { PIECE = 1 << 20 };
    for (guint at = 0; at < s->state->len; at += PIECE)
        if (!mig_write(&s->w, MIG_STATE, s->state->data + at, MIN(s->state->len - at, PIECE), NULL,
                       0, &s->error))
            return false;
    /* Who has the descriptor's other end may begin now, and would not hear of a change of mind. */
    s->committed = mig_channel_is_fd(s->channel) && !answers(s);
    if (s->cancelled)
        return error_set(&s->error, "it was cancelled");
    g_autoptr(Json) end = json_object();
    json_set_str(end, "run-state", run_state_name(s->was_running ? RUN_STATE_RUNNING : s->before));
    return mig_write_json(&s->w, MIG_END, end, &s->error);
}

/* From stopping the machine to the moment when it is the other's. */
static bool switch_over(Source *s)
{
    if (!mig_call(&s->call, stop_machine, s))
        return error_set(&s->error, "the program ends");
    while (!s->go_on)
        if (!mig_channel_sleep(s->channel, 50000))
            return error_set(&s->error, "it was cancelled");
    s->flushed = 0;
    s->call.done = false;
    main_defer(start_flush, s);
    g_mutex_lock(&s->call.lock);
    while (!s->call.done && !s->call.ending)
        g_cond_wait(&s->call.cond, &s->call.lock);
    g_mutex_unlock(&s->call.lock);
    if (!s->flushed || !mig_call(&s->call, capture, s))
        return error_set(&s->error, "the program ends");
    if (s->error || !send_round(s) || !send_state(s))
        return false;
    if (answers(s)) {
        if (!hear(s, MIG_READY, &s->error))
            return false;
        s->committed = true;
        if (s->cancelled)
            return error_set(&s->error, "it was cancelled");
        if (!mig_write(&s->w, MIG_GO, NULL, 0, NULL, 0, &s->error))
            return false;
    }
    return mig_channel_finish(s->channel, &s->error);
}

/* A connection that broke: perhaps the other side has said why. */
static void find_reason(Source *s)
{
    GError *why = NULL;
    if (!s->heard && answers(s) && mig_channel_readable(s->channel) &&
        !hear(s, MIG_READY, &why)) {
        g_clear_error(&s->error);
        s->error = why;
    }
}

static gpointer run(gpointer arg)
{
    Source *s = arg;
    bool ok = mig_channel_open(s->channel, false, &s->error) &&
              mig_write_head(&s->w, answers(s) ? MIG_ANSWERS : 0, &s->error) &&
              mig_write_json(&s->w, MIG_MANIFEST, s->manifest, &s->error);
    if (ok && !(mig_call(&s->call, next_round, s) && mig_call(&s->call, set_active, s)))
        ok = error_set(&s->error, "the program ends");
    if (ok && send_live(s))
        switch_over(s);
    if (s->error && !s->cancelled)
        find_reason(s);
    /* Commands are ended here, not where the monitor would wait for them. */
    if (s->error)
        mig_channel_stop(s->channel);
    mig_channel_close(s->channel);
    g_mutex_lock(&s->call.lock);
    bool exiting = s->call.ending;
    g_mutex_unlock(&s->call.lock);
    if (!exiting)
        main_defer(ended, s);
    return NULL;
}

/* ---- commands ---- */

static Json *describe(const Source *s)
{
    Json *m = json_object();
    json_set_int(m, "format", SNAPSHOT_FORMAT);
    json_set_str(m, "program", SOSIA_VERSION);
    json_set_str(m, "uuid", monitor_guest_uuid());
    machine_describe(m);
    json_set(m, "ram", mig_ram_describe(s->ram));
    return m;
}

static void refuse_disk(BlockBackend *b, void *arg)
{
    GError **error = arg;
    if (!*error && block_temporary(b) && !block_is_child(b))
        error_set(error, "disk '%s' is a temporary one (-snapshot), whose contents would be lost",
                  block_id(b));
}

static bool can_leave(GError **error)
{
    GError *disk = NULL;
    if (current)
        return error_set(error, "There's a migration process in progress");
    if (run_state() == RUN_STATE_INMIGRATE)
        return error_set(error, "Guest is waiting for an incoming migration");
    if (run_state() == RUN_STATE_POSTMIGRATE)
        return error_set(error, "Can't migrate the vm that was paused due to previous migration");
    if (!current_machine || !current_machine->board || !cpu_count)
        return error_set(error, "there is no machine to migrate");
    if (reverse_enabled())
        return error_set(error, "a machine with -reverse can't be migrated: its past stays here");
    if (dump_in_progress())
        return error_set(error, "There is a dump in process, please wait.");
    if (snapshot_saving(NULL, NULL))
        return error_set(error, "a snapshot is being saved; wait until that is done");
    if (!migrate_is_idle(error))
        return false;
    block_foreach(refuse_disk, &disk);
    if (disk)
        g_propagate_error(error, disk);
    return !disk;
}

/* The program ends: the thread must not touch what goes. */
static void at_exit(void *opaque)
{
    Source *s = current;
    if (!s)
        return;
    s->exiting = true;
    mig_channel_stop(s->channel);
    mig_call_end(&s->call);
    g_thread_join(s->thread);
}

bool migrate_start(const char *uri, GError **error)
{
    static bool registered;
    if (!can_leave(error))
        return false;
    MigAddress *a = mig_address_new(uri, false, error);
    if (!a)
        return false;
    if (!registered)
        exit_add_notifier(at_exit, NULL);
    registered = true;
    Source *s = g_new0(Source, 1);
    s->channel = mig_channel_new(a);
    s->w = (MigWriter){ .write = mig_channel_write, .opaque = s->channel };
    s->ram = mig_ram_new(mig_cap(MIG_CAP_X_IGNORE_SHARED));
    s->manifest = describe(s);
    g_free(last.error);
    last.error = NULL;
    last.start_us = last.setup_us = last.end_us = g_get_monotonic_time();
    last.stopped = false;
    last.total = mig_ram_bytes(s->ram);
    current = s;
    mig_set_state(MIGRATE_SETUP);
    s->thread = g_thread_new("migration", run, s);
    return true;
}

void migrate_cancel(void)
{
    Source *s = current;
    if (!s || s->committed || s->cancelled)
        return;
    s->cancelled = true;
    mig_set_state(MIGRATE_CANCELLING);
    mig_channel_stop(s->channel);
}

bool migrate_go_on(const char *state, GError **error)
{
    if (last.state != MIGRATE_PRE_SWITCHOVER || strcmp(state, "pre-switchover"))
        return error_set(error, "Migration not in expected state: %s",
                         migrate_state_name(last.state));
    current->go_on = true;
    return true;
}

bool migrate_take_back(GError **error)
{
    if (run_state() == RUN_STATE_FINISH_MIGRATE)
        return error_set(error, "Migration is not finalized yet");
    return block_activate_all(error);
}

/* ---- query-migrate ---- */

static uint64_t ms(int64_t us)
{
    return us / 1000;
}

static void describe_ram(Json *to, const MigCounts *c)
{
    Json *o = json_object();
    uint64_t bytes = c->bytes, normal = c->normal;
    json_set_uint(o, "total", last.total);
    json_set_uint(o, "postcopy-requests", 0);
    json_set_uint(o, "dirty-sync-count", c->passes);
    json_set_uint(o, "multifd-bytes", 0);
    json_set_uint(o, "pages-per-second", c->pages_per_second);
    json_set_uint(o, "downtime-bytes", last.stopped ? bytes - last.precopy_bytes : 0);
    json_set_uint(o, "page-size", RAM_PAGE_SIZE);
    json_set_uint(o, "remaining", c->remaining << RAM_PAGE_BITS);
    json_set_uint(o, "postcopy-bytes", 0);
    json_set(o, "mbps", json_double((double)c->kbps / 1000));
    json_set_uint(o, "transferred", bytes);
    json_set_uint(o, "dirty-sync-missed-zero-copy", 0);
    json_set_uint(o, "precopy-bytes", last.stopped ? last.precopy_bytes : bytes);
    json_set_uint(o, "duplicate", c->zero);
    json_set_uint(o, "dirty-pages-rate", c->dirty_rate);
    json_set_uint(o, "skipped", 0);
    json_set_uint(o, "normal-bytes", normal << RAM_PAGE_BITS);
    json_set_uint(o, "normal", normal);
    json_set(to, "ram", o);
}

static uint64_t expected_downtime(const MigCounts *c)
{
    uint64_t left = (uint64_t)c->remaining << RAM_PAGE_BITS;
    return c->passes > 1 && c->kbps ? left * 8 / c->kbps : mig_param(MIG_DOWNTIME_LIMIT);
}

void mig_source_info(Json *o)
{
    bool done = last.state == MIGRATE_COMPLETED;
    const MigCounts *c = current ? &current->counts : last.counts;
    bool going = last.state == MIGRATE_ACTIVE || last.state == MIGRATE_PRE_SWITCHOVER ||
                 last.state == MIGRATE_DEVICE || last.state == MIGRATE_CANCELLING;
    json_set_str(o, "status", migrate_state_name(last.state));
    json_set_str(o, "error-desc", last.state == MIGRATE_FAILED ? last.error : NULL);
    if (!c || !last.start_us || !(done || going))
        return;
    int64_t end = current ? g_get_monotonic_time() : last.end_us;
    json_set_uint(o, "total-time", ms(end - last.start_us));
    json_set_uint(o, "setup-time", ms(last.setup_us - last.start_us));
    if (done)
        json_set_uint(o, "downtime", ms(end - last.stop_us));
    else
        json_set_uint(o, "expected-downtime", expected_downtime(c));
    describe_ram(o, c);
    if (mig_throttle_percent())
        json_set_uint(o, "cpu-throttle-percentage", mig_throttle_percent());
}
