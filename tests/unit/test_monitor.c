/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The monitor: expressions, line editing, HMP texts, QMP sessions. Texts and numbers are those that
 * Debian's qemu-system-riscv64 7.2 prints for the same lines and memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "monitor/core/monitor_int.h"
#include "softmmu/memory.h"
#include "softmmu/run/run_internal.h"
#include "util/error.h"

/* ---- expressions ---- */

static void test_expressions(void)
{
    static const struct { const char *text; int64_t value; const char *rest; } good[] = {
        { "0x10", 16, "" }, { "1+2*3", 7, "" }, { "1+2&3", 3, "" }, { "~0", -1, "" },
        { "-5", -5, "" }, { "(1+2)*3", 9, "" }, { "'a'", 97, "" }, { "017", 15, "" },
        { " 7 - 2 - 1 ", 4, "" }, { "0xffffffff00000000", -4294967296, "" }, { "099", 0, "99" },
        { "1 2", 1, "2" }, { "16 /tmp/x", 16, "/tmp/x" }, { "16 / 4", 4, "" }, { "16/4", 4, "" },
        { "7%4|8", 11, "" }, { "-9223372036854775807-1", INT64_MIN, "" },
        { "(-9223372036854775807-1)/-1", INT64_MIN, "" }, { "5%(0-1)", 0, "" },
    };
    static const char *const bad[][2] = {
        { "", "unexpected end of expression" }, { "1+", "unexpected end of expression" },
        { "(1", "')' expected" }, { "5/0", "division by zero" }, { "5%0", "division by zero" },
        { "12345678901234567890123", "number too large" },
        { "'a", "missing terminating ' character" },
        { "foo", "invalid char 'f' in expression" }, { "$nosuch", "unknown register" },
        { "'", "character constant expected" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        const char *p = good[i].text;
        int64_t v;
        GError *error = NULL;
        expr_parse(NULL, &p, &v, &error);
        g_assert_no_error(error);
        g_assert_cmpint(v, ==, good[i].value);
        g_assert_cmpstr(p, ==, good[i].rest);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        const char *p = bad[i][0];
        int64_t v;
        GError *error = NULL;
        g_assert_false(expr_parse(NULL, &p, &v, &error));
        g_assert_cmpstr(error->message, ==, bad[i][1]);
        g_error_free(error);
    }
    g_autofree char *deep = g_strnfill(100000, '(');
    const char *p = deep;
    int64_t v;
    g_assert_false(expr_parse(NULL, &p, &v, NULL));
}

/* ---- line editing, seen through a terminal of one line ---- */

typedef struct Term {
    Readline *r;
    GString *row;
    unsigned column;
    char *line;
} Term;

static void term_print(void *opaque, const char *text)
{
    Term *t = opaque;
    for (const char *p = text; *p; p++) {
        if (*p == '\n') {
            g_string_truncate(t->row, 0);
            t->column = 0;
        } else if (*p == '\033') {
            unsigned n = 1;
            p += 2;
            if (g_ascii_isdigit(*p))
                n = strtoul(p, (char **)&p, 10);
            if (*p == 'D')
                t->column -= MIN(n, t->column);
            else if (*p == 'K')
                g_string_truncate(t->row, t->column);
            else
                g_assert_not_reached();
        } else {
            if (t->column < t->row->len)
                t->row->str[t->column] = *p;
            else
                g_string_append_c(t->row, *p);
            t->column++;
        }
    }
}

static void term_line(void *opaque, const char *line)
{
    Term *t = opaque;
    g_free(t->line);
    t->line = g_strdup(line);
    readline_prompt(t->r, "> ");
}

static GPtrArray *term_complete(void *opaque, const char *text, size_t *start)
{
    return hmp_complete(text, start);
}

static const ReadlineOps term_ops = { term_print, term_line, term_complete };

static void test_readline(void)
{
    static const struct { const char *keys, *row; unsigned column; const char *line; } cases[] = {
        { "abc", "> abc", 5, NULL },
        { "abc\033[D\033[DX", "> aXbc", 4, NULL },
        { "abc\001X\005Y", "> XabcY", 7, NULL },
        { "abc\b\177d", "> ad", 4, NULL },
        { "abc\033[H\033[3~\033[C\004", "> b", 3, NULL },
        { "one two\027x", "> one x", 7, NULL },
        { "one two\033bX\013", "> one X", 7, NULL },
        { "one\025two", "> two", 5, NULL },
        { "one\rtwo\r\n\033[A", "> two", 5, "two" },
        { "one\ntwo\nthr\033OA\033OA\033OB\033OB", "> thr", 5, "two" },
        { "one\none\ntwo\n\020\020", "> one", 5, "two" },
        { "abc\003d", "> d", 3, NULL },
        { "con\t", "> cont ", 7, NULL },
        { "info chard\t\r", "> ", 2, "info chardev " },
        { "system_\tr\t\r", "> ", 2, "system_reset " },
        { "help sin\t", "> help singlestep ", 18, NULL },
        { "\033[5~\033[999999999999999999999~\033\033x", "> ", 2, NULL },
        { "\033[A\033[B\033[C\033[D\t\b\004\027\013\025", "> ", 2, NULL },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        Term t = { .row = g_string_new(NULL) };
        t.r = readline_new(&term_ops, &t);
        readline_prompt(t.r, "> ");
        /* With nothing typed, Tab lists all commands; that fills more than this terminal. */
        for (const char *k = cases[i].keys; *k; k++) {
            if (*k == '\t' && t.row->len == 2)
                continue;
            readline_feed(t.r, *k);
        }
        g_assert_cmpstr(t.row->str, ==, cases[i].row);
        g_assert_cmpuint(t.column, ==, cases[i].column);
        g_assert_cmpstr(t.line, ==, cases[i].line);
        g_free(t.line);
        g_string_free(t.row, TRUE);
        readline_free(t.r);
    }
    /* Lines and histories are bounded. */
    Term t = { .row = g_string_new(NULL) };
    t.r = readline_new(&term_ops, &t);
    for (int i = 0; i < 10000; i++)
        readline_feed(t.r, 'x');
    readline_feed(t.r, '\n');
    g_assert_cmpuint(strlen(t.line), ==, 4095);
    for (int i = 0; i < 100; i++) {
        g_autofree char *line = g_strdup_printf("%d\n", i);
        for (const char *k = line; *k; k++)
            readline_feed(t.r, *k);
    }
    g_assert_cmpuint(readline_history(t.r)->len, ==, 64);
    g_free(t.line);
    g_string_free(t.row, TRUE);
    readline_free(t.r);
}

static void test_completion(void)
{
    static const struct { const char *line, *expect; size_t start; } cases[] = {
        { "con", "cont ", 0 }, { "info statu", "status ", 5 }, { "? info uu", "uuid ", 7 },
        { "singlestep o", "off on ", 11 }, { "nosuch x", "", 7 },
        { "chardev-remove cc", "cc0 ", 15 },
        { "x /4i 0", "", 6 }, { "memsave 0 1 /etc/host", "", 12 },
    };
    g_assert_nonnull(chardev_new_from_opts("null,id=cc0", NULL));
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        size_t start;
        g_autoptr(GString) got = g_string_new(NULL);
        GPtrArray *words = hmp_complete(cases[i].line, &start);
        for (unsigned k = 0; k < words->len; k++)
            g_string_prepend_c(g_string_prepend(got, words->pdata[k]), ' ');
        g_ptr_array_unref(words);
        g_assert_cmpuint(start, ==, cases[i].start);
        if (g_str_has_prefix(cases[i].line, "memsave"))
            g_assert_nonnull(strstr(got->str, "/etc/host"));
        else
            g_assert_cmpuint(strlen(got->str), ==, strlen(cases[i].expect));
    }
    chardev_free(chardev_find("cc0"));
}

