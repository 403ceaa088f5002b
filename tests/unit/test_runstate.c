/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Run states, requests, signals; vCPU threads and -icount with a target and an accelerator made
 * for the test: a "guest" that counts, asks for timers and halts.
 */
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "accel/accel.h"
#include "softmmu/guest_event.h"
#include "softmmu/run.h"
#include "util/error.h"

enum { MS = 1000000, N_CPUS = 3 };

/* ---- the guest ---- */

typedef struct FakeCpu {
    Cpu cpu;
    _Atomic uint64_t insns;
    _Atomic uint64_t resets;
    uint32_t random;
    uint64_t hash;         /* of what it saw, with instruction counts */
    Timer *timer;
    _Atomic bool wants_halt, wants_debug, wants_off, wants_reset;
    _Atomic uint32_t served;
    uint64_t pc;
} FakeCpu;

static bool fake_configure(Cpu *cpu, const char *model, GError **error)
{
    if (strcmp(model, "fake"))
        return error_set(error, "no such CPU model: %s", model);
    return true;
}

static void fake_timer(void *opaque)
{
    g_assert_true(main_lock_held());
    cpu_interrupt(opaque, 1);
}

static void fake_init(Cpu *cpu)
{
    FakeCpu *f = (FakeCpu *)cpu;
    f->timer = timer_new(CLOCK_VIRTUAL, fake_timer, f);
}

static void fake_reset(Cpu *cpu)
{
    FakeCpu *f = (FakeCpu *)cpu;
    f->resets++;
    f->random = cpu->index + 1;
    f->hash = 0;
}

static bool fake_has_work(Cpu *cpu)
{
    return cpu->interrupt_request != 0;
}

static void fake_serve(Cpu *cpu, uint32_t bits)
{
    g_assert_true(current_cpu == cpu && !atomic_load(&cpu->stopped));
    atomic_fetch_or(&((FakeCpu *)cpu)->served, bits);
}

/* Page 0 isn't mapped; the rest is at half its address. */
static bool fake_translate(Cpu *cpu, vaddr va, MmuAccess access, int idx, bool debug, MmuResult *r)
{
    if (va < 0x1000 || (va >> 12) % 2)
        return false;
    r->paddr = (va >> 13 << 12) | (va & 0xfff);
    return true;
}

static int fake_mmu_idx(Cpu *cpu) { return 0; }

static const TargetOps fake_target = {
    .name = "fake-test", .cpu_size = sizeof(FakeCpu), .configure = fake_configure,
    .init = fake_init, .reset = fake_reset, .has_work = fake_has_work,
    .serve = fake_serve, .translate = fake_translate, .data_mmu_idx = fake_mmu_idx, .fetch_mmu_idx = fake_mmu_idx,
};
TARGET_REGISTER(fake_target)

/* ---- the accelerator ---- */

static uint64_t exclusive_value;
static _Atomic bool exclusive_test;

static void mix(FakeCpu *f, uint64_t v)
{
    f->hash = (f->hash ^ v) * 0x9e3779b97f4a7c15ULL + (f->hash >> 29);
}

/* What may be "executed" under -icount: all of it depends on instruction counts alone. */
static CpuExit counted_insn(FakeCpu *f)
{
    f->random = f->random * 1664525 + 1013904223;
    uint32_t r = f->random >> 8;
    if (r % 500 == 0) { /* sets its timer */
        mix(f, clock_ns(CLOCK_VIRTUAL));
        main_lock();
        timer_mod(f->timer, clock_ns(CLOCK_VIRTUAL) + r % 70000);
        main_unlock();
    } else if (r % 3000 == 1) {
        main_lock();
        timer_mod(f->timer, clock_ns(CLOCK_VIRTUAL) + r % 70000);
        main_unlock();
        return CPU_EXIT_HALTED;
    } else if (r % 2000 == 2) {
        cpu_interrupt(cpus[r % cpu_count], 2);
    } else if (r % 4000 == 3) {
        return CPU_EXIT_YIELD;
    }
    return CPU_EXIT_NONE;
}

