/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disks and a CD drive behind a virtio SCSI adapter: commands, sense data, media, events. */
#include "backend/block.h"
#include "virtio_driver.h"

enum { CONTROL, EVENTS, REQUESTS, SENSE = 96, REPLY = 12 + SENSE };

static Driver drv;
static uint8_t *reply, *sense; /* of the last command */
static uint8_t *data;
static uint32_t used_len;

static Device *make(const char *text)
{
    g_autoptr(GError) error = NULL;
    GHashTable *opts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);
    g_hash_table_insert(opts, g_strdup("driver"), g_strdup(parts[0]));
    for (char **p = parts + 1; *p; p++) {
        char *eq = strchr(*p, '=');
        g_hash_table_insert(opts, g_strndup(*p, eq - *p), g_strdup(eq + 1));
    }
    Device *dev = device_create_from_opts(opts, &error);
    g_hash_table_unref(opts);
    if (error)
        g_test_message("%s: %s", text, error->message);
    return dev;
}

static void adapter_open(const char *const *units)
{
    driver_open(&drv, "virtio-scsi-device", NULL, true);
    for (; *units; units++)
        device_reset(make(*units));
    driver_start(&drv, 3, 64, 0);
}

static void adapter_close(void)
{
    driver_close(&drv);
    block_close_all();
}

/* Runs a command on a target; its response, or -1 - response where that isn't OK. */
static int run_on(unsigned target, unsigned lun, const uint8_t *cdb, unsigned cdb_len,
                  const void *out, uint32_t out_len, uint32_t in_len)
{
    drv.next = RAM + 0x100000;
    hwaddr head = take(&drv, 19 + 32, 1), resp = take(&drv, REPLY + in_len, 8);
    hwaddr payload = take(&drv, out_len + 1, 8);
    uint8_t *h = at(head);
    h[0] = 1;
    h[1] = target;
    store_be16(h + 2, lun < 256 ? lun : 0x4000 | lun);
    memcpy(h + 19, cdb, cdb_len);
    if (out_len)
        memcpy(at(payload), out, out_len);
    Seg segs[4] = { { head, 19 + 32, false } };
    unsigned n = 1;
    if (out_len)
        segs[n++] = (Seg){ payload, out_len, false };
    /* Cut where drivers do not cut: header and data are bytes, not descriptors. */
    segs[n++] = (Seg){ resp, REPLY - 3, true };
    segs[n++] = (Seg){ resp + REPLY - 3, in_len + 3, true };
    uint32_t want = add(&drv, REQUESTS, segs, n), got;
    kick(&drv, REQUESTS);
    block_drain_all();
    g_assert_true(used(&drv, REQUESTS, &got, &used_len));
    g_assert_cmpuint(got, ==, want);
    reply = at(resp);
    sense = reply + 12;
    data = reply + REPLY;
    return reply[11] ? -1 - reply[11] : reply[10];
}

#define CDB(...) ((const uint8_t[]){ __VA_ARGS__ }), sizeof((const uint8_t[]){ __VA_ARGS__ })
#define RUN(in_len, ...) run_on(0, 0, CDB(__VA_ARGS__), NULL, 0, in_len)

static void assert_sense(int status, unsigned key, unsigned asc, unsigned ascq)
{
    g_assert_cmpint(status, ==, 2);
    g_assert_cmpuint(load_le32(reply), ==, 18);
    g_assert_cmphex(sense[0], ==, 0x70);
    g_assert_cmphex(sense[2] << 16 | sense[12] << 8 | sense[13], ==, key << 16 | asc << 8 | ascq);
}

static void ready(unsigned target)
{
    for (int i = 0; i < 4 && run_on(target, 0, CDB(0, 0, 0, 0, 0, 0), NULL, 0, 0); i++)
        continue;
}

