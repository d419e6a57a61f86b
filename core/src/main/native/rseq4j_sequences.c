/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The restartable sequences. Their instructions are in one header a machine; this file says what they do, makes a
 * function of each, and has what empties another CPU's stack.
 *
 * What every machine's sequence does, in a section that the kernel restarts when the thread loses its CPU inside:
 *
 *     if (area.cpu_id < 0) return NO_AREA            nobody's any more: then mm_cid reads 0 and means nothing
 *     id = cpu_id or mm_cid of the area
 *     if (id >= count) return NO_AREA                unsigned
 *     word = base + id * stride
 *     BODY, which ends in the one store that commits
 *     return id
 *
 * The bodies, where `leave` is the end without a commit and returns ~id; compared unsigned, so that a size that is
 * negative or anything else is never used as an index:
 *
 *     ADD                 *word += value
 *     COMPARE_AND_STORE   if (*word != expected) leave
 *                         *word = value
 *     SWAP                out = *word
 *                         *word = value
 *     PUSH                size = *word
 *                         if (size >= capacity) leave
 *                         word[1 + size] = value
 *                         *word = size + 1
 *     POP                 size = *word
 *                         if (size - 1 >= capacity) leave
 *                         out = word[size]
 *                         *word = size - 1
 *     PUSH_MANY           size = *word
 *                         if (size >= capacity) leave
 *                         moved = min(n, 256, capacity - size)
 *                         if (moved == 0) leave
 *                         word[1 + size + i] = words[i]      for i from 0 below moved
 *                         *word = size + moved
 *     POP_MANY            size = *word
 *                         if (size - 1 >= capacity) leave
 *                         moved = min(n, 256, size)
 *                         if (moved == 0) leave
 *                         words[i] = word[size - i]          for i from 0 below moved
 *                         *word = size - moved
 *
 * A stack is a word with the number of words on it, then the words. A size that is not from 0 to the capacity is both
 * full and empty: so a drain locks a stack. The size is read once: another CPU may lock the stack in the meantime, and
 * a commit that was computed from two reads would leave a lock behind that nobody holds. A section runs from its
 * beginning after each interruption, and the JVM waits for a thread that is in one: so none moves more than 256 words.
 */
#include "rseq4j_thread.h"

#define MEMBARRIER_CPU 1 /* include/uapi/linux/membarrier.h: MEMBARRIER_CMD_FLAG_CPU */

/* Rounds of the loop inside the section of the *_wide operations. */
EXPORT int64_t rseq4j_window;

/*
 * What each operation returns: the CPU as it was when the operation was committed; ~CPU when it had nothing to do
 * there; or NO_AREA for a thread that has no area, or whose id is out of range: nothing was done. ABORTED stays inside;
 * both are below any ~CPU, so one comparison tells what is rare.
 */
#define NO_AREA (-0x40000000)
#define ABORTED (-0x20000000)

/* How many words one section moves at most; also Sequences.MAX_WORDS of the Java side. */
#define MOST 256

/* What stands in for an area: its ids are out of range. */
static struct rseq_area no_area = { .cpu_id = (uint32_t) -1, .mm_cid = (uint32_t) -1 };

static __attribute__((cold, noinline)) void count_abort(void)
{
    struct thread_record *record = rseq4j_attach(0);
    if (record) {
        record->aborts++;
    }
}

/*
 * One operation: TYPE NAME(base, stride, count, id_offset, PARAMETERS), with LOCALS, the sequence, and the RESULT in
 * terms of `id`. What is not usual is out of line, by tail calls, so that the usual path saves no register: an area
 * that a thread-local variable knows, and what begins again after an abort.
 *
 * id_offset: 4 for cpu_id, 24 for mm_cid. count: ids at or above it are not served.
 */
