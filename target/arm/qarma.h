/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QARMA5: the cipher that makes pointer authentication codes. R. Avanzi, "The QARMA Block Cipher
 * Family", with 64-bit blocks, five rounds, and S-box sigma 2.
 */
#ifndef TARGET_ARM_QARMA_H
#define TARGET_ARM_QARMA_H

#include <stdint.h>

/* w0 and k0 are the halves of the key: of Arm's key registers the high one and the low one. */
uint64_t qarma5(uint64_t text, uint64_t tweak, uint64_t w0, uint64_t k0);
/* The same for hosts without byte shuffles. */
uint64_t qarma5_portable(uint64_t text, uint64_t tweak, uint64_t w0, uint64_t k0);

#endif
