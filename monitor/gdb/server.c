/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The gdb stub's connection, and what it does with the machine.
 *
 * All-stop: either gdb waits for a stop reply and the machine runs, or the machine stands still
 * and gdb asks. Whatever stops the machine (gdb's interrupt, a breakpoint, the monitor) goes
 * through the run state, whose listener sends the reply.
 */
#include "monitor/gdb/gdb_int.h"

#include <string.h>

#include "backend/block.h"
#include "backend/char_hook.h"
#include "softmmu/reverse.h"
#include "util/error.h"

GdbServer gdb;

/* Where a breakpoint is that gdb did not ask for, while the machine runs; 0: none. */
static vaddr library_event;

/* Signals as gdb numbers them. */
enum { SIG_GDB_INT = 2, SIG_GDB_QUIT = 3, SIG_GDB_TRAP = 5, SIG_GDB_ABRT = 6, SIG_GDB_ALRM = 14 };

/* ---- stop replies ---- */

void gdb_put_thread(GString *out, const Cpu *cpu)
{
    g_string_append_printf(out, gdb.multiprocess ? "p1.%x" : "%x", cpu->index + 1);
}

static unsigned stop_signal(void)
{
    switch (run_state()) {
    case RUN_STATE_SHUTDOWN: return SIG_GDB_QUIT;
    case RUN_STATE_IO_ERROR:
    case RUN_STATE_WATCHDOG: return SIG_GDB_ALRM;
    case RUN_STATE_INTERNAL_ERROR:
    case RUN_STATE_GUEST_PANICKED: return SIG_GDB_ABRT;
    default: return SIG_GDB_TRAP;
    }
}

static void put_reason(GString *out)
{
    static const char *const watch[] = {
        [WATCH_WRITE] = "watch", [WATCH_READ] = "rwatch", [WATCH_ACCESS] = "awatch",
    };
    Cpu *cpu = gdb.cpu;
    if (gdb.stop_why == CPU_DEBUG_WATCH) {
        g_string_append_printf(out, "%s:%" G_GINT64_MODIFIER "x;",
                               watch[gdb_watch_kind(cpu->watch_hit, cpu->watch_write)],
                               cpu->watch_hit);
    } else if (gdb.stop_why == CPU_DEBUG_BREAK) {
        bool hard = gdb_break_is_hard(cpu->target->get_pc(cpu));
        if (hard ? gdb.hwbreak : gdb.swbreak)
            g_string_append(out, hard ? "hwbreak:;" : "swbreak:;");
    }
}

static void put_stop(GString *out, unsigned signal)
{
    g_string_append_printf(out, "T%02xthread:", signal);
    gdb_put_thread(out, gdb.cpu);
    g_string_append_c(out, ';');
    put_reason(out);
}

void gdb_put_stop(GString *out)
{
    put_stop(out, stop_signal());
}

static void send_stop(unsigned signal)
{
    GString *out = g_string_new(NULL);
    put_stop(out, signal);
    if (gdb.library_cpu)
        g_string_append(out, "library:;");
    gdb.waiting = false;
    gdb_wire_send(&gdb.wire, out->str, out->len);
    g_string_free(out, TRUE);
}

/* The CPU that stopped the machine; where several did, the others' turn comes when it goes on. */
static Cpu *who_stopped(void)
{
    Cpu *found = NULL;
    for (unsigned i = 0; i < cpu_count; i++) {
        Cpu *cpu = cpus[i];
        if (cpu->debug_stop > (found ? found->debug_stop : CPU_DEBUG_NONE) ||
            (found && cpu == gdb.cpu && cpu->debug_stop == found->debug_stop))
            found = cpu;
    }
    return found;
}

/* Notes why cpu stopped; it will have been reported. Where the guest has got to a new library and
 * gdb has a breakpoint, it stops once for each. */
static void take_stop(Cpu *cpu)
{
    vaddr pc = cpu->target->get_pc(cpu);
    bool library = library_event && pc == library_event && cpu->debug_stop == CPU_DEBUG_BREAK;
    gdb.library_cpu = library && !(gdb.library_cpu == cpu && gdb_break_at(pc)) ? cpu : NULL;
    gdb.cpu = cpu;
    gdb.stop_why = gdb.library_cpu ? CPU_DEBUG_NONE : cpu->debug_stop;
    cpu->pass_break = cpu->debug_stop == CPU_DEBUG_BREAK;
    cpu->pass_watch = cpu->debug_stop == CPU_DEBUG_WATCH && cpu->target->watch_before;
    cpu->pass_pc = pc;
    cpu->debug_stop = CPU_DEBUG_NONE;
}

/* ---- the machine ---- */

static void end_steps(void)
{
    for (unsigned i = 0; i < cpu_count; i++) {
        cpus[i]->singlestep = cpus[i]->held = cpus[i]->step_irq = false;
        cpus[i]->step_start = cpus[i]->step_end = 0;
    }
}

/* A CPU goes on from a stop that was reported only if gdb left its pc and its breakpoint alone. */
static void check_passes(void)
{
    for (unsigned i = 0; i < cpu_count; i++) {
        Cpu *cpu = cpus[i];
        uint64_t pc = cpu->target->get_pc(cpu);
        bool library = cpu == gdb.library_cpu;
        cpu->pass_break = cpu->pass_break && cpu->pass_pc == pc && gdb_break_at(pc) != library;
        cpu->pass_watch = cpu->pass_watch && cpu->pass_pc == pc;
    }
}

/* The program goes on (-no-shutdown), or on_exit_program would have been called. */
static void after_shutdown(void *opaque)
{
    if (gdb.waiting && !run_state_is_running())
        send_stop(stop_signal());
}

static void on_run_state(void *opaque, bool running, RunState s)
{
    if (!gdb.chr)
        return;
    if (running) {
        gdb.stop_why = CPU_DEBUG_NONE;
        check_passes();
        library_event = gdb.waiting ? gdb_library_event() : 0;
        gdb_break_apply(library_event);
        return;
    }
    end_steps();
    if (!gdb.waiting || s == RUN_STATE_SAVE_VM || s == RUN_STATE_RESTORE_VM ||
        s == RUN_STATE_PRELAUNCH || s == RUN_STATE_FINISH_MIGRATE)
        return;
    if (s == RUN_STATE_SHUTDOWN) {
        main_defer(after_shutdown, NULL);
        return;
    }
    Cpu *cpu = s == RUN_STATE_DEBUG ? who_stopped() : NULL;
    if (cpu)
        take_stop(cpu);
    else
        gdb.library_cpu = NULL;
    send_stop(s == RUN_STATE_PAUSED ? SIG_GDB_INT : stop_signal());
}

static bool can_run(void)
{
    RunState s = run_state();
    return s != RUN_STATE_SHUTDOWN && s != RUN_STATE_INTERNAL_ERROR &&
           s != RUN_STATE_GUEST_PANICKED && s != RUN_STATE_INMIGRATE &&
           s != RUN_STATE_FINISH_MIGRATE && !block_is_inactive();
}

void gdb_resume(const GdbResume *how)
{
    gdb.waiting = true;
    gdb.stop_why = CPU_DEBUG_NONE;
    Cpu *pending = who_stopped();
    if (!can_run() || (pending && pending->debug_stop == CPU_DEBUG_WATCH)) {
        gdb.library_cpu = NULL;
        if (pending)
            take_stop(pending); /* at the same time as what was reported last */
        send_stop(stop_signal());
        return;
    }
    if (reverse_enabled())
        gdb.step_flags = SSTEP_ENABLE; /* steps are part of what happens, as everything is */
    bool frozen = gdb.step_flags & SSTEP_NOTIMER;
    for (unsigned i = 0; i < cpu_count; i++) {
        Cpu *cpu = cpus[i];
        cpu->debug_stop = CPU_DEBUG_NONE; /* a breakpoint will be hit again */
        cpu->held = how[i].action == GDB_HOLD;
        cpu->singlestep = how[i].action == GDB_STEP;
        cpu->step_irq = !(gdb.step_flags & SSTEP_NOIRQ);
        cpu->step_start = how[i].start;
        cpu->step_end = how[i].end;
        if (how[i].action == GDB_STEP)
            cpu->halted = cpu->pass_break = false; /* waiting may end at any time; steps pass */
        if (how[i].action == GDB_CONT)
            frozen = false;
    }
    if (frozen)
        vm_start_frozen();
    else
        vm_start();
}

void gdb_reverse(bool step, GString *out)
{
    unsigned cpu = 0;
    check_passes();
    library_event = 0;
    gdb.library_cpu = NULL;
    gdb_break_apply(0);
    ReverseStop why = step ? reverse_step() : reverse_continue(&cpu);
    gdb.stop_why = CPU_DEBUG_NONE;
    if (why == REVERSE_HIT) {
        take_stop(cpus[cpu]);
        cpus[cpu]->pass_watch = false; /* it is behind the access */
    }
    gdb_break_apply(0);
    put_stop(out, SIG_GDB_TRAP);
    if (why == REVERSE_BEGIN)
        g_string_append(out, "replaylog:begin;");
}

/* As if gdb had never been there. The machine may be running. */
static void forget_all(void)
{
    gdb.waiting = false;
    gdb_break_clear();
    gdb_files_close();
    gdb_libraries_reset();
    library_event = 0;
    cpus_pause_all();
    end_steps();
    for (unsigned i = 0; i < cpu_count; i++) {
        cpus[i]->pass_break = cpus[i]->pass_watch = false;
        cpus[i]->debug_stop = CPU_DEBUG_NONE;
    }
    gdb_break_apply(0);
    cpus_forget_breakpoints();
    cpus_resume_all();
}

void gdb_detach(void)
{
    forget_all();
    if (can_run())
        vm_start();
}

/* ---- the connection ---- */

static void wire_send(const void *data, size_t len)
{
    if (gdb.chr && gdb.connected)
        chardev_write(gdb.chr, data, len);
}

static void wire_interrupt(void)
{
    if (run_state_is_running())
        vm_stop(RUN_STATE_PAUSED);
}

static void wire_packet(const char *data, size_t len)
{
    if (run_state_is_running())
        vm_stop(RUN_STATE_PAUSED);
    GString *out = g_string_new(NULL);
    if (gdb_command(data, len, out))
        gdb_wire_send(&gdb.wire, out->str, out->len);
    g_string_free(out, TRUE);
}

static size_t on_can_read(void *opaque)
{
    return 4096;
}

static void on_read(void *opaque, const uint8_t *buf, size_t len)
{
    gdb_wire_input(&gdb.wire, buf, len);
}

static void connected(void)
{
    gdb_wire_init(&gdb.wire);
    gdb.multiprocess = gdb.swbreak = gdb.hwbreak = gdb.physical = gdb.waiting = gdb.lldb = false;
    gdb.step_flags = SSTEP_ENABLE | SSTEP_NOIRQ | SSTEP_NOTIMER;
    gdb.cpu = cpus[0];
    gdb.stop_why = CPU_DEBUG_NONE;
    gdb_files_close();
    gdb_libraries_reset();
    gdb.connected = true;
    vm_stop(RUN_STATE_PAUSED);
}

static void on_event(void *opaque, CharEvent event)
{
    if (event == CHAR_OPENED) {
        connected();
    } else if (event == CHAR_CLOSED && gdb.connected) {
        gdb.connected = false;
        forget_all();
    }
}

static void on_exit_program(void *opaque)
{
    const char *text = gdb.multiprocess ? "W00;process:1" : "W00";
    if (gdb.waiting)
        gdb_wire_send(&gdb.wire, text, strlen(text));
}

static void stop_server(void)
{
    Chardev *c = gdb.chr;
    if (!c)
        return;
    if (gdb.connected)
        forget_all();
    gdb.connected = false;
    gdb.chr = NULL;
    chardev_detach(c, &gdb);
    if (gdb.owns_chr)
        chardev_free(c);
}

static void init_once(void)
{
    static bool done;
    if (done)
        return;
    done = true;
    gdb.wire.send = wire_send;
    gdb.wire.packet = wire_packet;
    gdb.wire.interrupt = wire_interrupt;
    gdb_wire_init(&gdb.wire);
    run_state_add_listener(on_run_state, NULL);
    exit_add_notifier(on_exit_program, NULL);
}

/* A socket is one to be connected to, unless the user says otherwise. */
static char *device_text(const char *device)
{
    bool tcp = g_str_has_prefix(device, "tcp:");
    if ((!tcp && !g_str_has_prefix(device, "unix:")) || strstr(device, ",server"))
        return g_strdup(device);
    return g_strconcat(device, ",server=on", strstr(device, "wait") ? "" : ",wait=off",
                       tcp && !strstr(device, "delay") ? ",nodelay=on" : "", NULL);
}

bool gdb_server_start(const char *device, GError **error)
{
    if (!cpu_count)
        return error_set(error, "this machine has no CPU that could be debugged");
    stop_server();
    if (!strcmp(device, "none"))
        return true;
    char *text = device_text(device);
    Chardev *c = chardev_new_from_legacy(text, "gdb", error);
    g_free(text);
    if (!c)
        return false;
    init_once();
    gdb.chr = c;
    gdb.owns_chr = !g_str_has_prefix(device, "chardev:");
    chardev_not_machine(on_read);
    CharFrontend fe = { .can_read = on_can_read, .read = on_read, .event = on_event,
                        .opaque = &gdb };
    if (chardev_attach(c, &fe, error))
        return true;
    gdb.chr = NULL;
    if (gdb.owns_chr)
        chardev_free(c);
    return false;
}
