/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From collected options to a machine, phase by phase.
 */
#include <string.h>

#include "accel/accel.h"
#include "backend/object.h"
#include "hw/fw_cfg.h"
#include "monitor/gdb.h"
#include "monitor/monitor.h"
#include "softmmu/cli/cli.h"
#include "softmmu/reverse.h"
#include "softmmu/run.h"
#include "softmmu/semihosting.h"
#include "util/error.h"
#include "util/opts.h"

Machine *current_machine;

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
    char *backend = opts_take(o, "memory-backend");
    bool ok = !backend || object_memory_size(backend, &m->ram_size, error);
    g_free(backend);
    if (!ok)
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
                                            "hmat", "nvdimm", NULL };
    for (int i = 0; off_only[i]; i++)
        g_free(opts_take(o, off_only[i]));

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
        static const char *const common[] = { "accel", "pflash0", "pflash1", "dumpdtb", "kernel",
                                              "memory-backend",
                                              "initrd", "append", "dtb", "firmware", NULL };
        for (int i = 0; common[i]; i++)
            g_ptr_array_add(names, g_strdup(common[i]));
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
    return make_objects(cli, false, error) && common_machine_options(cli, error) && check_machine(cli, error) &&
           accel_select(cli->accel_list ? cli->accel_list : "tcg", cli->target, cli->accel_opts,
                        error) &&
           (!cli->icount || icount_configure(cli->icount, error)) &&
           (!cli->reverse || reverse_configure(cli->icount, error)) &&
           cli_make_chardevs(cli, error) && semihosting_start(m->kernel, m->append, error) &&
           cli_make_netdevs(cli, error) && cli_make_drives(cli, error) &&
           cli->board->init(m, error) && one_insn(cli) &&
           add_fw_cfg_files(cli, error) && cli_make_nics(cli, error) &&
           make_objects(cli, true, error) && cli_make_devices(cli, error) &&
           cli_make_monitors(cli, error) && gdb_stub(cli, error);
}
