/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of this folder share. The stream is told in docs/migration.md. */
#ifndef SOFTMMU_MIGRATE_INT_H
#define SOFTMMU_MIGRATE_INT_H

#include <stdatomic.h>
#include <sys/types.h>

#include "softmmu/memory.h"
#include "softmmu/migrate.h"

/* ---- stream.c: records ---- */

#define MIG_MAGIC "SOSIAMIG"
enum {
    MIG_VERSION = 2,
    MIG_ANSWERS = 1,            /* flag: the sender waits for answers on the same connection */
    MIG_MANIFEST_MAX = 4 << 20,
    MIG_CHUNK_PAGES = 256,      /* at most, in a record */
    MIG_RECORD_MAX = 4 << 20,   /* bytes behind a record's head */
    MIG_STATE_MAX = 256 << 20,  /* all of the devices */
};

typedef enum MigType {
    MIG_MANIFEST = 1, /* JSON: what kind of machine */
    MIG_PAGES,        /* MigPages, contents */
    MIG_ZEROS,        /* MigPages */
    MIG_PACKED,       /* MigPages, contents deflated */
    MIG_STATE,        /* a piece of the records of clock, CPUs and devices */
    MIG_END,          /* JSON: the run state */
    /* between the two where there are answers */
    MIG_READY = 16,   /* everything has come and fits */
    MIG_REFUSED,      /* text: why not */
    MIG_GO,           /* it is yours */
} MigType;

typedef struct MigPages {
    uint32_t block, page, count; /* block: in the manifest's list; page: in the block */
} MigPages;

/* Where bytes go to or come from: all of len, or false with a reason. */
typedef bool MigWriteFn(void *opaque, const void *buf, size_t len, GError **error);
typedef bool MigReadFn(void *opaque, void *buf, size_t len, GError **error);

typedef struct MigWriter {
    MigWriteFn *write;
    void *opaque;
    uint32_t sequence, sum; /* of the stream's head, until the first record */
    uint64_t bytes;         /* so far */
} MigWriter;

typedef struct MigReader {
    MigReadFn *read;
    void *opaque;
    uint32_t sequence, flags, sum; /* as the writer's */
    GByteArray *buf;
} MigReader;

typedef struct MigRecord {
    MigType type;
    const uint8_t *data; /* until the next read */
    uint32_t len;
} MigRecord;

bool mig_write_head(MigWriter *w, uint32_t flags, GError **error);
/* Two parts, one record; the second may be empty. */
bool mig_write(MigWriter *w, MigType type, const void *a, size_t a_len, const void *b,
               size_t b_len, GError **error);
bool mig_write_json(MigWriter *w, MigType type, const Json *v, GError **error);
bool mig_read_head(MigReader *r, GError **error);
bool mig_read(MigReader *r, MigRecord *rec, GError **error);
void mig_reader_clear(MigReader *r);

/* ---- channel.c: what a URI leads to ---- */

typedef struct MigChannel MigChannel;
typedef struct MigAddress MigAddress;
/* NULL: no such address. Descriptors are looked up by now. */
MigAddress *mig_address_new(const char *uri, bool incoming, GError **error);
void mig_address_free(MigAddress *a);
/* Any thread; takes as long as it takes, or until mig_channel_stop. */
MigChannel *mig_channel_new(MigAddress *a); /* takes over the address */
bool mig_channel_open(MigChannel *c, bool incoming, GError **error);
/* For those that wait for others: listening sockets; how many. 0: open it instead. -1: failed. */
int mig_channel_listen(MigChannel *c, int *fds, unsigned max, GError **error);
void mig_channel_accepted(MigChannel *c, int fd);
Json *mig_channel_addresses(const int *fds, int n); /* [SocketAddress] */
bool mig_channel_two_way(const MigChannel *c); /* it may be answered */
MigWriteFn mig_channel_write;
MigReadFn mig_channel_read;
/* Something came from the other side, or it is gone. */
bool mig_channel_readable(MigChannel *c);
/* The end of what is written: pipes closed, commands waited for. */
bool mig_channel_finish(MigChannel *c, GError **error);
/* After a refusal was sent: until the other side has read it. */
void mig_channel_linger(MigChannel *c);
/* In the thread, at its end: nothing of it is left. */
void mig_channel_close(MigChannel *c);
bool mig_channel_is_fd(const MigChannel *c);
void mig_channel_stop(MigChannel *c); /* any thread: whatever is under way fails */
void mig_channel_free(MigChannel *c);
/* Waits, unless it was stopped: false. */
bool mig_channel_sleep(MigChannel *c, int64_t us);

/* ---- ram.c ---- */

