/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests on their way: from a device, through a worker thread, back to the main thread.
 *
 * Within a batch (one kick of a virtqueue) requests are held back and then handed over together:
 * one lock, one wake-up. Transfers that the host can do from its page cache at once are done on
 * the spot, which spares two thread switches, and complete when the batch ends. Workers join
 * neighbours into one system call.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "backend/block/block_int.h"
#include "softmmu/run.h"
#include "util/tsan.h"

typedef struct Request Request;
struct Request {
    Request *next;
    BlockBackend *b;
    BlockOp op;
    int n_iov, ret;
    uint64_t offset, len;
    const struct iovec *iov;
    void (*done)(void *opaque, int ret);
    void *opaque;
    int64_t start_us;
    bool invalid; /* refused at once */
};

typedef struct RequestList {
    Request *head, **tail;
} RequestList;

enum { MAX_WORKERS = 4, MAX_JOINED = 512 << 10, WORKER_IDLE_US = 10 * G_USEC_PER_SEC };

/* Shared with the workers, under queue_lock. */
static GMutex queue_lock;
static GCond work_cond, done_cond;
static RequestList waiting, completed;
static unsigned n_workers, n_idle;

/* Main lock. */
static RequestList held;   /* of the batch, for workers */
static RequestList served; /* of the batch, done already */
static RequestList due;    /* done() is to be called now */
static RequestList parked; /* failed, to be tried again when the machine goes on */
static unsigned batch_depth, in_flight;

static void queue_take(void)
{
    g_mutex_lock(&queue_lock);
    TSAN_ACQUIRE(&queue_lock);
}

static void queue_leave(void)
{
    TSAN_RELEASE(&queue_lock);
    g_mutex_unlock(&queue_lock);
}

static void list_add(RequestList *l, Request *r)
{
    r->next = NULL;
    if (!l->head)
        l->tail = &l->head;
    *l->tail = r;
    l->tail = &r->next;
}

static Request *list_pop(RequestList *l)
{
    Request *r = l->head;
    if (r)
        l->head = r->next;
    return r;
}

static void list_append(RequestList *to, RequestList *from)
{
    if (!from->head)
        return;
    if (!to->head)
        to->tail = &to->head;
    *to->tail = from->head;
    to->tail = from->tail;
    from->head = NULL;
}

/* ---- carrying out ---- */

static bool all_zero(const struct iovec *iov, int n_iov)
{
    for (int i = 0; i < n_iov; i++) {
        const uint8_t *p = iov[i].iov_base;
        size_t n = iov[i].iov_len;
        if (n && (p[0] || memcmp(p, p + 1, n - 1)))
            return false;
    }
    return true;
}

/*
 * The guest could make a raw image whose format was guessed look like another format, and so
 * have the next start open a file of its choice as the backing file.
 */
static bool forges_header(BlockBackend *b, uint64_t offset, const struct iovec *iov, int n_iov)
{
    uint8_t head[BLOCK_SECTOR];
    size_t len = 0;
    if (!b->probed || offset >= BLOCK_SECTOR)
        return false;
    if (offset)
        return true; /* sectors come whole; anything else is up to no good */
    for (int i = 0; i < n_iov && len < sizeof head; i++) {
        size_t n = MIN(iov[i].iov_len, sizeof head - len);
        memcpy(head + len, iov[i].iov_base, n);
        len += n;
    }
    return block_probe_format(head, len);
}

static int run_write(BlockBackend *b, uint64_t offset, const struct iovec *iov, int n_iov,
                     uint64_t len)
{
    BlockNode *n = b->node;
    if (forges_header(b, offset, iov, n_iov))
        return -EPERM;
    if (b->detect_zeroes && len && all_zero(iov, n_iov))
        return n->driver->write_zeroes(n, offset, len, b->detect_zeroes == DETECT_ZEROES_UNMAP);
    return n->driver->writev(n, offset, iov, n_iov, len);
}