/* ---- HMP ---- */

static const uint8_t boot_rom[48] = { /* of QEMU's virt board */
    0x97, 0x02, 0x00, 0x00, 0x13, 0x86, 0x82, 0x02, 0x73, 0x25, 0x40, 0xf1, 0x83, 0xb5, 0x02, 0x02,
    0x83, 0xb2, 0x82, 0x01, 0x67, 0x80, 0x02, 0x00, 0x00, 0x00, 0x00, 0x80, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0xe0, 0x87, 0x00, 0x00, 0x00, 0x00, 0x4f, 0x53, 0x42, 0x49, 0x00, 0x00, 0x00, 0x00,
};

static void expect_hmp(const char *line, const char *expect)
{
    GString *got = hmp_execute(line, NULL);
    g_auto(GStrv) parts = g_strsplit(expect, "\n", -1);
    g_autofree char *crlf = g_strjoinv("\r\n", parts);
    g_assert_cmpstr(got->str, ==, crlf);
    g_string_free(got, TRUE);
}

static void test_hmp(void)
{
    static const char *const cases[][2] = {
        { "", "" }, { "  ", "" },
        { "foo", "unknown command: 'foo'\n" },
        { "sotp", "unknown command: 'sotp'\nDid you mean 'stop'?\n" },
        { "info foo", "unknown command: 'info foo'\n" },
        { "info statsu", "unknown command: 'info statsu'\nDid you mean 'info status'?\n" },
        { "help foo", "unknown command: 'foo'\n" },
        { "stop 3", "stop|s: extraneous characters at the end of line\n"
                    "Try \"help stop\" for more information\n" },
        { "c x", "cont|c: extraneous characters at the end of line\n"
                 "Try \"help c\" for more information\n" },
        { "info mtree -z", "mtree: unsupported option -z\n"
                           "Try \"help info mtree\" for more information\n" },
        { "info cpus x", "cpus: extraneous characters at the end of line\n"
                         "Try \"help info cpus\" for more information\n" },
        { "x", "unexpected end of expression\nTry \"help x\" for more information\n" },
        { "x /s 0", "invalid char in format: 's'\nTry \"help x\" for more information\n" },
        { "p 5/0", "division by zero\nTry \"help p\" for more information\n" },
        { "p/x -1", "0xffffffffffffffff\n" }, { "p/o 8", "010\n" }, { "p/d -1", "-1\n" },
        { "p/u -1", "18446744073709551615\n" }, { "p/c 65", "'A'\n" }, { "p/c 10", "'\\n'\n" },
        { "p/c -5", "'\\xfffffffb'\n" }, { "p 16", "0x10\n" },
        { "log", "log: string expected\nTry \"help log\" for more information\n" },
        { "logfile", "logfile: filename expected\nTry \"help logfile\" for more information\n" },
        { "memsave 0 16 \"abc", "unterminated string\nmemsave: filename expected\n"
                                "Try \"help memsave\" for more information\n" },
        { "pmemsave 0x1000", "unexpected end of expression\n"
                             "Try \"help pmemsave\" for more information\n" },
        { "cpu 5", "invalid CPU index\n" },
        { "cpu foo", "invalid char 'f' in expression\nTry \"help cpu\" for more information\n" },
        { "nmi", "Error: this feature or command is not currently supported\n" },
        { "device_del foo", "Error: Device 'foo' not found\n" },
        { "device_add foo", "Error: 'foo' is not a valid device model name\n" },
        { "chardev-remove x", "Error: Chardev 'x' not found\n" },
        { "chardev-add foo", "Error: chardev: no id specified; add id=NAME\n" },
        { "singlestep foo", "unexpected option foo\n" },
        { "commit foo", "Device 'foo' not found\n" },
        { "info status", "VM status: paused (prelaunch)\n" },
        { "info uuid", "00000000-0000-0000-0000-000000000000\n" },
        { "info name", "" },
        { "xp/4xb 0x1000", "0000000000001000: 0x97 0x02 0x00 0x00\n" },
        { "xp/3xh 0x1000", "0000000000001000: 0x0297 0x0000 0x8613\n" },
        { "xp/4xw 0x1000", "0000000000001000: 0x00000297 0x02828613 0xf1402573 0x0202b583\n" },
        { "xp/3xg 0x1000", "0000000000001000: 0x0282861300000297 0x0202b583f1402573\n"
                           "0000000000001010: 0x000280670182b283\n" },
        { "xp/5ob 0x1000", "0000000000001000: 0227  02   0   0 023\n" },
        { "xp/3ow 0x1000", "0000000000001000:       01227  0240503023 036120022563\n" },
        { "xp/3og 0x1000", "0000000000001000:  012024141140000001227  010025530176120022563\n"
                           "0000000000001010:     024006340140531203\n" },
        { "xp/5db 0x1000", "0000000000001000: 151   2   0   0  19\n" },
        { "xp/5uh 0x1000", "0000000000001000:   663     0 34323   642  9587\n" },
        { "xp/5dw 0x1000", "0000000000001000:        663   42108435 4047512947   33731971\n"
                           "0000000000001010:   25342595\n" },
        { "xp/3dg 0x1000", "0000000000001000:   180854351210742423   144877716322133363\n"
                           "0000000000001010:      704129848750723\n" },
        { "xp/5cb 0x1000", "0000000000001000: '\\x97' '\\x02' '\\x00' '\\x00' '\\x13'\n" },
        { "xp/20xb 0x1000", "0000000000001000: 0x97 0x02 0x00 0x00 0x13 0x86 0x82 0x02\n"
                            "0000000000001008: 0x73 0x25 0x40 0xf1 0x83 0xb5 0x02 0x02\n"
                            "0000000000001010: 0x83 0xb2 0x82 0x01\n" },
        { "xp/5cw 0x1020", "0000000000001020: '\\x00' '\\x00' '\\xe0' '\\x87' '\\x00' '\\x00' "
                           "'\\x00' '\\x00' 'O' 'S' 'B' 'I' '\\x00' '\\x00' '\\x00' '\\x00'\n"
                           "0000000000001030: '\\x00' '\\x00' '\\x00' '\\x00'\n" },
        { "xp 0xffffffff00000000", "ffffffff00000000: Cannot access memory\n" },
        { "sum 0x1000 16", "37481\n" },
        { "gpa2hva 0", "No memory is mapped at address 0x0\n" },
        { "x 0", "No CPU available\n" },
        { "pmemsave 0x1000 4 /nonexistent/file",
          "Error: Could not open '/nonexistent/file': No such file or directory\n" },
        { "chardev-add ringbuf,id=rb0", "" },
        { "ringbuf_write rb0 \"a b\\n\\\\\"", "" },
        { "ringbuf_read rb0 100", "a b\n\\\\\n" },
        { "ringbuf_read rb0 0", "Error: size must be greater than zero\n" },
        { "chardev-add null,id=rb0", "Error: Duplicate ID 'rb0' for chardev\n" },
        { "chardev-change nope null", "Error: Chardev 'nope' does not exist\n" },
        { "chardev-change rb0 nope,x=1", "Error: Failed to add chardev 'rb0': 'nope' is not a valid "
                                         "char driver name; did you mean 'pipe'?\n" },
        { "chardev-change rb0 ringbuf,mux=on", "Error: Mux device hotswap not supported yet\n" },
        { "ringbuf_write rb0 old", "" },
        { "chardev-change rb0 ringbuf,size=4", "" },
        { "ringbuf_read rb0 100", "\n" },
        { "chardev-remove rb0", "" },
        { "i/b 0", "portb[0x0000] = 0xff\n" },
        { "i/4xh 0x12345", "portw[0x2345] = 0xffff\n" },
        { "i/w 8", "portl[0x0008] = 0xffffffff\n" },
        { "i/g 0", "portb[0x0000] = 0x00000000000000ff\n" },
        { "o/w 0x10 1", "" },
        { "boot_set c", "no function defined to set boot device list for this architecture\n" },
        { "info vnc", "None\n" }, { "info spice", "Server: disabled\n" },
        { "set_password spice x", "Error: SPICE is not in use\n" },
        { "set_password vnc x -d y keep", "Error: Could not set password\n" },
        { "expire_password foo never", "Error: invalid parameter value: foo\n" },
        { "info rocker x", "Error: rocker x not found\n" },
        { "trace-event nosuch on", "unknown event \"nosuch\"\n" },
        { "trace-event no* on", "" },
        { "watchdog_action foo", "Error: invalid parameter value: foo\n" },
        { "watchdog_action None", "" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        expect_hmp(cases[i][0], cases[i][1]);
}

/* Every command has a help line; none of them is hurt by lines made of odd pieces. */
static void test_hmp_hostile(void)
{
    static const char *const words[] = {
        "", "-", "-f", "-z", "/", "/4xw", "/99999999999i", "/s", "\"", "\"a b\"", "\\", "(", ")",
        "((((((((((((((((", "$pc", "$", "'", "'a'", "0", "-1", "0x1000", "99999999999999999999",
        "~",
        "+", "*", "%", "x", "help", "info", "status", ",,", "=", "null,id=", "\xff\xfe", "on",
    };
    GRand *rand = g_rand_new_with_seed(2);
    for (int i = 0; i < 20000; i++) {
        const Command *c = commands;
        unsigned n = 0;
        while (c[n].help)
            n++;
        c += g_rand_int_range(rand, 0, n);
        if (!c->hmp || strstr(c->hmp_args ? c->hmp_args : "", ":F") || strstr(c->hmp, "quit") ||
            strstr(c->hmp, "cont") || strstr(c->hmp, "log") || strstr(c->hmp, "system_"))
            continue;
        g_autofree char *name = g_strndup(c->hmp, strcspn(c->hmp, "|"));
        g_autoptr(GString) line = g_string_new(name);
        for (int k = g_rand_int_range(rand, 0, 5); k > 0; k--) {
            if (g_rand_boolean(rand))
                g_string_append_c(line, ' ');
            g_string_append(line, words[g_rand_int_range(rand, 0, G_N_ELEMENTS(words))]);
        }
        g_string_free(hmp_execute(line->str, NULL), TRUE);
        size_t start;
        g_ptr_array_unref(hmp_complete(line->str, &start));
    }
    g_rand_free(rand);
}

/* ---- QMP ---- */

typedef struct Session {
    int fd;
    GString *got;
} Session;

static int exit_status;

static void turn(void)
{
    requests_run(&exit_status);
    while (g_main_context_iteration(NULL, FALSE))
        requests_run(&exit_status);
}

static void session_read(Session *s)
{
    char buf[65536];
    ssize_t n;
    turn();
    while ((n = read(s->fd, buf, sizeof(buf))) > 0) {
        g_string_append_len(s->got, buf, n);
        turn();
    }
}

static Session session_new(MonitorKind kind)
{
    static int count;
    int fd[2];
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), ==, 0);
    fcntl(fd[0], F_SETFL, O_NONBLOCK);
    g_autofree char *opts = g_strdup_printf("socket,id=mon%d,fd=%d", count++, fd[1]);
    GError *error = NULL;
    Chardev *c = chardev_new_from_opts(opts, &error);
    g_assert_no_error(error);
    g_assert_true(monitor_new(c, kind, NULL));
    Session s = { fd[0], g_string_new(NULL) };
    session_read(&s);
    return s;
}

