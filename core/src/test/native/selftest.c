/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests the native library without a JVM, as its file stands in the jar: where there is no Java, or none of this C
 * library.
 *   selftest LIBRARY libc|own [ROUNDS]
 * The area is the C library's, where it registers one, or the library's own. One line for each check; status 1 when one
 * failed.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../../main/native/rseq4j_thread.h"

#define THREADS 4
#define STRIDE 512
#define MAX_CPUS 1024
#define CAPACITY 16
#define NO_AREA (-0x40000000)

static void (*probe)(struct probe *);
static int (*configure)(int, int, int);
static struct thread_record *(*attach)(uint64_t);
static void (*records)(uint64_t *);
static int (*check_aborts)(int64_t *);
static int (*map_barrier)(int, unsigned, int);
static int64_t (*drain)(int64_t *, uint64_t, int, int64_t *, uint64_t);
static int64_t *window;

#define ARGUMENTS char *base, uint64_t stride, uint32_t count, uint64_t id_offset
struct operations {
    int32_t (*add)(ARGUMENTS, int64_t);
    int32_t (*compare_and_store)(ARGUMENTS, int64_t, int64_t);
    int32_t (*swap)(ARGUMENTS, int64_t, int64_t *);
    int32_t (*push)(ARGUMENTS, uint64_t, int64_t);
    int32_t (*pop)(ARGUMENTS, uint64_t, int64_t *);
    int64_t (*push_many)(ARGUMENTS, uint64_t, const int64_t *, uint64_t);
    int64_t (*pop_many)(ARGUMENTS, uint64_t, int64_t *, uint64_t);
} usual, wide;

static int passed, failed, cpus;
static long rounds = 200000;

static void check(int good, const char *name)
{
    printf("%s - %s\n", good ? "ok" : "not ok", name);
    fflush(stdout);
    if (good) {
        passed++;
    } else {
        failed++;
    }
}

static void *library;

static void *symbol(const char *name, const char *suffix)
{
    char whole[64];
    snprintf(whole, sizeof whole, "rseq4j_%s%s", name, suffix);
    void *found = dlsym(library, whole);
    if (!found) {
        printf("not ok - %s\n", dlerror());
        exit(1);
    }
    return found;
}

static void operations(struct operations *to, const char *suffix)
{
    *(void **) &to->add = symbol("add", suffix);
    *(void **) &to->compare_and_store = symbol("compare_and_store", suffix);
    *(void **) &to->swap = symbol("swap", suffix);
    *(void **) &to->push = symbol("push", suffix);
    *(void **) &to->pop = symbol("pop", suffix);
    *(void **) &to->push_many = symbol("push_many", suffix);
    *(void **) &to->pop_many = symbol("pop_many", suffix);
}

/* What a stride of the memory holds. */
struct words {
    int64_t counter, latch, box;
    int64_t stack[1 + CAPACITY];
};
static union {
    struct words words;
    char bytes[STRIDE];
} memory[MAX_CPUS] __attribute__((aligned(STRIDE)));

/* One that all CPUs share: each operation on it is alone. */
#define MOST 256
static int64_t tall[1 + 2 * MOST], many[2 * MOST];

#define PLACE(field) (char *) &memory[0].words.field, STRIDE, (uint32_t) cpus, id

#define STEPS 15
struct step {
    int good;
    const char *name;
};

