/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From collected options to a machine, phase by phase.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accel/accel.h"
#include "backend/object.h"
#include "hw/boot_order.h"
#include "hw/fw_cfg.h"
#include "monitor/gdb.h"
#include "monitor/monitor.h"
#include "softmmu/cli/cli.h"
#include "softmmu/fdt.h"
#include "softmmu/reverse.h"
#include "softmmu/run.h"
#include "softmmu/semihosting.h"
#include "util/error.h"
#include "util/opts.h"

Machine *current_machine;
const char *const machine_common_options[] = {
    "accel", "pflash0", "pflash1", "dumpdtb", "kernel", "memory-backend", "initrd", "append", "dtb",
    "firmware", "usb", "graphics", "dump-guest-core", "mem-merge", "hmat", "nvdimm",
    "kernel-irqchip", NULL,
};

/* An entry is "name=doc". */
void cli_machine_options_help(const Cli *cli)
{
    const BoardType *b = cli->board ? cli->board : board_type_find(cli->target->name, "virt");
    printf("%s-machine options:\n", b->name);
    for (int i = 0; b->options && b->options[i]; i++) {
        const char *entry = b->options[i], *doc = strchr(entry, '=');
        printf("  %.*s=%s\n", (int)strcspn(entry, "="), entry, doc ? doc + 1 : "");
    }
    printf("On every board:\n");
    for (int i = 0; machine_common_options[i]; i++)
        printf("  %s\n", machine_common_options[i]);
}

static bool has_option(const BoardType *b, const char *name)
{
    size_t n = strlen(name);
    for (int i = 0; b->options && b->options[i]; i++)
        if (!strncmp(b->options[i], name, n) && b->options[i][n] == '=')
            return true;
    return false;
}

/* RAM as an object describes it; -m may say the size, too, but no other. */
static bool use_memory(Machine *m, const char *id, GError **error)
{
    ObjectMemory memory;
    if (!object_memory(id, &memory, error))
        return false;
    if (m->ram_size && m->ram_size != memory.size)
        return error_set(error, "-m says %" G_GUINT64_FORMAT " MiB of RAM, but memory backend '%s' "
                         "has %" G_GUINT64_FORMAT "; give the same size to both", m->ram_size >> 20,
                         id, memory.size >> 20);
    if (memory.size % RAM_PAGE_SIZE)
        return error_set(error, "memory backend '%s': its size must be a multiple of %d", id,
                         (int)RAM_PAGE_SIZE);
    m->ram_size = memory.size;
    m->ram_in_file = memory.fd >= 0;
    m->ram_fd = memory.fd;
    m->ram_shared = memory.shared;
    return true;
}

/* -mem-path is short for an object. */
static bool add_mem_path(Cli *cli, GError **error)
{
    Machine *m = cli->machine;
    if (!cli->mem_path)
        return true;
    if (cli->ram_backend || g_hash_table_contains(m->opts, "memory-backend"))
        return error_set(error, "-mem-path: RAM is a memory backend already; give it mem-path=");
    uint64_t size = m->ram_size ? m->ram_size : cli->board->default_ram;
    g_autoptr(GHashTable) opts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_hash_table_insert(opts, g_strdup("qom-type"), g_strdup("memory-backend-file"));
    g_hash_table_insert(opts, g_strdup("id"), g_strdup("ram"));
    g_hash_table_insert(opts, g_strdup("mem-path"), g_strdup(cli->mem_path));
    g_hash_table_insert(opts, g_strdup("size"), g_strdup_printf("%" G_GUINT64_FORMAT, size));
    if (!object_add_from_opts(opts, error)) {
        g_prefix_error(error, "-mem-path %s: ", cli->mem_path);
        return false;
    }
    cli->ram_backend = g_strdup("ram");
    return true;
}

