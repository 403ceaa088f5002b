/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line: from argv to a machine.
 *
 * The table of options is generated from monitor/schema/options.toml. Options are collected in
 * the order given (options.c); the machine is then built in phases (machine.c), because an option
 * may refer to what a later one defines.
 */
#ifndef SOFTMMU_CLI_CLI_H
#define SOFTMMU_CLI_CLI_H

#include <glib.h>
#include <stdbool.h>

#include "accel/cpu.h"
#include "hw/board.h"
#include "hw/boot_order.h"

/* Texts that are const are of argv, which outlives all. */
typedef struct Cli {
    const TargetOps *target;
    const BoardType *board;
    Machine *machine;
    bool done;              /* something was printed that ends the program with status 0 */
    bool start_paused, daemonize, nographic, nodefaults;
    bool serial_given, monitor_given, display_none;
    bool net_given;         /* any -nic or -net, also none */
    char *accel_list;       /* "kvm:tcg" */
    GHashTable *accel_opts;
    const char *icount;
    const char *mem_path;   /* -mem-path */
    char *ram_backend;      /* id of the object that describes RAM */
    bool has_numa, no_acpi;
    GPtrArray *chardevs, *serials, *monitors, *drives, *blockdevs, *devices, *objects,
        *netdevs, *nics, *nets,
        *fw_cfg;            /* texts (monitors: CliMonitor), in order */
    BootConfig boot;
    bool reverse;
    const char *loadvm;     /* tag */
    const char *incoming;   /* URI */
    const char *pidfile;
    char *uuid, *name;
    bool one_insn;
    const char *gdb;        /* device; NULL: no stub */
} Cli;

typedef struct CliOption {
    const char *group; /* heading; such a row is no option */
    const char *name, *alias, *arg, *help, *absent, *old;
    bool (*call)(Cli *cli, const char *arg, GError **error);
} CliOption;

extern const CliOption cli_options[];

/* What an option's argument names: "-monitor" texts carry how they speak. */
typedef enum MonitorMode { CLI_MONITOR_HMP, CLI_MONITOR_QMP, CLI_MONITOR_QMP_PRETTY } MonitorMode;
typedef struct CliMonitor {
    MonitorMode mode;
    char *text;
    bool is_chardev_id; /* -mon: text is the id of a chardev */
} CliMonitor;

/* options.c, options_host.c */
/* Text or JSON. */
GHashTable *cli_opts_from_text(const char *text, const char *implied_key, GError **error);
bool cli_add_drive(Cli *cli, const char *rest, const char *file); /* rest: "OPTION=VALUE,"; true */
bool cli_parse(Cli *cli, int argc, char **argv, GError **error);
const char *cli_keys_help(const char *option); /* help.c; NULL: the option has a help of its own */
/* machine.c: everything up to the point where CPUs may run. */
bool cli_build(Cli *cli, GError **error);
bool cli_take_boot(Cli *cli, GHashTable *machine, GError **error); /* boot.c: boot.KEY= */
void cli_machine_options_help(const Cli *cli); /* prints: of the chosen board */
/* backends.c: chardevs, serial ports, monitors, drives with their default devices. */
bool cli_make_chardevs(Cli *cli, GError **error);
bool cli_make_drives(Cli *cli, GError **error);
bool cli_make_devices(Cli *cli, GError **error);
/* net.c: backends, before the objects that name them; cards, before the user's devices. */
bool cli_make_netdevs(Cli *cli, GError **error);
bool cli_make_nics(Cli *cli, GError **error);
bool cli_make_monitors(Cli *cli, GError **error);
/* daemon.c */
bool cli_daemonize(GError **error);      /* forks; the parent waits for cli_daemon_ready */
void cli_daemon_ready(void);
bool cli_write_pidfile(const char *path, GError **error);

#endif
