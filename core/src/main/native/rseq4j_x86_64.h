/*
 * The restartable sequences of rseq4j for x86-64. Another machine is another file like this one: it defines the system
 * call numbers that the C library's headers may lack, RSEQ_SIG, thread_pointer, SPARE, WINDOW_*, SEQUENCE and the bodies.
 *
 * The shape of each: store the descriptor's address to area->rseq_cs; from `start` to `commit` read the id, compute the
 * address, work with plain loads, end in one store; the abort address, behind the signature, counts and starts again.
 * A section may be left early by a jump out of it, with nothing committed.
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
 * BODY runs inside the section with the address of this CPU's word in %rdx and the id in %[id]; rax, rdx and rcx are
 * free for it. It jumps to 5 to leave without a commit (status becomes 0), and its last instruction is the commit.
 * Operands of every sequence: area, record, id_offset, count, base, stride, and those that the body names.
 */
#define SEQUENCE(WINDOW, BODY, OUTPUTS, INPUTS) \
    __asm__ volatile( \
        ".pushsection __rseq4j_cs, \"aw\"\n\t" \
        ".balign 32\n\t" \
        "33:\n\t" \
        ".long 0, 0\n\t" \
        ".quad 1f, (2f - 1f), 44f\n\t" \
        ".popsection\n\t" \
        "11:\n\t" \
        "movl $1, %[status]\n\t" \
        "leaq 33b(%%rip), %%rax\n\t" \
        "movq %%rax, 8(%[area])\n\t" \
        "1:\n\t" \
        "movl (%[area], %[id_offset]), %[id]\n\t" \
        "cmpl %[count], %[id]\n\t" \
        "jae 6f\n\t" \
        WINDOW \
        "movl %[id], %%edx\n\t" \
        "imulq %[stride], %%rdx\n\t" \
        "addq %[base], %%rdx\n\t" \
        BODY \
        "2:\n\t" \
        "jmp 7f\n\t" \
        ".byte 0x0f, 0xb9, 0x3d\n\t" /* ud1: the signature is its operand, so that disassemblers stay in step */ \
        ".long 0x53053053\n\t" \
        "44:\n\t" \
        "addq $1, 32(%[record])\n\t" \
        "jmp 11b\n\t" \
        "5:\n\t" \
        "movl $0, %[status]\n\t" \
        "jmp 7f\n\t" \
        "6:\n\t" \
        "movl $-1, %[status]\n\t" \
        "7:\n\t" \
        : [status] "=&r"(status), [id] "=&r"(id) OUTPUTS \
        : [area] "r"(area), [record] "r"(record), [id_offset] "r"(id_offset), [count] SPARE(count), [base] "r"(base), \
          [stride] SPARE(stride) INPUTS \
        : "memory", "cc", "rax", "rdx", "rcx")

#define ADD_BODY \
    "addq %[value], (%%rdx)\n\t"

#define COMPARE_AND_STORE_BODY \
    "cmpq %[expected], (%%rdx)\n\t" \
    "jne 5f\n\t" \
    "movq %[value], (%%rdx)\n\t"

#define SWAP_BODY \
    "movq (%%rdx), %[out]\n\t" \
    "movq %[value], (%%rdx)\n\t"

/*
 * A stack is a word with the number of words on it, then the words. A negative number locks it: it is then neither pushed
 * to nor popped from.
 */
#define PUSH_BODY \
    "movq (%%rdx), %%rax\n\t" \
    "cmpq %[capacity], %%rax\n\t" \
    "jae 5f\n\t" \
    "movq %[value], 8(%%rdx, %%rax, 8)\n\t" \
    "addq $1, %%rax\n\t" \
    "movq %%rax, (%%rdx)\n\t"

#define POP_BODY \
    "movq (%%rdx), %%rax\n\t" \
    "testq %%rax, %%rax\n\t" \
    "jle 5f\n\t" \
    "subq $1, %%rax\n\t" \
    "movq 8(%%rdx, %%rax, 8), %[out]\n\t" \
    "movq %%rax, (%%rdx)\n\t"

/*
 * The size is read once: another CPU may lock the stack in the meantime, and a commit that was computed from two reads
 * would leave a lock behind that nobody holds.
 */

/* moved = min(n, capacity - size); words[0 .. moved) go on top in order; size + moved is the commit. */
#define PUSH_MANY_BODY \
    "movq (%%rdx), %%rax\n\t" \
    "testq %%rax, %%rax\n\t" \
    "js 5f\n\t" \
    "movq %[capacity], %[moved]\n\t" \
    "subq %%rax, %[moved]\n\t" \
    "jbe 5f\n\t" \
    "cmpq %[n], %[moved]\n\t" \
    "jbe 21f\n\t" \
    "movq %[n], %[moved]\n\t" \
    "testq %[moved], %[moved]\n\t" \
    "jz 5f\n\t" \
    "21:\n\t" \
    "leaq 8(%%rdx, %%rax, 8), %[at]\n\t" \
    "xorl %%ecx, %%ecx\n\t" \
    "22:\n\t" \
    "movq (%[words], %%rcx, 8), %[word]\n\t" \
    "movq %[word], (%[at], %%rcx, 8)\n\t" \
    "addq $1, %%rcx\n\t" \
    "cmpq %[moved], %%rcx\n\t" \
    "jb 22b\n\t" \
    "addq %[moved], %%rax\n\t" \
    "movq %%rax, (%%rdx)\n\t"

/* moved = min(n, size); words[0] is what was on top; size - moved is the commit. */
#define POP_MANY_BODY \
    "movq (%%rdx), %%rax\n\t" \
    "testq %%rax, %%rax\n\t" \
    "jle 5f\n\t" \
    "movq %%rax, %[moved]\n\t" \
    "cmpq %[n], %[moved]\n\t" \
    "jbe 21f\n\t" \
    "movq %[n], %[moved]\n\t" \
    "testq %[moved], %[moved]\n\t" \
    "jz 5f\n\t" \
    "21:\n\t" \
    "leaq (%%rdx, %%rax, 8), %[at]\n\t" \
    "xorl %%ecx, %%ecx\n\t" \
    "22:\n\t" \
    "movq (%[at]), %[word]\n\t" \
    "movq %[word], (%[words], %%rcx, 8)\n\t" \
    "subq $8, %[at]\n\t" \
    "addq $1, %%rcx\n\t" \
    "cmpq %[moved], %%rcx\n\t" \
    "jb 22b\n\t" \
    "subq %[moved], %%rax\n\t" \
    "movq %%rax, (%%rdx)\n\t"

#endif
