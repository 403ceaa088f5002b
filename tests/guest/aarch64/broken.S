// SPDX-License-Identifier: GPL-2.0-or-later
// A program whose expectation is wrong: the runner must notice.
    .include "guest.inc"
test:
    mov x19, #1
    CHECK "one is two", x19, 2
    FINISH
