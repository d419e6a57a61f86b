/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The restartable sequences of rseq4j for aarch64; rseq4j_sequences.c says what each does, rseq4j_x86_64.h what a
 * machine's file defines, and the shape of each. Loads acquire and commits release, as every load and store of x86-64
 * does: what a thread wrote before its word was stored is seen by whoever finds the word.
 */
#ifndef RSEQ4J_AARCH64_H
#define RSEQ4J_AARCH64_H

/* include/uapi/asm-generic/unistd.h, and arch/arm64's signature: brk #0x45e0, read as data. */
#define NR_RSEQ 293
#define NR_RSEQ_SLICE_YIELD 471
#define RSEQ_SIG 0xd428bc00

static inline void *thread_pointer(void)
{
    void *tp;
    __asm__("mrs %0, tpidr_el0" : "=r"(tp));
    return tp;
}

/* There are registers enough. */
#define SPARE "r"

/* A loop of `window` rounds inside the section: it makes aborts likely, for tests. */
#define WINDOW_NONE ""
#define WINDOW_WIDE \
    "adrp x9, :got:rseq4j_window\n\t" \
    "ldr x9, [x9, :got_lo12:rseq4j_window]\n\t" \
    "ldr x9, [x9]\n\t" \
    "77:\n\t" \
    "subs x9, x9, #1\n\t" \
    "b.gt 77b\n\t"

/* BODY finds the address of this CPU's word in x9 and may use x9, x10 and x11. It leaves by a jump to 5. */
#define SEQUENCE(WINDOW, BODY, OUTPUTS, INPUTS) \
    __asm__ volatile( \
        ".pushsection __rseq4j_cs, \"aw\"\n\t" \
        ".balign 32\n\t" \
        "33:\n\t" \
        ".word 0, 0\n\t" \
        ".xword 1f, (2f - 1f), 44f\n\t" \
        ".popsection\n\t" \
        "adrp x9, 33b\n\t" \
        "add x9, x9, :lo12:33b\n\t" \
        "str x9, [%[area], #8]\n\t" \
        "1:\n\t" \
        "ldr w10, [%[area], #4]\n\t" \
        "tbnz w10, #31, 6f\n\t" \
        "ldr %w[id], [%[area], %[id_offset]]\n\t" \
        "cmp %w[id], %w[count]\n\t" \
        "b.hs 6f\n\t" \
        WINDOW \
        "madd x9, %x[id], %[stride], %[base]\n\t" \
        BODY \
        "2:\n\t" \
        "b 7f\n\t" \
        ".inst 0xd428bc00\n\t" \
        "44:\n\t" \
        "mov %w[id], %[aborted]\n\t" \
        "b 7f\n\t" \
        "5:\n\t" \
        "mvn %w[id], %w[id]\n\t" \
        "b 7f\n\t" \
        "6:\n\t" \
        "mov %w[id], %[no_area]\n\t" \
        "7:\n\t" \
        : [area] "+&r"(area), [id] "=&r"(id) MORE OUTPUTS \
        : [id_offset] "r"(id_offset), [count] "r"(count), [base] "r"(base), [stride] "r"(stride), \
          [aborted] "i"(ABORTED), [no_area] "i"(NO_AREA) MORE INPUTS \
        : "memory", "cc", "x9", "x10", "x11")

#define ADD_BODY \
    "ldar x10, [x9]\n\t" \
    "add x10, x10, %[value]\n\t" \
    "stlr x10, [x9]\n\t"

#define COMPARE_AND_STORE_BODY \
    "ldar x10, [x9]\n\t" \
    "cmp x10, %[expected]\n\t" \
    "b.ne 5f\n\t" \
    "stlr %[value], [x9]\n\t"

#define SWAP_BODY \
    "ldar %[out], [x9]\n\t" \
    "stlr %[value], [x9]\n\t"

#define PUSH_BODY \
    "ldar x10, [x9]\n\t" \
    "cmp x10, %[capacity]\n\t" \
    "b.hs 5f\n\t" \
    "add x11, x9, x10, lsl #3\n\t" \
    "str %[value], [x11, #8]\n\t" \
    "add x10, x10, #1\n\t" \
    "stlr x10, [x9]\n\t"

#define POP_BODY \
    "ldar x10, [x9]\n\t" \
    "sub x11, x10, #1\n\t" \
    "cmp x11, %[capacity]\n\t" \
    "b.hs 5f\n\t" \
    "ldr %[out], [x9, x10, lsl #3]\n\t" \
    "stlr x11, [x9]\n\t"

