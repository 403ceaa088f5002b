/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading the command line: one function per option of monitor/schema/options.toml that does more
 * than note its argument.
 *
 * They only check and collect; nothing is built before all options are known.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "accel/accel.h"
#include "backend/block.h"
#include "backend/char.h"
#include "backend/fs.h"
#include "backend/net.h"
#include "backend/object.h"
#include "hw/device.h"
#include "softmmu/boot.h"
#include "softmmu/cli/cli.h"
#include "softmmu/rtc.h"
#include "softmmu/run.h"
#include "softmmu/smbios.h"
#include "softmmu/semihosting.h"
#include "softmmu/snapshot.h"
#include "util/error.h"
#include "util/log.h"
#include "util/opts.h"
#include "util/random.h"
#include "util/version.h"

static bool is_help(const char *arg)
{
    return !strcmp(arg, "help") || !strcmp(arg, "?");
}

/* "virt,help": the word is behind a name. */
static bool asks_about_name(const char *arg)
{
    return g_str_has_suffix(arg, ",help") || g_str_has_suffix(arg, ",?");
}

/* Prints and makes the program end well. */
static bool print_and_done(Cli *cli, char *text)
{
    fputs(text, stdout);
    g_free(text);
    cli->done = true;
    return true;
}

static void set_text(char **where, const char *text)
{
    g_free(*where);
    *where = g_strdup(text);
}

/* ---- standard options ---- */

bool opt_help(Cli *cli, const char *arg, GError **error)
{
    const char *program = g_get_prgname();
    GString *s = g_string_new(NULL);
    g_string_append_printf(s, "QEMU emulator version %s%s\nusage: %s [options] [disk_image]\n",
                           QEMU_COMPAT_VERSION, SOSIA_PACKAGE, program);
    for (const CliOption *o = cli_options; o->name || o->group; o++) {
        if (o->group) {
            g_string_append_printf(s, "\n%s:\n", o->group);
        } else if (o->help) {
            char *left = g_strdup_printf("-%s%s%s%s%s", o->name, o->alias ? ", -" : "",
                                         o->alias ? o->alias : "", o->arg ? " " : "",
                                         o->arg ? o->arg : "");
            g_string_append_printf(s, strlen(left) < 16 ? "%-15s %s\n" : "%s\n                %s\n",
                                   left, o->help);
            g_free(left);
        }
    }
    return print_and_done(cli, g_string_free(s, FALSE));
}

bool opt_version(Cli *cli, const char *arg, GError **error)
{
    return print_and_done(cli, g_strdup_printf(
        "QEMU emulator version %s%s\nSosia %s, a full-system emulator with QEMU's command line\n",
        QEMU_COMPAT_VERSION, SOSIA_PACKAGE, SOSIA_VERSION));
}

static char *machine_help(Cli *cli)
{
    GString *s = g_string_new("Supported machines are:\n");
    GPtrArray *boards = board_types();
    for (guint i = 0; i < boards->len; i++) {
        const BoardType *b = boards->pdata[i];
        if (b->target && !strcmp(b->target, cli->target->name))
            g_string_append_printf(s, "%-20s %s\n", b->name, b->doc);
    }
    g_string_append_printf(s, "%-20s %s\n", "none", "empty machine");
    return g_string_free(s, FALSE);
}

static bool choose_board(Cli *cli, const char *name, GError **error)
{
    cli->board = board_type_find(cli->target->name, name);
    if (cli->board)
        return true;
    const char *names[64] = { NULL };
    GPtrArray *boards = board_types();
    for (guint i = 0, n = 0; i < boards->len && n < 63; i++)
        names[n++] = ((const BoardType *)boards->pdata[i])->name;
    const char *near = error_nearest(name, names);
    return near ? error_set(error, "-machine %s: there is no such board for %s; did you mean '%s'?",
                            name, cli->target->name, near)
                : error_set(error, "-machine %s: there is no such board for %s; '-machine help' "
                            "lists them", name, cli->target->name);
}

