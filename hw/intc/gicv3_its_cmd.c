/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GICv3 ITS: the command queue (IHI 0069, 5.3).
 *
 * GITS_TYPER.SEIS is 0: a command with an error is skipped, as the manual allows. A queue that
 * can't be read stalls (GITS_CREADR.Stalled) until software sets GITS_CWRITER.Retry. A write does
 * a bounded amount of work; a timer does the rest, which software sees as a slow ITS.
 */
#include "hw/intc/gicv3_its.h"
#include "util/bits.h"
#include "util/log.h"

enum { COMMAND_SIZE = 32, BUDGET = 2048, COST_OF_SEARCH = 4, COST_OF_MANY = 64, PAUSE_NS = 20000 };
enum { LOGGED_COMMAND = 0x10000, LOGGED_QUEUE = 0x20000 };
#define CBASER_VALID BIT(63)
#define CBASER_ADDR 0x000ffffffffff000ull
enum { CREADR_STALLED = 1 };

/* A command as its doublewords. */
typedef struct Command {
    uint64_t dw[COMMAND_SIZE / 8];
} Command;

static uint32_t device_of(const Command *c)
{
    return c->dw[0] >> 32;
}

static uint32_t event_of(const Command *c)
{
    return (uint32_t)c->dw[1];
}

static uint16_t collection_of(const Command *c)
{
    return (uint16_t)c->dw[2];
}

/* RDbase is a processor's number (GITS_TYPER.PTA is 0). */
static Gicv3Cpu *target_of(Its *s, uint64_t dw)
{
    uint64_t n = bits_get(dw, 16, 35);
    return n < s->gic->num_cpu ? &s->gic->cpu[n] : NULL;
}

static bool is_lpi(uint32_t intid)
{
    return intid >= GICV3_FIRST_LPI && intid < 1u << GICV3_ID_BITS;
}

bool its_translate(Its *s, uint32_t device, uint32_t event, Gicv3Cpu **target, uint32_t *intid)
{
    ItsDevice d;
    ItsEvent e;
    if (!its_get_device(s, device, &d) || !its_get_event(s, &d, event, &e) || !e.valid ||
        !is_lpi(e.intid))
        return false;
    *target = its_get_collection(s, e.collection);
    *intid = e.intid;
    return *target != NULL;
}

static bool do_mapd(Its *s, const Command *c)
{
    ItsDevice d = { .valid = c->dw[2] >> 63, .itt = c->dw[2] & 0x000fffffffffff00ull,
                    .event_bits = (c->dw[1] & 0x1f) + 1 };
    return (!d.valid || d.event_bits <= ITS_EVENT_BITS) && its_put_device(s, device_of(c), &d);
}

static bool do_mapc(Its *s, const Command *c)
{
    Gicv3Cpu *target = target_of(s, c->dw[2]);
    if (!(c->dw[2] >> 63))
        return its_put_collection(s, collection_of(c), NULL);
    return target && its_put_collection(s, collection_of(c), target);
}

static bool map_event(Its *s, const Command *c, uint32_t intid)
{
    ItsDevice d;
    ItsEvent e = { .valid = true, .intid = intid, .collection = collection_of(c) };
    return is_lpi(intid) && its_get_device(s, device_of(c), &d) &&
           its_put_event(s, &d, event_of(c), &e);
}

static bool do_mapti(Its *s, const Command *c)
{
    return map_event(s, c, c->dw[1] >> 32);
}

static bool do_mapi(Its *s, const Command *c)
{
    return map_event(s, c, event_of(c));
}

static bool do_movi(Its *s, const Command *c)
{
    ItsDevice d;
    ItsEvent e;
    if (!its_get_device(s, device_of(c), &d) || !its_get_event(s, &d, event_of(c), &e) ||
        !e.valid || !is_lpi(e.intid))
        return false;
    Gicv3Cpu *from = its_get_collection(s, e.collection);
    Gicv3Cpu *to = its_get_collection(s, collection_of(c));
    if (!from || !to)
        return false;
    e.collection = collection_of(c);
    if (from != to && gicv3_lpi_is_pending(from, e.intid)) {
        gicv3_lpi_set_pending(from, e.intid, false);
        gicv3_lpi_set_pending(to, e.intid, true);
    }
    return its_put_event(s, &d, event_of(c), &e);
}

static bool do_movall(Its *s, const Command *c)
{
    Gicv3Cpu *from = target_of(s, c->dw[2]), *to = target_of(s, c->dw[3]);
    if (!from || !to)
        return false;
    gicv3_lpi_move_all(from, to);
    return true;
}