static void test_disk(void)
{
    disk_new("");
    adapter_open((const char *const[]){ "scsi-hd,drive=d,serial=SER,wwn=0x5000c50015ea71ac",
                                        NULL });
    /* After a reset the first command tells of it, and INQUIRY does not. */
    g_assert_cmpint(RUN(36, 0x12, 0, 0, 0, 36, 0), ==, 0);
    g_assert_cmpmem(data, 36, "\0\0\5\x12\x1f\0\0\x12QEMU    QEMU HARDDISK   2.5+", 36);
    assert_sense(RUN(0, 0, 0, 0, 0, 0, 0), 6, 0x29, 0);
    g_assert_cmpint(RUN(0, 0, 0, 0, 0, 0, 0), ==, 0);
    /* Vital product data. */
    g_assert_cmpint(RUN(252, 0x12, 1, 0, 0, 252, 0), ==, 0);
    g_assert_cmpmem(data, 10, "\0\0\0\6\0\x80\x83\xb0\xb1\xb2", 10);
    g_assert_cmpuint(load_le32(reply + 4), ==, 252 - 10);
    g_assert_cmpint(RUN(252, 0x12, 1, 0x80, 0, 252, 0), ==, 0);
    g_assert_cmpmem(data, 7, "\0\x80\0\3SER", 7);
    g_assert_cmpint(RUN(252, 0x12, 1, 0x83, 0, 252, 0), ==, 0);
    g_assert_cmpmem(data, 23, "\0\x83\0\x13\2\0\0\3SER\1\3\0\10\x50\0\xc5\0\x15\xea\x71\xac", 23);
    assert_sense(RUN(252, 0x12, 1, 0x87, 0, 252, 0), 5, 0x24, 0);
    assert_sense(RUN(252, 0x12, 0, 1, 0, 252, 0), 5, 0x24, 0);
    g_assert_cmpint(RUN(252, 0x12, 1, 0xb0, 0, 252, 0), ==, 0);
    g_assert_cmpuint(load_be32(data + 8), ==, 0x3fffff);
    /* Capacity. */
    g_assert_cmpint(RUN(8, 0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0), ==, 0);
    g_assert_cmpuint(load_be32(data), ==, DISK / 512 - 1);
    g_assert_cmpuint(load_be32(data + 4), ==, 512);
    g_assert_cmpint(RUN(32, 0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0), ==, 0);
    g_assert_cmpuint(load_be64(data), ==, DISK / 512 - 1);
    g_assert_cmphex(data[14], ==, 0x80);
    /* LUNs, and those that are not there. */
    g_assert_cmpint(RUN(16, 0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0), ==, 0);
    g_assert_cmpmem(data, 16, "\0\0\0\10\0\0\0\0\0\0\0\0\0\0\0\0", 16);
    assert_sense(run_on(0, 3, CDB(0, 0, 0, 0, 0, 0), NULL, 0, 0), 5, 0x25, 0);
    g_assert_cmpint(run_on(0, 3, CDB(0x12, 0, 0, 0, 36, 0), NULL, 0, 36), ==, 0);
    g_assert_cmphex(data[0], ==, 0x7f);
    g_assert_cmpint(run_on(1, 0, CDB(0, 0, 0, 0, 0, 0), NULL, 0, 0), ==, -4);
    /* What it does not have. */
    assert_sense(RUN(0, 0xff, 0, 0, 0, 0, 0), 5, 0x20, 0);
    assert_sense(RUN(252, 0x43, 0, 0, 0, 0, 0, 0, 0, 252, 0), 5, 0x20, 0);
    /* More data than there is room for. */
    g_assert_cmpint(RUN(512, 0x28, 0, 0, 0, 0, 0, 0, 0, 2, 0), ==, -2);
    g_assert_cmpint(RUN(0, 0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0), ==, -2);
    adapter_close();
}

