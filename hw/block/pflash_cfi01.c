/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Parallel NOR flash with the Intel command set.
 * Intel StrataFlash Memory (J3) data sheet 290667; Common Flash Interface, JESD68.01; Intel
 * AP-646 (CFI) and the primary vendor-specific extended query of command set 0001h.
 *
 * A bank of width/device-width equal chips side by side; all get the same command in the same
 * cycle. Reads come straight from memory in array mode. Programming clears bits, erasing sets
 * them; both are done at once and go through to the drive. Left out: block lock bits (commands
 * are accepted, nothing is ever locked), suspend, and the protection register.
 */
#include <inttypes.h>
#include <string.h>

#include "backend/block.h"
#include "hw/device.h"
#include "util/bits.h"
#include "util/error.h"
#include "util/log.h"

enum { CMD_ARRAY = 0xff, CMD_ARRAY_AMD = 0xf0, CMD_ARRAY_0 = 0x00, CMD_PROGRAM = 0x10,
       CMD_PROGRAM_ALT = 0x40, CMD_ERASE = 0x20, CMD_CLEAR_STATUS = 0x50, CMD_LOCK = 0x60,
       CMD_STATUS = 0x70, CMD_ID = 0x90, CMD_QUERY = 0x98, CMD_SUSPEND = 0xb0, CMD_CONFIRM = 0xd0,
       CMD_BUFFER = 0xe8 };
enum { SR_READY = 0x80, SR_ERASE_ERROR = 0x20, SR_PROGRAM_ERROR = 0x10,
       SR_SEQUENCE_ERROR = SR_ERASE_ERROR | SR_PROGRAM_ERROR };

/* What the next write is. */
typedef enum Expect {
    EXPECT_COMMAND, EXPECT_PROGRAM_DATA, EXPECT_ERASE_CONFIRM, EXPECT_LOCK_CODE,
    EXPECT_BUFFER_COUNT, EXPECT_BUFFER_DATA, EXPECT_BUFFER_CONFIRM,
} Expect;

enum { CHIP_BUFFER_BITS = 11, MAX_BUFFER = 4 << CHIP_BUFFER_BITS, QUERY_SIZE = 0x52 };

typedef struct Pflash {
    Device dev;
    BlockBackend *drive;
    char *name;
    uint32_t num_blocks, sector_len;
    uint8_t width, device_width;
    uint16_t id0, id1;

    uint64_t size;
    uint8_t *memory;
    uint8_t query[QUERY_SIZE];
    uint8_t mode;           /* what reads give: CMD_ARRAY, _STATUS, _ID or _QUERY */
    uint8_t status;
    uint8_t expect;         /* Expect */
    uint32_t buffer_left;   /* writes of data to come */
    uint64_t buffer_base;   /* the window of flash that the buffer stands for */
    uint8_t buffer[MAX_BUFFER];
} Pflash;

static uint32_t buffer_size(const Pflash *s)
{
    return (uint32_t)(s->width / s->device_width) << CHIP_BUFFER_BITS;
}

static void set_mode(Pflash *s, uint8_t mode)
{
    s->mode = mode;
    if (s->dev.mmio.romd_reads_direct != (mode == CMD_ARRAY))
        memory_region_romd_set_direct(&s->dev.mmio, mode == CMD_ARRAY);
}

static void note_written(Pflash *s, uint64_t offset, uint64_t len)
{
    uint64_t page = s->dev.mmio.ram->first_page;
    for (uint64_t at = offset; at < offset + len;) {
        uint64_t in_page = at % RAM_PAGE_SIZE;
        uint64_t piece = MIN(RAM_PAGE_SIZE - in_page, offset + len - at);
        ram_page_written(page + at / RAM_PAGE_SIZE, in_page, piece);
        at += piece;
    }
}

/* The chip's memory changed: so must the drive. */
static void write_through(Pflash *s, uint64_t offset, uint64_t len, uint8_t error_bit)
{
    note_written(s, offset, len);
    if (!s->drive || block_read_only(s->drive))
        return;
    uint64_t end = MIN(offset + len, block_size(s->drive));
    if (offset >= end)
        return;
    if (block_write_sync(s->drive, offset, s->memory + offset, end - offset) < 0)
        s->status |= error_bit;
}

static bool read_only(const Pflash *s)
{
    return s->drive && block_read_only(s->drive);
}

