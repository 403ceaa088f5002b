/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets that gdb's manual calls commands (appendix E.2, E.3): registers, memory, breakpoints,
 * going on. Errors are numbers that nobody interprets: 22 for what is malformed, 14 for memory
 * that is not there.
 */
#include "monitor/gdb/gdb_int.h"

#include <string.h>

#include "softmmu/reverse.h"

static bool answer(GString *out, const char *text)
{
    g_string_append(out, text);
    return true;
}

static bool malformed(GString *out)
{
    return answer(out, "E22");
}

/* ---- threads ---- */

/* A number, or -1 for all. */
static bool get_id(GdbText *t, int64_t *id)
{
    uint64_t v;
    if (gdb_get_word(t, "-1")) {
        *id = -1;
        return true;
    }
    if (!gdb_get_hex(t, &v) || v > INT32_MAX)
        return false;
    *id = (int64_t)v;
    return true;
}

bool gdb_get_thread(GdbText *t, GdbThread *id)
{
    int64_t pid = 1, tid = -1;
    *id = (GdbThread){ 0 };
    if (gdb_get_char(t, 'p')) {
        if (!get_id(t, &pid) || (gdb_get_char(t, '.') && !get_id(t, &tid)))
            return false;
    } else if (!get_id(t, &tid)) {
        return false;
    }
    if (pid > 1)
        return true;
    id->all = tid == -1;
    id->any = tid == 0;
    if (tid > 0 && tid <= cpu_count)
        id->cpu = cpus[tid - 1];
    return true;
}

/* ";thread:ID" behind a packet (LLDB's QThreadSuffixSupported); else the chosen one. */
static Cpu *suffix_cpu(GdbText *t)
{
    GdbThread id;
    if (gdb_get_word(t, ";thread:") && gdb_get_thread(t, &id) && id.cpu)
        return id.cpu;
    return gdb.cpu;
}

static bool cmd_H(GdbText t, GString *out)
{
    GdbThread id;
    if (t.p == t.end || !strchr("gc", *t.p++) || !gdb_get_thread(&t, &id) ||
        (!id.cpu && !id.all && !id.any))
        return malformed(out);
    if (id.cpu)
        gdb.cpu = id.cpu;
    return answer(out, "OK");
}

static bool cmd_T(GdbText t, GString *out)
{
    GdbThread id;
    return gdb_get_thread(&t, &id) && id.cpu ? answer(out, "OK") : malformed(out);
}

/* ---- registers ---- */

static void put_register(GString *out, Cpu *cpu, const GdbReg *r)
{
    uint8_t bytes[GDB_REG_MAX_BYTES] = { 0 };
    cpu->target->gdb_read(cpu, r->num, bytes);
    gdb_put_hex(out, bytes, (r->bits + 7) / 8);
}

/* False: too few bytes. */
static bool set_register(Cpu *cpu, const GdbReg *r, const GByteArray *from, size_t offset)
{
    uint8_t bytes[GDB_REG_MAX_BYTES] = { 0 };
    size_t n = (r->bits + 7) / 8;
    if (offset > from->len || from->len - offset < n)
        return false;
    memcpy(bytes, from->data + offset, n);
    cpu->target->gdb_write(cpu, r->num, bytes);
    return true;
}

/* Registers of the first feature. */
static bool in_g(const GArray *regs, unsigned i)
{
    return i < regs->len && !strcmp(g_array_index(regs, GdbReg, i).feature,
                                    g_array_index(regs, GdbReg, 0).feature);
}

static bool cmd_g(GdbText t, GString *out)
{
    const GArray *regs = gdb_registers();
    Cpu *cpu = suffix_cpu(&t);
    for (unsigned i = 0; in_g(regs, i); i++)
        put_register(out, cpu, &g_array_index(regs, GdbReg, i));
    return true;
}

static bool cmd_G(GdbText t, GString *out)
{
    const GArray *regs = gdb_registers();
    GByteArray *bytes = gdb_get_bytes(&t);
    Cpu *cpu = suffix_cpu(&t);
    size_t offset = 0;
    for (unsigned i = 0; in_g(regs, i); i++) {
        const GdbReg *r = &g_array_index(regs, GdbReg, i);
        if (!set_register(cpu, r, bytes, offset))
            break;
        offset += (r->bits + 7) / 8;
    }
    g_byte_array_unref(bytes);
    return offset ? answer(out, "OK") : malformed(out);
}

static bool cmd_p(GdbText t, GString *out)
{
    uint64_t num;
    const GdbReg *r = gdb_get_hex(&t, &num) && num <= UINT16_MAX ? gdb_register((unsigned)num)
                                                                 : NULL;
    if (!r)
        return malformed(out);
    put_register(out, suffix_cpu(&t), r);
    return true;
}

