/* SPDX-License-Identifier: GPL-2.0-or-later */
/* HMP: the command lines that people type. */
#include <string.h>

#include "hw/device.h"
#include "backend/block.h"
#include "monitor/core/monitor_int.h"
#include "monitor/schema/commands_gen.h"
#include "softmmu/run.h"
#include "util/error.h"
#include "util/log.h"

/* ---- finding commands ---- */

static bool is_info(const Command *c)
{
    return g_str_has_prefix(c->hmp, "info ");
}

/* The alternatives of "name|alias", without "info ". */
static char **names_of(const Command *c)
{
    return g_strsplit(is_info(c) ? c->hmp + 5 : c->hmp, "|", -1);
}

const Command *hmp_find(const char *name, bool info)
{
    for (const Command *c = commands; c->help; c++) {
        if (!c->hmp || is_info(c) != info)
            continue;
        g_auto(GStrv) names = names_of(c);
        if (g_strv_contains((const char *const *)names, name))
            return c;
    }
    return NULL;
}

/* All names, sorted; free with the strings. */
static GPtrArray *all_names(bool info)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(g_free);
    for (const Command *c = commands; c->help; c++) {
        if (!c->hmp || is_info(c) != info)
            continue;
        g_auto(GStrv) names = names_of(c);
        for (char **n = names; *n; n++)
            g_ptr_array_add(list, g_strdup(*n));
    }
    return list;
}

static void unknown_command(Monitor *mon, const char *name, bool info)
{
    monitor_printf(mon, "unknown command: '%s%s'\n", info ? "info " : "", name);
    GPtrArray *names = all_names(info);
    g_ptr_array_add(names, NULL);
    const char *near = error_nearest(name, (const char *const *)names->pdata);
    /* In a word of three letters every other one is near. */
    if (near && (*near == *name || strlen(name) > 3))
        monitor_printf(mon, "Did you mean '%s%s'?\n", info ? "info " : "", near);
    g_ptr_array_unref(names);
}

/* ---- help ---- */

static int compare_commands(gconstpointer a, gconstpointer b)
{
    return strcmp((*(const Command *const *)a)->hmp, (*(const Command *const *)b)->hmp);
}

static void help_line(Monitor *mon, const Command *c)
{
    monitor_printf(mon, "%s %s -- %s\n", c->hmp, c->usage ? c->usage : "", c->help);
}

static void help_all(Monitor *mon, bool info)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new();
    for (const Command *c = commands; c->help; c++) {
        if (c->hmp && is_info(c) == info)
            g_ptr_array_add(list, (gpointer)c);
    }
    g_ptr_array_sort(list, compare_commands);
    for (unsigned i = 0; i < list->len; i++)
        help_line(mon, list->pdata[i]);
}

void hmp_help(Monitor *mon, const Json *args)
{
    const char *text = json_get_str(args, "name", "");
    g_autofree char *name = hmp_word(mon, &text);
    if (!name) {
        help_all(mon, false);
        return;
    }
    g_autofree char *sub = !strcmp(name, "info") ? hmp_word(mon, &text) : NULL;
    if (!strcmp(name, "info") && !sub) {
        help_all(mon, true);
        return;
    }
    if (!strcmp(name, "log") && !sub) {
        g_autofree char *items = log_items_help();
        help_line(mon, hmp_find("log", false));
        monitor_puts(mon, items);
        return;
    }
    const Command *c = hmp_find(sub ? sub : name, sub != NULL);
    if (c)
        help_line(mon, c);
    else
        unknown_command(mon, sub ? sub : name, sub != NULL);
}

/* Only reached as "info": hmp_run looks subcommands up itself. */
void hmp_info_item(Monitor *mon, const Json *args)
{
    help_all(mon, true);
}

void hmp_info_history(Monitor *mon, const Json *args)
{
    GPtrArray *lines = mon->readline ? readline_history(mon->readline) : NULL;
    for (unsigned i = 0; lines && i < lines->len; i++)
        monitor_printf(mon, "%u: '%s'\n", i, (char *)lines->pdata[i]);
}

/* ---- running a line ---- */

/* A command without a body of its own: the QMP body with HMP's arguments. */
static void run_derived(Monitor *mon, const Command *c, const Json *args)
{
    GError *error = NULL;
    Json *reply = command_call(c, args, &error);
    if (!reply)
        monitor_report(mon, error);
    json_free(reply);
}

static void run_command(Monitor *mon, const Command *c, const char *typed, const char *text)
{
    /* With the machine running, what the command reads would change under it. */
    bool pause = c->paused && run_state_is_running();
    if (pause)
        cpus_pause_all();
    Json *args = hmp_parse_args(mon, c, typed, text);
    if (args && c->says)
        monitor_puts(mon, c->says);
    else if (args && c->body)
        c->body(mon, args);
    else if (args)
        run_derived(mon, c, args);
    json_free(args);
    if (pause)
        cpus_resume_all();
}

/* The first word: "x/4xw" is the command x. */
static char *command_word(const char **p)
{
    while (g_ascii_isspace(**p))
        (*p)++;
    const char *start = *p;
    while (**p && !g_ascii_isspace(**p) && **p != '/')
        (*p)++;
    return g_strndup(start, *p - start);
}

