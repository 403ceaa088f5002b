/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of hw/scsi share: a logical unit, its commands, sense codes. */
#ifndef HW_SCSI_SCSI_INT_H
#define HW_SCSI_SCSI_INT_H

#include "backend/block.h"
#include "hw/scsi.h"

enum { UNIT_DISK = 1, UNIT_CD = 2 };          /* ScsiCommand.units */
enum { TYPE_DISK = 0x00, TYPE_CD = 0x05 };    /* peripheral device types, SPC-4 table 143 */
enum { SECTOR = 512, CD_BLOCK = 2048, SCSI_MAX_UNMAP_DESCRIPTORS = 255 };

/* Conditions that wait to be reported as unit attentions, the first one first. */
typedef enum ScsiAttention {
    ATTENTION_POWER_ON, ATTENTION_BUS_RESET, ATTENTION_UNIT_RESET, ATTENTION_NO_MEDIUM,
    ATTENTION_MEDIUM_CHANGED, ATTENTION_CAPACITY, ATTENTION_MODE, ATTENTION_LUNS, ATTENTION_N
} ScsiAttention;

struct ScsiDevice {
    Device dev;
    BlockBackend *drive;
    uint8_t kind;            /* UNIT_DISK or UNIT_CD */
    ScsiBus *bus;
    /* properties */
    uint32_t channel, id, lun;
    char *serial, *vendor, *product, *version, *device_id;
    uint64_t wwn, port_wwn;
    uint16_t port_index, rotation_rate;
    uint64_t logical_size, physical_size; /* as realized: of the unit's blocks */
    uint64_t min_io_size, opt_io_size, discard_granularity;
    uint64_t max_unmap_size, max_io_size;
    uint32_t scsi_version;
    int32_t bootindex;
    uint32_t cyls, heads, secs;
    bool removable, dpofua, share_rw;
    int write_cache, rerror, werror;
    bool initial_wce;
    /* state */
    uint32_t attention;      /* bits by ScsiAttention */
    bool tray_open, locked;
    bool media_event, eject_request; /* to be told by GET EVENT STATUS NOTIFICATION */
};

typedef struct SenseCode {
    uint8_t key, asc, ascq;
} SenseCode;

extern const SenseCode sense_none, sense_not_ready_removal_prevented, sense_no_medium,
    sense_target_failure, sense_invalid_opcode, sense_lba_range, sense_invalid_field,
    sense_invalid_param, sense_invalid_param_len, sense_lun_not_supported,
    sense_removal_prevented, sense_incompatible_format, sense_io_error, sense_write_protected,
    sense_no_space, sense_saving_unsupported;

/* How long a CDB says that its data are. */
typedef enum DataLength {
    LEN_NONE, LEN_FIXED8,    /* READ CAPACITY (10) */
    LEN_BYTE, LEN_BE16, LEN_BE32, /* at .at */
    LEN_BLOCKS,              /* the transfer length, in blocks */
    LEN_ONE_BLOCK,           /* WRITE SAME */
    LEN_VERIFY,
} DataLength;

enum {
    F_OUT = 1,      /* data go to the unit */
    F_MEDIUM = 2,   /* not ready without one */
    F_EARLY = 4,    /* answered although a unit attention waits (SAM-5, 5.14) */
    F_WRITES = 8,
    F_ANY_LUN = 16, /* by a target for a LUN that it does not have */
};

typedef struct ScsiCommand {
    uint8_t opcode;
    uint8_t action;          /* service action in byte 1, bits 0 to 4; 0: none */
    uint8_t units, flags;
    DataLength length;
    uint8_t at;
    void (*run)(ScsiRequest *r);
} ScsiCommand;

/* ---- scsi_bus.c ---- */
void scsi_good(ScsiRequest *r);
void scsi_check(ScsiRequest *r, const SenseCode *s);
/* GOOD, with as much of the data as was asked for. */
void scsi_reply(ScsiRequest *r, const void *data, size_t len);
void scsi_attend(ScsiDevice *d, ScsiAttention a);   /* and tell the adapter */
bool scsi_not_ready(const ScsiDevice *d);
uint64_t scsi_capacity(const ScsiDevice *d);        /* in logical blocks */
/* Parameter data of at most `room` bytes; returns how many came. */
size_t scsi_parameters(const ScsiRequest *r, uint8_t *data, size_t room);

/* ---- tables of commands, each ended by an entry without .run ---- */
extern const ScsiCommand scsi_rw_commands[];        /* scsi_rw.c: SBC */
extern const ScsiCommand scsi_primary_commands[];   /* scsi_inquiry.c: SPC */
extern const ScsiCommand scsi_mode_commands[];      /* scsi_mode.c */
extern const ScsiCommand scsi_mmc_commands[];       /* scsi_mmc.c */

/* ---- scsi_mmc.c ---- */
extern const BlockTray scsi_cd_tray, scsi_hd_tray;

#endif
