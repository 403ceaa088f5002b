# SPDX-License-Identifier: GPL-2.0-or-later
# A program whose expectation is wrong: the runner must notice.
    .include "guest.inc"
test:
    li s0, 1
    CHECK "one is two", s0, 2
    FINISH