static CpuExit exec_counted(Cpu *cpu)
{
    FakeCpu *f = (FakeCpu *)cpu;
    while (cpu->icount_left > 0) {
        if (atomic_load(&cpu->exit_request))
            return CPU_EXIT_NONE;
        if (cpu->interrupt_request) {
            mix(f, cpu->interrupt_request);
            mix(f, icount_total());
            mix(f, clock_ns(CLOCK_VIRTUAL));
            cpu_clear_interrupt(cpu, ~0u);
        }
        cpu->icount_left--;
        f->insns++;
        CpuExit e = counted_insn(f);
        if (e != CPU_EXIT_NONE)
            return e;
    }
    return CPU_EXIT_BUDGET;
}

static CpuExit exec_free(Cpu *cpu)
{
    FakeCpu *f = (FakeCpu *)cpu;
    cpu_clear_interrupt(cpu, ~0u);
    for (;;) {
        if (atomic_load(&cpu->exit_request))
            return CPU_EXIT_NONE;
        cpu_exec_start(cpu);
        f->insns++;
        if (exclusive_test) { /* nobody writes while we are in here */
            uint64_t v = exclusive_value;
            for (unsigned i = 0; i < 20; i++)
                g_assert_cmpuint(*(volatile uint64_t *)&exclusive_value, ==, v);
        }
        cpu_exec_end(cpu);
        if (exclusive_test && f->insns % 64 == 0) {
            cpu_exclusive_begin();
            exclusive_value++;
            cpu_exclusive_end();
        }
        if (atomic_exchange(&f->wants_off, false))
            vm_request_shutdown(SHUTDOWN_GUEST_SHUTDOWN, 7);
        if (atomic_exchange(&f->wants_reset, false))
            vm_request_reset(SHUTDOWN_GUEST_RESET);
        if (atomic_exchange(&f->wants_debug, false))
            return CPU_EXIT_DEBUG;
        if (atomic_load(&f->wants_halt))
            return CPU_EXIT_HALTED;
    }
}

static CpuExit fake_exec(Cpu *cpu)
{
    g_assert_false(main_lock_held());
    g_assert_true(current_cpu == cpu);
    return icount_enabled() ? exec_counted(cpu) : exec_free(cpu);
}

static bool fake_accel_init(const TargetOps *t, GHashTable *opts, GError **error)
{
    return true;
}

static bool broken_accel_init(const TargetOps *t, GHashTable *opts, GError **error)
{
    return error_set(error, "it is broken");
}

static bool fake_cpu_init(Cpu *cpu, GError **error) { return true; }

static const char *const fake_options[] = { "knob=turns", NULL };
static const Accel fake_accel = {
    .name = "fake-accel", .options = fake_options, .init = fake_accel_init,
    .cpu_init = fake_cpu_init, .exec = fake_exec, .threads = true,
};
static const Accel broken_accel = { .name = "broken-accel", .init = broken_accel_init };
ACCEL_REGISTER(fake_accel)
ACCEL_REGISTER(broken_accel)

static FakeCpu *fake(unsigned i)
{
    return (FakeCpu *)cpus[i];
}

static void make_machine(unsigned n)
{
    GError *error = NULL;
    accel_select("fake-accel", target_find("fake-test"), NULL, &error);
    g_assert_no_error(error);
    for (unsigned i = 0; i < n; i++)
        g_assert_nonnull(cpu_new(&fake_target, "fake", NULL));
    vm_reset_now();
}

/* Every case is a process of its own: a machine is made once. */
#define IN_CHILD()                                                                             \
    do {                                                                                       \
        if (!g_test_subprocess()) {                                                            \
            g_test_trap_subprocess(NULL, 0, 0);                                                \
            g_test_trap_assert_passed();                                                       \
            return;                                                                            \
        }                                                                                      \
    } while (0)

static void stop_loop(void *opaque)
{
    vm_request_shutdown(SHUTDOWN_HOST_QMP_QUIT, 0);
}

/* The main loop for ms milliseconds; the machine is stopped then. Returns the exit status. */
static int loop_for(unsigned ms)
{
    Timer *t = timer_new(CLOCK_RT, stop_loop, NULL);
    timer_mod(t, clock_ns(CLOCK_RT) + (int64_t)ms * MS);
    int status = main_loop_run();
    timer_free(t);
    return status;
}

