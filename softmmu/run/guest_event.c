/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See include/softmmu/guest_event.h. */
#include "softmmu/guest_event.h"

#include "softmmu/run.h"
#include "util/log.h"

bool vm_panic_is_nothing;
static void (*listener)(const char *name, Json *data);

void guest_event_set_listener(void (*fn)(const char *name, Json *data))
{
    listener = fn;
}

void guest_event(const char *name, Json *data)
{
    if (listener)
        listener(name, data);
    else
        json_free(data);
}

static void tell(const char *name, const char *action)
{
    Json *data = json_object();
    json_set_str(data, "action", action);
    guest_event(name, data);
}

void vm_guest_panicked(void)
{
    bool shutdown = !vm_actions.panic_is_pause && !vm_actions.panic_is_exit_failure &&
                    !vm_panic_is_nothing;
    log_guest_error("machine", "the guest panicked");
    if (vm_panic_is_nothing) {
        tell("GUEST_PANICKED", "run");
    } else if (vm_actions.panic_is_pause || (shutdown && vm_actions.shutdown_is_pause)) {
        tell("GUEST_PANICKED", "pause");
        vm_stop(RUN_STATE_GUEST_PANICKED);
    } else {
        tell("GUEST_PANICKED", "poweroff");
        vm_stop(RUN_STATE_GUEST_PANICKED);
        vm_request_shutdown(SHUTDOWN_GUEST_PANIC, 0);
    }
}

void vm_guest_crashloaded(void)
{
    log_guest_error("machine", "the guest panicked, and loads a kernel to dump it");
    tell("GUEST_CRASHLOADED", "run");
}
