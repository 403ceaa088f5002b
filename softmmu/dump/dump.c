/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See include/softmmu/dump.h. */
#include "softmmu/dump.h"

#include <unistd.h>

#include "backend/block.h"
#include "softmmu/dump/dump_int.h"
#include "softmmu/migrate.h"
#include "softmmu/run.h"
#include "util/error.h"

typedef struct Dump {
    DumpPlan *plan;
    DumpFormat format;
    DumpOutput out;
    GThread *thread;
    bool resume;       /* the machine ran */
    DumpDone *done;
    void *opaque;
    GError *error;
} Dump;

static Dump *current;
static DumpStatus status;
static uint64_t total;
static _Atomic uint64_t completed;
static _Atomic bool cancel;

bool dump_in_progress(void)
{
    return current != NULL;
}

DumpStatus dump_status(uint64_t *bytes, uint64_t *of)
{
    *bytes = atomic_load(&completed);
    *of = total;
    return status;
}

static bool nobody_dumps(void *opaque)
{
    return !current;
}

void dump_wait(void)
{
    main_loop_wait_for(nobody_dumps, NULL);
}

/* ---- the thread ---- */

/* The machine goes on, unless it was stopped by somebody else meanwhile (gdb may run and stop it). */
static void resume(const Dump *d)
{
    cpus_resume_all();
    if (d->resume && (run_state() == RUN_STATE_SAVE_VM || run_state() == RUN_STATE_PRELAUNCH))
        vm_start(); /* prelaunch: it was reset */
}

static void finished(void *opaque)
{
    Dump *d = opaque;
    if (current != d)
        return; /* the program ends */
    g_thread_join(d->thread);
    status = d->error ? DUMP_FAILED : DUMP_COMPLETED;
    if (d->done)
        d->done(d->opaque, d->error);
    current = NULL;
    resume(d);
    dump_plan_free(d->plan);
    g_clear_error(&d->error);
    g_free(d);
    main_loop_wake();
}

static gpointer write_it(gpointer arg)
{
    Dump *d = arg;
    bool ok = (d->format == DUMP_ELF ? dump_elf : dump_kdump)(d->plan, &d->out, &d->error);
    dump_output_close(&d->out, ok, ok ? &d->error : NULL);
    main_defer(finished, d);
    return NULL;
}

/* A dump that is not complete must not look as if it were. */
static void end_of_program(void *opaque)
{
    atomic_store(&cancel, true);
    if (current)
        g_thread_join(current->thread);
    current = NULL;
}

/* ---- */

bool dump_start(const DumpRequest *r, DumpDone *done, void *opaque, GError **error)
{
    static bool registered;
    if (current) {
        close(r->fd);
        return error_set(error, "There is a dump in process, please wait.");
    }
    if (migrate_is_running() || run_state() == RUN_STATE_INMIGRATE) {
        close(r->fd);
        return error_set(error, "Dump not allowed during a migration.");
    }
    if (!registered)
        exit_add_notifier(end_of_program, NULL);
    registered = true;
    Dump *d = g_new0(Dump, 1);
    d->format = r->format;
    d->done = done;
    d->opaque = opaque;
    d->resume = run_state_is_running();
    if (d->resume)
        vm_stop(RUN_STATE_SAVE_VM);
    cpus_pause_all(); /* whoever starts the machine meanwhile */
    vm_drain();
    block_drain_all();
    status = DUMP_ACTIVE;
    total = 0;
    atomic_store(&completed, 0);
    d->plan = dump_plan_new(r, error);
    if (!d->plan) {
        status = DUMP_FAILED;
        close(r->fd);
        resume(d);
        g_free(d);
        return false;
    }
    total = d->plan->total;
    d->plan->done = &completed;
    dump_output_init(&d->out, r->fd, &cancel);
    current = d;
    d->thread = g_thread_new("dump", write_it, d);
    return true;
}