#define MORE(...) __VA_OPT__(,) __VA_ARGS__ /* the list behind it, in parentheses or empty */
#define OPERATION(TYPE, NAME, PARAMETERS, VALUES, LOCALS, WINDOW, BODY, OUTPUTS, INPUTS, RESULT) \
    EXPORT TYPE NAME(char *base, uint64_t stride, uint32_t count, uint64_t id_offset MORE PARAMETERS); \
    static TYPE NAME##_recorded(char *base, uint64_t stride, uint32_t count, uint64_t id_offset MORE PARAMETERS); \
    static __attribute__((cold, noinline)) TYPE NAME##_aborted( \
        char *base, uint64_t stride, uint32_t count, uint64_t id_offset MORE PARAMETERS) \
    { \
        count_abort(); \
        return NAME(base, stride, count, id_offset MORE VALUES); \
    } \
    static inline __attribute__((always_inline)) TYPE NAME##_in( \
        struct rseq_area *area, int last, char *base, uint64_t stride, uint32_t count, uint64_t id_offset \
        MORE PARAMETERS) \
    { \
        int32_t id; \
        LOCALS \
        SEQUENCE(WINDOW, BODY, OUTPUTS, INPUTS); \
        if (__builtin_expect(id <= ABORTED, 0)) { \
            if (id == ABORTED) { \
                return NAME##_aborted(base, stride, count, id_offset MORE VALUES); \
            } \
            if (!last) { \
                return NAME##_recorded(base, stride, count, id_offset MORE VALUES); \
            } \
        } \
        RESULT \
    } \
    static __attribute__((noinline)) TYPE NAME##_recorded( \
        char *base, uint64_t stride, uint32_t count, uint64_t id_offset MORE PARAMETERS) \
    { \
        struct rseq_area *area = recorded_area(); \
        return NAME##_in(area ? area : &no_area, 1, base, stride, count, id_offset MORE VALUES); \
    } \
    EXPORT TYPE NAME(char *base, uint64_t stride, uint32_t count, uint64_t id_offset MORE PARAMETERS) \
    { \
        struct rseq_area *area = libc_place(); \
        return __builtin_expect(libc_offset != 0, 1) ? NAME##_in(area, 0, base, stride, count, id_offset MORE VALUES) \
                                                     : NAME##_recorded(base, stride, count, id_offset MORE VALUES); \
    }

/* How many words moved in the upper half, the CPU in the lower one; NO_AREA. */
#define MOVED_AND_CPU \
    return id >= 0 ? (int64_t) (moved << 32 | (uint32_t) id) : id == NO_AREA ? NO_AREA : (int64_t) (uint32_t) ~id;

#define MANY_LOCALS uint64_t moved; uint64_t at; uint64_t index; int64_t word; uint64_t few = n < MOST ? n : MOST;

#define OPERATIONS(SUFFIX, WINDOW) \
    OPERATION(int32_t, rseq4j_add##SUFFIX, (int64_t value), (value), , \
              WINDOW, ADD_BODY, (), ([value] "r"(value)), return id;) \
    OPERATION(int32_t, rseq4j_compare_and_store##SUFFIX, (int64_t expected, int64_t value), (expected, value), , \
              WINDOW, COMPARE_AND_STORE_BODY, (), ([expected] "r"(expected), [value] "r"(value)), return id;) \
    OPERATION(int32_t, rseq4j_swap##SUFFIX, (int64_t value, int64_t *old), (value, old), int64_t out;, \
              WINDOW, SWAP_BODY, ([out] "=&r"(out)), ([value] "r"(value)), \
              if (id >= 0) { *old = out; } return id;) \
    OPERATION(int32_t, rseq4j_push##SUFFIX, (uint64_t capacity, int64_t value), (capacity, value), , \
              WINDOW, PUSH_BODY, (), ([capacity] "r"(capacity), [value] "r"(value)), return id;) \
    OPERATION(int32_t, rseq4j_pop##SUFFIX, (uint64_t capacity, int64_t *word), (capacity, word), int64_t out;, \
              WINDOW, POP_BODY, ([out] "=&r"(out)), ([capacity] "r"(capacity)), \
              if (id >= 0) { *word = out; } return id;) \
    /* The word, `empty` when there is none, ~empty for a thread without an area. */ \
    OPERATION(int64_t, rseq4j_pop_word##SUFFIX, (uint64_t capacity, int64_t empty), (capacity, empty), int64_t out;, \
              WINDOW, POP_BODY, ([out] "=&r"(out)), ([capacity] "r"(capacity)), \
              return id >= 0 ? out : id == NO_AREA ? ~empty : empty;) \
    OPERATION(int64_t, rseq4j_push_many##SUFFIX, (uint64_t capacity, const int64_t *words, uint64_t n), \
              (capacity, words, n), MANY_LOCALS, \
              WINDOW, PUSH_MANY_BODY, \
              ([moved] "=&r"(moved), [at] "=&r"(at), [word] "=&r"(word), [index] "=&r"(index)), \
              ([capacity] SPARE(capacity), [words] "r"(words), [n] SPARE(few)), MOVED_AND_CPU) \
    OPERATION(int64_t, rseq4j_pop_many##SUFFIX, (uint64_t capacity, int64_t *words, uint64_t n), \
              (capacity, words, n), MANY_LOCALS, \
              WINDOW, POP_MANY_BODY, \
              ([moved] "=&r"(moved), [at] "=&r"(at), [word] "=&r"(word), [index] "=&r"(index)), \
              ([capacity] SPARE(capacity), [words] "r"(words), [n] SPARE(few)), MOVED_AND_CPU) \
    /* A value into a summary, whose words for a CPU are aligned to 64 bytes. */ \
    OPERATION(int32_t, rseq4j_summarize##SUFFIX, (int64_t value), (value), SUMMARIZE_LOCALS, \
              WINDOW, SUMMARIZE_BODY, SUMMARIZE_OUTPUTS, ([value] "r"(value)), return id;)

