/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Character backends against real sockets, terminals, pipes and files. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <netinet/in.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "backend/char.h"
#include "util/error.h"

/* A front end that collects what it reads, in pieces of at most `room`. */
typedef struct Sink {
    GString *got;
    size_t room;
    int opened, closed, breaks, in, out;
} Sink;

static size_t sink_can_read(void *opaque)
{
    return ((Sink *)opaque)->room;
}

static void sink_read(void *opaque, const uint8_t *buf, size_t len)
{
    Sink *s = opaque;
    g_assert_cmpuint(len, <=, s->room);
    g_string_append_len(s->got, (const char *)buf, len);
}

static void sink_event(void *opaque, CharEvent e)
{
    Sink *s = opaque;
    int *counters[] = { &s->opened, &s->closed, &s->breaks, &s->in, &s->out };
    ++*counters[e];
}

static void sink_attach(Sink *s, Chardev *c)
{
    *s = (Sink){ .got = g_string_new(NULL), .room = 64 };
    CharFrontend fe = { sink_can_read, sink_read, sink_event, s };
    g_assert_true(chardev_attach(c, &fe, NULL));
}

static void spin(int ms)
{
    gint64 end = g_get_monotonic_time() + ms * 1000;
    while (g_get_monotonic_time() < end) {
        while (g_main_context_iteration(NULL, FALSE))
            ;
        g_usleep(500);
    }
}

#define WAIT_FOR(cond)                                                                         \
    do {                                                                                       \
        for (int i_ = 0; i_ < 20000 && !(cond); i_++)                                           \
            spin(1);                                                                           \
        g_assert_true(cond);                                                                   \
    } while (0)

static char *dir; /* temporary */

static char *in_dir(const char *name)
{
    return g_build_filename(dir, name, NULL);
}

static Chardev *make(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    GError *error = NULL;
    Chardev *c = chardev_new_from_opts(text, &error);
    g_assert_no_error(error);
    return c;
}

static void refuse(const char *text, const char *why)
{
    GError *error = NULL;
    g_assert_null(chardev_new_from_opts(text, &error));
    g_assert_nonnull(error);
    if (!strstr(error->message, why))
        g_error("%s: %s", text, error->message);
    g_error_free(error);
}

static void test_errors(void)
{
    refuse("nul,id=a", "did you mean 'null'");
    refuse("zzzzzz,id=a", "not a valid char driver name");
    refuse("null", "no id specified");
    refuse("null,id=1a", "identifier");
    refuse("null,id=a,foo=1", "foo");
    refuse("null,id=a,logfil=x", "did you mean 'logfile'");
    refuse("file,id=a", "no filename given");
    refuse("file,id=a,path=/nonexistent/b", "No such file");
    refuse("socket,id=a", "no address");
    refuse("socket,id=a,host=localhost", "no port given");
    refuse("socket,id=a,path=x,host=y,port=1", "None or one");
    refuse("socket,id=a,path=/nonexistent/s", "Failed to connect");
    refuse("socket,id=a,fd=0x7fff", "not a socket");
    refuse("ringbuf,id=a,size=3", "power of two");
    refuse("stdio,id=a,signal=maybe", "on or off");
    refuse("mux,id=a,chardev=b", "not a valid char driver");
    Chardev *c = make("null,id=a");
    refuse("null,id=a", "Duplicate ID");
    chardev_free(c);
    refuse("null,id=a,logfile=/nonexistent/l", "logfile");
    g_assert_null(chardev_find("a"));
    GError *error = NULL;
    g_assert_null(chardev_new_from_legacy("chardev:zz", "serial0", &error));
    g_clear_error(&error);
    g_assert_null(chardev_new_from_legacy("bogus", "serial0", &error));
    g_assert_nonnull(strstr(error->message, "mon:stdio"));
    g_clear_error(&error);
    g_assert_null(chardev_new_from_legacy("tcp:nohost", "serial0", &error));
    g_clear_error(&error);
    g_assert_null(chardev_new_from_legacy("", "serial0", &error));
    g_clear_error(&error);
}

