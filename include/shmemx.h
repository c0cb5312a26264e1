/* SPDX-License-Identifier: BSD-3-Clause */
/* shmemx.h: extensions of OpenSHMEM. There are none: pmx.h has what OpenSHMEM has not, and may be called beside it. */
#ifndef SHMEMX_H
#define SHMEMX_H

#include "shmem.h"

#endif /* SHMEMX_H */