int block_run(BlockBackend *b, BlockOp op, uint64_t offset, const struct iovec *iov, int n_iov,
              uint64_t len)
{
    BlockNode *n = b->node;
    int r = op == BLOCK_READ || op == BLOCK_FLUSH ? 0 : block_journal_note(b, offset, len);
    if (r)
        return r;
    switch (op) {
    case BLOCK_READ:
        return len ? n->driver->readv(n, offset, iov, n_iov, len) : 0;
    case BLOCK_FLUSH:
        return b->no_flush || b->read_only || block_inactive ? 0 : n->driver->flush(n);
    case BLOCK_DISCARD:
        return b->discard && len ? n->driver->discard(n, offset, len) : 0;
    case BLOCK_WRITE:
        r = len ? run_write(b, offset, iov, n_iov, len) : 0;
        break;
    case BLOCK_WRITE_ZEROES:
        r = len ? n->driver->write_zeroes(n, offset, len, b->discard) : 0;
        break;
    }
    if (!r && !b->write_cache && !b->no_flush)
        r = n->driver->flush(n);
    return r;
}

static int check(const BlockBackend *b, BlockOp op, uint64_t offset, uint64_t len)
{
    if (!b->node)
        return -ENOMEDIUM;
    if (op == BLOCK_FLUSH)
        return 0;
    if (offset > b->node->size || len > b->node->size - offset)
        return -EIO;
    return op != BLOCK_READ && (b->read_only || block_inactive) ? -EPERM : 0;
}

/* ---- workers ---- */

/* Takes the first request and what continues it on the disk. */
static RequestList take_work(int *n_iov, uint64_t *len)
{
    RequestList l = { 0 };
    Request *r = list_pop(&waiting);
    *n_iov = r->n_iov;
    *len = r->len;
    list_add(&l, r);
    while (r->op == BLOCK_READ || r->op == BLOCK_WRITE) {
        Request *next = waiting.head;
        if (!next || next->b != r->b || next->op != r->op || next->offset != r->offset + r->len ||
            *n_iov + next->n_iov > IOV_MAX || *len + next->len > MAX_JOINED)
            break;
        r = list_pop(&waiting);
        *n_iov += r->n_iov;
        *len += r->len;
        list_add(&l, r);
    }
    return l;
}

static bool run_joined(RequestList *l, int n_iov, uint64_t len)
{
    struct iovec *iov = g_new(struct iovec, n_iov);
    int n = 0;
    for (Request *r = l->head; r; r = r->next) {
        memcpy(iov + n, r->iov, r->n_iov * sizeof *iov);
        n += r->n_iov;
    }
    Request *first = l->head;
    bool ok = !block_run(first->b, first->op, first->offset, iov, n, len);
    g_free(iov);
    for (Request *r = first; ok && r; r = r->next)
        r->ret = 0;
    return ok;
}

static void run_completed(void *opaque);
static gpointer worker(gpointer arg);

/*
 * One more worker for what is waiting; queue_lock held. A worker that leaves requests behind
 * calls the next one, so that a burst which one worker can join wakes only that one.
 */
static void wake_worker(void)
{
    if (n_idle) {
        g_cond_signal(&work_cond);
        return;
    }
    if (n_workers == MAX_WORKERS)
        return;
    GThread *t = n_workers ? g_thread_try_new("block", worker, NULL, NULL)
                           : g_thread_new("block", worker, NULL);
    if (t) {
        g_thread_unref(t);
        n_workers++;
    }
}