/* Each operation in turn, all on the same CPU; returns how many steps there were. */
static int steps(uint64_t id, struct step *step)
{
    int64_t out[CAPACITY] = { 0 };
    const int64_t three[] = { 7, 8, 9 };
    int n = 0;
    memset(memory, 0, sizeof memory);
    int cpu = usual.add(PLACE(counter), 40);
    step[n++] = (struct step) { cpu >= 0 && cpu < cpus, "an id below the number of CPUs" };
    if (cpu < 0 || cpu >= cpus) {
        return n;
    }
    struct words *here = &memory[cpu].words;
    if (id == offsetof(struct rseq_area, cpu_id)) {
        step[n++] = (struct step) { cpu == sched_getcpu(), "the CPU is the one that the system call tells" };
    }
    step[n++] = (struct step) { usual.add(PLACE(counter), 2) == cpu && here->counter == 42, "add" };
    step[n++] = (struct step) { usual.compare_and_store(PLACE(latch), 1, 5) == ~cpu && here->latch == 0
        && usual.compare_and_store(PLACE(latch), 0, 5) == cpu && here->latch == 5, "compare and store" };
    step[n++] = (struct step) { usual.swap(PLACE(box), 11, out) == cpu && out[0] == 0
        && usual.swap(PLACE(box), 12, out) == cpu && out[0] == 11 && here->box == 12, "swap" };
    step[n++] = (struct step) { usual.pop(PLACE(stack), CAPACITY, out) == ~cpu, "pop from an empty stack" };
    step[n++] = (struct step) { usual.push(PLACE(stack), 2, 1) == cpu && usual.push(PLACE(stack), 2, 2) == cpu
        && usual.push(PLACE(stack), 2, 3) == ~cpu && here->stack[0] == 2, "push to a stack of two" };
    step[n++] = (struct step) { usual.pop(PLACE(stack), CAPACITY, out) == cpu && out[0] == 2 && here->stack[0] == 1,
        "pop the last one" };
    step[n++] = (struct step) { usual.push_many(PLACE(stack), 3, three, 3) == ((int64_t) 2 << 32 | cpu)
        && here->stack[0] == 3 && here->stack[2] == 7 && here->stack[3] == 8, "push as many as there is room for" };
    step[n++] = (struct step) { usual.push_many(PLACE(stack), 3, three, 1) == cpu, "push many to a full stack" };
    step[n++] = (struct step) { usual.pop_many(PLACE(stack), CAPACITY, out, 2) == ((int64_t) 2 << 32 | cpu)
        && out[0] == 8 && out[1] == 7
        && usual.pop_many(PLACE(stack), CAPACITY, out, 9) == ((int64_t) 1 << 32 | cpu) && out[0] == 1
        && usual.pop_many(PLACE(stack), CAPACITY, out, 1) == cpu, "pop many, what was on top first" };
    tall[0] = 0;
    step[n++] = (struct step) {
        usual.push_many((char *) tall, 0, (uint32_t) cpus, id, 2 * MOST, many, MOST + 1) == ((int64_t) MOST << 32 | cpu)
        && usual.push_many((char *) tall, 0, (uint32_t) cpus, id, 2 * MOST, many, UINT64_MAX) >> 32 == MOST
        && usual.pop_many((char *) tall, 0, (uint32_t) cpus, id, 2 * MOST, many, 2 * MOST) >> 32 == MOST
        && tall[0] == MOST, "no more than 256 words in one sequence" };
    const int64_t none[] = { -1, INT64_MIN, CAPACITY + 1, (int64_t) 1 << 40, INT64_MAX };
    int alone = 1;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        here->stack[0] = none[i];
        alone &= usual.push(PLACE(stack), CAPACITY, 1) == ~cpu && usual.pop(PLACE(stack), CAPACITY, out) == ~cpu
            && usual.push_many(PLACE(stack), CAPACITY, three, 3) == cpu
            && usual.pop_many(PLACE(stack), CAPACITY, out, 2) == cpu
            && drain(here->stack, CAPACITY, cpu, out, CAPACITY) == 0 && here->stack[0] == none[i];
    }
    step[n++] = (struct step) { alone, "a size that is locked or makes no sense is both full and empty" };
    here->stack[0] = 3;
    step[n++] = (struct step) {
        drain(here->stack, CAPACITY, id == offsetof(struct rseq_area, cpu_id) ? cpu : -1, out, 2) == 2
        && here->stack[0] == 1 && out[0] == here->stack[3] && out[1] == here->stack[2], "drain takes what is on top" };
    step[n++] = (struct step) { usual.add((char *) memory, STRIDE, 0, id, 1) == NO_AREA,
        "an id out of range is not served" };
    return n;
}

static void one_thread(uint64_t id, const char *name)
{
    struct step step[STEPS];
    cpu_set_t all, one;
    uint32_t *now = (uint32_t *) ((char *) attach(0)->area + id);
    int n, tries = 0;
    char line[100];
    sched_getaffinity(0, sizeof all, &all);
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    sched_setaffinity(0, sizeof one, &one);
    uint32_t before;
    do { /* the kernel may give another concurrency ID at any time */
        before = *(volatile uint32_t *) now;
        n = steps(id, step);
    } while (*(volatile uint32_t *) now != before && ++tries < 1000);
    for (int i = 0; i < n; i++) {
        snprintf(line, sizeof line, "%s: %s", name, step[i].name);
        check(step[i].good, line);
    }
    sched_setaffinity(0, sizeof all, &all);
}

/* Threads that lose their CPUs: more than there are, moved about and interrupted by signals. */
struct worker {
    pthread_t thread;
    pid_t id;
    const struct operations *operations;
    uint64_t offset;
    volatile int done;
    uint64_t added, pushed, popped, sum_in, sum_out, aborts;
    int error;
};

