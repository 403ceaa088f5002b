/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `info modules`: what a Linux guest has loaded (monitor/linux). */
#include <inttypes.h>
#include <string.h>

#include "monitor/linux_guest.h"
#include "monitor/schema/commands_gen.h"

/* One line: what gdb's add-symbol-file takes, which is also good to read. */
static void print_module(Monitor *mon, const LinuxModule *m)
{
    static const char *const shown[] = { ".data", ".bss", ".rodata", ".data..ro_after_init",
                                         ".exit.text", ".text.unlikely", ".init.text", NULL };
    GString *rest = g_string_new(NULL);
    uint64_t text = 0;
    for (unsigned i = 0; i < m->sections->len; i++) {
        const LinuxSection *s = &g_array_index(m->sections, LinuxSection, i);
        if (!strcmp(s->name, ".text"))
            text = s->addr;
        else if (g_strv_contains(shown, s->name))
            g_string_append_printf(rest, " -s %s 0x%" PRIx64, s->name, s->addr);
    }
    monitor_printf(mon, "add-symbol-file %s.ko 0x%" PRIx64 "%s\n", m->name, text, rest->str);
    g_string_free(rest, TRUE);
}

void hmp_info_modules(Monitor *mon, const Json *args)
{
    const char *why = "this machine has no CPU";
    Cpu *cpu = monitor_cpu(mon);
    LinuxGuest *g = cpu ? linux_guest(cpu, true, &why) : NULL;
    if (!g) {
        monitor_printf(mon, "%s\n", why);
        return;
    }
    GPtrArray *all = linux_modules(g);
    for (unsigned i = 0; i < all->len; i++)
        print_module(mon, all->pdata[i]);
    g_ptr_array_unref(all);
}
