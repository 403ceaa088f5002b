/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GICv3 ITS: what its files share. */
#ifndef HW_INTC_GICV3_ITS_H
#define HW_INTC_GICV3_ITS_H

#include "hw/intc/gicv3.h"
#include "softmmu/run.h"

enum { ITS_BASERS = 8, ITS_DEVICES = 0, ITS_COLLECTIONS = 1 };
enum { ITS_ENTRY_SIZE = 8, ITS_DEVICE_BITS = 16, ITS_EVENT_BITS = 16, ITS_COLLECTION_BITS = 16 };
enum { ITS_CTLR_ENABLED = 1 };

typedef struct Its {
    Device dev;
    Gicv3 *gic;
    uint32_t ctlr;
    uint64_t baser[ITS_BASERS];
    uint64_t cbaser, cwriter, creadr;
    Timer *timer; /* goes on with commands */
} Its;

/* ---- gicv3_its_table.c: the tables in memory; false: not there ---- */
typedef struct ItsDevice {
    bool valid;
    hwaddr itt;
    unsigned event_bits;
} ItsDevice;
typedef struct ItsEvent {
    bool valid;
    uint32_t intid;
    uint16_t collection;
} ItsEvent;
bool its_get_device(Its *s, uint32_t id, ItsDevice *d);
bool its_put_device(Its *s, uint32_t id, const ItsDevice *d);
bool its_get_event(Its *s, const ItsDevice *d, uint32_t id, ItsEvent *e);
bool its_put_event(Its *s, const ItsDevice *d, uint32_t id, const ItsEvent *e);
/* The processor that a collection is mapped to, or NULL. */
Gicv3Cpu *its_get_collection(Its *s, uint32_t id);
bool its_put_collection(Its *s, uint32_t id, const Gicv3Cpu *target);

/* ---- gicv3_its_cmd.c ---- */
/* Processes what is in the command queue, or a part of it. */
void its_process(Its *s);
/* An event of a device, translated; false: there is no such mapping. */
bool its_translate(Its *s, uint32_t device, uint32_t event, Gicv3Cpu **target, uint32_t *intid);

#endif