bool opt_machine(Cli *cli, const char *arg, GError **error)
{
    if (is_help(arg))
        return print_and_done(cli, machine_help(cli));
    GHashTable *opts = opts_parse(arg, "type", error);
    if (!opts)
        return false;
    char *type = opts_take(opts, "type"), *accel = opts_take(opts, "accel");
    bool ok = !type || choose_board(cli, type, error);
    if (ok && asks_about_name(arg)) {
        cli->done = true;
        cli_machine_options_help(cli);
    }
    if (accel)
        set_text(&cli->accel_list, accel);
    g_free(type);
    g_free(accel);
    /* The rest is for the board, which is known at the end. */
    GHashTableIter it;
    gpointer key, value;
    g_hash_table_iter_init(&it, opts);
    while (g_hash_table_iter_next(&it, &key, &value))
        g_hash_table_replace(cli->machine->opts, g_strdup(key), g_strdup(value));
    g_hash_table_unref(opts);
    return ok;
}

bool opt_cpu(Cli *cli, const char *arg, GError **error)
{
    if (is_help(arg)) {
        GString *s = g_string_new("Available CPUs:\n");
        const char *name, *doc;
        for (unsigned i = 0; (name = cli->target->model(i, &doc)); i++)
            g_string_append_printf(s, "  %-20s %s\n", name, doc);
        return print_and_done(cli, g_string_free(s, FALSE));
    }
    cli->machine->cpu_model = arg;
    return true;
}

bool opt_accel(Cli *cli, const char *arg, GError **error)
{
    if (is_help(arg)) {
        GString *s = g_string_new("Accelerators supported in this build:\n");
        for (guint i = 0; i < accels()->len; i++)
            g_string_append_printf(s, "%s\n", ((const Accel *)accels()->pdata[i])->name);
        return print_and_done(cli, g_string_free(s, FALSE));
    }
    if (asks_about_name(arg)) {
        g_autofree char *of = g_strndup(arg, strcspn(arg, ","));
        char *text = accel_options_help(of, error);
        return text && print_and_done(cli, text);
    }
    GHashTable *opts = opts_parse(arg, "accel", error);
    if (!opts)
        return false;
    char *name = opts_take(opts, "accel");
    if (!name) {
        g_hash_table_unref(opts);
        return error_set(error, "-accel %s: names no accelerator; '-accel help' lists them", arg);
    }
    char *list = cli->accel_list ? g_strdup_printf("%s:%s", cli->accel_list, name) : g_strdup(name);
    set_text(&cli->accel_list, list);
    g_free(list);
    g_free(name);
    if (!cli->accel_opts) {
        cli->accel_opts = opts;
        return true;
    }
    GHashTableIter it;
    gpointer key, value;
    g_hash_table_iter_init(&it, opts);
    while (g_hash_table_iter_next(&it, &key, &value))
        g_hash_table_replace(cli->accel_opts, g_strdup(key), g_strdup(value));
    g_hash_table_unref(opts);
    return true;
}

bool opt_enable_kvm(Cli *cli, const char *arg, GError **error)
{
    set_text(&cli->accel_list, "kvm");
    return true;
}