/* What was sent, for query-migrate; any thread. */
typedef struct MigCounts {
    _Atomic uint64_t zero, normal, bytes, remaining; /* pages, bytes */
    _Atomic uint64_t passes, dirty_rate, pages_per_second, kbps;
} MigCounts;

typedef struct MigRam MigRam;
/* All of RAM, but what is shared where ignore_shared says so. Main thread. */
MigRam *mig_ram_new(bool ignore_shared);
void mig_ram_free(MigRam *r);
Json *mig_ram_describe(const MigRam *r);
/* Is this what a manifest tells? Then records name its blocks in that order. */
MigRam *mig_ram_match(const Json *list, GError **error);
uint64_t mig_ram_bytes(const MigRam *r);

/* For the sender. Main thread: what was written since the last time is to be sent, too; how many
 * pages there are. The first time it is everything. */
void mig_ram_track(MigRam *r);
uint64_t mig_ram_collect(MigRam *r);
/* Any thread: sends it all. pace(opaque, w) is called after each record. packed: level or -1. */
typedef bool MigPace(void *opaque, MigWriter *w, unsigned *chunk_pages, GError **error);
bool mig_ram_send(MigRam *r, MigWriter *w, int packed, MigCounts *counts, MigPace *pace,
                  void *opaque, GError **error);
/* For the receiver: one record. */
bool mig_ram_receive(MigRam *r, const MigRecord *rec, GError **error);
bool mig_ram_complete(const MigRam *r, GError **error); /* every page has come */

/* ---- params.c ---- */

typedef enum MigCap {
    MIG_CAP_XBZRLE, MIG_CAP_RDMA_PIN_ALL, MIG_CAP_AUTO_CONVERGE, MIG_CAP_ZERO_BLOCKS,
    MIG_CAP_COMPRESS, MIG_CAP_EVENTS, MIG_CAP_POSTCOPY_RAM, MIG_CAP_X_COLO, MIG_CAP_RELEASE_RAM,
    MIG_CAP_BLOCK, MIG_CAP_RETURN_PATH, MIG_CAP_PAUSE_BEFORE_SWITCHOVER, MIG_CAP_MULTIFD,
    MIG_CAP_DIRTY_BITMAPS, MIG_CAP_POSTCOPY_BLOCKTIME, MIG_CAP_LATE_BLOCK_ACTIVATE,
    MIG_CAP_X_IGNORE_SHARED, MIG_CAP_VALIDATE_UUID, MIG_CAP_BACKGROUND_SNAPSHOT,
    MIG_CAP_ZERO_COPY_SEND, MIG_CAP_POSTCOPY_PREEMPT, MIG_CAPS
} MigCap;
bool mig_cap(MigCap c);

typedef enum MigParam {
    MIG_ANNOUNCE_INITIAL, MIG_ANNOUNCE_MAX, MIG_ANNOUNCE_ROUNDS, MIG_ANNOUNCE_STEP,
    MIG_COMPRESS_LEVEL, MIG_COMPRESS_THREADS, MIG_COMPRESS_WAIT_THREAD, MIG_DECOMPRESS_THREADS,
    MIG_THROTTLE_TRIGGER, MIG_CPU_THROTTLE_INITIAL, MIG_CPU_THROTTLE_INCREMENT,
    MIG_CPU_THROTTLE_TAILSLOW, MIG_MAX_CPU_THROTTLE, MIG_TLS_CREDS, MIG_TLS_HOSTNAME,
    MIG_MAX_BANDWIDTH, MIG_DOWNTIME_LIMIT, MIG_X_CHECKPOINT_DELAY, MIG_BLOCK_INCREMENTAL,
    MIG_MULTIFD_CHANNELS, MIG_MULTIFD_COMPRESSION, MIG_XBZRLE_CACHE_SIZE,
    MIG_MAX_POSTCOPY_BANDWIDTH, MIG_TLS_AUTHZ, MIG_MULTIFD_ZLIB_LEVEL, MIG_MULTIFD_ZSTD_LEVEL,
    MIG_PARAMS
} MigParam;
uint64_t mig_param(MigParam p); /* a number; any thread */

/* ---- throttle.c: auto-converge ---- */
/* vCPUs stand still for that many percent of the time. */
void mig_throttle(unsigned percent);
unsigned mig_throttle_percent(void);
unsigned mig_throttle_more(void); /* the next step, by the parameters */

/* ---- source.c ---- */
void mig_source_info(Json *o);
void mig_set_state(MigrateState s); /* with its event */
/* Runs fn(opaque) on the main thread and waits. False: the program ends, and it was not run. */
typedef struct MigCall {
    GMutex lock;
    GCond cond;
    bool ending, done;
} MigCall;
bool mig_call(MigCall *c, void (*fn)(void *opaque), void *opaque);
void mig_call_end(MigCall *c); /* main thread: nobody waits any longer */

#endif
