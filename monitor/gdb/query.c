/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets that begin with q or Q (gdb manual, appendix E.4 and E.6), the monitor's commands, and
 * those that QEMU added.
 */
#include "monitor/gdb/gdb_int.h"

#include <string.h>

#include "softmmu/reverse.h"

#include "monitor/monitor.h"

typedef struct Query {
    const char *name; /* what the packet begins with, behind q or Q */
    bool (*fn)(GdbText t, GString *out);
} Query;

static bool answer(GString *out, const char *text)
{
    g_string_append(out, text);
    return true;
}

/* ---- what there is ---- */

static bool q_supported(GdbText t, GString *out)
{
    gdb_get_char(&t, ':');
    g_autofree char *text = g_strndup(t.p, (gsize)(t.end - t.p));
    g_auto(GStrv) features = g_strsplit(text, ";", -1);
    gdb.multiprocess = g_strv_contains((const char *const *)features, "multiprocess+");
    gdb.swbreak = g_strv_contains((const char *const *)features, "swbreak+");
    gdb.hwbreak = g_strv_contains((const char *const *)features, "hwbreak+");
    g_string_append_printf(out, "PacketSize=%x;qXfer:features:read+;qXfer:memory-map:read+;"
                           "qXfer:threads:read+;QStartNoAckMode+;vContSupported+;multiprocess+;"
                           "swbreak+;hwbreak+;binary-upload+;qXfer:libraries-svr4:read+;"
                           "qXfer:libraries:read+%s", GDB_PACKET_MAX,
                           reverse_enabled() ? ";ReverseStep+;ReverseContinue+" : "");
    return true;
}

static bool q_attached(GdbText t, GString *out)
{
    return answer(out, "1"); /* quitting gdb leaves the machine alive */
}

static bool q_symbol(GdbText t, GString *out)
{
    gdb_symbol_query(&t, out);
    return true;
}

/*
 * Where the kernel really is: gdb moves the symbols of vmlinux there. lldb takes every answer for how
 * far it has moved.
 */
static bool q_offsets(GdbText t, GString *out)
{
    uint64_t slide;
    vaddr base;
    gdb_symbol_base(0);
    if (!linux_kernel_base(&base))
        return true;
    gdb_symbol_base(base);
    if (!gdb.lldb)
        g_string_append_printf(out, "TextSeg=%" G_GINT64_MODIFIER "x", base);
    else if (linux_slide(base, &slide))
        g_string_append_printf(out, "Text=%" G_GINT64_MODIFIER "x;Data=%" G_GINT64_MODIFIER
                               "x;Bss=%" G_GINT64_MODIFIER "x", slide, slide, slide);
    return true;
}

/* ---- threads ---- */

static bool q_current(GdbText t, GString *out)
{
    g_string_append(out, "QC");
    gdb_put_thread(out, gdb.cpu);
    return true;
}

static bool q_first_threads(GdbText t, GString *out)
{
    for (unsigned i = 0; i < cpu_count; i++) {
        g_string_append_c(out, i ? ',' : 'm');
        gdb_put_thread(out, cpus[i]);
    }
    return true;
}

static bool q_more_threads(GdbText t, GString *out)
{
    return answer(out, "l");
}

static bool q_thread_info(GdbText t, GString *out)
{
    GdbThread id;
    if (!gdb_get_char(&t, ',') || !gdb_get_thread(&t, &id) || !id.cpu)
        return answer(out, "E22");
    GString *text = g_string_new(NULL);
    gdb_put_cpu_state(text, id.cpu);
    gdb_put_hex(out, text->str, text->len);
    g_string_free(text, TRUE);
    return true;
}

/* ---- documents ---- */

