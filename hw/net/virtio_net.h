/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the two files of virtio-net. */
#ifndef HW_NET_VIRTIO_NET_H
#define HW_NET_VIRTIO_NET_H

#include "backend/net.h"
#include "hw/virtio.h"
#include "softmmu/run.h"

/* Feature bits (virtio 1.2, 5.1.3). */
enum {
    NET_F_CSUM = 0, NET_F_GUEST_CSUM = 1, NET_F_CTRL_GUEST_OFFLOADS = 2, NET_F_MTU = 3,
    NET_F_MAC = 5, NET_F_GSO = 6 /* legacy */, NET_F_GUEST_TSO4 = 7, NET_F_GUEST_TSO6 = 8,
    NET_F_GUEST_ECN = 9, NET_F_HOST_TSO4 = 11, NET_F_HOST_TSO6 = 12, NET_F_HOST_ECN = 13,
    NET_F_MRG_RXBUF = 15, NET_F_STATUS = 16, NET_F_CTRL_VQ = 17, NET_F_CTRL_RX = 18,
    NET_F_CTRL_VLAN = 19, NET_F_CTRL_RX_EXTRA = 20, NET_F_GUEST_ANNOUNCE = 21,
    NET_F_CTRL_MAC_ADDR = 23, NET_F_SPEED_DUPLEX = 63,
};
enum { NET_S_LINK_UP = 1, NET_S_ANNOUNCE = 2, NET_MAC_TABLE = 64, NET_QUEUE_MAX = 1024 };

typedef struct VirtioNet {
    VirtioDevice virtio;
    /* properties */
    NetBackend *netdev;
    uint8_t mac[6];           /* the one that it begins with */
    int32_t bootindex;
    uint32_t host_mtu, speed, rx_queue_size, tx_queue_size;
    int duplex;
    char *tx_ignored;
    bool offer[24];           /* by feature bit, those with a property */
    bool mq;
    /* ---- */
    NetNic nic;
    uint8_t *buffer;          /* a frame from the guest; NET_MAX_FRAME + header */
    Timer *tx;                /* send_all soon; not saved, a load looks at the queue anyway */
    bool link_down, announce;
    uint64_t offloads_off;    /* GUEST_* features that the driver switched off again */
    uint8_t mac_now[6];
    /* The receive filter (5.1.6.5.1). */
    bool promisc, allmulti, alluni, nomulti, nouni, nobcast, uni_overflow, multi_overflow;
    uint32_t n_uni, n_multi;
    uint8_t mac_table[NET_MAC_TABLE * 6]; /* unicast ones first */
    uint32_t vlans[4096 / 32];
} VirtioNet;

static inline VirtQueue *virtio_net_rx(VirtioNet *s)
{
    return &s->virtio.queues[0];
}

/* Does the driver take frames in the state that this GUEST_* feature is about? */
static inline bool virtio_net_takes(const VirtioNet *s, unsigned feature)
{
    return virtio_has(&s->virtio, feature) && !(s->offloads_off >> feature & 1);
}

/* ---- virtio_net.c ---- */
void virtio_net_tell_offloads(VirtioNet *s); /* to the backend */

/* ---- virtio_net_ctrl.c ---- */
void virtio_net_ctrl(VirtioNet *s, VirtQueue *vq);
/* Does the guest want to see this frame? */
bool virtio_net_wants(const VirtioNet *s, const uint8_t *frame, size_t len);
void virtio_net_filter_reset(VirtioNet *s);
Json *virtio_net_filter(void *s); /* a NetNic.filter */

#endif
