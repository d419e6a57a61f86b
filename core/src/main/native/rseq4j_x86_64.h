/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The restartable sequences of rseq4j for x86-64. Another machine is another file like this one: it defines the system
 * call numbers that the C library's headers may lack, RSEQ_SIG, thread_pointer, SPARE, WINDOW_*, SEQUENCE and the
 * bodies.
 *
 * What each does is said in rseq4j_sequences.c. Its shape: store the descriptor's address to area->rseq_cs; from
 * `start` to `commit` read the id, compute the address, work with plain loads, end in one store; the abort address,
 * behind the signature, says that it was aborted. A section may be left early by a jump out of it, with nothing
 * committed.
 */
#ifndef RSEQ4J_X86_64_H
#define RSEQ4J_X86_64_H

/* include/uapi/asm/unistd_64.h and include/uapi/linux/rseq.h */
#define NR_RSEQ 334
#define NR_RSEQ_SLICE_YIELD 471
#define RSEQ_SIG 0x53053053

static inline void *thread_pointer(void)
{
    void *tp;
    __asm__("movq %%fs:0, %0" : "=r"(tp));
    return tp;
}

/* Where an operand stands that is used once, and needs no register of its own. */
#define SPARE "m"

/* A loop of `window` rounds inside the section: it makes aborts likely, for tests. */
#define WINDOW_NONE ""
#define WINDOW_WIDE \
    "movq rseq4j_window@GOTPCREL(%%rip), %%rax\n\t" \
    "movq (%%rax), %%rax\n\t" \
    "77:\n\t" \
    "subq $1, %%rax\n\t" \
    "jg 77b\n\t"

/*
 * BODY runs inside the section with the address of this CPU's word in %r10 and the id in %[id]; rax and r10 are free
 * for it. It jumps to 5 to leave without a commit (the id becomes ~id), and its last instruction is the commit.
 * Operands of every sequence: area, id_offset, count, base, stride, and those that the body names. The area stands in
 * rax until the id was read: what a C function takes as arguments then stays where it is.
 */
#define SEQUENCE(WINDOW, BODY, OUTPUTS, INPUTS) \
    __asm__ volatile( \
        ".pushsection __rseq4j_cs, \"aw\"\n\t" \
        ".balign 32\n\t" \
        "33:\n\t" \
        ".long 0, 0\n\t" \
        ".quad 1f, (2f - 1f), 44f\n\t" \
        ".popsection\n\t" \
        "leaq 33b(%%rip), %%r10\n\t" \
        "movq %%r10, 8(%%rax)\n\t" \
        "1:\n\t" \
        "cmpl $0, 4(%%rax)\n\t" \
        "jl 6f\n\t" \
        "movl (%%rax, %[id_offset]), %[id]\n\t" \
        "cmpl %[count], %[id]\n\t" \
        "jae 6f\n\t" \
        WINDOW \
        "movl %[id], %%r10d\n\t" \
        "imulq %[stride], %%r10\n\t" \
        "addq %[base], %%r10\n\t" \
        BODY \
        "2:\n\t" \
        ".pushsection .text.unlikely, \"ax\"\n\t" \
        ".byte 0x0f, 0xb9, 0x3d\n\t" /* ud1: the signature is its operand, so that disassemblers stay in step */ \
        ".long 0x53053053\n\t" \
        "44:\n\t" \
        "movl %[aborted], %[id]\n\t" \
        "jmp 7f\n\t" \
        "5:\n\t" \
        "notl %[id]\n\t" \
        "jmp 7f\n\t" \
        "6:\n\t" \
        "movl %[no_area], %[id]\n\t" \
        "jmp 7f\n\t" \
        ".popsection\n\t" \
        "7:\n\t" \
        : "+&a"(area), [id] "=&r"(id) MORE OUTPUTS \
        : [id_offset] "r"(id_offset), [count] "r"(count), [base] "r"(base), [stride] "r"(stride), \
          [aborted] "i"(ABORTED), [no_area] "i"(NO_AREA) MORE INPUTS \
        : "memory", "cc", "r10")

#define ADD_BODY \
    "addq %[value], (%%r10)\n\t"

#define COMPARE_AND_STORE_BODY \
    "cmpq %[expected], (%%r10)\n\t" \
    "jne 5f\n\t" \
    "movq %[value], (%%r10)\n\t"

#define SWAP_BODY \
    "movq (%%r10), %[out]\n\t" \
    "movq %[value], (%%r10)\n\t"

#define PUSH_BODY \
    "movq (%%r10), %%rax\n\t" \
    "cmpq %[capacity], %%rax\n\t" \
    "jae 5f\n\t" \
    "movq %[value], 8(%%r10, %%rax, 8)\n\t" \
    "addq $1, %%rax\n\t" \
    "movq %%rax, (%%r10)\n\t"

#define POP_BODY \
    "movq (%%r10), %%rax\n\t" \
    "subq $1, %%rax\n\t" \
    "cmpq %[capacity], %%rax\n\t" \
    "jae 5f\n\t" \
    "movq 8(%%r10, %%rax, 8), %[out]\n\t" \
    "movq %%rax, (%%r10)\n\t"