static void test_blocks(void)
{
    uint8_t block[1024], same[512];
    disk_new(",discard=unmap");
    adapter_open((const char *const[]){ "scsi-hd,drive=d", NULL });
    ready(0);
    memset(block, 0xa5, sizeof block);
    memset(same, 0x3c, sizeof same);
    /* Six ways to read, and more room than the data take. */
    g_assert_cmpint(RUN(1024, 0x08, 0, 0, 5, 1, 0), ==, 0);
    g_assert_cmpuint(load_le32(data), ==, 5);
    g_assert_cmpuint(load_le32(reply + 4), ==, 512);
    g_assert_cmpuint(used_len, ==, REPLY + 512);
    g_assert_cmpint(RUN(512, 0x28, 0, 0, 0, 0, 6, 0, 0, 1, 0), ==, 0);
    g_assert_cmpuint(load_le32(data), ==, 6);
    g_assert_cmpint(RUN(1024, 0xa8, 0, 0, 0, 0, 7, 0, 0, 0, 2, 0, 0), ==, 0);
    g_assert_cmpuint(load_le32(data + 512), ==, 8);
    g_assert_cmpint(RUN(512, 0x88, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0), ==, 0);
    g_assert_cmpuint(load_le32(data), ==, 9);
    /* Write with FUA, and read back. */
    g_assert_cmpint(run_on(0, 0, CDB(0x2a, 8, 0, 0, 0, 20, 0, 0, 2, 0), block, 1024, 0), ==, 0);
    g_assert_cmpint(RUN(1024, 0x28, 0, 0, 0, 0, 20, 0, 0, 2, 0), ==, 0);
    g_assert_cmpmem(data, 1024, block, 1024);
    g_assert_cmpint(run_on(0, 0, CDB(0x0a, 0, 0, 30, 1, 0), block, 512, 0), ==, 0);
    g_assert_cmpint(run_on(0, 0, CDB(0x2e, 0, 0, 0, 0, 31, 0, 0, 1, 0), block, 512, 0), ==, 0);
    /* The same block many times, and zeros. */
    g_assert_cmpint(run_on(0, 0, CDB(0x41, 0, 0, 0, 0, 40, 0, 5, 0, 0), same, 512, 0), ==, 0);
    g_assert_cmpint(RUN(512, 0x28, 0, 0, 0, 5, 39, 0, 0, 1, 0), ==, 0);
    g_assert_cmpmem(data, 512, same, 512);
    g_assert_cmpint(RUN(512, 0x28, 0, 0, 0, 5, 40, 0, 0, 1, 0), ==, 0);
    g_assert_cmpuint(load_le32(data), ==, 5 * 256 + 40);
    memset(same, 0, sizeof same);
    g_assert_cmpint(run_on(0, 0, CDB(0x93, 8, 0, 0, 0, 0, 0, 0, 0, 40, 0, 0, 0, 9, 0, 0), same, 512,
                           0), ==, 0);
    g_assert_cmpint(run_on(0, 0, CDB(0x93, 1, 0, 0, 0, 0, 0, 0, 0, 49, 0, 0, 0, 1, 0, 0), NULL, 0,
                           0), ==, 0);
    g_assert_cmpint(RUN(512, 0x28, 0, 0, 0, 0, 49, 0, 0, 1, 0), ==, 0);
    g_assert_cmpmem(data, 512, same, 512);
    assert_sense(run_on(0, 0, CDB(0x41, 0, 0, 0, 0, 40, 0, 0, 0, 0), same, 512, 0), 5, 0x24, 0);
    /* UNMAP of two ranges; wrong lengths; beyond the end. */
    uint8_t list[8 + 32] = { 0, 38, 0, 32 };
    store_be64(list + 8, 100);
    store_be32(list + 16, 8);
    store_be64(list + 24, 200);
    store_be32(list + 32, 1);
    g_assert_cmpint(run_on(0, 0, CDB(0x42, 0, 0, 0, 0, 0, 0, 0, 40, 0), list, 40, 0), ==, 0);
    g_assert_cmpint(RUN(512, 0x28, 0, 0, 0, 0, 107, 0, 0, 1, 0), ==, 0);
    g_assert_cmpmem(data, 512, same, 512);
    list[3] = 31;
    assert_sense(run_on(0, 0, CDB(0x42, 0, 0, 0, 0, 0, 0, 0, 40, 0), list, 40, 0), 5, 0x1a, 0);
    list[3] = 32;
    store_be32(list + 32, UINT32_MAX);
    assert_sense(run_on(0, 0, CDB(0x42, 0, 0, 0, 0, 0, 0, 0, 40, 0), list, 40, 0), 5, 0x21, 0);
    assert_sense(run_on(0, 0, CDB(0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0), list, 40, 0), 5, 0x1a, 0);
    /* Ends of the disk. */
    assert_sense(RUN(512, 0x28, 0, 0, 0, 8, 0, 0, 0, 1, 0), 5, 0x21, 0);
    assert_sense(RUN(512, 0x88, 0, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 1, 0, 0), 5,
                 0x21, 0);
    g_assert_cmpint(RUN(0, 0x28, 0, 0, 0, 8, 0, 0, 0, 0, 0), ==, 0);
    g_assert_cmpint(RUN(0, 0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0), ==, 0);
    g_assert_cmpint(RUN(0, 0x2f, 0, 0, 0, 0, 0, 0, 0, 9, 0), ==, 0);
    adapter_close();
}

