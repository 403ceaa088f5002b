/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Migration: the machine goes on in another program, now or later: see docs/migration.md.
 *
 * Main thread, main lock held.
 */
#ifndef SOFTMMU_MIGRATE_H
#define SOFTMMU_MIGRATE_H

#include <glib.h>
#include <stdbool.h>

#include "util/json.h"

/* X(constant, name in query-migrate) */
#define MIGRATE_STATES(X)                                                                      \
    X(NONE, "none") X(SETUP, "setup") X(ACTIVE, "active") X(CANCELLING, "cancelling")          \
    X(CANCELLED, "cancelled") X(PRE_SWITCHOVER, "pre-switchover") X(DEVICE, "device")          \
    X(COMPLETED, "completed") X(FAILED, "failed")
typedef enum MigrateState {
#define X(c, n) MIGRATE_##c,
    MIGRATE_STATES(X)
#undef X
} MigrateState;

MigrateState migrate_state(void);
const char *migrate_state_name(MigrateState s);
/* From `migrate` until it has ended in one way or another. */
bool migrate_is_running(void);
/* Called on every change. */
void migrate_set_listener(void (*fn)(MigrateState s));
/* False with QEMU's text while a migration is under way, here or to here, or the images are
 * another program's: what would change the machine's parts, or looks at disks, has to wait. */
bool migrate_is_idle(GError **error);

/* ---- away ---- */
bool migrate_start(const char *uri, GError **error);
void migrate_cancel(void); /* fine where there is none */
/* On from pre-switchover; `state` as the user names it. */
bool migrate_go_on(const char *state, GError **error);

/* ---- to here ---- */
/* -incoming: before the machine is made, and when it is complete. */
void migrate_expect(const char *uri, bool autostart);
bool migrate_listen(GError **error);
bool migrate_expected(void); /* -incoming was given */
/* migrate-incoming, after -incoming defer. */
bool migrate_incoming(const char *uri, GError **error);
/* stop and cont while the machine has not come. */
void migrate_set_autostart(bool on);
/* Before the machine goes on by the user's wish: images that were given up are taken back. */
bool migrate_take_back(GError **error);

/* ---- looking ---- */
Json *migrate_info(void);

/* ---- capabilities and parameters ---- */
/* The lists that query-migrate-capabilities and query-migrate-parameters return. */
Json *migrate_capabilities(void);
Json *migrate_parameters(void);
/* [{ capability, state }], { name: value }: all or nothing. */
bool migrate_set_capabilities(const Json *list, GError **error);
bool migrate_set_parameters(const Json *values, GError **error);
/* One, as text (HMP). */
bool migrate_set_parameter_text(const char *name, const char *value, GError **error);
/* Lines of `info migrate_parameters`. */
void migrate_print_parameters(GString *out);

/* ---- announcing ---- */
/* Tells the network where the cards are: rounds of RARP frames, `initial` ms apart at first, `step`
 * more each time up to `max`. interfaces: ids of backends; NULL: all. -1: as the parameters say. */
bool migrate_announce(int64_t initial, int64_t max, int64_t rounds, int64_t step,
                      char **interfaces, const char *id, GError **error);

#endif