static bool cmd_P(GdbText t, GString *out)
{
    uint64_t num;
    if (!gdb_get_hex(&t, &num) || num > UINT16_MAX || !gdb_get_char(&t, '='))
        return malformed(out);
    const GdbReg *r = gdb_register((unsigned)num);
    GByteArray *bytes = gdb_get_bytes(&t);
    bool ok = r && set_register(suffix_cpu(&t), r, bytes, 0);
    g_byte_array_unref(bytes);
    return ok ? answer(out, "OK") : malformed(out);
}

/* ---- memory ---- */

uint64_t gdb_read_memory(Cpu *cpu, uint64_t addr, void *buf, uint64_t len)
{
    uint64_t done = 0;
    while (done < len) {
        uint64_t at = addr + done, n = MIN(len - done, 0x1000 - (at & 0xfff));
        uint8_t *to = (uint8_t *)buf + done;
        if (gdb.physical ? address_space_read(cpu->as, at, to, n) != MEM_OK
                         : !cpu_debug_read(cpu, at, to, n))
            break;
        done += n;
    }
    return done;
}

static bool write_memory(uint64_t addr, const GByteArray *bytes)
{
    if (gdb.physical)
        return address_space_write_rom(gdb.cpu->as, addr, bytes->data, bytes->len) == MEM_OK;
    return cpu_debug_write(gdb.cpu, addr, bytes->data, bytes->len);
}

/* m in digits, x as bytes. What can't be read at once gdb asks for again. */
static bool read_command(GdbText t, GString *out, bool binary)
{
    uint64_t addr, len;
    if (!gdb_get_range(&t, &addr, &len))
        return malformed(out);
    len = MIN(len, (uint64_t)(GDB_PACKET_MAX - 16) / 2);
    uint8_t *buf = g_malloc(len + 1);
    uint64_t n = gdb_read_memory(gdb.cpu, addr, buf, len);
    if (len && !n) {
        answer(out, "E14");
    } else if (binary) {
        g_string_append_c(out, 'b');
        gdb_put_binary(out, buf, n);
    } else {
        gdb_put_hex(out, buf, n);
    }
    g_free(buf);
    return true;
}

static bool cmd_m(GdbText t, GString *out)
{
    return read_command(t, out, false);
}

static bool cmd_x(GdbText t, GString *out)
{
    return read_command(t, out, true);
}

static bool write_command(GdbText t, GString *out, GByteArray *(*get)(GdbText *t))
{
    uint64_t addr, len;
    if (!gdb_get_range(&t, &addr, &len) || !gdb_get_char(&t, ':'))
        return malformed(out);
    GByteArray *bytes = get(&t);
    if (bytes->len != len)
        malformed(out);
    else
        answer(out, !len || write_memory(addr, bytes) ? "OK" : "E14");
    g_byte_array_unref(bytes);
    return true;
}

static bool cmd_M(GdbText t, GString *out)
{
    return write_command(t, out, gdb_get_bytes);
}

static bool cmd_X(GdbText t, GString *out)
{
    return write_command(t, out, gdb_get_binary);
}

/* ---- breakpoints ---- */

static bool get_break(GdbText *t, GdbBreak *kind, uint64_t *addr, uint64_t *len)
{
    uint64_t k;
    if (!gdb_get_hex(t, &k) || k > WATCH_ACCESS || !gdb_get_char(t, ',') ||
        !gdb_get_range(t, addr, len))
        return false;
    *kind = (GdbBreak)k;
    return true;
}

static bool cmd_Z(GdbText t, GString *out)
{
    GdbBreak kind;
    uint64_t addr, len;
    bool ok = get_break(&t, &kind, &addr, &len) && gdb_break_add(kind, addr, len);
    return ok ? answer(out, "OK") : malformed(out);
}

static bool cmd_z(GdbText t, GString *out)
{
    GdbBreak kind;
    uint64_t addr, len;
    bool ok = get_break(&t, &kind, &addr, &len) && gdb_break_remove(kind, addr, len);
    return ok ? answer(out, "OK") : malformed(out);
}

/* ---- going on ---- */

static bool go(GdbAction action)
{
    GdbResume *how = g_new0(GdbResume, cpu_count);
    for (unsigned i = 0; i < cpu_count; i++)
        how[i].action = action == GDB_CONT || cpus[i] == gdb.cpu ? action : GDB_HOLD;
    gdb_resume(how);
    g_free(how);
    return false;
}

static void set_pc(Cpu *cpu, uint64_t pc)
{
    cpu->target->set_pc(cpu, pc);
    cpu->pass_break = cpu->pass_watch = false;
}

static bool cmd_c(GdbText t, GString *out)
{
    uint64_t pc;
    if (gdb_get_hex(&t, &pc))
        set_pc(gdb.cpu, pc);
    return go(GDB_CONT);
}

static bool cmd_s(GdbText t, GString *out)
{
    uint64_t pc;
    if (gdb_get_hex(&t, &pc))
        set_pc(gdb.cpu, pc);
    return go(GDB_STEP);
}