static void test_modes(void)
{
    disk_new("");
    adapter_open((const char *const[]){ "scsi-hd,drive=d,dpofua=on,cyls=100,heads=4,secs=8",
                                        NULL });
    ready(0);
    g_assert_cmpint(RUN(252, 0x1a, 0, 0x3f, 0, 252, 0), ==, 0);
    g_assert_cmpuint(data[0], ==, 0x63);
    g_assert_cmphex(data[2], ==, 0x10);
    g_assert_cmpuint(data[3], ==, 8);
    g_assert_cmpint(RUN(252, 0x5a, 8, 8, 0, 0, 0, 0, 0, 252, 0), ==, 0);
    g_assert_cmpmem(data + 8, 3, "\x08\x12\x04", 3);
    assert_sense(RUN(252, 0x1a, 0, 0xc8, 0, 252, 0), 5, 0x39, 0);
    assert_sense(RUN(252, 0x1a, 0, 0x0a, 0, 252, 0), 5, 0x24, 0);
    /* The cache goes off, and on again after a reset; nothing else changes. */
    uint8_t page[4 + 20] = { 0, 0, 0, 0, 8, 18, 0 };
    g_assert_cmpint(run_on(0, 0, CDB(0x15, 0x10, 0, 0, 24, 0), page, 24, 0), ==, 0);
    g_assert_cmpint(RUN(252, 0x1a, 8, 8, 0, 252, 0), ==, 0);
    g_assert_cmphex(data[6], ==, 0);
    page[7] = 1;
    assert_sense(run_on(0, 0, CDB(0x15, 0x10, 0, 0, 24, 0), page, 24, 0), 5, 0x26, 0);
    assert_sense(run_on(0, 0, CDB(0x15, 0x10, 0, 0, 23, 0), page, 24, 0), 5, 0x1a, 0);
    page[3] = 255;
    assert_sense(run_on(0, 0, CDB(0x15, 0x10, 0, 0, 24, 0), page, 24, 0), 5, 0x1a, 0);
    assert_sense(run_on(0, 0, CDB(0x15, 0x11, 0, 0, 24, 0), page, 24, 0), 5, 0x24, 0);
    /* A reset of the unit, by task management. */
    hwaddr tmf = take(&drv, 24, 8), answer = take(&drv, 8, 8);
    store_le32(at(tmf + 4), 5);
    at(tmf)[8] = 1;
    add(&drv, CONTROL, (Seg[]){ { tmf, 24, false }, { answer, 1, true } }, 2);
    kick(&drv, CONTROL);
    g_assert_cmpuint(*at(answer), ==, 0);
    assert_sense(RUN(0, 0, 0, 0, 0, 0, 0), 6, 0x29, 3);
    g_assert_cmpint(RUN(252, 0x1a, 8, 8, 0, 252, 0), ==, 0);
    g_assert_cmphex(data[6], ==, 4);
    at(tmf)[9] = 7;
    add(&drv, CONTROL, (Seg[]){ { tmf, 24, false }, { answer, 1, true } }, 2);
    kick(&drv, CONTROL);
    g_assert_cmpuint(*at(answer), ==, 3);
    adapter_close();
}