static bool set_pending(Its *s, const Command *c, bool pending)
{
    Gicv3Cpu *target;
    uint32_t intid;
    if (!its_translate(s, device_of(c), event_of(c), &target, &intid))
        return false;
    gicv3_lpi_set_pending(target, intid, pending);
    return true;
}

static bool do_int(Its *s, const Command *c)
{
    return set_pending(s, c, true);
}

static bool do_clear(Its *s, const Command *c)
{
    return set_pending(s, c, false);
}

static bool do_discard(Its *s, const Command *c)
{
    ItsDevice d;
    ItsEvent none = { .valid = false };
    return set_pending(s, c, false) && its_get_device(s, device_of(c), &d) &&
           its_put_event(s, &d, event_of(c), &none);
}

static bool do_inv(Its *s, const Command *c)
{
    Gicv3Cpu *target;
    uint32_t intid;
    if (!its_translate(s, device_of(c), event_of(c), &target, &intid))
        return false;
    gicv3_lpi_invalidate(target, intid);
    return true;
}

static bool do_invall(Its *s, const Command *c)
{
    if (!its_get_collection(s, collection_of(c)))
        return false;
    gicv3_lpi_invalidate_all(s->gic);
    return true;
}

/* Everything before it has been done. */
static bool do_sync(Its *s, const Command *c)
{
    return target_of(s, c->dw[2]) != NULL;
}

typedef struct CommandKind {
    const char *name;
    bool (*run)(Its *s, const Command *c);
    unsigned cost;
} CommandKind;

static const CommandKind kinds[] = {
    [0x01] = { "MOVI", do_movi, COST_OF_SEARCH },
    [0x03] = { "INT", do_int, 1 },
    [0x04] = { "CLEAR", do_clear, COST_OF_SEARCH },
    [0x05] = { "SYNC", do_sync, 1 },
    [0x08] = { "MAPD", do_mapd, 1 },
    [0x09] = { "MAPC", do_mapc, 1 },
    [0x0a] = { "MAPTI", do_mapti, 1 },
    [0x0b] = { "MAPI", do_mapi, 1 },
    [0x0c] = { "INV", do_inv, COST_OF_SEARCH },
    [0x0d] = { "INVALL", do_invall, COST_OF_MANY },
    [0x0e] = { "MOVALL", do_movall, COST_OF_MANY },
    [0x0f] = { "DISCARD", do_discard, COST_OF_SEARCH },
};

/* What it cost. */
static unsigned run(Its *s, const Command *c)
{
    unsigned n = c->dw[0] & 0xff;
    const CommandKind *k = n < ARRAY_LEN(kinds) && kinds[n].run ? &kinds[n] : NULL;
    if ((!k || !k->run(s, c)) && !(s->dev.logged & LOGGED_COMMAND)) {
        s->dev.logged |= LOGGED_COMMAND;
        log_guest_error(s->dev.path, "command 0x%x (%s) for device 0x%x, event 0x%x is in error "
                        "and skipped", n, k ? k->name : "unknown", device_of(c), event_of(c));
    }
    return k ? k->cost : 1;
}

static void queue_error(Its *s, const char *what)
{
    if (!(s->dev.logged & LOGGED_QUEUE))
        log_guest_error(s->dev.path, "%s", what);
    s->dev.logged |= LOGGED_QUEUE;
}

void its_process(Its *s)
{
    uint64_t size = ((s->cbaser & 0xff) + 1) * 4096, base = s->cbaser & CBASER_ADDR;
    unsigned budget = BUDGET;
    timer_del(s->timer);
    if (!(s->ctlr & ITS_CTLR_ENABLED) || !(s->cbaser & CBASER_VALID))
        return;
    if (s->cwriter >= size || (s->creadr & ~(uint64_t)CREADR_STALLED) >= size) {
        queue_error(s, "GITS_CWRITER is beyond the end of the command queue");
        return;
    }
    while (s->creadr != s->cwriter && !(s->creadr & CREADR_STALLED)) {
        uint8_t bytes[COMMAND_SIZE];
        Command c;
        if (!gicv3_dma(&s->dev, base + s->creadr, bytes, sizeof bytes, false)) {
            s->creadr |= CREADR_STALLED;
            queue_error(s, "the command queue is not in memory");
            return;
        }
        for (unsigned i = 0; i < ARRAY_LEN(c.dw); i++)
            c.dw[i] = load_le64(bytes + 8 * i);
        unsigned cost = run(s, &c);
        s->creadr = (s->creadr + COMMAND_SIZE) % size;
        if (cost >= budget) {
            timer_mod(s->timer, clock_ns(CLOCK_VIRTUAL) + PAUSE_NS);
            return;
        }
        budget -= cost;
    }
}