static void program(Pflash *s, uint64_t offset, const uint8_t *data, uint32_t len)
{
    if (read_only(s)) {
        s->status |= SR_PROGRAM_ERROR;
        return;
    }
    for (uint32_t i = 0; i < len; i++)
        s->memory[offset + i] &= data[i];
    write_through(s, offset, len, SR_PROGRAM_ERROR);
}

static void erase(Pflash *s, uint64_t offset)
{
    if (read_only(s)) {
        s->status |= SR_ERASE_ERROR;
        return;
    }
    uint64_t block = offset - offset % s->sector_len;
    memset(s->memory + block, 0xff, s->sector_len);
    write_through(s, block, s->sector_len, SR_ERASE_ERROR);
}

/* ---- reads outside of array mode ---- */

/* What one chip shows at word `index` of its own address space. */
static uint16_t chip_word(const Pflash *s, uint64_t index)
{
    switch (s->mode) {
    case CMD_ID:
        index %= s->sector_len / s->width;
        return index == 0 ? s->id0 : index == 1 ? s->id1 : 0;
    case CMD_QUERY:
        return index < QUERY_SIZE ? s->query[index] : 0;
    default:
        return s->status;
    }
}

static MemResult pflash_read(void *opaque, hwaddr offset, unsigned size, uint64_t *value)
{
    Pflash *s = opaque;
    *value = 0;
    for (unsigned i = 0; i < size; i++) {
        uint64_t at = offset + i;
        uint8_t byte = s->mode == CMD_ARRAY
            ? s->memory[at]
            : chip_word(s, at / s->width) >> (at % s->device_width * 8);
        *value |= (uint64_t)byte << (8 * i);
    }
    return MEM_OK;
}

/* ---- writes ---- */

static void sequence_error(Pflash *s, const char *what, uint64_t value)
{
    if (!(s->dev.logged & 0x10000))
        log_guest_error(s->dev.path, "%s: 0x%" PRIx64, what, value);
    s->dev.logged |= 0x10000;
    s->expect = EXPECT_COMMAND;
    s->status |= SR_SEQUENCE_ERROR;
    set_mode(s, CMD_STATUS);
}

static void write_command(Pflash *s, uint8_t command)
{
    switch (command) {
    case CMD_ARRAY:
    case CMD_ARRAY_AMD:
    case CMD_ARRAY_0:
        set_mode(s, CMD_ARRAY);
        break;
    case CMD_STATUS:
    case CMD_ID:
    case CMD_QUERY:
        set_mode(s, command);
        break;
    case CMD_CLEAR_STATUS:
        s->status = SR_READY;
        break;
    case CMD_PROGRAM:
    case CMD_PROGRAM_ALT:
        s->expect = EXPECT_PROGRAM_DATA;
        set_mode(s, CMD_STATUS);
        break;
    case CMD_ERASE:
        s->expect = EXPECT_ERASE_CONFIRM;
        set_mode(s, CMD_STATUS);
        break;
    case CMD_LOCK:
        s->expect = EXPECT_LOCK_CODE;
        set_mode(s, CMD_STATUS);
        break;
    case CMD_BUFFER:
        s->expect = EXPECT_BUFFER_COUNT;
        set_mode(s, CMD_STATUS); /* the extended status, with the same ready bit */
        break;
    case CMD_SUSPEND: /* nothing runs that could be suspended */
    case CMD_CONFIRM: /* resume */
        set_mode(s, CMD_STATUS);
        break;
    default:
        if (!(s->dev.logged & 0x20000))
            log_guest_error(s->dev.path, "unknown command 0x%02x", command);
        s->dev.logged |= 0x20000;
        set_mode(s, CMD_ARRAY);
    }
}

static void write_buffer_count(Pflash *s, uint64_t offset, uint64_t value)
{
    uint32_t count = (value & MASK(8 * s->device_width)) + 1;
    if (count * s->width > buffer_size(s)) {
        sequence_error(s, "write buffer count is too large", value);
        return;
    }
    s->buffer_left = count;
    s->buffer_base = offset - offset % buffer_size(s);
    memset(s->buffer, 0xff, sizeof s->buffer); /* what isn't written isn't programmed */
    s->expect = EXPECT_BUFFER_DATA;
}