void hmp_run(Monitor *mon, const char *line)
{
    const char *p = line;
    g_autofree char *name = command_word(&p);
    if (!*name)
        return;
    const Command *c = hmp_find(name, false);
    if (!c) {
        unknown_command(mon, name, false);
        return;
    }
    if (strcmp(name, "info")) {
        run_command(mon, c, name, p);
        return;
    }
    g_autofree char *sub = command_word(&p);
    if (!*sub) {
        help_all(mon, true);
        return;
    }
    const Command *item = hmp_find(sub, true);
    g_autofree char *typed = g_strconcat("info ", sub, NULL);
    if (item)
        run_command(mon, item, typed, p);
    else
        unknown_command(mon, sub, true);
}

/* ---- completion ---- */

typedef struct Candidates {
    GPtrArray *words;
    const char *prefix;
} Candidates;

static void offer(Candidates *k, const char *word)
{
    if (word && g_str_has_prefix(word, k->prefix))
        g_ptr_array_add(k->words, g_strdup(word));
}

static void offer_names(Candidates *k, bool info)
{
    GPtrArray *names = all_names(info);
    for (unsigned i = 0; i < names->len; i++)
        offer(k, names->pdata[i]);
    g_ptr_array_unref(names);
}

static void offer_chardev(Chardev *c, const char *label, const char *filename, bool open, void *arg)
{
    offer(arg, label);
}

static void offer_block(BlockBackend *b, void *arg)
{
    if (block_id(b)) /* an empty tray may have no name */
        offer(arg, block_id(b));
}

static void offer_files(Candidates *k)
{
    g_autofree char *dir = g_path_get_dirname(k->prefix);
    const char *slash = strrchr(k->prefix, '/');
    g_autofree char *before = slash ? g_strndup(k->prefix, slash + 1 - k->prefix) : g_strdup("");
    GDir *d = g_dir_open(slash ? dir : ".", 0, NULL);
    const char *name;
    while (d && (name = g_dir_read_name(d))) {
        g_autofree char *path = g_strconcat(before, name, NULL);
        bool is_dir = g_file_test(path, G_FILE_TEST_IS_DIR);
        g_autofree char *shown = g_strconcat(path, is_dir ? "/" : NULL, NULL);
        if (*name != '.' || (slash ? slash[1] : *k->prefix) == '.')
            offer(k, shown);
    }
    if (d)
        g_dir_close(d);
}

static void offer_for_type(Candidates *k, const Command *c, char type)
{
    if (type == 'F') {
        offer_files(k);
    } else if (type == 'C') {
        chardev_foreach(offer_chardev, k);
    } else if (type == 'B') {
        block_foreach(offer_block, k);
    } else if (type == 'D') {
        for (Device *dev = device_first(); dev; dev = dev->next)
            offer(k, dev->id);
    } else if (type == 'T') {
        for (unsigned i = 0; i < device_types()->len; i++) {
            const DeviceType *t = device_types()->pdata[i];
            if (t->user_creatable && t->hotpluggable)
                offer(k, t->name);
        }
    } else if (hmp_find("watchdog_action", false) == c) {
        for (int i = 0; watchdog_actions[i]; i++)
            offer(k, watchdog_actions[i]);
    } else if (type == 'b' || hmp_find("singlestep", false) == c) {
        offer(k, "on");
        offer(k, "off");
    }
}

/* The type of argument number n (flags do not count), or 0. */
static char arg_type(const Command *c, unsigned n)
{
    g_auto(GStrv) specs = g_strsplit(c->hmp_args ? c->hmp_args : "", ",", -1);
    for (char **s = specs; *s && **s; s++) {
        char type = strchr(*s, ':')[1];
        if (type == '-' || type == '/')
            continue;
        if (!n--)
            return type;
    }
    return 0;
}

GPtrArray *hmp_complete(const char *line, size_t *start)
{
    /* Words in front of the last one, flags and formats left out. */
    g_autoptr(GPtrArray) before = g_ptr_array_new_with_free_func(g_free);
    const char *last = strrchr(line, ' ');
    last = last ? last + 1 : line;
    *start = last - line;
    g_autofree char *head = g_strndup(line, *start);
    g_auto(GStrv) words = g_strsplit_set(head, " \t", -1);
    for (char **w = words; *w; w++) {
        if (**w && **w != '-' && **w != '/')
            g_ptr_array_add(before, g_strndup(*w, strcspn(*w, "/")));
    }
    Candidates k = { g_ptr_array_new_with_free_func(g_free), last };
    unsigned n = before->len;
    const char *name = n ? before->pdata[0] : NULL;
    bool help = n && (!strcmp(name, "help") || !strcmp(name, "?"));
    if (!n || (help && n == 1)) {
        offer_names(&k, false);
        return k.words;
    }
    unsigned at = help ? 1 : 0; /* where the command is */
    if (!strcmp(before->pdata[at], "info") && n == at + 1) {
        offer_names(&k, true);
        return k.words;
    }
    bool info = !strcmp(name, "info");
    const Command *c = help ? NULL : hmp_find(before->pdata[info ? 1 : 0], info);
    if (c)
        offer_for_type(&k, c, arg_type(c, n - (info ? 2 : 1)));
    return k.words;
}