static unsigned trays_opened, trays_closed;

static void on_tray(BlockBackend *b, bool open)
{
    trays_opened += open;
    trays_closed += !open;
}

static void test_cd(void)
{
    g_autoptr(GError) error = NULL;
    disk_new(",media=cdrom");
    adapter_open((const char *const[]){ "scsi-cd,drive=d", "scsi-cd,id=empty", NULL });
    ready(0);
    ready(1);
    BlockBackend *b = block_find("d");
    block_set_tray_listener(on_tray);
    g_assert_cmpint(RUN(36, 0x12, 0, 0, 0, 36, 0), ==, 0);
    g_assert_cmpmem(data, 2, "\5\x80", 2);
    g_assert_cmpint(RUN(8, 0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0), ==, 0);
    g_assert_cmpuint(load_be32(data), ==, DISK / 2048 - 1);
    g_assert_cmpint(RUN(2048, 0x28, 0, 0, 0, 0, 3, 0, 0, 1, 0), ==, 0);
    g_assert_cmpuint(load_le32(data), ==, 12);
    assert_sense(run_on(0, 0, CDB(0x2a, 0, 0, 0, 0, 3, 0, 0, 0, 0), NULL, 0, 0), 5, 0x20, 0);
    /* Table of contents, configuration, disc. */
    g_assert_cmpint(RUN(252, 0x43, 2, 0, 0, 0, 0, 0, 0, 252, 0), ==, 0);
    g_assert_cmpmem(data, 20, "\0\x12\1\1\0\x14\1\0\0\0\2\0\0\x16\xaa\0\0\0\10\x3e", 20);
    g_assert_cmpint(RUN(252, 0x46, 0, 0, 0, 0, 0, 0, 0, 252, 0), ==, 0);
    g_assert_cmpmem(data, 8, "\0\0\0\x24\0\0\0\10", 8);
    g_assert_cmpint(RUN(252, 0x46, 2, 0, 3, 0, 0, 0, 0, 252, 0), ==, 0);
    g_assert_cmpmem(data, 16, "\0\0\0\x0c\0\0\0\10\0\3\x0b\4\x39\0\0\0", 16);
    g_assert_cmpint(RUN(252, 0x51, 0, 0, 0, 0, 0, 0, 0, 252, 0), ==, 0);
    g_assert_cmphex(data[2], ==, 0x0e);
    /* Locked: the guest can't open it, and the user asks. */
    g_assert_cmpint(RUN(0, 0x1e, 0, 0, 0, 1, 0), ==, 0);
    assert_sense(RUN(0, 0x1b, 0, 0, 0, 2, 0), 5, 0x53, 2);
    g_assert_cmpint(block_open_tray(b, "d", false, &error), ==, BLOCK_EJECT_LOCKED);
    g_assert_nonnull(error);
    g_clear_error(&error);
    g_assert_cmpint(RUN(8, 0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8, 0), ==, 0);
    g_assert_cmpmem(data, 8, "\0\6\4\x10\1\2\0\0", 8);
    g_assert_cmpint(RUN(0, 0x1e, 0, 0, 0, 0, 0), ==, 0);
    /* Out and in again. */
    g_assert_cmpint(RUN(0, 0x1b, 0, 0, 0, 2, 0), ==, 0);
    g_assert_cmpuint(trays_opened, ==, 1);
    assert_sense(RUN(0, 0, 0, 0, 0, 0, 0), 2, 0x3a, 0);
    g_assert_cmpint(RUN(0, 0x1b, 0, 0, 0, 3, 0), ==, 0);
    g_assert_cmpuint(trays_closed, ==, 1);
    g_assert_cmpint(RUN(0, 0, 0, 0, 0, 0, 0), ==, 0);
    /* By the user: there is nothing, and then there is another. */
    g_assert_cmpint(block_open_tray(b, "d", false, &error), ==, BLOCK_EJECT_OPEN);
    g_assert_true(block_remove_medium(b, "d", &error));
    assert_sense(RUN(0, 0, 0, 0, 0, 0, 0), 6, 0x3a, 0);
    assert_sense(RUN(0, 0, 0, 0, 0, 0, 0), 2, 0x3a, 0);
    g_assert_true(block_change_medium(b, "d", image, "raw", -1, false, &error));
    g_assert_no_error(error);
    assert_sense(RUN(0, 0, 0, 0, 0, 0, 0), 6, 0x3a, 0);
    assert_sense(RUN(0, 0, 0, 0, 0, 0, 0), 6, 0x28, 0);
    g_assert_cmpint(RUN(2048, 0x28, 0, 0, 0, 0, 3, 0, 0, 1, 0), ==, 0);
    g_assert_cmpuint(load_le32(data), ==, 12);
    /* The empty one. */
    assert_sense(run_on(1, 0, CDB(0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0), NULL, 0, 8), 2, 0x3a, 0);
    block_set_tray_listener(NULL);
    adapter_close();
}