static void test_ringbuf(void)
{
    Chardev *c = make("ringbuf,id=r,size=8");
    char buf[16];
    size_t n = sizeof(buf);
    g_assert_true(chardev_is_ringbuf(c));
    chardev_write(c, "0123456789ab", 12);
    g_assert_true(chardev_ringbuf_read(c, buf, &n));
    g_assert_cmpmem(buf, n, "456789ab", 8);
    chardev_write(c, "xyz", 3);
    n = 2;
    g_assert_true(chardev_ringbuf_read(c, buf, &n));
    g_assert_cmpmem(buf, n, "xy", 2);
    chardev_free(c);
}

static void test_file(void)
{
    g_autofree char *path = in_dir("out"), *log = in_dir("log");
    g_autofree char *text = NULL;
    Chardev *c = make("file,id=f,path=%s,logfile=%s", path, log);
    chardev_write(c, "one\n", 4);
    chardev_free(c);
    c = make("file,id=f,path=%s,append=on,logfile=%s,logappend=on", path, log);
    chardev_write(c, "two\n", 4);
    chardev_free(c);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "one\ntwo\n");
    g_clear_pointer(&text, g_free);
    g_assert_true(g_file_get_contents(log, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "one\ntwo\n");
    g_autofree char *legacy = g_strdup_printf("file:%s", path);
    c = chardev_new_from_legacy(legacy, "serial0", NULL);
    g_assert_nonnull(c);
    g_assert_cmpstr(chardev_filename(c), ==, "file");
    chardev_free(c);
    g_clear_pointer(&text, g_free);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "");
}

static int client(const char *path)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    g_strlcpy(un.sun_path, path, sizeof(un.sun_path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&un, sizeof(un)), ==, 0);
    return fd;
}

static void say(int fd, const char *text)
{
    g_assert_cmpint(write(fd, text, strlen(text)), ==, strlen(text));
}

static void hear(int fd, const char *expect, size_t n)
{
    char buf[256];
    size_t got = 0;
    for (int i = 0; i < 20000 && got < n; i++) {
        ssize_t r = read(fd, buf + got, n - got);
        got += MAX(r, 0);
        spin(r > 0 ? 0 : 1);
    }
    g_assert_cmpmem(buf, got, expect, n);
}