static bool q_xfer(GdbText t, GString *out)
{
    static char *doc; /* as of the request for its beginning */
    uint64_t offset, len;
    char *(*make)(void) = NULL;
    if (gdb_get_word(&t, "features:read:target.xml:"))
        make = gdb_target_xml;
    else if (gdb_get_word(&t, "memory-map:read::"))
        make = gdb_memory_map_xml;
    else if (gdb_get_word(&t, "threads:read::"))
        make = gdb_threads_xml;
    else if (gdb_get_word(&t, "libraries-svr4:read::"))
        make = gdb_libraries_svr4_xml;
    else if (gdb_get_word(&t, "libraries:read::"))
        make = gdb_libraries_xml;
    else
        return gdb_get_word(&t, "features:read:") ? answer(out, "E00") : true;
    if (!gdb_get_range(&t, &offset, &len))
        return answer(out, "E22");
    if (!offset || !doc) {
        g_free(doc);
        doc = make();
    }
    size_t total = strlen(doc);
    offset = MIN(offset, total);
    len = MIN(MIN(len, total - offset), (uint64_t)GDB_PACKET_MAX / 2);
    g_string_append_c(out, offset + len < total ? 'm' : 'l');
    gdb_put_binary(out, doc + offset, len);
    return true;
}

/* ---- memory ---- */

/* qMemoryRegionInfo:ADDR, of lldb, which looks for addresses that are free: a page at a time. */
static bool q_region(GdbText t, GString *out)
{
    enum { PAGE = 4096 };
    uint64_t addr;
    hwaddr pa;
    if (!gdb_get_hex(&t, &addr))
        return answer(out, "E22");
    addr &= ~(uint64_t)(PAGE - 1);
    g_string_append_printf(out, "start:%" G_GINT64_MODIFIER "x;size:%x;", addr, PAGE);
    if (gdb.physical || (gdb.cpu && cpu_debug_translate(gdb.cpu, addr, &pa)))
        g_string_append(out, "permissions:rwx;");
    return true;
}

/* qSearch:memory:ADDR;LEN;PATTERN, up to the first page that is not there. */
static bool q_search(GdbText t, GString *out)
{
    enum { CHUNK = 1 << 16 };
    uint64_t addr, len;
    if (!gdb_get_hex(&t, &addr) || !gdb_get_char(&t, ';') || !gdb_get_hex(&t, &len) ||
        !gdb_get_char(&t, ';'))
        return answer(out, "E22");
    GByteArray *pattern = gdb_get_binary(&t);
    size_t m = pattern->len, have = 0;
    uint8_t *buf = g_malloc(CHUNK + m);
    const uint8_t *hit = NULL;
    len = MIN(len, 0 - addr - 1); /* not past the end of the address space */
    /* buf begins with what may be the first bytes of a match, and is at addr. */
    while (m && len > have && !hit) {
        uint64_t want = MIN(len - have, (uint64_t)CHUNK);
        uint64_t n = gdb_read_memory(gdb.cpu, addr + have, buf + have, want);
        have += n;
        hit = memmem(buf, have, pattern->data, m);
        if (hit || n < want)
            break;
        size_t keep = MIN(have, m - 1), gone = have - keep;
        memmove(buf, buf + gone, keep);
        addr += gone;
        len -= gone;
        have = keep;
    }
    if (hit)
        g_string_append_printf(out, "1,%" G_GINT64_MODIFIER "x", addr + (uint64_t)(hit - buf));
    else
        g_string_append_c(out, '0');
    g_free(buf);
    g_byte_array_unref(pattern);
    return true;
}

/* ---- the monitor ---- */

static bool q_rcmd(GdbText t, GString *out)
{
    enum { PIECE = 16384 };
    if (!gdb_get_char(&t, ','))
        return answer(out, "E22");
    GByteArray *bytes = gdb_get_bytes(&t);
    if (t.p != t.end) {
        g_byte_array_unref(bytes);
        return answer(out, "E22");
    }
    g_byte_array_append(bytes, (const guint8 *)"", 1);
    GString *text = hmp_execute((const char *)bytes->data, gdb.cpu);
    g_byte_array_unref(bytes);
    g_string_replace(text, "\r\n", "\n", 0);
    for (gsize at = 0; at < text->len; at += PIECE) {
        GString *piece = g_string_new("O");
        gdb_put_hex(piece, text->str + at, MIN(text->len - at, (gsize)PIECE));
        gdb_wire_send(&gdb.wire, piece->str, piece->len);
        g_string_free(piece, TRUE);
    }
    g_string_free(text, TRUE);
    return answer(out, "OK");
}