/* Units that come, change and go are told of; a driver without buffers learns what it missed. */
static void test_events(void)
{
    g_autoptr(GError) error = NULL;
    disk_new("");
    adapter_open((const char *const[]){ "scsi-cd,id=cd", NULL });
    hwaddr buf = take(&drv, 64, 8);
    uint32_t head, len;
    add(&drv, EVENTS, (Seg[]){ { buf, 16, true } }, 1);
    kick(&drv, EVENTS);
    Device *hd = make("scsi-hd,drive=d,scsi-id=4,lun=300,id=hd");
    device_reset(hd);
    g_assert_true(used(&drv, EVENTS, &head, &len));
    g_assert_cmpmem(at(buf), 16, "\1\0\0\0\1\4\x41\x2c\0\0\0\0\1\0\0\0", 16);
    g_assert_cmpint(run_on(4, 300, CDB(0x12, 0, 0, 0, 36, 0), NULL, 0, 36), ==, 0);
    g_assert_cmpint(run_on(4, 0, CDB(0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0), NULL, 0, 64), ==, 0);
    g_assert_cmpuint(load_be32(data), ==, 16);
    g_assert_cmpmem(data + 16, 2, "\x41\x2c", 2);
    g_assert_null(make("scsi-hd,drive=d,scsi-id=5"));
    g_assert_true(block_resize(block_find("d"), 2 * DISK, &error));
    g_assert_false(used(&drv, EVENTS, &head, &len));
    drv.next = RAM + 0x200000;
    buf = take(&drv, 64, 8);
    add(&drv, EVENTS, (Seg[]){ { buf, 16, true } }, 1);
    kick(&drv, EVENTS);
    g_assert_true(used(&drv, EVENTS, &head, &len));
    g_assert_cmphex(load_le32(at(buf)), ==, 0x80000000);
    add(&drv, EVENTS, (Seg[]){ { buf, 16, true } }, 1);
    device_unrealize(hd);
    g_assert_true(used(&drv, EVENTS, &head, &len));
    g_assert_cmpmem(at(buf), 16, "\1\0\0\0\1\4\x41\x2c\0\0\0\0\2\0\0\0", 16);
    g_assert_cmpint(run_on(4, 300, CDB(0, 0, 0, 0, 0, 0), NULL, 0, 0), ==, -4);
    adapter_close();
}