#define PUSH_MANY_BODY \
    "ldar x10, [x9]\n\t" \
    "subs %[moved], %[capacity], x10\n\t" \
    "b.ls 5f\n\t" \
    "cmp %[moved], %[n]\n\t" \
    "csel %[moved], %[moved], %[n], ls\n\t" \
    "cbz %[moved], 5f\n\t" \
    "add %[at], x9, x10, lsl #3\n\t" \
    "add %[at], %[at], #8\n\t" \
    "mov %[index], #0\n\t" \
    "22:\n\t" \
    "ldr %[word], [%[words], %[index], lsl #3]\n\t" \
    "str %[word], [%[at], %[index], lsl #3]\n\t" \
    "add %[index], %[index], #1\n\t" \
    "cmp %[index], %[moved]\n\t" \
    "b.lo 22b\n\t" \
    "add x10, x10, %[moved]\n\t" \
    "stlr x10, [x9]\n\t"

#define POP_MANY_BODY \
    "ldar x10, [x9]\n\t" \
    "sub x11, x10, #1\n\t" \
    "cmp x11, %[capacity]\n\t" \
    "b.hs 5f\n\t" \
    "cmp x10, %[n]\n\t" \
    "csel %[moved], x10, %[n], ls\n\t" \
    "cbz %[moved], 5f\n\t" \
    "add %[at], x9, x10, lsl #3\n\t" \
    "mov %[index], #0\n\t" \
    "22:\n\t" \
    "ldr %[word], [%[at]], #-8\n\t" \
    "str %[word], [%[words], %[index], lsl #3]\n\t" \
    "add %[index], %[index], #1\n\t" \
    "cmp %[index], %[moved]\n\t" \
    "b.lo 22b\n\t" \
    "sub x10, x10, %[moved]\n\t" \
    "stlr x10, [x9]\n\t"

/*
 * A store that releases and then a load that acquires stay in this order: so no set is overwritten before others can
 * see the state that no longer counts it.
 */
#define SUMMARIZE_LOCALS int64_t at; int64_t word;
#define SUMMARIZE_OUTPUTS ([at] "=&r"(at), [word] "=&r"(word))
#define SUMMARIZE_BODY \
    "ldar x10, [x9]\n\t" \
    "ldr x11, [x9, #32]\n\t" \
    "add x11, x11, #1\n\t" \
    "and %[at], x10, #2\n\t" \
    "add %[at], x9, %[at], lsl #3\n\t" \
    "ldr %[word], [%[at], #64]\n\t" \
    "cmp %[word], x11\n\t" \
    "b.eq 21f\n\t" \
    "and %[at], x10, #2\n\t" \
    "eor %[at], %[at], #2\n\t" \
    "add %[at], x9, %[at], lsl #3\n\t" \
    "str x11, [%[at], #64]\n\t" \
    "lsr %[word], x10, #2\n\t" \
    "str %[word], [%[at], #72]\n\t" \
    "and %[at], x10, #1\n\t" \
    "add %[at], x9, %[at], lsl #5\n\t" \
    "ldr %[word], [%[at], #8]\n\t" \
    "str %[word], [x9, #96]\n\t" \
    "ldr %[word], [%[at], #16]\n\t" \
    "str %[word], [x9, #104]\n\t" \
    "ldr %[word], [%[at], #24]\n\t" \
    "str %[word], [x9, #112]\n\t" \
    "eor %[at], %[at], #32\n\t" \
    "str %[value], [%[at], #8]\n\t" \
    "str %[value], [%[at], #16]\n\t" \
    "str %[value], [%[at], #24]\n\t" \
    "add x10, x10, #4\n\t" \
    "eor x10, x10, #3\n\t" \
    "b 22f\n\t" \
    "21:\n\t" \
    "and %[at], x10, #1\n\t" \
    "add %[at], x9, %[at], lsl #5\n\t" \
    "eor x11, %[at], #32\n\t" \
    "ldr %[word], [%[at], #8]\n\t" \
    "add %[word], %[word], %[value]\n\t" \
    "str %[word], [x11, #8]\n\t" \
    "ldr %[word], [%[at], #16]\n\t" \
    "cmp %[word], %[value]\n\t" \
    "csel %[word], %[word], %[value], le\n\t" \
    "str %[word], [x11, #16]\n\t" \
    "ldr %[word], [%[at], #24]\n\t" \
    "cmp %[word], %[value]\n\t" \
    "csel %[word], %[word], %[value], ge\n\t" \
    "str %[word], [x11, #24]\n\t" \
    "add x10, x10, #4\n\t" \
    "eor x10, x10, #1\n\t" \
    "22:\n\t" \
    "stlr x10, [x9]\n\t"

#endif
