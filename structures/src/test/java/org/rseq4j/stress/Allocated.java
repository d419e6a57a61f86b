// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.stress;

import java.lang.reflect.Method;

/** How much a thread allocates. By reflection: the module under test does not read java.management. */
public final class Allocated {
    private Allocated() {
    }

    /** {@return the bytes that the calling thread has allocated so far} */
    public static long bytes() throws ReflectiveOperationException {
        Object threads = Class.forName("java.lang.management.ManagementFactory").getMethod("getThreadMXBean")
                .invoke(null);
        Method bytes = Class.forName("com.sun.management.ThreadMXBean").getMethod("getCurrentThreadAllocatedBytes");
        return (long) bytes.invoke(threads);
    }

    /** Something that is done again and again. */
    public interface Step {
        /** Does it once. */
        void run() throws Exception;
    }

    /**
     * What so many steps allocate, after as many more for warming up: an older Java links late.
     *
     * @param steps how many
     * @param step one of them
     * @return bytes
     */
    public static long by(int steps, Step step) throws Exception {
        long bytes = 0;
        for (int round = 0; round < 5; round++) {
            long before = bytes();
            for (int i = 0; i < steps; i++) {
                step.run();
            }
            bytes = bytes() - before;
        }
        return bytes;
    }
}