static void test_addresses(void)
{
    adapter_open((const char *const[]){ NULL });
    Device *a = make("scsi-cd,id=a"), *b = make("scsi-cd,id=b");
    Device *c = make("scsi-cd,scsi-id=1,id=c");
    g_autofree char *bid = device_get_prop(b, "scsi-id"), *clun = device_get_prop(c, "lun");
    g_assert_nonnull(a);
    g_assert_cmpstr(bid, ==, "1");
    g_assert_cmpstr(clun, ==, "1");
    static const char *const wrong[] = {
        "scsi-cd,scsi-id=256", "scsi-cd,lun=16384", "scsi-cd,channel=1", "scsi-cd,scsi-id=0,lun=0",
        "scsi-hd", "scsi-cd,logical_block_size=3", "scsi-cd,scsi_version=9",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++)
        g_assert_null(make(wrong[i]));
    adapter_close();
}

/* Noise in CDBs, with all lengths of data: statuses may differ, the program lives. */
static void test_noise(void)
{
    disk_new("");
    adapter_open((const char *const[]){ "scsi-hd,drive=d", "scsi-cd", NULL });
    uint8_t cdb[32], out[4096];
    for (int i = 0; i < 20000; i++) {
        for (unsigned k = 0; k < sizeof cdb; k++)
            cdb[k] = g_random_int_range(0, 4) ? (k ? g_random_int() % 3 : g_random_int())
                                              : g_random_int();
        for (unsigned k = 0; k < 64; k++)
            out[k] = g_random_boolean() ? g_random_int() % 33 : g_random_int();
        bool writes = g_random_boolean();
        uint32_t len = g_random_int_range(0, sizeof out);
        int r = run_on(g_random_int_range(0, 3), g_random_int_range(0, 2), cdb, sizeof cdb, out,
                       writes ? len : 0, writes ? 0 : len);
        g_assert_true(r == 0 || r == 2 || r < 0);
        g_assert_cmpuint(load_le32(reply + 4), <=, len);
    }
    adapter_close();
}

/* Records of the adapter and its units load into what they were, or are refused. */
static void test_state(void)
{
    g_autoptr(GError) error = NULL;
    disk_new(",media=cdrom");
    adapter_open((const char *const[]){ "scsi-cd,drive=d,id=cd", NULL });
    Device *cd = device_find("cd");
    ready(0);
    RUN(0, 0x1e, 0, 0, 0, 1, 0);
    GByteArray *record = g_byte_array_new(), *again = g_byte_array_new();
    device_save(cd, record);
    device_reset(cd);
    assert_sense(RUN(0, 0, 0, 0, 0, 0, 0), 6, 0x29, 0);
    g_assert_true(device_load(cd, record->data, record->len, &error));
    assert_sense(RUN(0, 0x1b, 0, 0, 0, 2, 0), 5, 0x53, 2);
    device_save(cd, again);
    g_assert_cmpmem(record->data, record->len, again->data, again->len);
    for (int i = 0; i < 500; i++) {
        g_autofree uint8_t *bad = g_memdup2(record->data, record->len);
        bad[g_random_int_range(0, record->len)] ^= 1 + g_random_int_range(0, 255);
        device_load(cd, bad, record->len, NULL);
        ready(0);
    }
    g_byte_array_unref(record);
    g_byte_array_unref(again);
    adapter_close();
}

int main(int argc, char **argv)
{
    test_init(&argc, &argv);
    g_test_add_func("/scsi/disk", test_disk);
    g_test_add_func("/scsi/blocks", test_blocks);
    g_test_add_func("/scsi/modes", test_modes);
    g_test_add_func("/scsi/cd", test_cd);
    g_test_add_func("/scsi/events", test_events);
    g_test_add_func("/scsi/addresses", test_addresses);
    g_test_add_func("/scsi/noise", test_noise);
    g_test_add_func("/scsi/state", test_state);
    return test_end();
}