bool opt_smp(Cli *cli, const char *arg, GError **error)
{
    static const char *const known[] = { "cpus", "maxcpus", "sockets", "dies", "clusters", "cores",
                                         "threads", NULL };
    GHashTable *opts = opts_parse(arg, "cpus", error);
    if (!opts)
        return false;
    uint64_t v[7] = { 0 };
    bool ok = true;
    for (int i = 0; i < 7 && ok; i++) {
        bool given = g_hash_table_contains(opts, known[i]);
        ok = opts_take_number(opts, known[i], &v[i], error);
        if (ok && given && (v[i] < 1 || v[i] > 512))
            ok = error_set(error, "-smp %s: %s must be from 1 to 512", arg, known[i]);
    }
    ok = ok && opts_check_empty(opts, "-smp", known, error);
    g_hash_table_unref(opts);
    if (!ok)
        return false;
    if (v[3] > 1)
        return error_set(error, "-smp %s: the boards have no dies; use sockets or clusters", arg);
    /* What is not given follows from the rest: cores first, then sockets, then threads. */
    uint64_t max = v[1] ? v[1] : v[0], clusters = MAX(v[4], 1);
    uint64_t sockets = v[2], cores = v[5], threads = v[6];
    if (!max || !cores || sockets)
        sockets = MAX(sockets, 1);
    if (!max || !cores || !sockets)
        threads = MAX(threads, 1);
    if (!cores)
        cores = max ? max / (sockets * clusters * threads) : 1;
    else if (!sockets)
        sockets = max / (clusters * cores * threads);
    else if (!threads)
        threads = max / (sockets * clusters * cores);
    uint64_t total = sockets * clusters * cores * threads;
    if (!max)
        max = total;
    uint64_t now = v[0] ? v[0] : max;
    if (max < now)
        return error_set(error, "-smp %s: maxcpus must not be less than cpus", arg);
    if (total != max || max > 512)
        return error_set(error, "-smp %s: sockets * clusters * cores * threads must be the number of "
                         "CPUs, at most 512", arg);
    Machine *m = cli->machine;
    m->cpus = now, m->max_cpus = max;
    m->sockets = sockets, m->cores = cores * clusters, m->threads = threads;
    return true;
}

bool opt_m(Cli *cli, const char *arg, GError **error)
{
    static const char *const known[] = { "size", "slots", "maxmem", NULL };
    GHashTable *opts = opts_parse(arg, "size", error);
    if (!opts)
        return false;
    uint64_t size = cli->machine->ram_size, slots = 0, maxmem = 0;
    bool ok = opts_take_size(opts, "size", 1 << 20, &size, error) &&
              opts_take_number(opts, "slots", &slots, error) &&
              opts_take_size(opts, "maxmem", 1, &maxmem, error) &&
              opts_check_empty(opts, "-m", known, error);
    g_hash_table_unref(opts);
    if (!ok) {
        g_prefix_error(error, "-m %s: ", arg);
        return false;
    }
    if (!size || size > (1ULL << 44))
        return error_set(error, "-m %s: RAM must be from 1M to 16T", arg);
    if (slots || (maxmem && maxmem != size))
        return error_set(error, "-m %s: the boards have no memory hot-plug; give the size only", arg);
    cli->machine->ram_size = size;
    return true;
}

bool opt_name(Cli *cli, const char *arg, GError **error)
{
    static const char *const known[] = { "guest", "process", "debug-threads", NULL };
    GHashTable *opts = opts_parse(arg, "guest", error);
    if (!opts)
        return false;
    g_autofree char *name = opts_take(opts, "guest");
    bool threads;
    g_free(opts_take(opts, "process")); /* nobody sees it */
    bool ok = opts_take_bool(opts, "debug-threads", &threads, error) &&
              opts_check_empty(opts, "-name", known, error);
    g_hash_table_unref(opts);
    set_text(&cli->name, name ? name : "");
    return ok;
}

bool opt_uuid(Cli *cli, const char *arg, GError **error)
{
    if (!g_uuid_string_is_valid(arg))
        return error_set(error, "-uuid %s: is not of the form 8-4-4-4-12 hex digits", arg);
    set_text(&cli->uuid, arg);
    return true;
}

bool opt_smbios(Cli *cli, const char *arg, GError **error)
{
    return smbios_add_option(arg, error);
}

