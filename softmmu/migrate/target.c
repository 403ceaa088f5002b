/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine that comes from another program: -incoming.
 *
 * The program makes the machine of its command line, which waits in RUN_STATE_INMIGRATE with its
 * images unlocked. A thread reads the stream and writes RAM, which nobody uses yet; manifest and
 * devices are compared and loaded by the main thread. Everything is believed to be wrong until it
 * was checked, and what is wrong ends the program with one line and status 1: half a machine is no
 * use to anybody.
 */
#include <glib-unix.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "accel/tlb.h"
#include "backend/block.h"
#include "hw/board.h"
#include "monitor/monitor.h"
#include "softmmu/migrate/migrate_int.h"
#include "softmmu/run.h"
#include "softmmu/snapshot/snapshot_int.h"
#include "util/error.h"

enum { LISTENERS = 4 };

typedef struct Target {
    char *uri;
    MigAddress *address;
    MigChannel *channel;
    int listeners[LISTENERS];
    guint sources[LISTENERS];
    int n_listeners;
    GThread *thread;
    MigCall call;
    /* the thread's */
    MigReader r;
    MigWriter w;
    MigRam *ram;
    Json *manifest;
    GByteArray *state;
    GError *error;
    /* the main thread's */
    MachineRecords *records;
    RunState run_state;
} Target;

static bool expected, autostart, started, over;
static char *expected_uri;
static Target *target;

bool migrate_expected(void)
{
    return expected;
}

void migrate_set_autostart(bool on)
{
    autostart = on;
}

/* ---- on the main thread ---- */

/* Text of a stream may be anything; the message is one line. */
static void make_line(GError *e)
{
    char *text = g_utf8_make_valid(e->message, -1);
    for (char *p = text; *p; p++)
        if (g_ascii_iscntrl(*p))
            *p = '?';
    g_free(e->message);
    e->message = text;
}

static void fail(void *opaque)
{
    Target *t = opaque;
    make_line(t->error);
    error_report("-incoming %s: load of migration failed: %s", t->uri, t->error->message);
    mig_set_state(MIGRATE_FAILED);
    exit(EXIT_FAILURE);
}

static bool same_uuid(const Json *manifest, GError **error)
{
    const char *theirs = json_get_str(manifest, "uuid", ""), *mine = monitor_guest_uuid();
    return !mig_cap(MIG_CAP_VALIDATE_UUID) || !strcmp(theirs, mine ? mine : "") ||
           error_set(error, "its -uuid is '%s', and here it is '%s'", theirs, mine ? mine : "");
}

static void check_manifest(void *opaque)
{
    Target *t = opaque;
    mig_set_state(MIGRATE_ACTIVE);
    if (json_get_int(t->manifest, "format", 0) != SNAPSHOT_FORMAT)
        error_set(&t->error, "the format of its devices is not known to this program");
    else if (machine_matches(t->manifest, &t->error) && same_uuid(t->manifest, &t->error))
        t->ram = mig_ram_match(json_get(t->manifest, "ram"), &t->error);
}

static void load(void *opaque)
{
    Target *t = opaque;
    t->records = machine_check(t->state->data, t->state->len, &t->error);
    if (t->records)
        machine_load(t->records, &t->error);
}

static void take_disks(RunState s)
{
    g_autoptr(GError) why = NULL;
    bool goes_on = autostart && s == RUN_STATE_RUNNING;
    if ((mig_cap(MIG_CAP_LATE_BLOCK_ACTIVATE) && !goes_on) || block_activate_all(&why))
        return;
    error_report("the machine stays stopped: %s", why->message);
    autostart = false;
}

static void target_free(Target *t)
{
    mig_channel_free(t->channel);
    mig_reader_clear(&t->r);
    mig_ram_free(t->ram);
    json_free(t->manifest);
    if (t->state)
        g_byte_array_unref(t->state);
    machine_records_free(t->records);
    g_clear_error(&t->error);
    g_free(t->uri);
    g_free(t);
}