OPERATIONS(, WINDOW_NONE)
OPERATIONS(_wide, WINDOW_WIDE)

/* ---- Another CPU's stack ---- */

#define DRAIN_TRIES 100

/* Below the size: which drain's lock it is. Two that find the same size must not take each other's for their own. */
#define TICKET_SHIFT 31
#define TICKETS (UINT64_C(0xFFFFFFFF) << TICKET_SHIFT)

/* 0, or an errno. */
static int restart_sequences(int cpu)
{
    return -rseq4j_membarrier(MEMBARRIER_RSEQ, cpu < 0 ? 0 : MEMBARRIER_CPU, cpu < 0 ? 0 : cpu);
}

/*
 * Takes up to n words off a stack that sequences use on a CPU, or on any when that is negative; words[0] was on top.
 * Returns how many; 0 also when the size makes no sense, or another drain has the stack; -errno when the kernel refuses
 * the fence; INT64_MIN when sequences were quicker each time. It locks the stack on the way, and is one call because no
 * error can come out of the middle of it.
 */
EXPORT int64_t rseq4j_drain(int64_t *stack, uint64_t capacity, int cpu, int64_t *words, uint64_t n)
{
    static uint64_t tickets;
    uint64_t ticket = __atomic_fetch_add(&tickets, UINT64_C(1) << TICKET_SHIFT, __ATOMIC_RELAXED) & TICKETS;
    for (int tries = 0; tries < DRAIN_TRIES; tries++) {
        int64_t size = __atomic_load_n(stack, __ATOMIC_ACQUIRE);
        if ((uint64_t) size - 1 >= capacity || n == 0) {
            return 0;
        }
        int64_t lock = (int64_t) (UINT64_C(1) << 63 | ticket | (uint64_t) size);
        int64_t expected = size;
        if (!__atomic_compare_exchange_n(stack, &expected, lock, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
            continue;
        }
        int error = restart_sequences(cpu);
        /*
         * A sequence that had read the size before we locked may have committed over our lock; after the fence none can
         * any more. Then the lock stands, and with it the words below it.
         */
        if (!error && __atomic_load_n(stack, __ATOMIC_ACQUIRE) != lock) {
            continue;
        }
        uint64_t taken = error ? 0 : (uint64_t) size < n ? (uint64_t) size : n;
        for (uint64_t i = 0; i < taken; i++) {
            words[i] = stack[(uint64_t) size - i];
        }
        expected = lock; /* unless somebody stored something else, against the rules */
        __atomic_compare_exchange_n(stack, &expected, size - (int64_t) taken, 0, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
        return error ? -error : (int64_t) taken;
    }
    return INT64_MIN;
}
