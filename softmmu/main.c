/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sosia: a full-system emulator. The program's name chooses the guest architecture
 * ("sosia-system-riscv64"); plain "sosia" takes the first target of the build.
 */
#include <stdlib.h>
#include <string.h>

#include "accel/cpu.h"
#include "softmmu/cli/cli.h"
#include "softmmu/memory.h"
#include "softmmu/migrate.h"
#include "softmmu/reverse.h"
#include "softmmu/run.h"
#include "softmmu/snapshot.h"
#include "util/error.h"

static const TargetOps *target_by_program(const char *program, GError **error)
{
    const char *system = strstr(program, "-system-");
    if (!system)
        return targets()->len ? targets()->pdata[0] : NULL;
    const TargetOps *t = target_find(system + strlen("-system-"));
    if (!t) {
        GString *names = g_string_new(NULL);
        for (guint i = 0; i < targets()->len; i++)
            g_string_append_printf(names, "%s%s", i ? ", " : "",
                                   ((const TargetOps *)targets()->pdata[i])->name);
        error_set(error, "%s: this build has no such guest architecture; it has %s", program,
                  names->str);
        g_string_free(names, TRUE);
    }
    return t;
}

static Cli *cli_new(void)
{
    Cli *cli = g_new0(Cli, 1);
    cli->machine = g_new0(Machine, 1);
    cli->boot.splash_time = cli->boot.reboot_timeout = -1;
    cli->machine->opts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    GPtrArray **lists[] = { &cli->chardevs, &cli->serials, &cli->monitors, &cli->drives,
                            &cli->blockdevs, &cli->devices, &cli->objects, &cli->netdevs,
                            &cli->nics, &cli->nets, &cli->fw_cfg };
    for (size_t i = 0; i < G_N_ELEMENTS(lists); i++)
        *lists[i] = g_ptr_array_new();
    return cli;
}

int main(int argc, char **argv)
{
    char *program = g_path_get_basename(argv[0]);
    g_set_prgname(program);
    g_free(program);

    GError *error = NULL;
    Cli *cli = cli_new();
    cli->target = target_by_program(g_get_prgname(), &error);
    if (!cli->target || !cli_parse(cli, argc, argv, &error))
        goto failed;
    if (cli->done)
        return 0;
    if (cli->daemonize && cli->nographic && !cli->serial_given && !cli->nodefaults) {
        error_set(&error, "-nographic cannot be used with -daemonize unless -serial and -monitor "
                  "lead elsewhere");
        goto failed;
    }
    if (cli->daemonize && !cli_daemonize(&error))
        goto failed;
    if (cli->incoming && (cli->loadvm || cli->reverse)) {
        error_set(&error, "-incoming does not go with -%s", cli->loadvm ? "loadvm" : "reverse");
        goto failed;
    }
    main_loop_init();
    memory_init();
    if (cli->incoming)
        migrate_expect(cli->incoming, !cli->start_paused);
    if ((cli->pidfile && !cli_write_pidfile(cli->pidfile, &error)) || !cli_build(cli, &error))
        goto failed;
    vm_reset_now();
    if (migrate_expected() && !migrate_listen(&error))
        goto failed;
    if (cli->loadvm && !snapshot_load(cli->loadvm, NULL, &error))
        goto failed;
    if (cli->reverse && !reverse_start(&error))
        goto failed;
    cli_daemon_ready();
    if (!cli->start_paused)
        vm_start();
    return main_loop_run();

failed:
    error_report("%s", error ? error->message : "there is no guest architecture in this build");
    return EXIT_FAILURE;
}