/* It is ours. */
static void finish(void *opaque)
{
    Target *t = opaque;
    g_thread_join(t->thread);
    take_disks(t->run_state);
    for (unsigned i = 0; i < cpu_count; i++)
        tlb_flush_all(cpus[i]);
    machine_loaded();
    over = true;
    target = NULL;
    migrate_announce(-1, -1, -1, -1, NULL, NULL, NULL);
    if (t->run_state == RUN_STATE_RUNNING)
        run_state_set(RUN_STATE_PAUSED);
    else
        run_state_set(t->run_state);
    if (t->run_state == RUN_STATE_RUNNING && autostart)
        vm_start();
    mig_set_state(MIGRATE_COMPLETED);
    target_free(t);
}

/* ---- the thread ---- */

static bool read_manifest(Target *t)
{
    MigRecord rec;
    if (!mig_read(&t->r, &rec, &t->error))
        return false;
    if (rec.type != MIG_MANIFEST)
        return error_set(&t->error, "the stream is damaged: it has no manifest");
    t->manifest = json_parse((const char *)rec.data, rec.len, &t->error);
    return t->manifest;
}

static bool read_end(Target *t, const MigRecord *rec)
{
    g_autoptr(Json) end = json_parse((const char *)rec->data, rec->len, &t->error);
    if (!end || !mig_ram_complete(t->ram, &t->error))
        return false;
    const char *name = json_get_str(end, "run-state", "");
    t->run_state = RUN_STATE_PAUSED;
    for (unsigned s = 0; s < RUN_STATE_N; s++)
        if (!strcmp(name, run_state_name(s)) && s != RUN_STATE_INMIGRATE &&
            s != RUN_STATE_FINISH_MIGRATE && s != RUN_STATE_POSTMIGRATE)
            t->run_state = s;
    return true;
}

static bool read_contents(Target *t)
{
    MigRecord rec;
    t->state = g_byte_array_new();
    for (;;) {
        if (!mig_read(&t->r, &rec, &t->error))
            return false;
        switch (rec.type) {
        case MIG_PAGES:
        case MIG_ZEROS:
        case MIG_PACKED:
            if (!mig_ram_receive(t->ram, &rec, &t->error))
                return false;
            break;
        case MIG_STATE:
            if (rec.len > MIG_STATE_MAX - t->state->len)
                return error_set(&t->error, "the stream is damaged: too much state");
            g_byte_array_append(t->state, rec.data, rec.len);
            break;
        case MIG_END:
            return read_end(t, &rec);
        default:
            return error_set(&t->error, "the stream is damaged, or of a newer program (record of "
                             "type %u)", rec.type);
        }
    }
}

static bool called(Target *t, void (*fn)(void *opaque))
{
    return mig_call(&t->call, fn, t) ? !t->error
                                     : error_set(&t->error, "the program ends");
}

/* The other side gives the machine away when it hears that all is well here. */
static bool take_over(Target *t)
{
    MigRecord rec;
    MigReader r = { .read = mig_channel_read, .opaque = t->channel, .sequence = t->r.sequence };
    if (!(t->r.flags & MIG_ANSWERS))
        return true;
    bool ok = mig_write(&t->w, MIG_READY, NULL, 0, NULL, 0, &t->error) &&
              mig_read(&r, &rec, &t->error) &&
              (rec.type == MIG_GO || error_set(&t->error, "the other side changed its mind"));
    mig_reader_clear(&r);
    return ok;
}

static void refuse(Target *t)
{
    if (!(t->r.flags & MIG_ANSWERS) ||
        !mig_write(&t->w, MIG_REFUSED, t->error->message, MIN(strlen(t->error->message), 4096),
                   NULL, 0, NULL))
        return;
    mig_channel_linger(t->channel);
}