/* A machine has no use for signals. */
static bool skip_signal(GdbText *t)
{
    uint64_t signal;
    if (!gdb_get_hex(t, &signal))
        return false;
    gdb_get_char(t, ';');
    return true;
}

static bool cmd_C(GdbText t, GString *out)
{
    return skip_signal(&t) ? cmd_c(t, out) : malformed(out);
}

static bool cmd_S(GdbText t, GString *out)
{
    return skip_signal(&t) ? cmd_s(t, out) : malformed(out);
}

/* c, C sig, s, S sig, r start,end */
static bool get_action(GdbText *t, GdbResume *a)
{
    uint64_t signal;
    *a = (GdbResume){ 0 };
    switch (t->p < t->end ? *t->p++ : 0) {
    case 'c':
        a->action = GDB_CONT;
        return true;
    case 'C':
        a->action = GDB_CONT;
        return gdb_get_hex(t, &signal);
    case 's':
        a->action = GDB_STEP;
        return true;
    case 'S':
        a->action = GDB_STEP;
        return gdb_get_hex(t, &signal);
    case 'r':
        a->action = GDB_STEP;
        return gdb_get_range(t, &a->start, &a->end);
    default:
        return false;
    }
}

/* For each thread the first action that names it counts; those that none names stay. */
static bool parse_vcont(GdbText *t, GdbResume *how)
{
    bool any = false;
    while (gdb_get_char(t, ';')) {
        GdbResume a;
        GdbThread id = { .all = true };
        if (!get_action(t, &a) || (gdb_get_char(t, ':') && !gdb_get_thread(t, &id)))
            return false;
        for (unsigned i = 0; i < cpu_count; i++) {
            bool named = id.all || id.cpu == cpus[i] || (id.any && gdb.cpu == cpus[i]);
            if (named && how[i].action == GDB_HOLD)
                how[i] = a;
            any |= named;
        }
    }
    return any && t->p == t->end;
}

static bool v_cont(GdbText t, GString *out)
{
    if (gdb_get_char(&t, '?'))
        return answer(out, "vCont;c;C;s;S;r");
    GdbResume *how = g_new0(GdbResume, cpu_count);
    bool ok = parse_vcont(&t, how);
    if (ok)
        gdb_resume(how);
    else
        malformed(out);
    g_free(how);
    return !ok;
}

/* bs, bc */
static bool cmd_b(GdbText t, GString *out)
{
    bool step = gdb_get_char(&t, 's');
    if (!reverse_enabled() || (!step && !gdb_get_char(&t, 'c')))
        return true;
    gdb_reverse(step, out);
    return true;
}

static void quit(void)
{
    vm_request_shutdown(SHUTDOWN_HOST_QMP_QUIT, 0);
}

static bool cmd_v(GdbText t, GString *out)
{
    if (gdb_get_word(&t, "Cont"))
        return v_cont(t, out);
    if (gdb_get_word(&t, "Attach;")) {
        gdb_put_stop(out);
        return true;
    }
    if (gdb_get_word(&t, "Kill")) {
        quit();
        return answer(out, "OK");
    }
    if (gdb_get_word(&t, "File:"))
        return gdb_file_command(t, out);
    return true; /* vMustReplyEmpty, ... */
}

static bool cmd_k(GdbText t, GString *out)
{
    quit();
    return false;
}

static bool cmd_D(GdbText t, GString *out)
{
    answer(out, "OK");
    gdb_wire_send(&gdb.wire, out->str, out->len);
    gdb_detach();
    return false;
}

/* The machine is reset; it stays stopped. */
static bool cmd_R(GdbText t, GString *out)
{
    vm_request_reset(SHUTDOWN_HOST_QMP_SYSTEM_RESET);
    return false;
}

static bool cmd_stopped(GdbText t, GString *out)
{
    gdb_break_clear();
    gdb_put_stop(out);
    return true;
}

bool gdb_command(const char *data, size_t len, GString *out)
{
    static bool (*const table[128])(GdbText t, GString *out) = {
        ['?'] = cmd_stopped, ['b'] = cmd_b, ['c'] = cmd_c, ['C'] = cmd_C, ['D'] = cmd_D, ['g'] = cmd_g,
        ['G'] = cmd_G, ['H'] = cmd_H, ['k'] = cmd_k, ['m'] = cmd_m, ['M'] = cmd_M, ['p'] = cmd_p,
        ['P'] = cmd_P, ['q'] = gdb_query, ['Q'] = gdb_set, ['R'] = cmd_R, ['s'] = cmd_s,
        ['S'] = cmd_S, ['T'] = cmd_T, ['v'] = cmd_v, ['x'] = cmd_x, ['X'] = cmd_X, ['z'] = cmd_z,
        ['Z'] = cmd_Z,
    };
    GdbText t = { data, data + len };
    if (!len || (unsigned char)*data >= G_N_ELEMENTS(table) || !table[(unsigned char)*data])
        return true; /* the empty answer: not supported */
    t.p++;
    return table[(unsigned char)*data](t, out);
}
