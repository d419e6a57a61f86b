// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.linux;

/**
 * Every number of the kernel's and the C library's interface that Java code knows, each with its source. The C side has
 * its own few in {@code rseq4j.h} and in one header a machine.
 */
public final class Abi {
    /** {@code include/uapi/linux/rseq.h}, {@code struct rseq}: the offsets of its fields, in bytes. */
    public static final int CPU_ID = 4;
    public static final int FLAGS = 16;
    public static final int NODE_ID = 20;
    public static final int MM_CID = 24;
    public static final int SLICE_REQUEST = 28;
    public static final int SLICE_GRANTED = 29;

    /** {@code RSEQ_CS_FLAG_SLICE_EXT_ENABLED}: bit 5 of the flags, Linux 7.0. */
    public static final int FLAG_SLICE_ENABLED = 0x20;

    /** {@code AT_RSEQ_FEATURE_SIZE} that includes node_id and mm_cid (Linux 6.3), and slice_ctrl (7.0). */
    public static final int FEATURE_SIZE_IDS = 28;
    public static final int FEATURE_SIZE_SLICE = 33;

    /** {@code include/uapi/asm-generic/errno-base.h} and {@code errno.h}. */
    public static final int EPERM = 1;
    public static final int EINTR = 4;
    public static final int ENXIO = 6;
    public static final int EAGAIN = 11;
    public static final int ENOMEM = 12;
    public static final int EFAULT = 14;
    public static final int EBUSY = 16;
    public static final int EINVAL = 22;
    public static final int ENOSYS = 38;
    /** {@code include/linux/errno.h}: not meant for user space, but prctl(PR_RSEQ_SLICE_EXTENSION) returns it. */
    public static final int ENOTSUPP = 524;

    /** {@code include/uapi/linux/membarrier.h}. */
    public static final int MEMBARRIER_PRIVATE_EXPEDITED = 8;
    public static final int MEMBARRIER_REGISTER_PRIVATE_EXPEDITED = 16;
    public static final int MEMBARRIER_REGISTER_PRIVATE_EXPEDITED_RSEQ = 256;
    public static final int MEMBARRIER_PRIVATE_EXPEDITED_RSEQ = 128;
    public static final int MEMBARRIER_FLAG_CPU = 1;

    /** {@code struct thread_record} of {@code rseq4j.h}. */
    public static final int RECORD_SIZE = 128;
    public static final int RECORD_AREA = 8;
    public static final int RECORD_SECTION = 0;
    public static final int RECORD_JAVA_THREAD = 24;
    public static final int RECORD_ABORTS = 32;
    public static final int RECORD_REGISTRATION = 40;
    public static final int RECORD_REGISTRATION_ERROR = 44;
    public static final int RECORD_SLICE_ERROR = 48;
    public static final int REGISTRATION_LIBC = 1;
    public static final int REGISTRATION_OWN = 2;

    private Abi() {
    }
}