bool opt_rtc(Cli *cli, const char *arg, GError **error)
{
    static const char *const known[] = { "base", "clock", "driftfix", NULL };
    GHashTable *opts = opts_parse(arg, "base", error);
    if (!opts)
        return false;
    char *base = opts_take(opts, "base"), *clock = opts_take(opts, "clock");
    g_autofree char *drift = opts_take(opts, "driftfix");
    bool ok = !drift || !strcmp(drift, "none") || !strcmp(drift, "slew") ||
              error_set(error, "-rtc driftfix=%s: must be none or slew", drift);
    ok = ok && opts_check_empty(opts, "-rtc", known, error) && rtc_configure(base, clock, error);
    g_free(base);
    g_free(clock);
    g_hash_table_unref(opts);
    return ok;
}

bool opt_semihosting(Cli *cli, const char *arg, GError **error)
{
    return semihosting_configure(NULL, error);
}

bool opt_semihosting_config(Cli *cli, const char *arg, GError **error)
{
    return semihosting_configure(arg, error);
}

bool opt_snapshot(Cli *cli, const char *arg, GError **error)
{
    block_set_snapshot_default(true);
    return true;
}

bool opt_snapshots(Cli *cli, const char *arg, GError **error)
{
    snapshot_set_dir(arg);
    return true;
}

bool opt_no_reboot(Cli *cli, const char *arg, GError **error)
{
    vm_actions.reboot_is_shutdown = true;
    return true;
}

bool opt_no_shutdown(Cli *cli, const char *arg, GError **error)
{
    vm_actions.shutdown_is_pause = true;
    return true;
}

/* One key of -action: the value must be one of two or more words. */
static bool action_word(GHashTable *opts, const char *key, const char *const *words, int *index,
                        GError **error)
{
    char *v = opts_take(opts, key);
    bool ok = !v;
    for (int i = 0; v && words[i]; i++) {
        if (!strcmp(v, words[i])) {
            *index = i;
            ok = true;
        }
    }
    if (!ok) {
        char *all = g_strjoinv(", ", (char **)words);
        error_set(error, "-action %s=%s: must be one of %s", key, v, all);
        g_free(all);
    }
    g_free(v);
    return ok;
}

bool opt_action(Cli *cli, const char *arg, GError **error)
{
    static const char *const known[] = { "reboot", "shutdown", "panic", "watchdog", NULL };
    static const char *const reboot[] = { "reset", "shutdown", NULL };
    static const char *const shutdown[] = { "poweroff", "pause", NULL };
    GHashTable *opts = opts_parse(arg, NULL, error);
    if (!opts)
        return false;
    int r = vm_actions.reboot_is_shutdown, s = vm_actions.shutdown_is_pause;
    int p = vm_actions.panic, w = vm_actions.watchdog;
    bool ok = action_word(opts, "reboot", reboot, &r, error) &&
              action_word(opts, "shutdown", shutdown, &s, error) &&
              action_word(opts, "panic", panic_actions, &p, error) &&
              action_word(opts, "watchdog", watchdog_actions, &w, error) &&
              opts_check_empty(opts, "-action", known, error);
    g_hash_table_unref(opts);
    vm_actions.reboot_is_shutdown = r == 1;
    vm_actions.shutdown_is_pause = s == 1;
    vm_actions.panic = p;
    vm_actions.watchdog = w;
    return ok;
}

bool opt_L(Cli *cli, const char *arg, GError **error)
{
    if (is_help(arg))
        return print_and_done(cli, boot_search_paths());
    boot_add_search_path(arg);
    return true;
}

/* ---- devices and backends ---- */

bool opt_drive(Cli *cli, const char *arg, GError **error)
{
    if (strstr(arg, "format=help"))
        return print_and_done(cli, g_strdup("Supported formats: qcow2 raw\n"));
    g_ptr_array_add(cli->drives, g_strdup(arg));
    return true;
}

/* A file name as a value within an option text. */
static char *escape_commas(const char *text)
{
    char **parts = g_strsplit(text, ",", -1);
    char *joined = g_strjoinv(",,", parts);
    g_strfreev(parts);
    return joined;
}

