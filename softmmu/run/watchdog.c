/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the machine does when a watchdog bites: -watchdog-action, watchdog-set-action. */
#include <stdio.h>
#include <string.h>

#include "softmmu/run/run_internal.h"

const char *const watchdog_actions[] = {
#define X(c, n) [WATCHDOG_##c] = n,
    WATCHDOG_ACTIONS(X)
#undef X
    NULL,
};

bool watchdog_set_action(const char *name)
{
    for (int i = 0; watchdog_actions[i]; i++) {
        if (!strcmp(watchdog_actions[i], name)) {
            vm_actions.watchdog = i;
            return true;
        }
    }
    return false;
}

void vm_watchdog_expired(void)
{
    event_tell(VM_EVENT_WATCHDOG, SHUTDOWN_GUEST_RESET);
    switch (vm_actions.watchdog) {
    case WATCHDOG_RESET:
        vm_request_reset(SHUTDOWN_GUEST_RESET);
        break;
    case WATCHDOG_SHUTDOWN:
        vm_request_powerdown();
        break;
    case WATCHDOG_POWEROFF: /* as quit, whatever -no-shutdown says */
        vm_request_shutdown(SHUTDOWN_HOST_QMP_QUIT, 0);
        break;
    case WATCHDOG_PAUSE:
        vm_request_stop(RUN_STATE_WATCHDOG);
        break;
    case WATCHDOG_DEBUG:
        fprintf(stderr, "watchdog: timer fired\n");
        break;
    case WATCHDOG_NONE:
    case WATCHDOG_INJECT_NMI: /* the boards have none (see the monitor's nmi) */
        break;
    }
}
