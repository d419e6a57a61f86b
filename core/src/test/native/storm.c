/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults for the tests: threads that are moved between CPUs and interrupted by signals; threads that Java did not
 * start; areas and system calls that are lost under way. By JNI, which every Java has: native methods of the class
 * Storm of the tests, and of the one of the torture.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Native methods are found by their names. */
#define METHOD(TYPE, NAME) TYPE Java_org_rseq4j_stress_Storm_##NAME
#define ALSO_TORTURE(TYPE, NAME, ...) \
    TYPE Java_org_rseq4j_torture_Storm_##NAME(__VA_ARGS__) \
        __attribute__((alias("Java_org_rseq4j_stress_Storm_" #NAME)))

/* Functions of the Java Native Interface by their places in its tables, which its specification fixes for good. */
#define JNI(TABLE, PLACE, TYPE) ((TYPE) (*(void ***) (TABLE))[PLACE])

/* The CPUs that this process may use, when it loads this. */
static cpu_set_t allowed;

static volatile uint64_t handled;

static void handler(int signal)
{
    (void) signal;
    handled++;
}

static int signal_number(void)
{
    return SIGRTMIN + 9;
}

__attribute__((constructor)) static void prepare(void)
{
    struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
    sigaction(signal_number(), &action, NULL);
    sched_getaffinity(0, sizeof allowed, &allowed);
}

int storm_thread(void)
{
    return (int) syscall(SYS_gettid);
}

METHOD(int32_t, thread)(void *env, void *class)
{
    (void) env, (void) class;
    return storm_thread();
}
ALSO_TORTURE(int32_t, thread, void *env, void *class);

METHOD(uint8_t, isAllowed)(void *env, void *class, int32_t cpu)
{
    (void) env, (void) class;
    return cpu >= 0 && cpu < CPU_SETSIZE && CPU_ISSET(cpu, &allowed);
}
ALSO_TORTURE(uint8_t, isAllowed, void *env, void *class, int32_t cpu);

/* To a CPU, or with a negative one to any; whether it worked. */
METHOD(uint8_t, move)(void *env, void *class, int32_t thread, int32_t cpu)
{
    (void) env, (void) class;
    cpu_set_t set;
    if (cpu < 0) {
        return sched_setaffinity(thread, sizeof allowed, &allowed) == 0;
    }
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return sched_setaffinity(thread, sizeof set, &set) == 0;
}
ALSO_TORTURE(uint8_t, move, void *env, void *class, int32_t thread, int32_t cpu);

METHOD(uint8_t, interrupt)(void *env, void *class, int32_t thread)
{
    (void) env, (void) class;
    return syscall(SYS_tgkill, getpid(), thread, signal_number()) == 0;
}
ALSO_TORTURE(uint8_t, interrupt, void *env, void *class, int32_t thread);

struct start {
    void (*function)(void *);
    void *argument;
    int without_rseq;
    int result;
};

#if defined(__x86_64__)
#define SIGNATURE 0x53053053
#elif defined(__aarch64__)
#define SIGNATURE 0xd428bc00
#endif

extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));

/* Does not know the length that was registered. */
static int unregister(char *area)
{
    for (uint32_t length = 20; length <= 256; length++) {
        if (syscall(SYS_rseq, area, length, 1 /* RSEQ_FLAG_UNREGISTER */, SIGNATURE) == 0) {
            return 0;
        }
    }
    return errno;
}

/* The running thread's; 0, or an errno. */
METHOD(int32_t, unregister)(void *env, void *class, int64_t area)
{
    (void) env, (void) class;
    return unregister((char *) area);
}

/*
 * The C library registers each thread before it runs anything, and where it cannot it ends the process ("Fatal glibc
 * error: rseq registration failed"). So a thread without an area is one that gave it up.
 */
static int give_up_libc_area(void)
{
    if (&__rseq_size == NULL || __rseq_size == 0) {
        return 0;
    }
    char *area = (char *) __builtin_thread_pointer() + __rseq_offset;
    if (*(volatile int32_t *) (area + 4) < 0) {
        return 0; /* its cpu_id: not registered, as the thread that started this one has another area */
    }
    return unregister(area);
}

/* A system call fails from now on: on this thread, or on all of the process; 0, or an errno. */
static int refuse(unsigned number, int error, unsigned flags)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned) error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { .len = 4, .filter = filter };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
        || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) != 0) {
        return errno;
    }
    return 0;
}

/* To all threads, for programs that end soon. */
METHOD(int32_t, refuseMembarrier)(void *env, void *class)
{
    (void) env, (void) class;
    return refuse(SYS_membarrier, ENOSYS, SECCOMP_FILTER_FLAG_TSYNC);
}

static void *run(void *argument)
{
    struct start *start = argument;
    if (start->without_rseq) {
        start->result = give_up_libc_area();
        if (start->result == 0) {
            start->result = refuse(SYS_rseq, EPERM, 0);
        }
    }
    if (start->result == 0) {
        start->function(start->argument);
    }
    return NULL;
}

/* On a thread that Java did not start, which ends then; if asked for, one that the kernel refuses rseq. */
static int in_thread(void (*function)(void *), void *argument, int without_rseq)
{
    struct start start = { function, argument, without_rseq, 0 };
    pthread_t thread;
    int error = pthread_create(&thread, NULL, run, &start);
    if (error == 0) {
        error = pthread_join(thread, NULL);
    }
    return error ? error : start.result;
}

static void call(void *function)
{
    ((void (*)(void)) function)();
}

/* A function of Java's, which attaches the thread by itself. */
int storm_in_thread(void (*function)(void))
{
    return in_thread(call, (void *) function, 0);
}

struct action {
    void *vm;
    void *runnable;
    void *method;
};

static void attach_and_run(void *argument)
{
    struct action *action = argument;
    void *env;
    if (JNI(action->vm, 4 /* AttachCurrentThread */, int32_t (*)(void *, void **, void *))(action->vm, &env, NULL)
        == 0) {
        JNI(env, 63 /* CallVoidMethodA */, void (*)(void *, void *, void *, void *))(env, action->runnable,
                                                                                     action->method, NULL);
        JNI(action->vm, 5 /* DetachCurrentThread */, int32_t (*)(void *))(action->vm);
    }
}

/* Attaches the thread, runs a Runnable, which must not throw, and detaches. */
METHOD(int32_t, runInThread)(void *env, void *class, void *runnable, uint8_t without_rseq)
{
    (void) class;
    struct action action;
    void *type = JNI(env, 6 /* FindClass */, void *(*)(void *, const char *))(env, "java/lang/Runnable");
    action.method = JNI(env, 33 /* GetMethodID */, void *(*)(void *, void *, const char *, const char *))
        (env, type, "run", "()V");
    action.runnable = JNI(env, 21 /* NewGlobalRef */, void *(*)(void *, void *))(env, runnable);
    JNI(env, 219 /* GetJavaVM */, int32_t (*)(void *, void **))(env, &action.vm);
    int error = in_thread(attach_and_run, &action, without_rseq);
    JNI(env, 22 /* DeleteGlobalRef */, void (*)(void *, void *))(env, action.runnable);
    return error;
}