static void *work(void *argument)
{
    struct worker *worker = argument;
    const struct operations *with = worker->operations;
    uint64_t id = worker->offset;
    struct thread_record *record = attach(0);
    int64_t out[3];
    worker->id = (pid_t) syscall(SYS_gettid);
    if (!record || !record->area) {
        worker->error = 1;
    }
    for (long round = 0; round < rounds && !worker->error; round++) {
        int64_t word = round + 1, moved;
        int32_t cpu = with->add(PLACE(counter), 1);
        worker->added++;
        worker->error |= cpu == NO_AREA;
        switch (round % 4) {
            case 0:
            case 1:
                if (with->push(PLACE(stack), CAPACITY, word) >= 0) {
                    worker->pushed++;
                    worker->sum_in += (uint64_t) word;
                }
                break;
            case 2:
                if (with->pop(PLACE(stack), CAPACITY, out) >= 0) {
                    worker->popped++;
                    worker->sum_out += (uint64_t) out[0];
                }
                break;
            default:
                moved = with->pop_many(PLACE(stack), CAPACITY, out, 3) >> 32;
                for (int64_t i = 0; i < moved; i++) {
                    worker->popped++;
                    worker->sum_out += (uint64_t) out[i];
                }
                if (round % 8 == 7 && moved > 0) {
                    int64_t back = with->push_many(PLACE(stack), CAPACITY, out, (uint64_t) moved) >> 32;
                    for (int64_t i = 0; i < back; i++) {
                        worker->pushed++;
                        worker->sum_in += (uint64_t) out[i];
                    }
                }
                break;
        }
    }
    worker->aborts = record ? record->aborts : 0;
    worker->done = 1;
    return NULL;
}

static void on_signal(int number)
{
    (void) number;
}

static void many_threads(const struct operations *with, uint64_t id, const char *name, int aborts_expected)
{
    struct worker workers[THREADS];
    struct timespec pause = { 0, 20000 };
    uint64_t added = 0, in = 0, out = 0, pushed = 0, popped = 0, aborts = 0, counted = 0, left = 0, sum_left = 0;
    uint32_t random = 12345;
    int error = 0, running;
    char line[160];
    memset(memory, 0, sizeof memory);
    memset(workers, 0, sizeof workers);
    for (int i = 0; i < THREADS; i++) {
        workers[i].operations = with;
        workers[i].offset = id;
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0) {
            check(0, "threads can be made");
            exit(1);
        }
    }
    do {
        running = 0;
        for (int i = 0; i < THREADS; i++) {
            if (!workers[i].done) {
                running++;
                if (workers[i].id) {
                    cpu_set_t set;
                    random = random * 1664525 + 1013904223;
                    CPU_ZERO(&set);
                    CPU_SET((random >> 16) % (uint32_t) cpus, &set);
                    sched_setaffinity(workers[i].id, sizeof set, &set);
                    syscall(SYS_tgkill, getpid(), workers[i].id, SIGUSR1);
                }
            }
        }
        nanosleep(&pause, NULL);
    } while (running);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        added += workers[i].added;
        in += workers[i].sum_in;
        out += workers[i].sum_out;
        pushed += workers[i].pushed;
        popped += workers[i].popped;
        aborts += workers[i].aborts;
        error |= workers[i].error;
    }
    for (int cpu = 0; cpu < cpus; cpu++) {
        struct words *here = &memory[cpu].words;
        counted += (uint64_t) here->counter;
        left += (uint64_t) here->stack[0];
        for (int64_t i = 0; i < here->stack[0]; i++) {
            sum_left += (uint64_t) here->stack[1 + i];
        }
    }
    snprintf(line, sizeof line, "%s: %llu adds by %d threads, %llu aborted sequences, none lost", name,
             (unsigned long long) added, THREADS, (unsigned long long) aborts);
    check(!error && added == counted, line);
    snprintf(line, sizeof line, "%s: %llu words pushed, none lost or doubled", name, (unsigned long long) pushed);
    check(pushed == popped + left && in == out + sum_left, line);
    if (aborts_expected) {
        snprintf(line, sizeof line, "%s: sequences were aborted", name);
        check(aborts > 0, line);
    }
}

/* Somebody takes the registration of this thread away: the area then says CPU -1, but concurrency ID 0. */
static void lose_area(struct thread_record *record, const struct probe *found)
{
    uint64_t align = found->align < 32 ? 32 : found->align;
    uint64_t size = ((found->feature_size < 32 ? 32 : found->feature_size) + align - 1) / align * align;
    check(syscall(NR_RSEQ, record->area, size, 1, RSEQ_SIG) == 0, "the registration is taken away");
    memset(memory, 0, sizeof memory);
    uint64_t id = offsetof(struct rseq_area, cpu_id);
    int by_cpu = usual.add(PLACE(counter), 1);
    id = offsetof(struct rseq_area, mm_cid);
    int by_id = usual.add(PLACE(counter), 1);
    check(by_cpu == NO_AREA && by_id == NO_AREA && memory[0].words.counter == 0, "then no sequence does anything");
    syscall(NR_RSEQ, record->area, size, 0, RSEQ_SIG);
}