/* ---- QEMU's own ---- */

static bool q_sstep_bits(GdbText t, GString *out)
{
    g_string_append_printf(out, "ENABLE=%x,NOIRQ=%x,NOTIMER=%x", SSTEP_ENABLE, SSTEP_NOIRQ,
                           SSTEP_NOTIMER);
    return true;
}

static bool q_sstep(GdbText t, GString *out)
{
    g_string_append_printf(out, "0x%x", gdb.step_flags);
    return true;
}

static bool set_sstep(GdbText t, GString *out)
{
    uint64_t v;
    gdb_get_word(&t, "0x");
    if (!gdb_get_hex(&t, &v) || v > (SSTEP_ENABLE | SSTEP_NOIRQ | SSTEP_NOTIMER))
        return answer(out, "E22");
    gdb.step_flags = (unsigned)v;
    return answer(out, "OK");
}

static bool q_physical(GdbText t, GString *out)
{
    return answer(out, gdb.physical ? "1" : "0");
}

static bool set_physical(GdbText t, GString *out)
{
    uint64_t v;
    if (!gdb_get_hex(&t, &v))
        return answer(out, "E22");
    gdb.physical = v;
    return answer(out, "OK");
}

static bool q_qemu_supported(GdbText t, GString *out)
{
    return answer(out, "sstepbits;sstep;PhyMemMode");
}

/* ---- modes ---- */

static bool set_no_ack(GdbText t, GString *out)
{
    /* This answer is the last to be acknowledged. */
    answer(out, "OK");
    gdb_wire_send(&gdb.wire, out->str, out->len);
    gdb.wire.no_ack = true;
    return false;
}

/* Only lldb asks for this. */
static bool set_thread_suffix(GdbText t, GString *out)
{
    gdb.lldb = true;
    return answer(out, "OK");
}

static bool dispatch(const Query *table, size_t n, GdbText t, GString *out)
{
    for (size_t i = 0; i < n; i++) {
        GdbText rest = t;
        if (gdb_get_word(&rest, table[i].name))
            return table[i].fn(rest, out);
    }
    return true;
}

bool gdb_query(GdbText t, GString *out)
{
    /* A name that begins another comes later. */
    static const Query table[] = {
        { "Supported", q_supported }, { "Attached", q_attached }, { "Symbol", q_symbol },
        { "Offsets", q_offsets }, { "fThreadInfo", q_first_threads },
        { "sThreadInfo", q_more_threads }, { "ThreadExtraInfo", q_thread_info },
        { "Xfer:", q_xfer }, { "MemoryRegionInfo:", q_region },
        { "Search:memory:", q_search }, { "Rcmd", q_rcmd },
        { "qemu.sstepbits", q_sstep_bits }, { "qemu.sstep", q_sstep },
        { "qemu.PhyMemMode", q_physical }, { "qemu.Supported", q_qemu_supported },
    };
    if (t.end - t.p == 1 && *t.p == 'C')
        return q_current(t, out);
    return dispatch(table, G_N_ELEMENTS(table), t, out);
}

bool gdb_set(GdbText t, GString *out)
{
    static const Query table[] = {
        { "StartNoAckMode", set_no_ack }, { "ThreadSuffixSupported", set_thread_suffix },
        { "qemu.sstep=", set_sstep }, { "qemu.sstep:", set_sstep },
        { "qemu.PhyMemMode:", set_physical },
    };
    return dispatch(table, G_N_ELEMENTS(table), t, out);
}