static gpointer worker(gpointer arg)
{
    queue_take();
    for (;;) {
        while (!waiting.head) {
            n_idle++;
            TSAN_RELEASE(&queue_lock);
            bool more = g_cond_wait_until(&work_cond, &queue_lock,
                                          g_get_monotonic_time() + WORKER_IDLE_US);
            TSAN_ACQUIRE(&queue_lock);
            n_idle--;
            if (!more && !waiting.head) {
                n_workers--;
                queue_leave();
                return NULL;
            }
        }
        int n_iov;
        uint64_t len;
        RequestList l = take_work(&n_iov, &len);
        if (waiting.head)
            wake_worker();
        queue_leave();
        /* Where a joined transfer fails, each part finds out whether it was the one. */
        if (!l.head->next || !run_joined(&l, n_iov, len))
            for (Request *r = l.head; r; r = r->next)
                r->ret = block_run(r->b, r->op, r->offset, r->iov, r->n_iov, r->len);
        queue_take();
        bool first = !completed.head;
        list_append(&completed, &l);
        if (first) {
            main_defer(run_completed, NULL);
            g_cond_broadcast(&done_cond);
        }
    }
}

static void hand_over(RequestList *l)
{
    if (!l->head)
        return;
    queue_take();
    list_append(&waiting, l);
    wake_worker();
    queue_leave();
}

/* ---- completion: main lock ---- */

static BlockErrorAction error_action(const Request *r)
{
    BlockErrorAction a = r->op == BLOCK_READ ? r->b->read_error : r->b->write_error;
    if (a == BLOCK_ERROR_ENOSPC)
        return r->ret == -ENOSPC ? BLOCK_ERROR_STOP : BLOCK_ERROR_REPORT;
    return a;
}

static void retry_parked(void *opaque, bool running, RunState s)
{
    if (running)
        hand_over(&parked);
}

/* rerror=stop, werror=stop: the machine waits until somebody has made room and says `cont`. */
static void park(Request *r)
{
    static bool listening;
    if (!listening) {
        run_state_add_listener(retry_parked, NULL);
        listening = true;
    }
    list_add(&parked, r);
    vm_request_stop(RUN_STATE_IO_ERROR);
}

static void count(const Request *r)
{
    static const BlockStatKind kinds[] = {
        [BLOCK_READ] = BLOCK_STAT_READ, [BLOCK_WRITE] = BLOCK_STAT_WRITE,
        [BLOCK_FLUSH] = BLOCK_STAT_FLUSH, [BLOCK_DISCARD] = BLOCK_STAT_UNMAP,
        [BLOCK_WRITE_ZEROES] = BLOCK_STAT_WRITE,
    };
    BlockStats *s = &r->b->stats;
    BlockStatKind k = kinds[r->op];
    int64_t now = g_get_monotonic_time();
    s->last_us = now;
    if (r->invalid) {
        s->of[k].invalid++;
        return;
    }
    s->of[k].ns += (uint64_t)(now - r->start_us) * 1000;
    if (r->ret) {
        s->of[k].failed++;
        return;
    }
    s->of[k].operations++;
    s->of[k].bytes += k == BLOCK_STAT_FLUSH ? 0 : r->len;
    if (k == BLOCK_STAT_WRITE)
        s->highest_write = MAX(s->highest_write, r->offset + r->len);
}

const BlockStats *block_stats(const BlockBackend *b)
{
    return &b->stats;
}

/* Calls done() for all that is in l. Callbacks may submit, and may drain (hence the one list). */
static void finish(RequestList *l)
{
    for (Request *r = l->head; r; r = r->next)
        r->b->completing++;
    list_append(&due, l);
    for (Request *r; (r = list_pop(&due));) {
        in_flight--;
        r->b->in_flight--;
        r->b->completing--;
        count(r);
        r->done(r->opaque, r->ret);
        g_free(r);
    }
}

bool block_completions_left(const BlockBackend *b)
{
    return b->completing;
}

static void run_completed(void *opaque)
{
    RequestList l = { 0 }, good = { 0 };
    queue_take();
    list_append(&l, &completed);
    queue_leave();
    for (Request *r; (r = list_pop(&l));) {
        BlockErrorAction a = r->ret ? error_action(r) : BLOCK_ERROR_REPORT;
        if (a == BLOCK_ERROR_STOP) {
            park(r);
            continue;
        }
        if (a == BLOCK_ERROR_IGNORE)
            r->ret = 0;
        list_add(&good, r);
    }
    finish(&good);
}

