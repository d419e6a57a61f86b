/* SPDX-License-Identifier: Apache-2.0 */
/* What the programs to be preloaded have to know of rseq on this machine. */
#ifdef __aarch64__
#define RSEQ 293
#define SIGNATURE 0xd428bc00
#else
#define RSEQ 334
#define SIGNATURE 0x53053053
#endif
#define RSEQ_SLICE_YIELD 471
