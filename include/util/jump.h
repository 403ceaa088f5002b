/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Leaving functions early. The compiler's own setjmp keeps five words and no more, which makes it
 * cheap enough for every entry to generated code. ThreadSanitizer knows only the C library's: with
 * any other its record of the call stack grows with each jump until it overflows.
 *
 * jump_set returns 0, and again with 1 when jump_to is called; its function must not have returned,
 * nor have left by a tail call, which clang makes where gcc doesn't.
 */
#ifndef UTIL_JUMP_H
#define UTIL_JUMP_H

#include "util/tsan.h"

#ifdef TSAN_ON
#include <setjmp.h>
typedef jmp_buf JumpBuf;
#define jump_set(buf) _setjmp(buf)
#define jump_to(buf) longjmp(buf, 1)
#else
typedef void *JumpBuf[5];
#define jump_set(buf) __builtin_setjmp(buf)
#define jump_to(buf) __builtin_longjmp(buf, 1)
#endif

#endif