bool cli_add_drive(Cli *cli, const char *rest, const char *file)
{
    char *name = escape_commas(file);
    g_ptr_array_add(cli->drives, g_strdup_printf("%sfile=%s", rest, name));
    g_free(name);
    return true;
}

bool opt_device(Cli *cli, const char *arg, GError **error)
{
    bool all = is_help(arg), one = asks_about_name(arg);
    if (!all && !one) {
        g_ptr_array_add(cli->devices, g_strdup(arg));
        return true;
    }
    char *name = all ? NULL : g_strndup(arg, strcspn(arg, ","));
    char *text = device_help(name, error);
    g_free(name);
    return text && print_and_done(cli, text);
}

bool opt_global(Cli *cli, const char *arg, GError **error)
{
    const char *dot = strchr(arg, '.'), *equals = strchr(arg, '=');
    char *driver, *prop, *value;
    if (dot && equals && dot < equals) {
        driver = g_strndup(arg, dot - arg);
        prop = g_strndup(dot + 1, equals - dot - 1);
        value = g_strdup(equals + 1);
    } else {
        GHashTable *opts = opts_parse(arg, NULL, error);
        if (!opts)
            return false;
        driver = opts_take(opts, "driver");
        prop = opts_take(opts, "property");
        value = opts_take(opts, "value");
        g_hash_table_unref(opts);
    }
    bool ok = driver && prop && value
        ? device_add_global(driver, prop, value, error)
        : error_set(error, "-global %s: must be of the form DRIVER.PROP=VALUE", arg);
    g_free(driver);
    g_free(prop);
    g_free(value);
    return ok;
}

bool opt_chardev(Cli *cli, const char *arg, GError **error)
{
    if (is_help(arg))
        return print_and_done(cli, chardev_help());
    if (asks_about_name(arg)) {
        g_autofree char *kind = g_strndup(arg, strcspn(arg, ","));
        char *text = chardev_options_help(kind, error);
        return text && print_and_done(cli, text);
    }
    g_ptr_array_add(cli->chardevs, g_strdup(arg));
    return true;
}

bool opt_serial(Cli *cli, const char *arg, GError **error)
{
    cli->serial_given = true;
    g_ptr_array_add(cli->serials, g_strdup(arg));
    return true;
}

/* Options of which a build without that hardware has just the word "none". */
static bool only_none(const char *option, const char *arg, const char *second, const char *why,
                      GError **error)
{
    if (!strcmp(arg, "none") || (second && !strcmp(arg, second)))
        return true;
    return error_set(error, "-%s %s: %s; write -%s none", option, arg, why, option);
}

bool opt_parallel(Cli *cli, const char *arg, GError **error)
{
    return only_none("parallel", arg, "null", "the boards have no parallel port", error);
}

bool opt_fsdev(Cli *cli, const char *arg, GError **error)
{
    char *tag = NULL;
    FsDev *fs = fsdev_new(arg, &tag, error);
    bool stray = tag;
    g_free(tag);
    if (fs && stray)
        return error_set(error, "-fsdev: mount_tag= belongs to the -device, or use -virtfs");
    if (!fs)
        g_prefix_error(error, "-fsdev %s: ", arg);
    return fs;
}

/* The id is the tag where none is given. */
bool opt_virtfs(Cli *cli, const char *arg, GError **error)
{
    g_autofree char *tag = NULL, *text = g_strdup(arg);
    const char *at = strstr(arg, "mount_tag=");
    if (at && !strstr(arg, ",id=")) {
        at += strlen("mount_tag=");
        g_free(text);
        text = g_strdup_printf("%s,id=%.*s", arg, (int)strcspn(at, ","), at);
    }
    FsDev *fs = at ? fsdev_new(text, &tag, error) : NULL;
    if (!at)
        return error_set(error, "-virtfs %s: mount_tag= is missing: the name to mount it by", arg);
    if (!fs) {
        g_prefix_error(error, "-virtfs %s: ", arg);
        return false;
    }
    g_ptr_array_add(cli->devices, g_strdup_printf("virtio-9p-pci,fsdev=%s,mount_tag=%s", fs->id,
                                                  tag));
    return true;
}