static gpointer run(gpointer arg)
{
    Target *t = arg;
    bool ok = mig_read_head(&t->r, &t->error) && read_manifest(t) && called(t, check_manifest) &&
              read_contents(t) && called(t, load) && take_over(t);
    if (!ok)
        refuse(t);
    mig_channel_close(t->channel);
    g_mutex_lock(&t->call.lock);
    bool ending = t->call.ending;
    g_mutex_unlock(&t->call.lock);
    if (!ending)
        main_defer(ok ? finish : fail, t);
    return NULL;
}

/* ---- the beginning ---- */

static void at_exit(void *opaque)
{
    if (!target || !target->thread)
        return;
    mig_channel_stop(target->channel);
    mig_call_end(&target->call);
    g_thread_join(target->thread);
}

static void start_thread(Target *t)
{
    t->r = (MigReader){ .read = mig_channel_read, .opaque = t->channel };
    t->w = (MigWriter){ .write = mig_channel_write, .opaque = t->channel };
    exit_add_notifier(at_exit, NULL);
    t->thread = g_thread_new("migration", run, t);
}

static void stop_listening(Target *t)
{
    for (int i = 0; i < t->n_listeners; i++) {
        g_source_remove(t->sources[i]);
        close(t->listeners[i]);
    }
    t->n_listeners = 0;
}

static gboolean on_connection(gint fd, GIOCondition condition, gpointer opaque)
{
    Target *t = opaque;
    int c = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    if (c < 0)
        return G_SOURCE_CONTINUE;
    mig_channel_accepted(t->channel, c);
    stop_listening(t);
    start_thread(t);
    return G_SOURCE_REMOVE;
}

static bool begin(const char *uri, GError **error)
{
    MigAddress *a = mig_address_new(uri, true, error);
    if (!a)
        return false;
    Target *t = g_new0(Target, 1);
    t->uri = g_strdup(uri);
    t->channel = mig_channel_new(a);
    t->n_listeners = mig_channel_listen(t->channel, t->listeners, LISTENERS, error);
    if (t->n_listeners < 0 || (!t->n_listeners && !mig_channel_open(t->channel, true, error))) {
        mig_channel_close(t->channel);
        target_free(t);
        return false;
    }
    started = true;
    target = t;
    mig_set_state(MIGRATE_SETUP);
    for (int i = 0; i < t->n_listeners; i++)
        t->sources[i] = g_unix_fd_add(t->listeners[i], G_IO_IN, on_connection, t);
    if (!t->n_listeners)
        start_thread(t);
    return true;
}

void migrate_expect(const char *uri, bool start)
{
    expected = true;
    autostart = start;
    expected_uri = g_strdup(uri);
    block_begin_inactive();
}

bool migrate_listen(GError **error)
{
    if (!current_machine || !current_machine->board || !cpu_count)
        return error_set(error, "-incoming %s: there is no machine that could come", expected_uri);
    run_state_set(RUN_STATE_INMIGRATE);
    if (!strcmp(expected_uri, "defer") || begin(expected_uri, error))
        return true;
    g_prefix_error(error, "-incoming %s: ", expected_uri);
    return false;
}

bool migrate_incoming(const char *uri, GError **error)
{
    if (!expected)
        return error_set(error, "'-incoming' was not specified on the command line");
    if (started || over)
        return error_set(error, "The incoming migration has already been started");
    if (strcmp(expected_uri, "defer"))
        return error_set(error, "'-incoming' was not specified with 'defer'");
    return begin(uri, error);
}

Json *migrate_info(void)
{
    Json *o = json_object();
    if (target && target->n_listeners)
        json_set(o, "socket-address", mig_channel_addresses(target->listeners,
                                                            target->n_listeners));
    /* What comes is not seen before it is here. */
    if (migrate_state() != MIGRATE_NONE && run_state() != RUN_STATE_INMIGRATE)
        mig_source_info(o);
    return o;
}