/* ---- vCPUs ---- */

/* Stops the loop once a condition holds; a busy host may take long to give each thread its turn. */
typedef struct {
    Timer *timer;
    bool (*holds)(void);
} Awaited;

static void stop_when_it_holds(void *opaque)
{
    Awaited *a = opaque;
    if (a->holds())
        stop_loop(NULL);
    else
        timer_mod(a->timer, clock_ns(CLOCK_RT) + MS);
}

static void loop_until(bool (*holds)(void))
{
    Awaited a = { .holds = holds };
    a.timer = timer_new(CLOCK_RT, stop_when_it_holds, &a);
    timer_mod(a.timer, clock_ns(CLOCK_RT));
    loop_for(60000);
    timer_free(a.timer);
}

static bool all_ran(void)
{
    for (unsigned i = 0; i < cpu_count; i++)
        if (!fake(i)->insns)
            return false;
    return true;
}

static void add_one(Cpu *cpu, void *arg)
{
    ++*(_Atomic unsigned *)arg;
}

static void check_thread(Cpu *cpu, void *arg)
{
    g_assert_true(current_cpu == cpu);
    ++*(_Atomic unsigned *)arg;
}

static void test_vcpus(void)
{
    IN_CHILD();
    _Atomic unsigned n = 0;
    GError *error = NULL;
    make_machine(N_CPUS);
    g_assert_null(cpu_new(&fake_target, "other", &error));
    g_assert_nonnull(error);
    g_assert_cmpuint(cpu_count, ==, N_CPUS);
    g_assert_cmphex((uintptr_t)cpus[1] & 63, ==, 0);
    cpu_run_on_sync(cpus[0], add_one, (void *)&n);
    g_assert_cmpuint(n, ==, 1);
    g_assert_cmpuint(fake(2)->resets, ==, 1);

    vm_start();
    loop_until(all_ran);
    uint64_t done[N_CPUS];
    for (unsigned i = 0; i < N_CPUS; i++) {
        done[i] = fake(i)->insns;
        g_assert_cmpuint(done[i], >, 0);
        g_assert_true(cpus[i]->stopped);
    }
    usleep(5000);
    for (unsigned i = 0; i < N_CPUS; i++)
        g_assert_cmpuint(fake(i)->insns, ==, done[i]);

    /* Functions run on the thread, stopped or not, in order. */
    for (unsigned i = 0; i < 100; i++)
        cpu_run_on(cpus[i % N_CPUS], check_thread, (void *)&n);
    for (unsigned i = 0; i < N_CPUS; i++)
        cpu_run_on_sync(cpus[i], check_thread, (void *)&n);
    g_assert_cmpuint(n, ==, 104);
    vm_start();
    for (unsigned i = 0; i < 60; i++)
        cpu_run_on_sync(cpus[i % N_CPUS], check_thread, (void *)&n);
    g_assert_cmpuint(n, ==, 164);

    /* Pauses nest. */
    cpus_pause_all();
    cpus_pause_all();
    cpus_resume_all();
    uint64_t before = fake(0)->insns;
    usleep(3000);
    g_assert_cmpuint(fake(0)->insns, ==, before);
    cpus_resume_all();
    for (unsigned i = 0; i < 20; i++) {
        cpus_pause_all();
        cpus_resume_all();
    }
    vm_stop(RUN_STATE_PAUSED);
    g_assert_cmpstr(run_state_name(run_state()), ==, "paused");
}

static bool all_served(void)
{
    for (unsigned i = 0; i < cpu_count; i++)
        if (!fake(i)->served)
            return false;
    return true;
}