/*
 * A guest may start anywhere and cross one boundary of the buffer's size (J3 wants all within a
 * block; EDK2 and Linux keep to aligned windows): data outside the window is an error.
 */
static void write_buffer_data(Pflash *s, uint64_t offset, unsigned size, uint64_t value)
{
    if (offset < s->buffer_base || offset - s->buffer_base > buffer_size(s) - size) {
        sequence_error(s, "write buffer data outside of the buffer's window", offset);
        return;
    }
    memcpy(s->buffer + (offset - s->buffer_base), &value, size);
    if (!--s->buffer_left)
        s->expect = EXPECT_BUFFER_CONFIRM;
}

static MemResult pflash_write(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    Pflash *s = opaque;
    uint8_t byte = value;
    Expect expect = s->expect;
    switch (expect) {
    case EXPECT_COMMAND:
        write_command(s, byte);
        return MEM_OK;
    case EXPECT_BUFFER_COUNT:
        write_buffer_count(s, offset, value);
        return MEM_OK;
    case EXPECT_BUFFER_DATA:
        write_buffer_data(s, offset, size, value);
        return MEM_OK;
    default:
        break;
    }
    s->expect = EXPECT_COMMAND;
    s->status |= SR_READY;
    if (expect == EXPECT_PROGRAM_DATA)
        program(s, offset, (const uint8_t *)&value, size);
    else if (expect == EXPECT_ERASE_CONFIRM && byte == CMD_CONFIRM)
        erase(s, offset);
    else if (expect == EXPECT_BUFFER_CONFIRM && byte == CMD_CONFIRM)
        program(s, s->buffer_base, s->buffer, buffer_size(s));
    else if (expect != EXPECT_LOCK_CODE)
        sequence_error(s, "wrong second cycle of a command", value);
    /* After EXPECT_LOCK_CODE: set, clear, lock down; nothing is ever locked. */
    return MEM_OK;
}

static const MmioOps pflash_ops = { .read = pflash_read, .write = pflash_write, .min_size = 1,
                                    .max_size = 4 };

/* ---- the query table: JESD68.01 table 2.1 on; addresses are words of a chip ---- */

static void make_query(Pflash *s)
{
    unsigned chips = s->width / s->device_width;
    uint64_t chip_size = s->size / chips, block = s->sector_len / chips;
    uint8_t *q = s->query;
    memcpy(q + 0x10, "QRY", 3);
    q[0x13] = 0x01;  /* Intel/Sharp extended command set */
    q[0x15] = 0x31;  /* its table */
    q[0x1b] = 0x27;  /* supply 2.7 V */
    q[0x1c] = 0x36;  /* to 3.6 V */
    q[0x1f] = 0x07;  /* 128 us for a word, */
    q[0x20] = 0x07;  /* a buffer */
    q[0x21] = 0x0a;  /* and 1 s for a block; */
    q[0x23] = q[0x24] = q[0x25] = 0x04; /* at most 16 times that */
    q[0x27] = __builtin_ctzll(chip_size);
    q[0x28] = s->device_width == 1 ? 0 : 1; /* x8 or x16 */
    q[0x2a] = CHIP_BUFFER_BITS;
    q[0x2c] = 1;     /* one erase region: */
    store_le16(q + 0x2d, s->num_blocks - 1);
    store_le16(q + 0x2f, block / 256);
    memcpy(q + 0x31, "PRI10", 5);
    q[0x3d] = 0x33;  /* 3.3 V optimum */
    q[0x3f] = 0x01;  /* one protection register, as the data sheet has: */
    q[0x40] = 0x80;  /* at word 80h, */
    q[0x42] = 0x03;  /* 8 bytes by the factory, */
    q[0x43] = 0x03;  /* 8 by the user */
}

/* ---- life ---- */

static bool load_drive(Pflash *s, GError **error)
{
    uint64_t have = block_size(s->drive);
    if (have > s->size)
        return error_set(error, "flash '%s': drive '%s' has %" PRIu64 " bytes, the chip has %"
                         PRIu64 "; use a smaller image", s->name, block_id(s->drive), have,
                         s->size);
    if (have != s->size && have % s->sector_len)
        warn_report("flash '%s': drive '%s' has %" PRIu64 " bytes, not a whole number of blocks of "
                    "%u; the rest of the last block is lost at exit", s->name, block_id(s->drive),
                    have, s->sector_len);
    memset(s->memory + have, 0xff, s->size - have);
    int err = block_read_sync(s->drive, 0, s->memory, have);
    if (err < 0)
        return error_set_errno(error, -err, "flash '%s': can't read drive '%s'", s->name,
                               block_id(s->drive));
    return true;
}

