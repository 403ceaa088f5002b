/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The gdb stub's own. packet.c frames packets; server.c has the connection and the machine's
 * state; command.c and query.c answer packets; breakpoint.c keeps the list; describe.c writes XML;
 * library.c tells of a Linux guest's modules, module_elf.c makes files of them, file.c serves them.
 *
 * A thread is a vCPU; its number is one more than the index. All belong to process 1.
 */
#ifndef MONITOR_GDB_INT_H
#define MONITOR_GDB_INT_H

#include "accel/cpu.h"
#include "backend/char.h"
#include "monitor/gdb.h"
#include "monitor/linux_guest.h"
#include "softmmu/run.h"

/* ---- packet.c ---- */

enum { GDB_PACKET_MAX = 0x10000 };

typedef struct GdbWire {
    enum { WIRE_IDLE, WIRE_DATA, WIRE_SUM1, WIRE_SUM2 } state;
    GByteArray *in;      /* of the packet that is coming, as on the wire */
    bool too_long;       /* what did not fit is dropped */
    uint8_t sum, sum_got;
    GByteArray *last;    /* sent and not acknowledged */
    bool no_ack;
    void (*send)(const void *data, size_t len);
    void (*packet)(const char *data, size_t len); /* complete and correct; NUL behind it */
    void (*interrupt)(void);
} GdbWire;

void gdb_wire_init(GdbWire *w); /* for a new connection; keeps the callbacks */
void gdb_wire_input(GdbWire *w, const uint8_t *data, size_t len);
void gdb_wire_send(GdbWire *w, const void *data, size_t len);

/* What is left of a packet to read. Each of these takes what it understands, or nothing. */
typedef struct GdbText {
    const char *p, *end;
} GdbText;
bool gdb_get_char(GdbText *t, char c);
bool gdb_get_word(GdbText *t, const char *word);
bool gdb_get_hex(GdbText *t, uint64_t *value);      /* 1 to 16 digits */
bool gdb_get_range(GdbText *t, uint64_t *addr, uint64_t *len); /* "ADDR,LEN" */
GByteArray *gdb_get_bytes(GdbText *t);              /* pairs of digits, as many as there are */
GByteArray *gdb_get_binary(GdbText *t);             /* the rest, escapes undone */
void gdb_put_hex(GString *out, const void *data, size_t len);
void gdb_put_binary(GString *out, const void *data, size_t len);

/* ---- server.c ---- */

typedef struct GdbServer {
    Chardev *chr;
    bool owns_chr;
    GdbWire wire;
    bool connected;
    bool multiprocess, swbreak, hwbreak; /* gdb understands them */
    bool lldb;              /* it is no gdb */
    bool physical;          /* memory packets mean physical addresses */
    unsigned step_flags;    /* SSTEP_* */
    Cpu *cpu;               /* that H chose, or that stopped */
    CpuDebugStop stop_why;  /* of cpu, as it was reported */
    bool waiting;           /* gdb let the machine go, and waits for a stop reply */
    bool wants_libraries;   /* it has read the list of libraries */
    Cpu *library_cpu;       /* the last stop was of this one, because of a new library */
} GdbServer;
extern GdbServer gdb;

/* Bits of qqemu.sstep. */
enum { SSTEP_ENABLE = 1, SSTEP_NOIRQ = 2, SSTEP_NOTIMER = 4 };

typedef enum GdbAction { GDB_HOLD, GDB_CONT, GDB_STEP } GdbAction;
typedef struct GdbResume {
    GdbAction action;
    vaddr start, end;       /* of a step */
} GdbResume;

/* Lets the machine go; one entry per CPU. */
void gdb_resume(const GdbResume *how);
/* Goes back: one step, or to the last hit of a breakpoint. Appends the stop reply. */
void gdb_reverse(bool step, GString *out);
void gdb_detach(void);      /* forgets all it set and lets the machine go */
void gdb_put_stop(GString *out);
void gdb_put_thread(GString *out, const Cpu *cpu);

/* ---- symbol.c ---- */
void gdb_symbol_query(GdbText *t, GString *out); /* behind "qSymbol" */
void gdb_symbol_base(vaddr base);                /* as qOffsets told it; 0: not */

/* ---- command.c ---- */
/* Appends the answer; nothing: not supported. False: there is no answer (yet). */
bool gdb_command(const char *data, size_t len, GString *out);
/* A thread id: -1 all, 0 any, else a CPU that may not exist. False: malformed. */
typedef struct GdbThread {
    bool all, any;
    Cpu *cpu;
} GdbThread;
bool gdb_get_thread(GdbText *t, GdbThread *id);
/* Reads up to len bytes; how many could be read. */
uint64_t gdb_read_memory(Cpu *cpu, uint64_t addr, void *buf, uint64_t len);

/* ---- query.c ---- */
bool gdb_query(GdbText t, GString *out);
bool gdb_set(GdbText t, GString *out);

/* ---- describe.c ---- */
const GArray *gdb_registers(void); /* of GdbReg */
const GdbReg *gdb_register(unsigned num);
char *gdb_target_xml(void);
char *gdb_memory_map_xml(void);
char *gdb_threads_xml(void);
void gdb_put_cpu_state(GString *out, const Cpu *cpu); /* "CPU#0 [running]" */

/* ---- library.c ---- */
char *gdb_libraries_xml(void);
char *gdb_libraries_svr4_xml(void);
/* The file of a name in that list, made now; NULL: there is no such module. */
GBytes *gdb_library_file(const char *name);
bool gdb_library_exists(const char *name);
void gdb_libraries_reset(void); /* for a new connection */
/* Where the guest has got to when a library is new; 0: gdb does not want to know, or not known. */
vaddr gdb_library_event(void);

/* ---- module_elf.c ---- */
GBytes *gdb_module_elf(const LinuxGuest *g, const LinuxModule *m);

/* ---- file.c ---- */
bool gdb_file_command(GdbText t, GString *out); /* behind "vFile:" */
void gdb_files_close(void);

/* ---- breakpoint.c ---- */
typedef enum GdbBreak { BREAK_SOFT, BREAK_HARD, WATCH_WRITE, WATCH_READ, WATCH_ACCESS } GdbBreak;
bool gdb_break_add(GdbBreak kind, vaddr addr, uint64_t len);
bool gdb_break_remove(GdbBreak kind, vaddr addr, uint64_t len);
void gdb_break_clear(void);
void gdb_break_apply(vaddr event); /* tells the CPUs; event: another breakpoint, if not 0 */
bool gdb_break_at(vaddr addr);      /* is there a breakpoint? */
bool gdb_break_is_hard(vaddr addr); /* and none of software */
GdbBreak gdb_watch_kind(vaddr hit, bool write); /* which watchpoint was it? */

#endif