static void session_free(Session *s)
{
    close(s->fd);
    turn();
    g_string_free(s->got, TRUE);
}

static void session_send(Session *s, const char *text)
{
    size_t len = strlen(text);
    for (gint64 end = g_get_monotonic_time() + 10 * G_USEC_PER_SEC; len;) {
        ssize_t n = write(s->fd, text, len);
        g_assert_true(n > 0 || errno == EAGAIN);
        text += MAX(n, 0);
        len -= MAX(n, 0);
        turn();
        g_assert_cmpint(g_get_monotonic_time(), <, end);
    }
}

/* Sends a line and expects these lines. */
static void ask(Session *s, const char *request, const char *expect)
{
    g_string_truncate(s->got, 0);
    session_send(s, request);
    session_send(s, "\n");
    session_read(s);
    g_autofree char *line = g_strconcat(expect, *expect ? "\r\n" : NULL, NULL);
    g_assert_cmpstr(s->got->str, ==, line);
}

#define ERROR(c, d) "{\"error\": {\"class\": \"" c "\", \"desc\": \"" d "\"}}"
#define GENERIC(d) ERROR("GenericError", d)

static void test_qmp(void)
{
    Session s = session_new(MONITOR_QMP);
    g_assert_cmpstr(s.got->str, ==,
        "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, \"minor\": 2, \"major\": 7}, "
        "\"package\": \" (Sosia 0.1.0)\"}, \"capabilities\": []}}\r\n");
    ask(&s, "{\"execute\":\"query-status\"}",
        ERROR("CommandNotFound", "Expecting capabilities negotiation with 'qmp_capabilities'"));
    ask(&s, "{\"execute\":\"qmp_capabilities\",\"arguments\":{\"enable\":[\"oob\"]}}",
        GENERIC("Capability 'oob' not available"));
    ask(&s, "{\"execute\":\"qmp_capabilities\",\"id\":1}", "{\"return\": {}, \"id\": 1}");
    ask(&s, "{\"execute\":\"qmp_capabilities\"}",
        ERROR("CommandNotFound",
              "Capabilities negotiation is already complete, command ignored"));
    ask(&s, "{'execute':'query-status','id':{\"a\":[1]}}",
        "{\"return\": {\"status\": \"prelaunch\", \"singlestep\": false, \"running\": false}, "
        "\"id\": {\"a\": [1]}}");
    ask(&s, "{\"execute\":\"foo\"}",
        ERROR("CommandNotFound", "The command foo has not been found"));
    ask(&s, "{\"execut\":\"foo\"}", GENERIC("QMP input member 'execut' is unexpected"));
    ask(&s, "{}", GENERIC("QMP input lacks member 'execute'"));
    ask(&s, "{\"execute\":3}", GENERIC("QMP input member 'execute' must be a string"));
    ask(&s, "{\"execute\":\"stop\",\"arguments\":3}",
        GENERIC("QMP input member 'arguments' must be an object"));
    ask(&s, "{\"execute\":\"stop\",\"arguments\":{\"x\":1}}",
        GENERIC("Parameter 'x' is unexpected"));
    ask(&s, "{\"execute\":\"human-monitor-command\"}",
        GENERIC("Parameter 'command-line' is missing"));
    ask(&s, "{\"execute\":\"human-monitor-command\",\"arguments\":{\"command-line\":3}}",
        GENERIC("Invalid parameter type for 'command-line', expected: string"));
    ask(&s, "{\"execute\":\"human-monitor-command\",\"arguments\":{\"command-line\":\"info "
            "status\"}}", "{\"return\": \"VM status: paused (prelaunch)\\r\\n\"}");
    ask(&s, "garbage", GENERIC("JSON parse error, invalid keyword 'garbage'"));
    ask(&s, "[1,2]", GENERIC("QMP input must be a JSON object"));
    ask(&s, "{\"execute\":\"query-status\",\"foo\":1}",
        GENERIC("QMP input member 'foo' is unexpected"));
    ask(&s, "{\"id\":7,\"execute\":\"device_del\",\"arguments\":{\"id\":\"x\"}}",
        "{\"id\": 7, \"error\": {\"class\": \"DeviceNotFound\", \"desc\": "
        "\"Device 'x' not found\"}}");
    ask(&s, "{\"execute\":\"device_add\"}", GENERIC("Parameter 'driver' is missing"));
    ask(&s, "{\"execute\":\"device_add\",\"arguments\":{\"driver\":\"foo\",\"any\":1}}",
        GENERIC("'foo' is not a valid device model name"));
    ask(&s, "{\"execute\":\"chardev-add\",\"arguments\":{\"id\":\"c1\",\"backend\":{\"type\":"
            "\"ringbuf\",\"data\":{\"size\":64}}}}", "{\"return\": {}}");
    ask(&s, "{\"execute\":\"ringbuf-write\",\"arguments\":{\"device\":\"c1\",\"data\":"
            "\"aGVsbG8=\",\"format\":\"base64\"}}", "{\"return\": {}}");
    ask(&s, "{\"execute\":\"ringbuf-read\",\"arguments\":{\"device\":\"c1\",\"size\":10}}",
        "{\"return\": \"hello\"}");
    ask(&s, "{\"execute\":\"ringbuf-read\",\"arguments\":{\"device\":\"c1\",\"size\":1,\"format\":"
            "\"base46\"}}", GENERIC("Parameter 'format' does not accept value 'base46'; did you "
                                    "mean 'base64'?"));
    ask(&s, "{\"execute\":\"chardev-remove\",\"arguments\":{\"id\":\"c1\"}}", "{\"return\": {}}");
    ask(&s, "{\"execute\":\"chardev-remove\",\"arguments\":{\"id\":\"mon1\"}}",
        GENERIC("Chardev 'mon1' is busy"));
    ask(&s, "{\"execute\":\"query-name\"}{\"execute\":\"query-kvm\"}",
        "{\"return\": {}}\r\n{\"return\": {\"enabled\": false, \"present\": false}}");
    /* Out of step, and in step again. */
    ask(&s, "{\"execute\": \"stop\", \xff", GENERIC("JSON parse error, stray '\\\\xff'"));
    ask(&s, "{\"execute\":\"query-name\"}", "{\"return\": {}}");
    session_free(&s);
}

