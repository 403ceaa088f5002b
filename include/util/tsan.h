/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ThreadSanitizer does not see into glib, so it takes GMutex for nothing. Code that takes a GMutex
 * says so with these; they cost nothing otherwise.
 */
#ifndef UTIL_TSAN_H
#define UTIL_TSAN_H

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TSAN_ON 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define TSAN_ON 1
#endif

#ifdef TSAN_ON
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
#define TSAN_ACQUIRE(p) __tsan_acquire(p)
#define TSAN_RELEASE(p) __tsan_release(p)
/* Of a function that touches guest memory for the guest, whose races are its own business. */
#define TSAN_GUEST_ACCESS __attribute__((no_sanitize("thread"), noinline))
#else
#define TSAN_ACQUIRE(p) ((void)(p))
#define TSAN_RELEASE(p) ((void)(p))
#define TSAN_GUEST_ACCESS
#endif

#endif