bool opt_netdev(Cli *cli, const char *arg, GError **error)
{
    if (is_help(arg))
        return print_and_done(cli, net_help());
    g_ptr_array_add(cli->netdevs, g_strdup(arg));
    return true;
}

static bool list_cards(Cli *cli)
{
    GString *s = g_string_new("Available NIC models:\n");
    for (unsigned i = 0; i < device_types()->len; i++) {
        const DeviceType *t = device_types()->pdata[i];
        if (t->category == CATEGORY_NETWORK && t->user_creatable)
            g_string_append_printf(s, "%s\n", t->name);
    }
    return print_and_done(cli, g_string_free(s, FALSE));
}

static bool add_card(Cli *cli, GPtrArray *texts, const char *arg)
{
    if (is_help(arg))
        return print_and_done(cli, net_help());
    if (strstr(arg, "model=help"))
        return list_cards(cli);
    cli->net_given = true;
    if (strcmp(arg, "none"))
        g_ptr_array_add(texts, g_strdup(arg));
    return true;
}

bool opt_nic(Cli *cli, const char *arg, GError **error)
{
    return add_card(cli, cli->nics, arg);
}

bool opt_net(Cli *cli, const char *arg, GError **error)
{
    return add_card(cli, cli->nets, arg);
}

bool opt_vga(Cli *cli, const char *arg, GError **error)
{
    return only_none("vga", arg, NULL, "add a screen with -device virtio-gpu-pci or ramfb", error);
}

bool opt_display(Cli *cli, const char *arg, GError **error)
{
    if (is_help(arg))
        return print_and_done(cli, g_strdup("Available display backend types:\nnone\n"));
    cli->display_none = true;
    return only_none("display", arg, NULL, "this build opens no window; screendump takes pictures",
                     error);
}

bool opt_object(Cli *cli, const char *arg, GError **error)
{
    if (is_help(arg))
        return print_and_done(cli, object_help());
    if (*arg != '{' && asks_about_name(arg)) {
        g_autofree char *type = g_strndup(arg, strcspn(arg, ","));
        char *text = object_type_help(type, error);
        return text && print_and_done(cli, text);
    }
    g_ptr_array_add(cli->objects, g_strdup(arg));
    return true;
}

/* ---- monitor and debugging ---- */

static bool add_monitor(Cli *cli, MonitorMode mode, const char *arg, bool is_id)
{
    CliMonitor *m = g_new0(CliMonitor, 1);
    m->mode = mode;
    m->text = g_strdup(arg);
    m->is_chardev_id = is_id;
    cli->monitor_given = true;
    g_ptr_array_add(cli->monitors, m);
    return true;
}

bool opt_monitor(Cli *cli, const char *arg, GError **error)
{
    return add_monitor(cli, CLI_MONITOR_HMP, arg, false);
}

bool opt_qmp(Cli *cli, const char *arg, GError **error)
{
    return add_monitor(cli, CLI_MONITOR_QMP, arg, false);
}

bool opt_qmp_pretty(Cli *cli, const char *arg, GError **error)
{
    return add_monitor(cli, CLI_MONITOR_QMP_PRETTY, arg, false);
}