int main(int count, char **arguments)
{
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
    struct probe found;
    int64_t aborts[2];
    uint64_t made[4], again[4];
    if (count < 3) {
        fprintf(stderr, "usage: selftest LIBRARY libc|own [ROUNDS]\n");
        return 2;
    }
    if (count > 3) {
        rounds = atol(arguments[3]);
    }
    library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        printf("not ok - %s\n", dlerror());
        return 1;
    }
    *(void **) &probe = symbol("probe", "");
    *(void **) &configure = symbol("configure", "");
    *(void **) &attach = symbol("attach", "");
    *(void **) &records = symbol("records", "");
    *(void **) &check_aborts = symbol("check_aborts", "");
    *(void **) &map_barrier = symbol("membarrier", "");
    *(void **) &drain = symbol("drain", "");
    window = symbol("window", "");
    operations(&usual, "");
    operations(&wide, "_wide");
    sigaction(SIGUSR1, &action, NULL);

    probe(&found);
    printf("C library: %s, feature size %llu, alignment %llu, its area: %llu bytes\n",
           *found.libc_version ? found.libc_version : "not glibc", (unsigned long long) found.feature_size,
           (unsigned long long) found.align, (unsigned long long) found.libc_size);
    cpus = (int) found.possible_cpus;
    cpu_set_t allowed;
    sched_getaffinity(0, sizeof allowed, &allowed);
    for (int cpu = cpus; cpu < CPU_SETSIZE; cpu++) { /* musl counts the allowed ones, whatever their numbers are */
        if (CPU_ISSET(cpu, &allowed)) {
            cpus = cpu + 1;
        }
    }
    check(found.syscall_error == EINVAL, "the kernel has rseq");
    check(cpus >= 1 && cpus <= MAX_CPUS, "the CPUs are counted");

    int own = strcmp(arguments[2], "own") == 0;
    check(configure(!own, 1, 1) == 0, "configured");
    struct thread_record *record = attach(1);
    if (!record || !record->area) {
        printf("registration error %d\n", record ? record->registration_error : -1);
        check(0, "this thread has an area");
        return 1;
    }
    int from_libc = !own && found.libc_size != 0;
    check(record->registration == (from_libc ? REGISTRATION_LIBC : REGISTRATION_OWN),
          from_libc ? "the area is the C library's" : "the area is the library's own");
    check(attach(1) == record, "a thread keeps its record");
    printf("slice extension: prctl gave errno %d\n", record->slice_error);
    check(record->slice_error == 0 || record->slice_error == EINVAL || record->slice_error == 524
          || record->slice_error == EPERM, /* a seccomp filter's */
          "the kernel grants extensions or says why not");
    check((record->area->flags & 0x20) == (record->slice_error == 0 ? 0x20 : 0), "the area's flags say the same");

    check(map_barrier(256, 0, 0) == 0, "the process may fence");
    one_thread(offsetof(struct rseq_area, cpu_id), "by CPU");
    many_threads(&usual, offsetof(struct rseq_area, cpu_id), "by CPU", 0);
    *window = 2000;
    rounds /= 10;
    many_threads(&wide, offsetof(struct rseq_area, cpu_id), "by CPU, long sequences", 1);
    if (found.feature_size >= 28) {
        one_thread(offsetof(struct rseq_area, mm_cid), "by concurrency ID");
        many_threads(&wide, offsetof(struct rseq_area, mm_cid), "by concurrency ID, long sequences", 1);
    } else {
        printf("no concurrency ID on this kernel\n");
    }

    int error = check_aborts(aborts);
    printf("preempted %lld times inside, %lld aborts\n", (long long) aborts[0], (long long) aborts[1]);
    check(error == 0 && aborts[1] > 0, "this kernel aborts sequences");
    check(map_barrier(256, 0, 0) == 0 && map_barrier(128, 0, 0) == 0 && map_barrier(128, 1, 0) == 0,
          "a fence on all CPUs, and on one");

    records(made);
    rounds = 10;
    for (int i = 0; i < 3; i++) {
        many_threads(&usual, offsetof(struct rseq_area, cpu_id), "threads come and go", 0);
    }
    records(again);
    check(again[0] == made[0] && again[1] == made[1], "the record of a thread that has gone serves the next one");
    if (!from_libc) {
        lose_area(record, &found);
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed > 0;
}
