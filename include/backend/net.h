/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host's side of networks: -netdev backends, and the frames between them and a NIC.
 *
 * A backend has an id and takes one NIC. Frames are Ethernet frames without FCS, of at most
 * NET_MAX_FRAME bytes. Everything: main lock held.
 */
#ifndef BACKEND_NET_H
#define BACKEND_NET_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/json.h"

enum { NET_MAX_FRAME = 65536 + 64, NET_MAX_QUEUE = 1024 };

typedef struct NetBackend NetBackend;

/* What a sender left undone in a frame: struct virtio_net_hdr (virtio 1.2, 5.1.6), as TAP devices
 * have it, too. */
typedef struct NetOffload {
    uint8_t flags, gso;
    uint16_t header_len, gso_size, csum_start, csum_offset;
} NetOffload;
enum { NET_CSUM_NEEDED = 1, NET_CSUM_VALID = 2 };            /* flags */
enum { NET_GSO_NONE = 0, NET_GSO_TCPV4 = 1, NET_GSO_TCPV6 = 4, NET_GSO_ECN = 0x80 };
/* What a guest takes in such a state. */
enum { NET_TAKES_CSUM = 1, NET_TAKES_TSO4 = 2, NET_TAKES_TSO6 = 4, NET_TAKES_ECN = 8 };

/* What a NIC does for its backend. */
typedef struct NetNic {
    const char *model;           /* "virtio-net-device" */
    const char *id;              /* the device's, or NULL */
    uint8_t mac[6];              /* as it is now */
    /* A frame for the guest. False: no room; it is kept, and comes again after net_resume. */
    bool (*receive)(void *opaque, const NetOffload *o, const uint8_t *frame, size_t len);
    void (*writable)(void *opaque); /* net_blocked is over */
    void (*link_changed)(void *opaque, bool up); /* set_link */
    void (*announce)(void *opaque); /* the guest is to tell the network where it is; may be NULL */
    Json *(*filter)(void *opaque); /* for query-rx-filter, without the name; NULL: has none */
    bool filter_told;            /* that it changed, since the last query */
    const char *path;            /* the device's */
    void *opaque;
} NetNic;

/* A kind of backend. */
typedef struct NetType {
    const char *name, *doc;
    const char *const *keys;     /* NULL-terminated: options, without type and id */
    bool takes_big;              /* TCP segments of up to 64 KiB: cards need not cut them */
    bool checked;                /* the checksums of its frames are good */
    bool leaves_traces;          /* on the host, without destroy: it is called at the exit, too */
    /* Options that were taken are gone from opts. `repeated` has "key=value" texts of the options
     * that may be given several times. False with a reason. */
    bool (*create)(NetBackend *n, GHashTable *opts, GPtrArray *repeated, GError **error);
    void (*destroy)(NetBackend *n);
    /* From the guest. o is NULL if takes_offloads is not set. */
    void (*send)(NetBackend *n, const NetOffload *o, const uint8_t *frame, size_t len);
    void (*room)(NetBackend *n); /* net_wants again; any thread; NULL: never stops */
    void (*set_offloads)(NetBackend *n, unsigned taken); /* NET_TAKES_*; NULL: has none */
    /* A snapshot was loaded: the guest knows no connection of now. NULL: nothing to do. */
    void (*loaded)(NetBackend *n);
    char *(*describe)(NetBackend *n); /* "net=10.0.2.0,restrict=off"; caller frees */
} NetType;
extern const NetType net_user_type, net_stream_type, net_dgram_type, net_socket_type, net_tap_type,
    net_bridge_type;

struct NetBackend {
    char *id;
    const NetType *type;
    void *state;                 /* the type's own */
    NetNic *nic;                 /* NULL: none yet */
    bool link_down, blocked;
    bool takes_offloads;         /* frames may go to it with a NetOffload */
    GQueue *pending;             /* of GBytes *, NetOffload and frame: the NIC has no room */
    GPtrArray *taps;             /* of NetTap * */
};

/* Sees every frame in both directions (filter-dump). */
typedef struct NetTap {
    void (*frame)(void *opaque, const uint8_t *frame, size_t len);
    void *opaque;
} NetTap;

/* From the text of -netdev ("user,id=n0,hostfwd=..." or JSON) or the arguments of netdev_add. */
NetBackend *net_new(const char *text, GError **error);
NetBackend *net_new_from_json(const Json *args, GError **error);
bool net_delete(const char *id, GError **error);
NetBackend *net_find(const char *id);
/* For device_set_netdev_lookup. */
void *net_find_any(const char *id);
const char *net_id(void *backend);
NetBackend *net_first_user(void); /* for hostfwd_add without an id */
void net_foreach(void (*fn)(NetBackend *n, void *arg), void *arg);
char *net_help(void);            /* -netdev help; caller frees */

/* ---- for NICs ---- */
bool net_attach(NetBackend *n, NetNic *nic, GError **error);
void net_detach(NetBackend *n);
/* o may be NULL, and must be unless the backend takes_offloads. */
void net_send(NetBackend *n, const NetOffload *o, const uint8_t *frame, size_t len);
/* Frames would only queue up or be lost: the NIC waits for `writable`. */
bool net_blocked(const NetBackend *n);
void net_resume(NetBackend *n);  /* the NIC has room again */
void net_set_offloads(NetBackend *n, unsigned taken); /* NET_TAKES_* */
void net_set_link(NetBackend *n, bool up);
void net_loaded(NetBackend *n);
/* The guest changed the card's filter. */
void net_filter_changed(NetNic *nic);
void net_set_filter_listener(void (*fn)(NetNic *nic));
/* An address that no NIC of this machine has: 52:54:00:12:34:56 and up. */
void net_default_mac(uint8_t mac[6]);

/* ---- for backends ---- */
/* o may be NULL. A frame that the NIC does not take waits; those beyond NET_MAX_QUEUE are lost. */
void net_deliver(NetBackend *n, const NetOffload *o, const uint8_t *frame, size_t len);
/* False: what comes now would wait; `room` tells when that is over. */
bool net_wants(const NetBackend *n);
void net_set_blocked(NetBackend *n, bool blocked);

/*
 * For whoever goes back in time: frames reach the guest from the main loop only, several at once,
 * between these calls; one that finds no room is lost. Muted: frames are lost in both directions.
 */
void net_set_input_hooks(void (*before)(void), void (*after)(void));
void net_mute(bool on);

/* ---- user.c ---- */
bool net_user_hostfwd_add(NetBackend *n, const char *rule, GError **error);
/* False: there is none. */
bool net_user_hostfwd_remove(NetBackend *n, const char *rule, bool *found, GError **error);
char *net_user_connections(NetBackend *n);

/* ---- dump.c: -object filter-dump ---- */
void *net_dump_new(const char *netdev, const char *file, uint64_t maxlen, GError **error);
void net_dump_free(void *dump);

#endif
