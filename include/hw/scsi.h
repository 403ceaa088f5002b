/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SCSI: buses that a host adapter provides, logical units that plug into them (SPC-4, SBC-3, MMC-6,
 * SAM-5 below).
 *
 * An adapter makes a bus and submits requests with all their buffers at hand; done() is called when
 * the status is known, from within scsi_submit or later, under the main lock. Nothing is in flight
 * after block_drain_all (snapshots), scsi_reset or scsi_drain.
 */
#ifndef HW_SCSI_H
#define HW_SCSI_H

#include <sys/uio.h>

#include "hw/device.h"

enum { SCSI_CDB_MAX = 32, SCSI_SENSE_MAX = 18 };

/* SAM-5, 5.3.1 */
enum { SCSI_GOOD = 0x00, SCSI_CHECK_CONDITION = 0x02, SCSI_BUSY = 0x08 };

typedef struct ScsiBus ScsiBus;
typedef struct ScsiDevice ScsiDevice;
typedef struct ScsiRequest ScsiRequest;
struct ScsiCommand;

/* Part of the adapter's own request; zeroed before the first members are filled in. */
struct ScsiRequest {
    /* What the adapter says. */
    uint8_t cdb[SCSI_CDB_MAX];
    const struct iovec *out, *in; /* data to and from the unit; unchanged by it */
    unsigned n_out, n_in;
    uint64_t out_len, in_len;
    uint32_t lun;
    void (*done)(ScsiRequest *r);
    /* What it gets. */
    uint8_t status;
    uint8_t sense_len;
    uint8_t sense[SCSI_SENSE_MAX];
    uint64_t transferred;         /* bytes of data, either way */
    /* The unit's. */
    ScsiDevice *dev;              /* any of the target, where it has no such LUN */
    const struct ScsiCommand *command;
    uint64_t wanted;              /* bytes of data that the CDB asks for */
    uint64_t lba, blocks;
    struct iovec *iov;            /* of the backend's request */
    uint8_t *buffer;
    uint64_t position, chunk;     /* WRITE SAME: byte, bytes of the buffer */
    unsigned pending;             /* requests of the backend */
    int error;
};

/* What an adapter may want to hear. */
typedef struct ScsiBusOps {
    void (*plugged)(void *opaque, ScsiDevice *dev);
    void (*unplugged)(void *opaque, ScsiDevice *dev);
    /* Something about the unit changed; it reports asc and ascq as a unit attention too. */
    void (*changed)(void *opaque, ScsiDevice *dev, uint8_t asc, uint8_t ascq);
} ScsiBusOps;

struct ScsiBus {
    Bus *bus;
    const ScsiBusOps *ops;
    void *opaque;
    uint32_t max_channel, max_target, max_lun;
};

/* In the adapter's realize. id: what the user called the adapter, or NULL. */
ScsiBus *scsi_bus_new(Device *owner, const char *id, const ScsiBusOps *ops, void *opaque);
void scsi_bus_free(ScsiBus *b); /* in unrealize; the units are gone by then */

typedef enum ScsiSubmit { SCSI_SUBMITTED, SCSI_NO_TARGET, SCSI_OVERRUN } ScsiSubmit;
/* SCSI_OVERRUN: the CDB asks for more data than there is room for; nothing was done. */
ScsiSubmit scsi_submit(ScsiBus *b, uint32_t channel, uint32_t target, ScsiRequest *r);
/* Within done(): more of them for this unit follow at once (interrupt after the last). */
bool scsi_completions_left(const ScsiRequest *r);

/* The unit, or NULL. */
ScsiDevice *scsi_find(ScsiBus *b, uint32_t channel, uint32_t target, uint32_t lun);
bool scsi_has_target(ScsiBus *b, uint32_t channel, uint32_t target);
/* Waits for what is in flight. */
void scsi_drain(ScsiDevice *dev);
/* As after power-on (the unit attention tells); whole says the bus, not the unit, was reset. */
void scsi_reset(ScsiDevice *dev, bool whole);
void scsi_bus_drain(ScsiBus *b);
void scsi_bus_reset(ScsiBus *b);
void scsi_device_address(const ScsiDevice *dev, uint32_t *channel, uint32_t *target, uint32_t *lun);

#endif
