/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the NVMe controller share (NVM Express Base Specification 1.4, "NVMe" in their
 * comments): nvme.c has registers and queues, nvme_map.c the guest's buffers, nvme_admin.c and
 * nvme_log.c administration, nvme_io.c reading and writing, nvme_ns.c namespaces.
 */
#ifndef HW_BLOCK_NVME_H
#define HW_BLOCK_NVME_H

#include <sys/uio.h>

#include "backend/block.h"
#include "hw/pci.h"

enum { NVME_MAX_NS = 256, NVME_MAX_QUEUE = 2048, NVME_MAX_AER = 256, NVME_BROADCAST = -1 };
enum { NVME_SQE = 64, NVME_CQE = 16, NVME_PAGE = 4096 };
enum { NVME_MAX_DATA = 64 << 20, NVME_MAX_SGL = 4096 }; /* of a command: bytes, descriptors */

/* Status, NVMe 4.6.1: type << 8 | code; "do not retry". */
enum {
    NVME_OK = 0x00, NVME_INVALID_OPCODE = 0x01, NVME_INVALID_FIELD = 0x02,
    NVME_DATA_TRANSFER = 0x04, NVME_INTERNAL = 0x06, NVME_INVALID_NS = 0x0b,
    NVME_SGL_SEGMENT = 0x0d, NVME_SGL_COUNT = 0x0e, NVME_SGL_LENGTH = 0x0f, NVME_SGL_TYPE = 0x11,
    NVME_PRP_OFFSET = 0x13, NVME_WRITE_PROTECTED = 0x20, NVME_LBA_RANGE = 0x80,
    NVME_FORMAT_IN_PROGRESS = 0x84, NVME_INVALID_CQ = 0x100, NVME_INVALID_QUEUE = 0x101,
    NVME_INVALID_QUEUE_SIZE = 0x102, NVME_AER_LIMIT = 0x105, NVME_INVALID_VECTOR = 0x108,
    NVME_INVALID_LOG = 0x109, NVME_INVALID_FORMAT = 0x10a, NVME_INVALID_QUEUE_DELETION = 0x10c,
    NVME_NOT_SAVEABLE = 0x10d, NVME_NOT_CHANGEABLE = 0x10e, NVME_NOT_NS_SPECIFIC = 0x10f,
    NVME_WRITE_FAULT = 0x280, NVME_READ_ERROR = 0x281, NVME_COMPARE_FAILURE = 0x285,
    NVME_DNR = 0x4000, NVME_PENDING = 0xffff /* not a status: it is answered later */
};

/* Kinds of asynchronous events, NVMe 5.2 */
enum { NVME_EVENT_ERROR, NVME_EVENT_SMART, NVME_EVENT_NOTICE, NVME_EVENTS };

typedef struct Nvme Nvme;
typedef struct NvmeNs NvmeNs;

typedef struct NvmeSq {
    bool there, running;
    uint16_t id, cq;
    uint32_t size, head, tail;
    uint64_t addr;
    uint32_t in_flight; /* fetched, and not in the completion queue yet */
} NvmeSq;

typedef struct NvmeCq {
    bool there, phase, interrupts, posted;
    uint16_t id, vector;
    uint32_t size, head, tail;
    uint64_t addr;
} NvmeCq;

/* A completion for whose entry there was no room. */
typedef struct NvmeWaiting {
    uint16_t sq, cid, status;
    uint32_t result;
} NvmeWaiting;

typedef struct NvmeRequest {
    Nvme *n;
    NvmeSq *sq;
    uint8_t sqe[NVME_SQE];
    uint32_t result;
    /* The guest's buffers. */
    struct iovec *iov;
    unsigned n_iov, max_iov;
    uint64_t len;
    bool to_guest;
    /* While it is with the backend. */
    NvmeNs *ns;
    uint8_t *buffer;    /* compare */
    unsigned pending;
    uint16_t status;
} NvmeRequest;

/* A namespace: nvme-ns, or the one of the controller's own drive=. */
struct NvmeNs {
    Device dev;
    BlockBackend *drive;
    Nvme *n;
    uint32_t nsid;      /* property; 0: the first free one */
    uint64_t logical_size, physical_size, min_io_size, opt_io_size, discard_granularity, eui64;
    char *uuid;
    int write_cache;
    bool shared, detached, eui64_default, share_rw;
    int32_t bootindex;
    bool initial_wce;
    uint8_t raw_uuid[16];
    bool has_uuid;
    uint8_t format;     /* index of nvme_format_size */
    uint32_t formatting;
};