/* What changes a vCPU's state is done in guest time; a reset in between drops it. */
static void test_requests_of_cpus(void)
{
    IN_CHILD();
    make_machine(N_CPUS);
    fake(1)->wants_halt = true;
    vm_start();
    for (unsigned i = 0; i < N_CPUS; i++)
        cpu_request(cpus[i], 4);
    loop_until(all_served);
    for (unsigned i = 0; i < N_CPUS; i++)
        g_assert_cmphex(atomic_exchange(&fake(i)->served, 0), ==, 4);

    for (unsigned n = 0; n < 50; n++) {
        bool reset = n % 2;
        for (unsigned i = 0; i < N_CPUS; i++)
            cpu_request(cpus[i], 1 << i);
        main_unlock();
        usleep(200);
        main_lock();
        for (unsigned i = 0; i < N_CPUS; i++)
            g_assert_cmphex(fake(i)->served, ==, 0);
        if (reset)
            vm_reset_now();
        for (unsigned i = 0; i < N_CPUS; i++) {
            do {
                vm_start();
                loop_for(1); /* which stops it */
            } while (!reset && !fake(i)->served);
            g_assert_cmphex(atomic_exchange(&fake(i)->served, 0), ==, reset ? 0 : 1U << i);
        }
    }
}

static int64_t cpu_time_us(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000LL + u.ru_utime.tv_usec +
           u.ru_stime.tv_usec;
}

static uint64_t insns_before;
static bool third_ran(void) { return fake(2)->insns > insns_before; }

static void test_halt(void)
{
    IN_CHILD();
    make_machine(N_CPUS);
    for (unsigned i = 0; i < N_CPUS; i++)
        fake(i)->wants_halt = true;
    vm_start();
    int64_t before = cpu_time_us();
    loop_for(200);
    g_assert_cmpint(cpu_time_us() - before, <, 60000); /* of 800000 if they were busy */
    vm_start();
    uint64_t n = fake(0)->insns;
    for (unsigned i = 0; i < 1000; i++) {
        cpu_interrupt(cpus[0], 1);
        while (fake(0)->insns == n)
            ;
        n = fake(0)->insns;
    }
    /* Interrupts by a timer, and a kick without a reason. */
    cpu_kick(cpus[1]);
    timer_mod(fake(2)->timer, clock_ns(CLOCK_VIRTUAL) + 2 * MS);
    insns_before = fake(2)->insns;
    loop_until(third_ran);
    g_assert_true(third_ran());
}

static bool vcpus_were_exclusive(void) { return exclusive_value > 300; }

static void test_exclusive(void)
{
    IN_CHILD();
    make_machine(N_CPUS);
    exclusive_test = true;
    vm_start();
    for (unsigned i = 0; i < 300; i++) {
        cpu_exclusive_begin();
        g_assert_true(main_lock_held());
        exclusive_value++;
        cpu_exclusive_end();
        if (i % 10 == 0) {
            main_unlock();
            usleep(100);
            main_lock();
        }
    }
    loop_until(vcpus_were_exclusive);
    g_assert_true(vcpus_were_exclusive());
}

/* ---- requests ---- */

static GString *events;
static void on_event(void *opaque, VmEvent e, ShutdownCause c)
{
    static const char *const names[] = { "shutdown", "reset", "powerdown" };
    g_string_append_printf(events, "%s(%s) ", names[e], shutdown_cause_name(c));
}
static void on_state(void *opaque, bool running, RunState s)
{
    g_string_append_printf(events, "%s ", run_state_name(s));
}
static void on_powerdown(void *opaque) { g_string_append(events, "button "); }
static void on_reset(void *opaque) { g_string_append(events, opaque); }
static void on_end(void *opaque) { g_string_append(events, opaque); }

static void expect_events(const char *s)
{
    g_assert_cmpstr(events->str, ==, s);
    g_string_truncate(events, 0);
}

static void listen(void)
{
    events = g_string_new(NULL);
    vm_add_event_listener(on_event, NULL);
    run_state_add_listener(on_state, NULL);
    vm_add_powerdown_notifier(on_powerdown, NULL);
}

static bool button_and_on(void)
{
    return strstr(events->str, "button") && fake(0)->insns > insns_before;
}
static bool was_reset(void) { return strstr(events->str, "guest-reset"); }
static bool was_debugged(void) { return strstr(events->str, "debug"); }
static bool is_fresh(void) { return strstr(events->str, "prelaunch reset"); }
static bool was_shut_down(void) { return strstr(events->str, "(guest-shutdown) shutdown"); }
static bool panicked(void) { return strstr(events->str, "guest-panicked"); }