#define PUSH_MANY_BODY \
    "movq (%%r10), %%rax\n\t" \
    "movq %[capacity], %[moved]\n\t" \
    "subq %%rax, %[moved]\n\t" \
    "jbe 5f\n\t" \
    "cmpq %[n], %[moved]\n\t" \
    "jbe 21f\n\t" \
    "movq %[n], %[moved]\n\t" \
    "testq %[moved], %[moved]\n\t" \
    "jz 5f\n\t" \
    "21:\n\t" \
    "leaq 8(%%r10, %%rax, 8), %[at]\n\t" \
    "xorl %k[index], %k[index]\n\t" \
    "22:\n\t" \
    "movq (%[words], %[index], 8), %[word]\n\t" \
    "movq %[word], (%[at], %[index], 8)\n\t" \
    "addq $1, %[index]\n\t" \
    "cmpq %[moved], %[index]\n\t" \
    "jb 22b\n\t" \
    "addq %[moved], %%rax\n\t" \
    "movq %%rax, (%%r10)\n\t"

#define POP_MANY_BODY \
    "movq (%%r10), %%rax\n\t" \
    "leaq -1(%%rax), %[moved]\n\t" \
    "cmpq %[capacity], %[moved]\n\t" \
    "jae 5f\n\t" \
    "movq %%rax, %[moved]\n\t" \
    "cmpq %[n], %[moved]\n\t" \
    "jbe 21f\n\t" \
    "movq %[n], %[moved]\n\t" \
    "testq %[moved], %[moved]\n\t" \
    "jz 5f\n\t" \
    "21:\n\t" \
    "leaq (%%r10, %%rax, 8), %[at]\n\t" \
    "xorl %k[index], %k[index]\n\t" \
    "22:\n\t" \
    "movq (%[at]), %[word]\n\t" \
    "movq %[word], (%[words], %[index], 8)\n\t" \
    "subq $8, %[at]\n\t" \
    "addq $1, %[index]\n\t" \
    "cmpq %[moved], %[index]\n\t" \
    "jb 22b\n\t" \
    "subq %[moved], %%rax\n\t" \
    "movq %%rax, (%%r10)\n\t"

/*
 * A summary's words for a CPU, two cache lines; a state counts records, times four, and has bit 1 for the header and
 * bit 0 for the set that count:
 *      0 state   8 set 0: sum, min, max    32 resets asked for    40 set 1: sum, min, max
 *     64 header 0: tag, start    80 header 1: tag, start    96 sum, min, max of the records before this header's
 * The tag is the number of resets asked for, plus 1; the start is the number of records that went before. The first
 * record after a reset keeps the current set for whoever resets, and begins another header and set. Each record writes
 * only what does not count yet, and commits by the state.
 */
#define SUMMARIZE_LOCALS int64_t at;
#define SUMMARIZE_OUTPUTS ([at] "=&r"(at))
#define SUMMARIZE_BODY \
    "movq (%%r10), %[at]\n\t" \
    "movq 32(%%r10), %%rax\n\t" \
    "addq $1, %%rax\n\t" \
    "andl $2, %k[at]\n\t" \
    "cmpq %%rax, 64(%%r10, %[at], 8)\n\t" \
    "je 21f\n\t" \
    "xorl $2, %k[at]\n\t" \
    "movq %%rax, 64(%%r10, %[at], 8)\n\t" \
    "movq (%%r10), %%rax\n\t" \
    "shrq $2, %%rax\n\t" \
    "movq %%rax, 72(%%r10, %[at], 8)\n\t" \
    "movl (%%r10), %k[at]\n\t" \
    "andl $1, %k[at]\n\t" \
    "shll $5, %k[at]\n\t" \
    "addq %%r10, %[at]\n\t" \
    "movq 8(%[at]), %%rax\n\t" \
    "movq %%rax, 96(%%r10)\n\t" \
    "movq 16(%[at]), %%rax\n\t" \
    "movq %%rax, 104(%%r10)\n\t" \
    "movq 24(%[at]), %%rax\n\t" \
    "movq %%rax, 112(%%r10)\n\t" \
    "xorq $32, %[at]\n\t" \
    "movq %[value], 8(%[at])\n\t" \
    "movq %[value], 16(%[at])\n\t" \
    "movq %[value], 24(%[at])\n\t" \
    "movq (%%r10), %%rax\n\t" \
    "addq $4, %%rax\n\t" \
    "xorq $3, %%rax\n\t" \
    "jmp 22f\n\t" \
    "21:\n\t" \
    "movl (%%r10), %k[at]\n\t" \
    "andl $1, %k[at]\n\t" \
    "shll $5, %k[at]\n\t" \
    "addq %%r10, %[at]\n\t" \
    "movq 8(%[at]), %%rax\n\t" \
    "addq %[value], %%rax\n\t" \
    "xorq $32, %[at]\n\t" \
    "movq %%rax, 8(%[at])\n\t" \
    "xorq $32, %[at]\n\t" \
    "movq 16(%[at]), %%rax\n\t" \
    "cmpq %[value], %%rax\n\t" \
    "cmovgq %[value], %%rax\n\t" \
    "xorq $32, %[at]\n\t" \
    "movq %%rax, 16(%[at])\n\t" \
    "xorq $32, %[at]\n\t" \
    "movq 24(%[at]), %%rax\n\t" \
    "cmpq %[value], %%rax\n\t" \
    "cmovlq %[value], %%rax\n\t" \
    "xorq $32, %[at]\n\t" \
    "movq %%rax, 24(%[at])\n\t" \
    "movq (%%r10), %%rax\n\t" \
    "addq $4, %%rax\n\t" \
    "xorq $1, %%rax\n\t" \
    "22:\n\t" \
    "movq %%rax, (%%r10)\n\t"

#endif
