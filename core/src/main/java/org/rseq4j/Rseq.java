// SPDX-License-Identifier: Apache-2.0
package org.rseq4j;

import org.rseq4j.internal.thread.FirstUse;
import org.rseq4j.internal.thread.Ids;
import org.rseq4j.internal.thread.Registration;

/**
 * The CPU number, the concurrency ID and the NUMA node of the running thread, read from its rseq area with plain loads.
 *
 * <p>
 * An id is a hint: the thread may be moved to another CPU right after it was read. It serves to choose a shard that is
 * most likely not in use by another CPU; what is done there must still be safe against others.
 *
 * <p>
 * Without rseq (another system, an old kernel, no native access, {@code -Drseq4j.registration=none}) the CPU and
 * concurrency ids are a stripe chosen from the thread, and the node is 0. They never fail and are always a valid index
 * below {@link #cpuCount()}; {@link #status()} says what was found and why.
 *
 * <p>
 * Cost: about a nanosecond on a platform thread; about five on a virtual thread, which asks its carrier by a native
 * call, or about one with {@code --add-exports java.base/jdk.internal.access=org.rseq4j.core} (on the class path:
 * {@code =ALL-UNNAMED}) or on Java 21.
 *
 * <p>
 * <b>Happens-before:</b> an id orders nothing between threads.
 *
 * @since 0.1.0
 */
public final class Rseq {
    private static boolean initialized;

    private Rseq() {
    }

    private static void initialize() {
        FirstUse.prepare();
        Ids.initialize();
        initialized = true;
    }

    /** {@return the CPU that this thread runs on, from 0 to cpuCount() - 1} */
    public static int cpuId() {
        if (!initialized) {
            initialize();
        }
        return Ids.cpuId();
    }

    /**
     * The concurrency ID: unique among the threads of this process that run at one moment, and below both their number
     * and the number of CPUs that they may use. Data indexed by it grows with the concurrency that a container really
     * has, not with its host. Before Linux 6.3 it is the CPU number.
     *
     * @return the concurrency ID, from 0 to cpuCount() - 1
     */
    public static int concurrencyId() {
        if (!initialized) {
            initialize();
        }
        return Ids.concurrencyId();
    }

    /** {@return the NUMA node of the CPU that this thread runs on; 0 when unknown (before Linux 6.3)} */
    public static int nodeId() {
        if (!initialized) {
            initialize();
        }
        return Ids.nodeId();
    }

    /** {@return a constant above both ids: the number of CPUs that this system can ever have} */
    public static int cpuCount() {
        if (!initialized) {
            initialize();
        }
        return Registration.CPU_COUNT;
    }

    /** {@return what the library found on this machine, and why anything is missing} */
    public static RseqStatus status() {
        return Registration.status(cpuId(), concurrencyId(), nodeId());
    }
}