static void test_requests(void)
{
    IN_CHILD();
    make_machine(1);
    listen();
    vm_add_reset_handler(RESET_STAGE_ROMS, on_reset, "roms ");
    vm_add_reset_handler(RESET_STAGE_DEVICES, on_reset, "a ");
    vm_add_reset_handler(RESET_STAGE_DEVICES, on_reset, "b ");
    vm_start();
    expect_events("running ");
    fake(0)->wants_off = true;
    g_assert_cmpint(loop_for(60000), ==, 7);
    expect_events("shutdown(guest-shutdown) shutdown ");
    /* The guest did nothing more. */
    vm_start();
    insns_before = fake(0)->insns;
    vm_request_reset(SHUTDOWN_HOST_QMP_SYSTEM_RESET);
    vm_request_powerdown();
    loop_until(button_and_on);
    expect_events("running a b roms reset(host-qmp-system-reset) powerdown(guest-shutdown) "
                  "button shutdown(host-qmp-quit) shutdown ");
    g_assert_cmpuint(fake(0)->insns, >, insns_before);
    g_assert_cmpuint(fake(0)->resets, ==, 2);

    /* A guest that resets itself runs on. */
    vm_start();
    fake(0)->wants_reset = true;
    loop_until(was_reset);
    expect_events("running a b roms reset(guest-reset) shutdown(host-qmp-quit) shutdown ");
    g_assert_cmpuint(fake(0)->resets, ==, 3);
    vm_start();
    fake(0)->wants_debug = true;
    loop_until(was_debugged);
    expect_events("running debug shutdown(host-qmp-quit) ");
    g_assert_cmpint(run_state(), ==, RUN_STATE_DEBUG);
    /* Reset of a stopped machine does not start it. */
    vm_request_reset(SHUTDOWN_HOST_QMP_SYSTEM_RESET);
    loop_until(is_fresh);
    expect_events("a b roms prelaunch reset(host-qmp-system-reset) shutdown(host-qmp-quit) ");

    exit_add_notifier(on_end, "first ");
    exit_add_notifier(on_end, "second ");
    loop_for(1);
    expect_events("shutdown(host-qmp-quit) second first ");
}

static void test_no_shutdown(void)
{
    IN_CHILD();
    make_machine(1);
    listen();
    vm_actions.shutdown_is_pause = true;
    vm_start();
    fake(0)->wants_off = true;
    loop_until(was_shut_down); /* ended by the user, not by the guest */
    expect_events("running shutdown(guest-shutdown) shutdown shutdown(host-qmp-quit) ");
    vm_actions.panic = PANIC_PAUSE;
    vm_start();
    vm_guest_panicked();
    loop_until(panicked);
    expect_events("running guest-panicked shutdown(host-qmp-quit) ");
    vm_actions.panic = PANIC_NONE;
    vm_start();
    vm_guest_panicked();
    expect_events("running ");
    vm_actions = (VmActions){ .panic = PANIC_EXIT_FAILURE };
    vm_guest_panicked();
    expect_events("guest-panicked ");
    g_assert_cmpint(main_loop_run(), ==, 1);
}

static void test_no_reboot(void)
{
    IN_CHILD();
    make_machine(1);
    listen();
    vm_actions.reboot_is_shutdown = true;
    vm_start();
    fake(0)->wants_reset = true;
    g_assert_cmpint(loop_for(60000), ==, 0);
    expect_events("running shutdown(guest-reset) shutdown ");
}