static bool pflash_realize(void *dev, GError **error)
{
    Pflash *s = dev;
    if (!s->device_width)
        s->device_width = s->width;
    if (!s->width || s->width > 4 || !is_pow2(s->width) || s->device_width > 2 ||
        !is_pow2(s->device_width) || s->device_width > s->width)
        return error_set(error, "cfi.pflash01: width must be 1, 2 or 4, and device-width 1 or 2 "
                         "and not above width");
    s->size = (uint64_t)s->num_blocks * s->sector_len;
    if (!is_pow2(s->size) || s->sector_len < RAM_PAGE_SIZE || !is_pow2(s->sector_len) ||
        s->num_blocks > 0x10000 || s->size > 256 << 20 ||
        s->sector_len < buffer_size(s) || s->sector_len / 256 > 0xffff)
        return error_set(error, "cfi.pflash01: num-blocks times sector-length must be a power of "
                         "two, up to 256 MiB, and a sector a power of two from 8 KiB");
    if (!memory_region_init_romd(&s->dev.mmio, s->name ? s->name : "pflash", s->size, &pflash_ops,
                                 s, error))
        return false;
    s->memory = s->dev.mmio.ram->host;
    memset(s->query, 0, sizeof s->query);
    make_query(s);
    /* Without a drive it reads as zeros: filling it would cost every start time and memory. */
    return !s->drive || load_drive(s, error);
}

static void pflash_reset(void *dev)
{
    Pflash *s = dev;
    s->status = SR_READY;
    s->expect = EXPECT_COMMAND;
    s->buffer_left = 0;
    set_mode(s, CMD_ARRAY);
}

static void pflash_loaded(void *dev)
{
    Pflash *s = dev;
    if (s->expect > EXPECT_BUFFER_CONFIRM)
        s->expect = EXPECT_COMMAND;
    if (s->mode != CMD_STATUS && s->mode != CMD_ID && s->mode != CMD_QUERY)
        s->mode = CMD_ARRAY;
    if (s->buffer_left > MAX_BUFFER || (s->expect == EXPECT_BUFFER_DATA && !s->buffer_left))
        s->expect = EXPECT_COMMAND;
    if (s->buffer_base > s->size - buffer_size(s) || s->buffer_base % buffer_size(s))
        s->buffer_base = 0;
    set_mode(s, s->mode);
}

static const Prop pflash_props[] = {
    PROP(Pflash, "drive", drive, PROP_DRIVE, NULL, NULL),
    PROP(Pflash, "num-blocks", num_blocks, PROP_U32, "128", "erase blocks"),
    PROP(Pflash, "sector-length", sector_len, PROP_U32, "262144", "bytes of an erase block"),
    PROP(Pflash, "width", width, PROP_U8, "4", "bytes of the bank's bus"),
    PROP(Pflash, "device-width", device_width, PROP_U8, "2", "bytes of a chip's bus"),
    PROP(Pflash, "id0", id0, PROP_U16, "0x89", "manufacturer"),
    PROP(Pflash, "id1", id1, PROP_U16, "0x18", "device"),
    PROP(Pflash, "name", name, PROP_STRING, "pflash", "of the memory, in snapshots"),
    PROP_LAST,
};

static const StateField pflash_state[] = {
    STATE(Pflash, mode),
    STATE(Pflash, status),
    STATE(Pflash, expect),
    STATE(Pflash, buffer_left),
    STATE(Pflash, buffer_base),
    STATE_ARRAY(Pflash, buffer),
    { .type = STATE_END },
};

static const DeviceType pflash_type = {
    .name = "cfi.pflash01", .doc = "parallel flash, Intel command set (290667)",
    .category = CATEGORY_STORAGE, .fdt_compatible = "cfi-flash", .size = sizeof(Pflash),
    .version = 1, .props = pflash_props, .state = pflash_state, .realize = pflash_realize,
    .reset = pflash_reset, .loaded = pflash_loaded,
};
DEVICE_REGISTER(pflash_type)