static void run_served(void *opaque)
{
    RequestList l = { 0 };
    list_append(&l, &served);
    finish(&l);
}

/* ---- submission ---- */

static bool synchronous;

void block_set_synchronous(void)
{
    synchronous = true;
}

static bool try_at_once(Request *r)
{
    BlockBackend *b = r->b;
    BlockNode *n = b->node;
    if (synchronous) {
        r->ret = block_run(b, r->op, r->offset, r->iov, r->n_iov, r->len);
        return true;
    }
    if (!n->driver->try_rw || (r->op != BLOCK_READ && r->op != BLOCK_WRITE))
        return false;
    if (r->op == BLOCK_WRITE && (b->detect_zeroes || b->probed || !b->write_cache))
        return false;
    r->ret = r->len ? n->driver->try_rw(n, r->op == BLOCK_WRITE, r->offset, r->iov, r->n_iov,
                                        r->len)
                    : 0;
    return !r->ret;
}

void block_submit(BlockBackend *b, BlockOp op, uint64_t offset, const struct iovec *iov, int n_iov,
                  uint64_t len, void (*done)(void *opaque, int ret), void *opaque)
{
    Request *r = g_new(Request, 1);
    *r = (Request){ .b = b, .op = op, .offset = offset, .iov = iov, .n_iov = n_iov, .len = len,
                    .done = done, .opaque = opaque, .start_us = g_get_monotonic_time() };
    in_flight++;
    b->in_flight++;
    r->ret = check(b, op, offset, len);
    r->invalid = r->ret;
    if (r->ret || (batch_depth && try_at_once(r))) {
        if (!served.head && !batch_depth)
            main_defer(run_served, NULL);
        list_add(&served, r);
        return;
    }
    list_add(&held, r);
    if (!batch_depth)
        hand_over(&held);
}

void block_batch_begin(void)
{
    batch_depth++;
}

void block_batch_end(void)
{
    if (--batch_depth)
        return;
    hand_over(&held);
    run_served(NULL);
}

static void wait_for_workers(void)
{
    TSAN_RELEASE(&queue_lock);
    g_cond_wait(&done_cond, &queue_lock);
    TSAN_ACQUIRE(&queue_lock);
}

void block_quiesce(void)
{
    for (;;) {
        hand_over(&held);
        run_served(NULL);
        run_completed(NULL);
        unsigned n = 0;
        for (const Request *r = parked.head; r; r = r->next)
            n++;
        if (in_flight == n)
            return;
        queue_take();
        while (!completed.head && !served.head)
            wait_for_workers();
        queue_leave();
    }
}

/*
 * What was parked is reported as failed: whoever drains (a snapshot, the end of the program) can't
 * wait for a user.
 */
void block_drain(BlockBackend *b)
{
    for (;;) {
        hand_over(&held);
        finish(&parked);
        run_served(NULL);
        run_completed(NULL);
        if (!(b ? b->in_flight : in_flight))
            return;
        queue_take();
        while (!completed.head && !served.head && !parked.head)
            wait_for_workers();
        queue_leave();
    }
}

void block_drain_all(void)
{
    block_drain(NULL);
}

static int run_sync(BlockBackend *b, BlockOp op, uint64_t offset, void *buf, uint64_t len)
{
    struct iovec iov = { buf, len };
    int r = check(b, op, offset, len);
    return r ? r : block_run(b, op, offset, &iov, 1, len);
}

int block_read_sync(BlockBackend *b, uint64_t offset, void *buf, uint64_t len)
{
    return run_sync(b, BLOCK_READ, offset, buf, len);
}

int block_write_sync(BlockBackend *b, uint64_t offset, const void *buf, uint64_t len)
{
    return run_sync(b, BLOCK_WRITE, offset, (void *)buf, len);
}