static void test_unix_server(void)
{
    g_autofree char *path = in_dir("sock");
    g_autofree char *legacy = g_strdup_printf("unix:%s,server,nowait", path);
    Chardev *c = chardev_new_from_legacy(legacy, "serial0", NULL);
    g_assert_nonnull(c);
    g_assert_true(g_str_has_prefix(chardev_filename(c), "disconnected:unix:"));
    g_assert_true(g_str_has_suffix(chardev_filename(c), ",server=on"));
    Sink s;
    sink_attach(&s, c);
    g_assert_cmpint(s.opened, ==, 0);
    chardev_write(c, "lost", 4);
    int a = client(path), b = client(path);
    say(a, "hello");
    say(b, "second");
    WAIT_FOR(s.got->len == 5);
    g_assert_cmpstr(s.got->str, ==, "hello");
    chardev_write(c, "world", 5);
    hear(a, "world", 5);
    close(a);
    WAIT_FOR(s.closed == 1 && s.opened == 2);
    WAIT_FOR(s.got->len == 11);
    g_assert_cmpstr(s.got->str, ==, "hellosecond");
    /* No room: held back, and not lost when the sender closes. */
    s.room = 0;
    say(b, "later");
    spin(20);
    g_assert_cmpuint(s.got->len, ==, 11);
    close(b);
    spin(20);
    s.room = 3;
    chardev_accept_input(c, &s);
    WAIT_FOR(s.got->len == 16 && s.closed == 2);
    /* Nobody reads: the hang-up is still seen. */
    chardev_detach(c, &s);
    a = client(path);
    WAIT_FOR(!g_str_has_prefix(chardev_filename(c), "disconnected"));
    close(a);
    WAIT_FOR(g_str_has_prefix(chardev_filename(c), "disconnected"));
    chardev_free(c);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

static void test_slow_client(void)
{
    g_autofree char *path = in_dir("slow");
    Chardev *c = make("socket,id=s,path=%s,server=on,wait=off", path);
    Sink s;
    sink_attach(&s, c);
    int a = client(path);
    WAIT_FOR(s.opened);
    g_autofree char *block = g_malloc(65536);
    for (int i = 0; i < 64; i++) {
        memset(block, 'a' + i % 26, 65536);
        chardev_write(c, block, 65536);
    }
    g_assert_cmpuint(chardev_queued(c), <=, 1 << 20);
    g_assert_cmpuint(chardev_queued(c), >, 1 << 19);
    g_assert_false(chardev_writable(c));
    /* The newest arrives. */
    g_autofree char *buf = g_malloc(65536);
    char last = 0;
    for (int idle = 0; idle < 50;) {
        ssize_t n = read(a, buf, 65536);
        if (n > 0)
            last = buf[n - 1];
        idle = n > 0 ? 0 : idle + 1;
        spin(1);
    }
    g_assert_cmpint(last, ==, 'a' + 63 % 26);
    g_assert_true(chardev_writable(c));
    chardev_write(c, block, 65536);
    close(a); /* with output under way */
    chardev_write(c, block, 65536);
    chardev_write(c, block, 65536);
    WAIT_FOR(s.closed);
    chardev_detach(c, &s);
    chardev_free(c);
}

static void test_tcp(void)
{
    GError *error = NULL;
    Chardev *srv = chardev_new_from_legacy("telnet:127.0.0.1:0,server,nowait", "serial1", &error);
    g_assert_no_error(error);
    const char *name = chardev_filename(srv);
    g_assert_true(g_str_has_prefix(name, "disconnected:telnet:127.0.0.1:"));
    int port = atoi(strrchr(name, ':') + 1);
    g_assert_cmpint(port, >, 0);
    Sink s, t;
    sink_attach(&s, srv);
    Chardev *cl = make("socket,id=cl,host=127.0.0.1,port=%d,reconnect=1", port);
    sink_attach(&t, cl);
    WAIT_FOR(s.opened && t.opened);
    WAIT_FOR(t.got->len == 12); /* telnet's greeting */
    g_assert_cmpmem(t.got->str, 3, "\xff\xfb\x01", 3);
    g_string_truncate(t.got, 0);
    chardev_write(cl, "a\xff\xff" "b\xff\xfb\x01" "c\xff\xfa\x18\x00vt\xff\xf0" "d\xff\xf3" "e",
                  20);
    WAIT_FOR(s.got->len == 6);
    g_assert_cmpmem(s.got->str, 6, "a\xff" "bcde", 6);
    g_assert_cmpint(s.breaks, ==, 1);
    chardev_write(srv, "x\xffy", 3);
    WAIT_FOR(t.got->len == 4);
    g_assert_cmpmem(t.got->str, 4, "x\xff\xffy", 4);
    /* The server goes away and comes back. */
    chardev_detach(srv, &s);
    chardev_free(srv);
    WAIT_FOR(t.closed);
    spin(100);
    srv = make("socket,id=srv,host=127.0.0.1,port=%d,server=on,wait=off", port);
    WAIT_FOR(t.opened == 2);
    g_assert_nonnull(strstr(chardev_filename(cl), "<->"));
    g_autofree char *taken =
        g_strdup_printf("socket,id=q,host=127.0.0.1,port=%d,server=on,wait=off", port);
    refuse(taken, "Address already in use");
    Chardev *next = make("socket,id=q,host=127.0.0.1,port=%d,to=%d,server=on,wait=off", port,
                         port + 50);
    chardev_free(next);
    chardev_detach(cl, &t);
    chardev_free(cl);
    chardev_free(srv);
}

static void test_abstract(void)
{
    g_autofree char *name = g_strdup_printf("sosia-test-%d", getpid());
    Chardev *srv = make("socket,id=srv,path=%s,abstract=on,server=on,wait=off", name);
    Chardev *cl = make("socket,id=cl,path=%s,abstract=on", name);
    Sink s, t;
    sink_attach(&s, srv);
    sink_attach(&t, cl);
    chardev_write(cl, "abc", 3);
    WAIT_FOR(s.got->len == 3);
    chardev_detach(srv, &s);
    chardev_detach(cl, &t);
    chardev_free(cl);
    chardev_free(srv);
}

/* Two ports that nobody uses. */
static void free_ports(int port[2])
{
    int fd[2];
    for (int i = 0; i < 2; i++) {
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = g_htonl(INADDR_LOOPBACK) };
        socklen_t len = sizeof a;
        fd[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        g_assert_cmpint(bind(fd[i], (struct sockaddr *)&a, len), ==, 0);
        g_assert_cmpint(getsockname(fd[i], (struct sockaddr *)&a, &len), ==, 0);
        port[i] = g_ntohs(a.sin_port);
    }
    close(fd[0]);
    close(fd[1]);
}

static void test_udp(void)
{
    int p[2];
    free_ports(p);
    Chardev *a = make("udp,id=a,host=127.0.0.1,port=%d,localaddr=127.0.0.1,localport=%d", p[0], p[1]);
    GError *error = NULL;
    g_autofree char *text = g_strdup_printf("udp:127.0.0.1:%d@127.0.0.1:%d", p[1], p[0]);
    Chardev *b = chardev_new_from_legacy(text, "serial0", &error);
    g_assert_no_error(error);
    Sink s;
    sink_attach(&s, b);
    s.room = 2;
    chardev_write(a, "datagram", 8);
    WAIT_FOR(s.got->len == 8);
    chardev_detach(b, &s);
    chardev_free(a);
    chardev_free(b);
}

static void test_pipe(void)
{
    g_autofree char *path = in_dir("fifo");
    g_autofree char *in = g_strconcat(path, ".in", NULL), *out = g_strconcat(path, ".out", NULL);
    g_assert_cmpint(mkfifo(in, 0600) | mkfifo(out, 0600), ==, 0);
    Chardev *c = make("pipe,id=p,path=%s", path);
    Sink s;
    sink_attach(&s, c);
    int w = open(in, O_WRONLY), r = open(out, O_RDONLY | O_NONBLOCK);
    say(w, "in");
    WAIT_FOR(s.got->len == 2);
    chardev_write(c, "out", 3);
    hear(r, "out", 3);
    close(w);
    close(r);
    chardev_detach(c, &s);
    chardev_free(c);
}

static void test_pty(void)
{
    /* What it prints on stdout belongs on the TAP stream as a comment. */
    printf("# ");
    Chardev *c = make("pty,id=p");
    const char *name = chardev_filename(c);
    g_assert_true(g_str_has_prefix(name, "pty:/dev/pts/"));
    Sink s;
    sink_attach(&s, c);
    spin(20);
    g_assert_cmpint(s.opened, ==, 0);
    chardev_write(c, "nobody", 6);
    for (int round = 1; round <= 2; round++) {
        int fd = open(name + 4, O_RDWR | O_NOCTTY | O_NONBLOCK);
        g_assert_cmpint(fd, >=, 0);
        WAIT_FOR(s.opened == round);
        g_string_truncate(s.got, 0);
        say(fd, "hi\x03\n");
        WAIT_FOR(s.got->len == 4);
        chardev_write(c, "ho\n", 3);
        hear(fd, "ho\n", 3);
        close(fd);
        WAIT_FOR(s.closed == round);
    }
    chardev_detach(c, &s);
    chardev_free(c);
}

static void test_mux(void)
{
    g_autofree char *path = in_dir("mux");
    Chardev *c = make("socket,id=m,path=%s,server=on,wait=off,mux=on", path);
    g_assert_true(chardev_is_mux(c));
    g_assert_cmpstr(chardev_filename(c), ==, "mux");
    g_assert_nonnull(chardev_find("m-base"));
    Sink s[5];
    sink_attach(&s[0], c);
    sink_attach(&s[1], c);
    g_assert_cmpint(s[0].out, ==, 1);
    int a = client(path);
    WAIT_FOR(s[0].opened == 1 && s[1].opened == 1);
    say(a, "one\x01" "ctwo\x01" "c\x01\x01!\x01" "b\x01z");
    WAIT_FOR(s[1].breaks == 1);
    g_assert_cmpstr(s[1].got->str, ==, "one\x01!");
    g_assert_cmpstr(s[0].got->str, ==, "two");
    /* Input without room waits, and escapes behind it still work. */
    s[1].room = 0;
    say(a, "wait\x01" "cnow");
    WAIT_FOR(s[0].got->len == 6);
    g_assert_cmpstr(s[0].got->str, ==, "twonow");
    s[1].room = 1;
    chardev_accept_input(c, &s[1]);
    g_assert_cmpstr(s[1].got->str, ==, "one\x01!wait");
    say(a, "\x01h");
    hear(a, "\n\rC-a h    print this help\n\r", 26 + 2);
    spin(5);
    char buf[512];
    g_assert_cmpint(read(a, buf, sizeof(buf)), >, 0);
    say(a, "\x01t");
    spin(10);
    chardev_write(c, "l1\nl2\n", 6);
    hear(a, "l1\n[00:00:00.", 13);
    sink_attach(&s[2], c);
    sink_attach(&s[3], c);
    CharFrontend fe = { sink_can_read, sink_read, NULL, &s[4] };
    GError *error = NULL;
    g_assert_false(chardev_attach(c, &fe, &error));
    g_clear_error(&error);
    /* The one in focus leaves: the next takes over. */
    chardev_detach(c, &s[3]);
    say(a, "x");
    WAIT_FOR(s[0].got->len + s[1].got->len + s[2].got->len == 6 + 9 + 1);
    close(a);
    WAIT_FOR(s[0].closed == 1 && s[1].closed == 1);
    for (int i = 0; i < 3; i++)
        chardev_detach(c, &s[i]);
    chardev_free(c);
    g_assert_null(chardev_find("m-base"));
}

/* ---- stdio, in a child ---- */

static Chardev *child_dev;

static size_t child_can_read(void *opaque)
{
    return 16;
}

static void child_read(void *opaque, const uint8_t *buf, size_t len)
{
    chardev_write(child_dev, "<", 1);
    chardev_write(child_dev, buf, len);
    if (memchr(buf, 'q', len)) {
        chardev_free(child_dev);
        exit(0);
    }
}

static int child_main(const char *opts)
{
    GError *error = NULL;
    child_dev = chardev_new_from_opts(opts, &error);
    if (!child_dev) {
        fprintf(stderr, "%s\n", error->message);
        return 2;
    }
    CharFrontend fe = { child_can_read, child_read, NULL, NULL };
    chardev_attach(child_dev, &fe, NULL);
    GError *again = NULL;
    if (chardev_new_from_opts("stdio,id=again", &again))
        return 3;
    chardev_write(child_dev, "ready", 5);
    for (;;)
        g_main_context_iteration(NULL, TRUE);
}

static char *self;

/*
 * On a new terminal, under a session leader as a shell is (a stop signal has no effect on a process
 * group without such a parent). The leader reports the pid and then each status on `report`.
 */
static pid_t run_on_terminal(const char *opts, int *fd, int *report)
{
    int p[2];
    g_assert_cmpint(pipe(p), ==, 0);
    pid_t leader = forkpty(fd, NULL, NULL, NULL);
    if (!leader) {
        signal(SIGTTOU, SIG_IGN);
        pid_t pid = fork();
        setpgid(pid, pid);
        if (!pid) {
            tcsetpgrp(0, getpid());
            signal(SIGTTOU, SIG_DFL);
            execl(self, self, "--child", opts, NULL);
            _exit(127);
        }
        int word = pid;
        do {
            if (write(p[1], &word, sizeof(word)) < 0)
                break;
        } while (waitpid(pid, &word, WUNTRACED) == pid);
        pause(); /* the terminal lives as long as the leader does */
    }
    close(p[1]);
    *report = p[0];
    return leader;
}

static int next_report(int fd)
{
    int word;
    g_assert_cmpint(read(fd, &word, sizeof(word)), ==, sizeof(word));
    return word;
}

static void test_terminal(void)
{
    static const struct { const char *opts; bool isig; } cases[] = {
        { "stdio,id=s", true }, { "stdio,id=s,signal=off", false },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        int fd, report, status;
        struct termios t;
        pid_t leader = run_on_terminal(cases[i].opts, &fd, &report);
        pid_t pid = next_report(report);
        fcntl(fd, F_SETFL, O_NONBLOCK);
        hear(fd, "ready", 5);
        tcgetattr(fd, &t);
        g_assert_cmpuint(t.c_lflag & (ICANON | ECHO), ==, 0);
        g_assert_cmpint(!!(t.c_lflag & ISIG), ==, cases[i].isig);
        say(fd, "a");
        hear(fd, "<a", 2);
        kill(pid, SIGTSTP);
        status = next_report(report);
        g_assert_true(WIFSTOPPED(status));
        tcgetattr(fd, &t);
        g_assert_cmpuint(t.c_lflag & (ICANON | ECHO | ISIG), ==, ICANON | ECHO | ISIG);
        kill(pid, SIGCONT);
        for (int n = 0; n < 20000 && t.c_lflag & ICANON; n++) {
            g_usleep(1000);
            tcgetattr(fd, &t);
        }
        g_assert_cmpuint(t.c_lflag & ICANON, ==, 0);
        if (cases[i].isig) {
            say(fd, "q");
            status = next_report(report);
            g_assert_true(WIFEXITED(status) && !WEXITSTATUS(status));
        } else {
            say(fd, "\x03");
            hear(fd, "<\x03", 2);
            kill(pid, SIGABRT);
            status = next_report(report);
            g_assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
        }
        tcgetattr(fd, &t);
        g_assert_cmpuint(t.c_lflag & (ICANON | ECHO | ISIG), ==, ICANON | ECHO | ISIG);
        kill(leader, SIGKILL);
        waitpid(leader, &status, 0);
        close(fd);
        close(report);
    }
}

/* End of input and a closed output neither end the process nor make it spin. */
static void test_stdio_eof(void)
{
    int out[2];
    g_assert_cmpint(pipe(out), ==, 0);
    pid_t pid = fork();
    if (!pid) {
        dup2(open("/dev/null", O_RDONLY), 0);
        dup2(out[1], 1);
        close(out[0]);
        close(out[1]);
        execl(self, self, "--child", "stdio,id=s", NULL);
        _exit(127);
    }
    close(out[1]);
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    hear(out[0], "ready", 5);
    close(out[0]);
    g_usleep(300000);
    int status;
    struct rusage ru;
    g_assert_cmpint(waitpid(pid, &status, WNOHANG), ==, 0);
    kill(pid, SIGKILL);
    g_assert_cmpint(wait4(pid, &status, 0, &ru), ==, pid);
    g_assert_cmpint(ru.ru_utime.tv_sec * 1000000 + ru.ru_utime.tv_usec, <, 150000);
}

static void test_stdout_closed(void)
{
    int in[2], out[2];
    g_assert_cmpint(pipe(in) | pipe(out), ==, 0);
    pid_t pid = fork();
    if (!pid) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        for (int i = 0; i < 2; i++) {
            close(in[i]);
            close(out[i]);
        }
        execl(self, self, "--child", "stdio,id=s", NULL);
        _exit(127);
    }
    close(out[1]);
    close(in[0]);
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    hear(out[0], "ready", 5);
    close(out[0]);
    say(in[1], "aa"); /* answered into a closed pipe */
    g_usleep(50000);
    int status;
    g_assert_cmpint(waitpid(pid, &status, WNOHANG), ==, 0);
    say(in[1], "q");
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(in[1]);
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "--child"))
        return child_main(argv[2]);
    self = argv[0];
    g_test_init(&argc, &argv, NULL);
    dir = g_dir_make_tmp("sosia-char-XXXXXX", NULL);
    g_test_add_func("/char/errors", test_errors);
    g_test_add_func("/char/ringbuf", test_ringbuf);
    g_test_add_func("/char/file", test_file);
    g_test_add_func("/char/unix-server", test_unix_server);
    g_test_add_func("/char/slow-client", test_slow_client);
    g_test_add_func("/char/tcp", test_tcp);
    g_test_add_func("/char/abstract", test_abstract);
    g_test_add_func("/char/udp", test_udp);
    g_test_add_func("/char/pipe", test_pipe);
    g_test_add_func("/char/pty", test_pty);
    g_test_add_func("/char/mux", test_mux);
    g_test_add_func("/char/terminal", test_terminal);
    g_test_add_func("/char/stdio-eof", test_stdio_eof);
    g_test_add_func("/char/stdout-closed", test_stdout_closed);
    int r = g_test_run();
    g_autofree char *rm = g_strdup_printf("rm -rf '%s'", dir);
    return system(rm) || r;
}