/* Events in the order of what caused them, each between the replies it belongs to. */
static void test_events(void)
{
    Session s = session_new(MONITOR_QMP), quiet = session_new(MONITOR_QMP);
    ask(&s, "{\"execute\":\"qmp_capabilities\"}", "{\"return\": {}}");
    g_string_truncate(quiet.got, 0);
    g_string_truncate(s.got, 0);
    session_send(&s, "{\"execute\":\"cont\"}{\"execute\":\"stop\"}{\"execute\":\"system_reset\"}"
                     "{\"execute\":\"system_powerdown\"}{\"execute\":\"quit\"}\n");
    session_read(&s);
    session_read(&quiet);
    g_assert_cmpuint(quiet.got->len, ==, 0);
    static const char *const expect[] = {
        "RESUME", NULL, "STOP", NULL, NULL, "RESET", NULL, "POWERDOWN", NULL, "SHUTDOWN",
    };
    g_auto(GStrv) lines = g_strsplit(s.got->str, "\r\n", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, G_N_ELEMENTS(expect) + 1);
    for (size_t i = 0; i < G_N_ELEMENTS(expect); i++) {
        g_autoptr(Json) v = json_parse(lines[i], strlen(lines[i]), NULL);
        g_assert_cmpstr(json_get_str(v, "event", NULL), ==, expect[i]);
        if (expect[i])
            g_assert_cmpint(json_get_int(json_get(v, "timestamp"), "seconds", 0), >, 1600000000);
        if (!g_strcmp0(expect[i], "RESET"))
            g_assert_cmpstr(json_get_str(json_get(v, "data"), "reason", ""), ==,
                            "host-qmp-system-reset");
    }
    session_free(&s);
    session_free(&quiet);
}

