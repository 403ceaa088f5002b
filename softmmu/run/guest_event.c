/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See include/softmmu/guest_event.h. */
#include "softmmu/guest_event.h"

#include <string.h>

#include "softmmu/run.h"
#include "util/log.h"

const char *const panic_actions[] = {
#define X(c, n) [PANIC_##c] = n,
    PANIC_ACTIONS(X)
#undef X
    NULL,
};

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

bool panic_set_action(const char *name)
{
    for (int i = 0; panic_actions[i]; i++) {
        if (!strcmp(panic_actions[i], name)) {
            vm_actions.panic = i;
            return true;
        }
    }
    return false;
}

void vm_guest_panicked(void)
{
    PanicAction action = vm_actions.panic;
    if (action == PANIC_SHUTDOWN && vm_actions.shutdown_is_pause)
        action = PANIC_PAUSE;
    log_guest_error("machine", "the guest panicked");
    if (action == PANIC_NONE) {
        tell("GUEST_PANICKED", "run");
    } else if (action == PANIC_PAUSE) {
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
