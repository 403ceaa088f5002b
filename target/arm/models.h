/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processor models (models.c). */
#ifndef TARGET_ARM_MODELS_H
#define TARGET_ARM_MODELS_H

#include "target/arm/cpu.h"

/* Which family of IMPLEMENTATION DEFINED registers a model has (sysreg_impdef.c). */
enum { ARM_IMPDEF_NONE, ARM_IMPDEF_A57, ARM_IMPDEF_DSU };

typedef struct ArmModel {
    const char *name, *doc;
    const char *compatible;  /* of the device tree */
    ArmIdRegs id;
    uint32_t ccsidr[3];      /* level 1 data, level 1 instruction, level 2 */
    uint32_t pmcr;           /* IMP, IDCODE, N of PMCR_EL0 */
    uint8_t impdef;
} ArmModel;

const char *arm_model_name(unsigned i, const char **doc);
const char *arm_property(Cpu *cpu, unsigned i, bool *on);
bool arm_configure(Cpu *cpu, const char *text, GError **error);

#endif
