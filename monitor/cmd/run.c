/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that run, stop and reset the machine. */
#include <string.h>

#include "monitor/schema/commands_gen.h"
#include "softmmu/dump.h"
#include "softmmu/migrate.h"
#include "softmmu/run.h"
#include "util/error.h"

bool qmp_quit(const Json *args, GError **error)
{
    monitor_end();
    vm_request_shutdown(SHUTDOWN_HOST_QMP_QUIT, 0);
    return true;
}

/* The machine stands still for it, and goes on by itself. */
static bool dumping(GError **error)
{
    if (dump_in_progress())
        error_set(error, "There is a dump in process, please wait.");
    return dump_in_progress();
}

bool qmp_stop(const Json *args, GError **error)
{
    if (dumping(error))
        return false;
    migrate_set_autostart(false);
    vm_stop(RUN_STATE_PAUSED);
    return true;
}

bool qmp_cont(const Json *args, GError **error)
{
    RunState s = run_state();
    if (dumping(error))
        return false;
    if (s == RUN_STATE_SHUTDOWN || s == RUN_STATE_INTERNAL_ERROR || s == RUN_STATE_GUEST_PANICKED)
        return error_set(error, "Resetting the Virtual Machine is required");
    if (s == RUN_STATE_SUSPENDED)
        return true;
    migrate_set_autostart(true);
    if (s == RUN_STATE_INMIGRATE)
        return true; /* it goes on when it is here */
    if (!migrate_take_back(error))
        return false;
    vm_start();
    return true;
}

bool qmp_system_reset(const Json *args, GError **error)
{
    vm_request_reset(SHUTDOWN_HOST_QMP_SYSTEM_RESET);
    return true;
}

bool qmp_system_powerdown(const Json *args, GError **error)
{
    vm_request_powerdown();
    return true;
}

bool qmp_system_wakeup(const Json *args, GError **error)
{
    return error_set(error, "wake-up from suspend is not supported by this guest");
}

bool qmp_inject_nmi(const Json *args, GError **error)
{
    return error_set(error, "this feature or command is not currently supported");
}

void hmp_singlestep(Monitor *mon, const Json *args)
{
    const char *option = json_get_str(args, "option", "on");
    if (strcmp(option, "on") && strcmp(option, "off")) {
        monitor_printf(mon, "unexpected option %s\n", option);
        return;
    }
    cpus_set_one_insn(!strcmp(option, "on"));
}

Json *qmp_query_status(const Json *args, GError **error)
{
    Json *o = json_object();
    json_set_str(o, "status", run_state_name(run_state()));
    json_set_bool(o, "singlestep", cpus_one_insn());
    json_set_bool(o, "running", run_state_is_running());
    return o;
}

void hmp_info_status(Monitor *mon, const Json *args)
{
    bool running = run_state_is_running();
    monitor_printf(mon, "VM status: %s%s", running ? "running" : "paused",
                   cpus_one_insn() ? " (single step mode)" : "");
    if (!running && run_state() != RUN_STATE_PAUSED)
        monitor_printf(mon, " (%s)", run_state_name(run_state()));
    monitor_puts(mon, "\n");
}

bool qmp_set_action(const Json *args, GError **error)
{
    const char *reboot = json_get_str(args, "reboot", NULL);
    const char *shutdown = json_get_str(args, "shutdown", NULL);
    const char *panic = json_get_str(args, "panic", NULL);
    const char *watchdog = json_get_str(args, "watchdog", NULL);
    if (reboot)
        vm_actions.reboot_is_shutdown = !strcmp(reboot, "shutdown");
    if (shutdown)
        vm_actions.shutdown_is_pause = !strcmp(shutdown, "pause");
    return (!panic || panic_set_action(panic)) && (!watchdog || watchdog_set_action(watchdog));
}

bool qmp_watchdog_set_action(const Json *args, GError **error)
{
    return watchdog_set_action(json_get_str(args, "action", ""));
}

void hmp_watchdog_action(Monitor *mon, const Json *args)
{
    const char *asked = json_get_str(args, "action", "");
    g_autofree char *action = g_ascii_strdown(asked, -1);
    if (!watchdog_set_action(action))
        monitor_printf(mon, "Error: invalid parameter value: %s\n", action);
}