/* Every query without mandatory arguments answers, and as the schema says. */
static void test_queries(void)
{
    unsigned n = 0;
    g_autoptr(Json) nothing = json_object();
    for (const Command *c = commands; c->help; c++) {
        static const char *const refuse[] = { "add-fd", "query-balloon", "query-hotpluggable-cpus",
                                              "x-query-usb", NULL };
        bool plain = c->qmp && c->returns && !c->refuse && !g_strv_contains(refuse, c->qmp);
        for (unsigned i = 0; plain && c->args && i < c->args->n_members; i++)
            plain = c->args->members[i].optional;
        const char *names[] = { plain ? c->qmp : NULL, c->text };
        for (int i = 0; i < 2; i++) {
            if (!names[i])
                continue;
            GError *error = NULL;
            g_autoptr(Json) v = qmp_call(names[i], nothing, &error);
            g_assert_no_error(error);
            if (!i)
                schema_check(c->returns, v, names[i], false, &error);
            g_assert_no_error(error);
            n++;
        }
    }
    g_assert_cmpuint(n, >, 20);
}

/* What is refused is refused with these very words, whatever the arguments; and HMP says so too. */
static void test_refused(void)
{
    unsigned n = 0;
    for (const Command *c = commands; c->help; c++) {
        if (!c->refuse)
            continue;
        GError *error = NULL;
        g_assert_null(command_call(c, NULL, &error));
        g_assert_cmpstr(error->message, ==, c->refuse);
        g_error_free(error);
        g_assert_true(!c->act && !c->query && !c->body && !c->reply);
        n++;
    }
    g_assert_cmpuint(n, >, 5);
}