static void test_signal(void)
{
    if (g_test_subprocess()) {
        make_machine(1);
        vm_start();
        pid_t parent = getpid();
        if (fork() == 0) {
            usleep(20000);
            kill(parent, SIGTERM);
            while (getppid() == parent)
                usleep(1000); /* it wants to know our name */
            _exit(0);
        }
        g_assert_cmpint(signal(SIGPIPE, SIG_IGN) == SIG_IGN, ==, 1);
        _exit(main_loop_run());
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("*terminating on signal 15 from pid * (*test_runstate*)*");
}

static void test_accel(void)
{
    if (g_test_subprocess()) {
        GError *error = NULL;
        const TargetOps *t = target_find("fake-test");
        g_assert_null(target_find("none"));
        g_assert_false(accel_select("fake-acel", t, NULL, &error));
        g_assert_nonnull(strstr(error->message, "did you mean 'fake-accel'"));
        g_clear_error(&error);
        g_assert_false(accel_select("broken-accel", t, NULL, &error));
        g_assert_cmpstr(error->message, ==, "failed to initialize broken-accel: it is broken");
        g_clear_error(&error);
        g_assert_false(accel_select("", t, NULL, &error));
        g_clear_error(&error);
        GHashTable *opts = g_hash_table_new(g_str_hash, g_str_equal);
        g_hash_table_insert(opts, "knobb", "1");
        g_assert_false(accel_select("fake-accel", t, opts, &error));
        g_clear_error(&error);
        g_assert_true(accel_select("broken-accel:fake-accel", t, NULL, &error));
        g_assert_no_error(error);
        g_assert_true(accel_current == &fake_accel);
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("*failed to initialize broken-accel: it is broken*"
                              "falling back to fake-accel*");
}

static void test_debug_memory(void)
{
    IN_CHILD();
    MemoryRegion rom;
    memory_init();
    g_assert_true(memory_region_init_rom(&rom, "rom", 0x10000, NULL));
    memory_region_add(memory_system_root(), 0, &rom, 0);
    make_machine(1);
    char text[] = "debugger", buf[16];
    g_assert_true(cpu_debug_write(cpus[0], 0x4123, text, sizeof text));
    g_assert_true(cpu_debug_read(cpus[0], 0x4123, buf, sizeof text));
    g_assert_cmpstr(buf, ==, text);
    g_assert_cmpstr((char *)rom.ram->host + 0x2123, ==, text);
    g_assert_false(cpu_debug_read(cpus[0], 0x4ffe, buf, 4)); /* the next page isn't there */
    hwaddr pa;
    g_assert_false(cpu_debug_translate(cpus[0], 5, &pa));
    memory_region_deinit(&rom);
}

/* ---- -icount ---- */

static void test_icount_options(void)
{
    IN_CHILD();
    static const char *const bad[] = { "", "shift=11", "shift=-1", "shift=x", "sleep=off",
        "shift=1,sleep=maybe", "shift=auto,align=on", "shift=1,align=on,sleep=off", "shft=1",
        "shift=1,rr=record,rrfile=x", "shift=auto,sleep=off", "shift=" };
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        GError *error = NULL;
        g_assert_false(icount_configure(bad[i], &error));
        g_assert_nonnull(error);
        g_clear_error(&error);
        g_assert_false(icount_enabled());
    }
    g_assert_true(icount_configure("7", NULL));
    g_assert_true(icount_enabled());
}

static uint64_t result[N_CPUS * 2 + 1];
static Timer *end_timer;

static void end_cb(void *opaque)
{
    g_assert_cmpint(clock_ns(CLOCK_VIRTUAL), >=, 3 * MS);
    for (unsigned i = 0; i < N_CPUS; i++) {
        result[2 * i] = fake(i)->hash;
        result[2 * i + 1] = fake(i)->insns;
    }
    result[2 * N_CPUS] = icount_total();
    vm_request_shutdown(SHUTDOWN_GUEST_SHUTDOWN, 0);
}

/* Kicks at random, which must not show. */
static void *disturb(void *arg)
{
    while (atomic_load((_Atomic bool *)arg)) {
        cpu_kick(cpus[g_random_int_range(0, N_CPUS)]);
        usleep(g_random_int_range(1, 300));
    }
    return NULL;
}

/* One run in a child; its result comes through a pipe. */
static void icount_run(const char *opts, bool disturbed, uint64_t *to)
{
    int fds[2];
    g_assert_cmpint(pipe(fds), ==, 0);
    pid_t pid = fork();
    if (!pid) {
        if (!icount_configure(opts, NULL))
            _exit(1);
        make_machine(N_CPUS);
        end_timer = timer_new(CLOCK_VIRTUAL, end_cb, NULL);
        timer_mod(end_timer, 3 * MS);
        _Atomic bool go = true;
        pthread_t t;
        vm_start();
        if (disturbed)
            pthread_create(&t, NULL, disturb, (void *)&go);
        int status = main_loop_run();
        go = false;
        if (disturbed)
            pthread_join(t, NULL);
        _exit(status || write(fds[1], result, sizeof result) != sizeof result);
    }
    int status;
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_cmpint(status, ==, 0);
    g_assert_cmpint(read(fds[0], to, sizeof result), ==, sizeof result);
    close(fds[0]);
    close(fds[1]);
}

static void test_icount_repeats(void)
{
    IN_CHILD();
    uint64_t a[2 * N_CPUS + 1], b[2 * N_CPUS + 1];
    static const char *const opts[] = { "shift=0,sleep=off", "shift=3,sleep=off",
                                        "shift=10,sleep=off", "shift=4" };
    for (unsigned i = 0; i < G_N_ELEMENTS(opts); i++) {
        icount_run(opts[i], false, a);
        g_assert_cmpuint(a[2 * N_CPUS], >, 1000);
        for (unsigned n = 0; n < 4; n++) {
            /* A kick while all sleep ends a sleep early, by host time: only for sleep=off. */
            icount_run(opts[i], n % 2 && strstr(opts[i], "off"), b);
            g_assert_cmpmem(a, sizeof a, b, sizeof b);
        }
    }
    icount_run("shift=auto", false, a);
    icount_run("shift=2,align=on", false, a);
}

/* Timers come at their very instruction. */
static int64_t exact_at;
static void exact_cb(void *opaque)
{
    g_assert_cmpint(clock_ns(CLOCK_VIRTUAL), ==, exact_at);
    g_assert_cmpuint(icount_total(), ==, exact_at >> 3);
    exact_at += 8 * 12345;
    if (exact_at > 20 * MS)
        vm_request_shutdown(SHUTDOWN_GUEST_SHUTDOWN, 0);
    else
        timer_mod(opaque, exact_at);
}

static Timer *exact_timer;
static void exact_fire(void *opaque) { exact_cb(exact_timer); }

static CpuExit exec_plain(Cpu *cpu)
{
    while (cpu->icount_left > 0) {
        if (atomic_load(&cpu->exit_request))
            return CPU_EXIT_NONE;
        cpu->icount_left--;
    }
    return CPU_EXIT_BUDGET;
}

static void test_icount_exact(void)
{
    IN_CHILD();
    static Accel plain;
    plain = fake_accel;
    plain.name = "plain-accel";
    plain.exec = exec_plain;
    accel_register(&plain);
    g_assert_true(icount_configure("3,sleep=off", NULL));
    g_assert_true(accel_select("plain-accel", &fake_target, NULL, NULL));
    g_assert_nonnull(cpu_new(&fake_target, "fake", NULL));
    vm_reset_now();
    exact_at = 8 * 777;
    exact_timer = timer_new(CLOCK_VIRTUAL, exact_fire, NULL);
    timer_mod(exact_timer, exact_at);
    vm_start();
    g_assert_cmpint(main_loop_run(), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    main_loop_init();
    g_test_add_func("/runstate/vcpus", test_vcpus);
    g_test_add_func("/runstate/cpu-requests", test_requests_of_cpus);
    g_test_add_func("/runstate/halt", test_halt);
    g_test_add_func("/runstate/exclusive", test_exclusive);
    g_test_add_func("/runstate/requests", test_requests);
    g_test_add_func("/runstate/no-shutdown", test_no_shutdown);
    g_test_add_func("/runstate/no-reboot", test_no_reboot);
    g_test_add_func("/runstate/signal", test_signal);
    g_test_add_func("/runstate/accel", test_accel);
    g_test_add_func("/runstate/debug-memory", test_debug_memory);
    g_test_add_func("/runstate/icount-options", test_icount_options);
    g_test_add_func("/runstate/icount-repeats", test_icount_repeats);
    g_test_add_func("/runstate/icount-exact", test_icount_exact);
    return g_test_run();
}
