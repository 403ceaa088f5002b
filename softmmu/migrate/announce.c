/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Telling the network where a machine's cards are now: switches learn addresses from the frames
 * that come from them. Each card seems to send a RARP request (RFC 903) for itself, which nobody
 * answers, in a few rounds. (A guest whose card can be asked to announces itself with ARP, too.)
 */
#include <string.h>

#include "backend/net.h"
#include "softmmu/migrate/migrate_int.h"
#include "softmmu/run.h"
#include "util/error.h"

typedef struct Announcer {
    char *id;
    char **interfaces; /* NULL: all */
    int64_t delay, step, max, rounds;
    Timer *timer;
} Announcer;

static GPtrArray *announcers;

static void send_rarp(NetBackend *n)
{
    uint8_t f[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    static const uint8_t head[] = {
        0x80, 0x35, /* RARP */
        0, 1, 8, 0, /* Ethernet, IPv4 */
        6, 4, 0, 3, /* lengths of addresses; request */
    };
    memcpy(f + 6, n->nic->mac, 6);
    memcpy(f + 12, head, sizeof head);
    memcpy(f + 22, n->nic->mac, 6); /* sender */
    memcpy(f + 32, n->nic->mac, 6); /* who is this? */
    net_send(n, NULL, f, sizeof f);
}

static void announce(NetBackend *n, void *arg)
{
    const Announcer *a = arg;
    if (!n->nic || (a->interfaces && !g_strv_contains((const char *const *)a->interfaces, n->id)))
        return;
    send_rarp(n);
    if (n->nic->announce)
        n->nic->announce(n->nic->opaque);
}

static void announcer_free(Announcer *a)
{
    g_ptr_array_remove(announcers, a);
    timer_free(a->timer);
    g_strfreev(a->interfaces);
    g_free(a->id);
    g_free(a);
}

static void next_round(void *opaque)
{
    Announcer *a = opaque;
    net_foreach(announce, a);
    if (--a->rounds <= 0) {
        announcer_free(a);
        return;
    }
    timer_mod(a->timer, clock_ns(CLOCK_RT) + a->delay * 1000000);
    a->delay = MIN(a->delay + a->step, a->max);
}

static bool in_bounds(int64_t v, MigParam p, int64_t min, int64_t max, const char *name,
                      int64_t *to, GError **error)
{
    *to = v < 0 ? (int64_t)mig_param(p) : v;
    return (v < 0 || (v >= min && v <= max)) ||
           error_set(error, "Parameter '%s' expects a value between %d and %d", name, (int)min,
                     (int)max);
}

bool migrate_announce(int64_t initial, int64_t max, int64_t rounds, int64_t step,
                      char **interfaces, const char *id, GError **error)
{
    Announcer a = { 0 };
    if (!in_bounds(initial, MIG_ANNOUNCE_INITIAL, 0, 100000, "initial", &a.delay, error) ||
        !in_bounds(max, MIG_ANNOUNCE_MAX, 0, 100000, "max", &a.max, error) ||
        !in_bounds(rounds, MIG_ANNOUNCE_ROUNDS, 0, 1000, "rounds", &a.rounds, error) ||
        !in_bounds(step, MIG_ANNOUNCE_STEP, 0, 10000, "step", &a.step, error))
        return false;
    if (!announcers)
        announcers = g_ptr_array_new();
    /* One of the same name begins anew. */
    for (guint i = announcers->len; i-- > 0;)
        if (!g_strcmp0(((Announcer *)announcers->pdata[i])->id, id))
            announcer_free(announcers->pdata[i]);
    if (!a.rounds)
        return true;
    a.id = g_strdup(id);
    a.interfaces = interfaces && *interfaces ? g_strdupv(interfaces) : NULL;
    Announcer *to = g_memdup2(&a, sizeof a);
    to->timer = timer_new(CLOCK_RT, next_round, to);
    g_ptr_array_add(announcers, to);
    timer_mod(to->timer, clock_ns(CLOCK_RT));
    return true;
}