/* All types that the schema's description refers to are in it. */
static void test_introspection(void)
{
    g_autoptr(Json) nothing = json_object();
    g_autoptr(Json) list = qmp_call("query-qmp-schema", nothing, NULL);
    g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
    for (unsigned i = 0; i < json_len(list); i++)
        g_assert_true(g_hash_table_add(names, (char *)json_get_str(json_at(list, i), "name", "")));
    for (unsigned i = 0; i < json_len(list); i++) {
        const Json *o = json_at(list, i), *members = json_get(o, "members");
        static const char *const refs[] = { "arg-type", "ret-type", "element-type" };
        for (size_t k = 0; k < G_N_ELEMENTS(refs); k++) {
            const char *ref = json_get_str(o, refs[k], NULL);
            g_assert_true(!ref || g_hash_table_contains(names, ref));
        }
        for (unsigned k = 0; members && k < json_len(members); k++) {
            const char *type = json_get_str(json_at(members, k), "type", NULL);
            g_assert_true(!type || g_hash_table_contains(names, type));
        }
    }
}

/* A client that asks and does not read: bounded memory, and no reply is lost. */
static void test_lazy_client(void)
{
    enum { ROUNDS = 300 };
    Session s = session_new(MONITOR_QMP);
    ask(&s, "{\"execute\":\"qmp_capabilities\"}", "{\"return\": {}}");
    g_string_truncate(s.got, 0);
    g_autoptr(GString) requests = g_string_new(NULL);
    for (int i = 0; i < ROUNDS; i++)
        g_string_append(requests, "{\"execute\":\"query-qmp-schema\"}\n");
    session_send(&s, requests->str);
    Chardev *c = chardev_find("mon4");
    g_assert_nonnull(c);
    g_assert_cmpuint(chardev_queued(c), <=, 1 << 20);
    unsigned replies = 0;
    for (gint64 end = g_get_monotonic_time() + 20 * G_USEC_PER_SEC; replies < ROUNDS;) {
        session_read(&s);
        char *line;
        while ((line = strstr(s.got->str, "\r\n"))) {
            size_t n = line - s.got->str;
            g_autoptr(Json) v = json_parse(s.got->str, n, NULL);
            g_assert_nonnull(v);
            g_assert_nonnull(json_get(v, "return"));
            g_string_erase(s.got, 0, n + 2);
            replies++;
        }
        g_usleep(1000);
        g_assert_cmpint(g_get_monotonic_time(), <, end);
    }
    session_free(&s);
}