/* -machine options that every board has. The board's own stay in m->opts. */
static bool common_machine_options(Cli *cli, GError **error)
{
    Machine *m = cli->machine;
    GHashTable *o = m->opts;
    char *pflash0 = opts_take(o, "pflash0"), *pflash1 = opts_take(o, "pflash1");
    if (pflash0)
        m->pflash[0] = pflash0;
    if (pflash1)
        m->pflash[1] = pflash1;
    m->dumpdtb = opts_take(o, "dumpdtb");
    g_autofree char *backend = opts_take(o, "memory-backend");
    if (!backend)
        backend = g_strdup(cli->ram_backend);
    if (backend && !use_memory(m, backend, error))
        return false;
    if (!cli_take_boot(cli, o, error))
        return false;
    char *text;
    if ((text = opts_take(o, "kernel")))
        m->kernel = text;
    if ((text = opts_take(o, "initrd")))
        m->initrd = text;
    if ((text = opts_take(o, "append")))
        m->append = text;
    if ((text = opts_take(o, "dtb")))
        m->dtb = text;
    if ((text = opts_take(o, "firmware")))
        m->bios = text;
    /* About what these boards do not have: their "off" is the truth. */
    static const char *const off_only[] = { "usb", "graphics", "dump-guest-core", "mem-merge",
                                            "hmat", "nvdimm", "suppress-vmdesc",
                                            "kernel-irqchip", NULL };
    for (int i = 0; off_only[i]; i++)
        g_free(opts_take(o, off_only[i]));

    if (cli->no_acpi && !has_option(cli->board, "acpi"))
        g_hash_table_remove(o, "acpi");

    /* What is left must be the board's own. */
    GHashTableIter it;
    gpointer key;
    g_hash_table_iter_init(&it, o);
    while (g_hash_table_iter_next(&it, &key, NULL)) {
        GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
        bool known = false;
        for (int i = 0; cli->board->options && cli->board->options[i]; i++) {
            const char *entry = cli->board->options[i];
            char *name = g_strndup(entry, strcspn(entry, "="));
            known |= !strcmp(name, key);
            g_ptr_array_add(names, name);
        }
        for (int i = 0; machine_common_options[i]; i++)
            g_ptr_array_add(names, g_strdup(machine_common_options[i]));
        g_ptr_array_add(names, NULL);
        const char *near = error_nearest(key, (const char *const *)names->pdata);
        if (!known && near)
            error_set(error, "-machine %s: there is no option '%s'; did you mean '%s'?",
                      cli->board->name, (char *)key, near);
        else if (!known)
            error_set(error, "-machine %s: there is no option '%s'", cli->board->name, (char *)key);
        g_ptr_array_unref(names);
        if (!known)
            return false;
    }
    return true;
}

static bool check_machine(Cli *cli, GError **error)
{
    Machine *m = cli->machine;
    if (!m->cpus)
        m->cpus = m->max_cpus = m->sockets = m->cores = m->threads = 1;
    if (m->max_cpus > cli->board->max_cpus)
        return error_set(error, "-smp %u: the board '%s' has at most %u CPUs", m->max_cpus,
                         cli->board->name, cli->board->max_cpus);
    if (!m->ram_size)
        m->ram_size = cli->board->default_ram;
    /* Firmware and OS kernels count pages. */
    m->ram_size = (m->ram_size + RAM_PAGE_SIZE - 1) & ~(uint64_t)(RAM_PAGE_SIZE - 1);
    if (m->append && !m->kernel)
        return error_set(error, "-append needs -kernel: without it nobody reads the text");
    if (m->initrd && !m->kernel)
        return error_set(error, "-initrd needs -kernel: without it nobody reads the file");
    if (!m->cpu_model)
        m->cpu_model = cli->board->default_cpu;
    return true;
}

/* Filters name backends of networks, which come later than the rest. */
static bool make_objects(Cli *cli, bool filters, GError **error)
{
    for (guint i = 0; i < cli->objects->len; i++) {
        if (!!strstr(cli->objects->pdata[i], "filter-") != filters)
            continue;
        if (!object_add(cli->objects->pdata[i], error)) {
            g_prefix_error(error, "-object %s: ", (char *)cli->objects->pdata[i]);
            return false;
        }
    }
    return true;
}

