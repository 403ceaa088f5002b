/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The CPUs: list, registers, address translation. */
#include <unistd.h>

#include "monitor/cmd/qom.h"
#include "monitor/schema/commands_gen.h"
#include "util/error.h"

static void ask_thread_id(Cpu *cpu, void *arg)
{
    *(int *)arg = gettid();
}

/* Host threads of vCPUs do not change: each is asked once. */
static int thread_id(Cpu *cpu)
{
    static GArray *ids;
    if (!ids)
        ids = g_array_new(FALSE, TRUE, sizeof(int));
    if (cpu->index >= ids->len)
        g_array_set_size(ids, cpu->index + 1);
    int *id = &g_array_index(ids, int, cpu->index);
    if (!cpu->thread)
        return getpid();
    if (!*id)
        cpu_run_on_sync(cpu, ask_thread_id, id);
    return *id;
}

Json *qmp_query_cpus_fast(const Json *args, GError **error)
{
    Json *list = json_array();
    for (unsigned i = 0; i < cpu_count; i++) {
        Json *o = json_object(), *props = json_object();
        g_autofree char *path = qom_cpu_path(cpus[i]);
        json_set_int(o, "thread-id", thread_id(cpus[i]));
        json_set_int(props, "core-id", i);
        json_set(o, "props", props);
        json_set_str(o, "qom-path", path);
        json_set_int(o, "cpu-index", i);
        json_set_str(o, "target", cpus[i]->target->name);
        json_add(list, o);
    }
    return list;
}

void hmp_info_cpus(Monitor *mon, const Json *args)
{
    Cpu *chosen = monitor_cpu(mon);
    for (unsigned i = 0; i < cpu_count; i++)
        monitor_printf(mon, "%c CPU #%u: thread_id=%d\n", cpus[i] == chosen ? '*' : ' ', i,
                       thread_id(cpus[i]));
}

void hmp_cpu(Monitor *mon, const Json *args)
{
    int64_t index = json_get_int(args, "index", -1);
    if (index < 0 || index >= cpu_count)
        monitor_puts(mon, "invalid CPU index\n");
    else
        monitor_set_cpu(mon, index);
}

static void print_registers(Monitor *mon, Cpu *cpu)
{
    GString *out = g_string_new(NULL);
    cpu->target->dump(cpu, out);
    monitor_printf(mon, "\nCPU#%u\n", cpu->index);
    monitor_puts(mon, out->str);
    g_string_free(out, TRUE);
}

void hmp_info_registers(Monitor *mon, const Json *args)
{
    if (json_get_bool(args, "cpustate_all", false)) {
        for (unsigned i = 0; i < cpu_count; i++)
            print_registers(mon, cpus[i]);
        return;
    }
    int64_t index = json_get_int(args, "vcpu", -1);
    if (json_get(args, "vcpu") && (index < 0 || index >= cpu_count)) {
        monitor_printf(mon, "CPU#%d not available\n", (int)index);
        return;
    }
    Cpu *cpu = index >= 0 ? cpus[index] : monitor_cpu(mon);
    if (cpu)
        print_registers(mon, cpu);
    else
        monitor_puts(mon, "No CPU available\n");
}

static void print_mmu(Monitor *mon, Cpu *cpu, void (*info)(Cpu *cpu, GString *out))
{
    if (!cpu || !info) {
        monitor_puts(mon, cpu ? "This CPU has no such information\n" : "No CPU available\n");
        return;
    }
    GString *out = g_string_new(NULL);
    info(cpu, out);
    monitor_puts(mon, out->str);
    g_string_free(out, TRUE);
}

void hmp_info_mem(Monitor *mon, const Json *args)
{
    Cpu *cpu = monitor_cpu(mon);
    print_mmu(mon, cpu, cpu ? cpu->target->info_mem : NULL);
}

void hmp_info_tlb(Monitor *mon, const Json *args)
{
    Cpu *cpu = monitor_cpu(mon);
    print_mmu(mon, cpu, cpu ? cpu->target->info_tlb : NULL);
}