static void test_qmp_hostile(void)
{
    static const char *const pieces[] = {
        "{", "}", "[", "]", "\"execute\"", ":", "\"stop\"", ",", "\"arguments\"", "\"id\"", "1e999",
        "-", "\"", "\\", "\n", "\xff", "\xc3", "null", "{\"execute\":\"query-status\"}",
        "{\"execute\":\"human-monitor-command\",\"arguments\":{\"command-line\":\"x\"}}",
        "{\"execute\":\"chardev-add\",\"arguments\":{\"id\":\"q\",\"backend\":{\"type\":\"pty\"}},",
    };
    Session s = session_new(MONITOR_QMP_PRETTY);
    GRand *rand = g_rand_new_with_seed(3);
    session_send(&s, "{\"execute\":\"qmp_capabilities\"}");
    for (int i = 0; i < 20000; i++) {
        session_send(&s, pieces[g_rand_int_range(rand, 0, G_N_ELEMENTS(pieces))]);
        if (i % 50 == 0)
            session_read(&s);
    }
    session_send(&s, "\xff");
    for (int i = 0; i < 200; i++) {
        session_read(&s);
        g_usleep(100);
    }
    g_string_truncate(s.got, 0);
    session_send(&s, "{\"execute\":\"query-name\"}");
    session_read(&s);
    g_assert_cmpstr(s.got->str, ==, "{\n    \"return\": {\n    }\n}\r\n");
    session_free(&s);
    g_rand_free(rand);
}

