/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deny SYSCALL ERRNO COMMAND…: runs a command under a seccomp filter that fails one system call: rseq, membarrier,
 * yield, which is rseq_slice_yield, or prctl, of that only option 79.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rseq_numbers.h"

int main(int argc, char **argv)
{
    if (argc < 4) {
        return 2;
    }
    unsigned number = strcmp(argv[1], "prctl") == 0 ? SYS_prctl
        : strcmp(argv[1], "membarrier") == 0 ? SYS_membarrier
        : strcmp(argv[1], "yield") == 0 ? RSEQ_SLICE_YIELD : SYS_rseq;
    unsigned error = (unsigned) atoi(argv[2]);
    struct sock_filter only_79[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 79, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_filter whole[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { .len = 4, .filter = whole };
    if (number == SYS_prctl) {
        program.len = 6;
        program.filter = only_79;
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        perror("seccomp");
        return 3;
    }
    execvp(argv[3], argv + 3);
    perror(argv[3]);
    return 127;
}
