/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "help" as an option's argument, where QEMU answers with the option's keys. */
#include <string.h>

#include "softmmu/cli/cli.h"

#define ON_OFF "=<bool (on/off)>\n"
#define TEXT "=<str>\n"
#define NUMBER "=<num>\n"

static const struct {
    const char *option, *text;
} helps[] = {
    { "action", "action options:\n  panic" TEXT "  reboot" TEXT "  shutdown" TEXT
                "  watchdog" TEXT },
    { "boot", "boot-opts options:\n  menu" ON_OFF "  once" TEXT "  order" TEXT
              "  reboot-timeout" NUMBER
              "  splash-time" NUMBER "  splash" TEXT "  strict" ON_OFF },
    { "msg", "msg options:\n  guest-name" ON_OFF "  timestamp" ON_OFF },
    { "overcommit", "overcommit options:\n  cpu-pm" ON_OFF "  mem-lock" ON_OFF },
    { "rtc", "rtc options:\n  base" TEXT "  clock" TEXT "  driftfix" TEXT },
    { "smp", "smp-opts options:\n  clusters" NUMBER "  cores" NUMBER "  cpus" NUMBER "  dies" NUMBER
             "  maxcpus" NUMBER "  sockets" NUMBER "  threads" NUMBER },
};

const char *cli_keys_help(const char *option)
{
    for (size_t i = 0; i < G_N_ELEMENTS(helps); i++)
        if (!strcmp(helps[i].option, option))
            return helps[i].text;
    return NULL;
}