/* An HMP session: banner, prompt, echo; pieces of lines; a client that leaves. */
static void test_hmp_session(void)
{
    Session s = session_new(MONITOR_HMP);
    g_assert_cmpstr(s.got->str, ==,
                    "QEMU 7.2.0 monitor - type 'help' for more information\r\n(qemu) ");
    g_string_truncate(s.got, 0);
    session_send(&s, "info na");
    session_read(&s);
    g_assert_cmpstr(s.got->str, ==, "info na");
    session_send(&s, "me\nfoo\n");
    session_read(&s);
    g_assert_cmpstr(s.got->str, ==,
                    "info name\r\n(qemu) foo\r\nunknown command: 'foo'\r\n(qemu) ");
    session_free(&s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    main_loop_init();
    memory_init();
    static MemoryRegion rom;
    g_assert_true(memory_region_init_ram(&rom, "rom", 0x1000, NULL));
    memory_region_add(memory_system_root(), 0x1000, &rom, 0);
    address_space_write(address_space_memory, 0x1000, boot_rom, sizeof(boot_rom));
    g_test_add_func("/monitor/expressions", test_expressions);
    g_test_add_func("/monitor/readline", test_readline);
    g_test_add_func("/monitor/completion", test_completion);
    g_test_add_func("/monitor/hmp", test_hmp);
    g_test_add_func("/monitor/hmp-hostile", test_hmp_hostile);
    g_test_add_func("/monitor/hmp-session", test_hmp_session);
    g_test_add_func("/monitor/qmp", test_qmp);
    g_test_add_func("/monitor/events", test_events); /* ends with quit: no prompts from here on */
    g_test_add_func("/monitor/queries", test_queries);
    g_test_add_func("/monitor/refused", test_refused);
    g_test_add_func("/monitor/introspection", test_introspection);
    g_test_add_func("/monitor/lazy-client", test_lazy_client);
    g_test_add_func("/monitor/qmp-hostile", test_qmp_hostile);
    return g_test_run();
}