struct Nvme {
    PciDevice pci;
    Bus *bus;
    /* properties */
    BlockBackend *drive;
    char *serial;
    uint32_t num_queues, max_ioqpairs, aer_max_queued, cmb_size_mb;
    int32_t bootindex;
    uint16_t msix_qsize;
    uint8_t aerl, mdts, vsl, smart_warning;
    bool use_intel_id, msix_exclusive_bar, ioeventfd, share_rw;
    uint64_t logical_size, physical_size, min_io_size, opt_io_size, discard_granularity;
    int write_cache;
    /* */
    MemoryRegion bar, registers;
    NvmeNs *ns[NVME_MAX_NS + 1];    /* by number */
    Device *own_ns;                 /* of drive= */
    NvmeSq *sq;                     /* max_ioqpairs + 1 of each */
    NvmeCq *cq;
    GArray *waiting;                /* NvmeWaiting, oldest first */
    bool notifying;                 /* a message is sent: writes of registers are ignored */
    /* registers and what commands set */
    uint32_t intms, cc, csts, aqa;
    uint64_t asq, acq;
    uint32_t irq_status;            /* vectors with entries, for the pin */
    uint16_t aer[NVME_MAX_AER];     /* command ids that wait for an event */
    uint32_t n_aer;
    uint32_t event[NVME_EVENTS];    /* that waits for a command */
    uint8_t event_pending, event_masked; /* bits by kind */
    uint32_t async_config;
    uint16_t temp_over, temp_under, recovery_time;
    uint64_t timestamp, timestamp_set_ns;
    uint8_t timestamp_origin;
    uint8_t changed_ns[NVME_MAX_NS / 8 + 1];
};

/* ---- nvme.c ---- */
/* Answers; the request is gone then. */
void nvme_complete(NvmeRequest *r, uint16_t status);
/* Within done() of the backend: answers, and interrupts if it is the last. */
void nvme_complete_async(NvmeRequest *r, uint16_t status, BlockBackend *drive);
void nvme_post_event(Nvme *n, unsigned kind, uint8_t info, uint8_t log);
void nvme_send_events(Nvme *n);
void nvme_drain(Nvme *n);
/* The controller can't go on (CSTS.CFS). */
void nvme_fatal(Nvme *n, const char *why);
void nvme_pin_update(Nvme *n);
void nvme_drop_waiting(Nvme *n, const NvmeSq *sq);
static inline uint32_t nvme_page_size(const Nvme *n)
{
    return NVME_PAGE << (n->cc >> 7 & 15);
}

/* ---- nvme_map.c: status, or 0 ---- */
uint16_t nvme_map(NvmeRequest *r, uint64_t len, bool to_guest, bool sgl_allowed);
/* Reply of an administrative command: at most `max` bytes of it. */
uint16_t nvme_reply(NvmeRequest *r, const void *data, uint64_t len);
void nvme_unmap(NvmeRequest *r);

/* ---- commands: a status, or NVME_PENDING ---- */
uint16_t nvme_admin(NvmeRequest *r);
uint16_t nvme_identify(NvmeRequest *r); /* nvme_log.c */
uint16_t nvme_get_log(NvmeRequest *r);
uint16_t nvme_format(NvmeRequest *r);   /* nvme_io.c */
uint16_t nvme_io(NvmeRequest *r);
extern const uint8_t nvme_effects_admin[][2], nvme_effects_io[][2]; /* opcode, effects; 0, 0 */

/* ---- nvme_ns.c ---- */
#define NVME_NS_FORMATS 3
uint32_t nvme_ns_block(const NvmeNs *ns);           /* bytes of a block, as formatted */
uint32_t nvme_ns_format_size(const NvmeNs *ns, unsigned i); /* 0: no such format */
uint64_t nvme_ns_blocks(const NvmeNs *ns);
bool nvme_add_own_ns(Nvme *n, GError **error);
NvmeNs *nvme_find_ns(Nvme *n, uint32_t nsid);

#endif