/* -fw_cfg [name=]NAME,file=FILE|string=TEXT */
static bool add_fw_cfg_files(Cli *cli, GError **error)
{
    static const char *const known[] = { "name", "file", "string", NULL };
    for (guint i = 0; i < cli->fw_cfg->len; i++) {
        const char *text = cli->fw_cfg->pdata[i];
        GHashTable *opts = opts_parse(text, "name", error);
        if (!opts)
            return false;
        char *name = opts_take(opts, "name"), *file = opts_take(opts, "file");
        char *string = opts_take(opts, "string"), *data = NULL;
        gsize len = 0;
        GError *why = NULL;
        bool ok = opts_check_empty(opts, "-fw_cfg", known, error);
        if (ok && (!name || !file == !string))
            ok = error_set(error, "-fw_cfg %s: needs a name, and either file= or string=", text);
        if (ok && file && !g_file_get_contents(file, &data, &len, &why)) {
            ok = error_set(error, "-fw_cfg: %s", why->message);
            g_error_free(why);
        } else if (ok && string) {
            data = g_strdup(string);
            len = strlen(string);
        }
        if (ok && !g_str_has_prefix(name, "opt/"))
            warn_report("-fw_cfg %s: names of your own should begin with opt/", name);
        ok = ok && fw_cfg_add_file(name, data, len, error);
        g_free(data);
        g_free(name);
        g_free(file);
        g_free(string);
        g_hash_table_unref(opts);
        if (!ok)
            return false;
    }
    return true;
}

/* -singlestep, once there are CPUs. */
static bool one_insn(const Cli *cli)
{
    if (cli->one_insn)
        cpus_set_one_insn(true);
    return true;
}

static bool gdb_stub(const Cli *cli, GError **error)
{
    if (!cli->gdb || gdb_server_start(cli->gdb, error))
        return true;
    g_prefix_error(error, "-gdb %s: ", cli->gdb);
    return false;
}

/* -machine dumpdtb=: the tree with what devices add to it, and no more. */
static bool dump_tree(const Machine *m, GError **error)
{
    if (!m->dumpdtb || !m->fdt)
        return true;
    if (dt_dump(m->fdt, m->dumpdtb, error))
        exit(EXIT_SUCCESS);
    return false;
}

bool cli_build(Cli *cli, GError **error)
{
    Machine *m = cli->machine;
    current_machine = m;
    if (!cli->board)
        cli->board = board_type_find(cli->target->name, "virt");
    m->board = cli->board;
    m->target = cli->target->name;
    m->debug_start = cli->start_paused && cli->gdb;
    m->uuid = cli->uuid;
    m->board_state = g_malloc0(cli->board->state_size + 1);
    monitor_set_guest(cli->name, cli->uuid);
    return make_objects(cli, false, error) && add_mem_path(cli, error) &&
           common_machine_options(cli, error) && check_machine(cli, error) &&
           accel_select(cli->accel_list ? cli->accel_list : "tcg", cli->target, cli->accel_opts,
                        error) &&
           (!cli->icount || icount_configure(cli->icount, error)) &&
           (!cli->reverse || reverse_configure(cli->icount, error)) &&
           cli_make_chardevs(cli, error) && semihosting_start(m->kernel, m->append, error) &&
           cli_make_netdevs(cli, error) && cli_make_drives(cli, error) &&
           cli->board->init(m, error) && one_insn(cli) &&
           boot_order_start(&cli->boot, error) && add_fw_cfg_files(cli, error) && cli_make_nics(cli, error) &&
           make_objects(cli, true, error) && cli_make_devices(cli, error) && dump_tree(m, error) &&
           cli_make_monitors(cli, error) && gdb_stub(cli, error);
}