bool opt_mon(Cli *cli, const char *arg, GError **error)
{
    static const char *const known[] = { "chardev", "mode", "pretty", "id", NULL };
    GHashTable *opts = opts_parse(arg, "chardev", error);
    if (!opts)
        return false;
    char *chardev = opts_take(opts, "chardev"), *mode = opts_take(opts, "mode");
    g_free(opts_take(opts, "id"));
    bool pretty = false;
    bool ok = opts_take_bool(opts, "pretty", &pretty, error) &&
              opts_check_empty(opts, "-mon", known, error);
    if (ok && !chardev)
        ok = error_set(error, "-mon %s: names no chardev", arg);
    else if (ok && mode && strcmp(mode, "readline") && strcmp(mode, "control"))
        ok = error_set(error, "-mon %s: mode must be readline or control", arg);
    if (ok)
        add_monitor(cli, !mode || !strcmp(mode, "readline") ? CLI_MONITOR_HMP
                         : pretty ? CLI_MONITOR_QMP_PRETTY : CLI_MONITOR_QMP, chardev, true);
    g_free(chardev);
    g_free(mode);
    g_hash_table_unref(opts);
    return ok;
}

bool opt_echr(Cli *cli, const char *arg, GError **error)
{
    uint64_t code;
    if (!parse_number(arg, &code) || code > 255)
        return error_set(error, "-echr %s: must be a character code from 0 to 255", arg);
    chardev_set_escape((int)code);
    return true;
}

bool opt_d(Cli *cli, const char *arg, GError **error)
{
    if (is_help(arg))
        return print_and_done(cli, log_items_help());
    return log_set_items(arg, error);
}

bool opt_log_file(Cli *cli, const char *arg, GError **error)
{
    return log_set_file(arg, error);
}

bool opt_gdb_default(Cli *cli, const char *arg, GError **error)
{
    cli->gdb = "tcp::1234";
    return true;
}

/* ---- process ---- */

bool opt_seed(Cli *cli, const char *arg, GError **error)
{
    uint64_t seed;
    if (!parse_number(arg, &seed))
        return error_set(error, "-seed %s: must be a number", arg);
    random_seed(seed);
    return true;
}

/* ---- the whole line ---- */

static const CliOption *find_option(const char *name)
{
    for (const CliOption *o = cli_options; o->name || o->group; o++) {
        if (o->name && (!strcmp(o->name, name) || (o->alias && !strcmp(o->alias, name))))
            return o;
    }
    return NULL;
}

static bool unknown_option(const char *word, const char *name, GError **error)
{
    GPtrArray *names = g_ptr_array_new();
    for (const CliOption *o = cli_options; o->name || o->group; o++) {
        if (o->name && o->help)
            g_ptr_array_add(names, (char *)o->name);
    }
    g_ptr_array_add(names, NULL);
    const char *near = error_nearest(name, (const char *const *)names->pdata);
    if (near)
        error_set(error, "%s: there is no such option; did you mean -%s?", word, near);
    else
        error_set(error, "%s: there is no such option; -help lists them", word);
    g_ptr_array_unref(names);
    return false;
}

bool cli_parse(Cli *cli, int argc, char **argv, GError **error)
{
    for (int i = 1; i < argc && !cli->done; i++) {
        const char *word = argv[i];
        if (*word != '-' || !word[1]) {
            if (!*word)
                return error_set(error, "argument %d is empty; is there a stray blank or an unset "
                                 "variable in the command?", i);
            cli_add_drive(cli, "index=0,", word);
            continue;
        }
        const char *name = word + (word[1] == '-' ? 2 : 1);
        const CliOption *o = find_option(name);
        if (!o)
            return unknown_option(word, name, error);
        const char *arg = NULL;
        if (o->arg && ++i < argc)
            arg = argv[i];
        if (o->absent)
            return error_set(error, "-%s: %s", o->name, o->absent);
        if (o->arg && !arg)
            return error_set(error, "-%s: needs an argument: %s", o->name, o->arg);
        if (o->old) {
            warn_report("-%s has no effect any more: %s", o->name, o->old);
            continue;
        }
        const char *keys = arg && is_help(arg) ? cli_keys_help(o->name) : NULL;
        if (keys ? !print_and_done(cli, g_strdup(keys)) : !o->call(cli, arg, error))
            return false;
    }
    return true;
}
