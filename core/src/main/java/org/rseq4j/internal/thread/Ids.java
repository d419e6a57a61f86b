// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.thread;

import org.rseq4j.internal.linux.Abi;
import org.rseq4j.internal.linux.Memory;

/** The ids in a thread's area, with what stands in for them where there is none. */
public final class Ids {
    private Ids() {
    }

    /** Initializes what ids are read from. */
    public static void initialize() {
        int ignored = cpuId() + concurrencyId() + nodeId() + stripe();
    }

    /** The CPU of the running thread, or a stripe. */
    public static int cpuId() {
        return Registration.ACTIVE ? cpuId(ThreadArea.find()) : stripe();
    }

    /** The CPU in an area that {@link ThreadArea#find()} gave just now. */
    public static int cpuId(long area) {
        return id(area, Abi.CPU_ID);
    }

    /** The concurrency ID of the running thread, or a stripe. */
    public static int concurrencyId() {
        return Registration.ACTIVE ? concurrencyId(ThreadArea.find()) : stripe();
    }

    /** The concurrency ID in an area that {@link ThreadArea#find()} gave just now. */
    public static int concurrencyId(long area) {
        // An area whose registration was taken away has -1 as its CPU, but 0 as its concurrency ID and node.
        return id(area, Registration.HAS_CONCURRENCY_ID && isRegistered(area) ? Abi.MM_CID : Abi.CPU_ID);
    }

    /** The NUMA node of the running thread, or 0. */
    public static int nodeId() {
        long area = Registration.ACTIVE && Registration.HAS_CONCURRENCY_ID ? ThreadArea.find() : 0;
        return area == 0 ? 0 : field(area, Abi.NODE_ID);
    }

    private static boolean isRegistered(long area) {
        return area != 0 && field(area, Abi.CPU_ID) >= 0;
    }

    private static int field(long area, int offset) {
        return Memory.getIntOpaque(area + offset);
    }

    private static int id(long area, int offset) {
        if (!Registration.ACTIVE || area == 0) {
            return stripe();
        }
        int id = field(area, offset);
        // Negative when somebody took the area's registration away behind our back.
        return Integer.compareUnsigned(id, Registration.CPU_COUNT) < 0 ? id : stripe();
    }

    /** A number below cpuCount() that stays the same for a thread and differs between most. */
    static int stripe() {
        long mixed = Threads.currentId() * 0x9E3779B97F4A7C15L;
        return (int) Math.multiplyHigh(mixed >>> 1, (long) Registration.CPU_COUNT << 1);
    }
}
