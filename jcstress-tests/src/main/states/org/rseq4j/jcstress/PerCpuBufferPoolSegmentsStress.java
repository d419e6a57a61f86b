// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.jcstress;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;
import org.openjdk.jcstress.infra.results.L_Result;
import org.openjdk.jcstress.infra.results.Z_Result;
import org.rseq4j.internal.memory.View;
import org.rseq4j.pools.PerCpuBufferPool;

/** {@link PerCpuBufferPool} by memory segments, which came with Java 22; see {@link PerCpuBufferPoolStress}. */
public class PerCpuBufferPoolSegmentsStress {
    /** A buffer of 64 bytes, from its acquire to its release. */
    private static final class Held {
        private final MemorySegment buffer;

        Held(PerCpuBufferPool pool) {
            buffer = pool.acquire(64);
        }

        int get(int at) {
            return buffer.get(JAVA_INT, at);
        }

        void set(int at, int value) {
            buffer.set(JAVA_INT, at, value);
        }

        long address() {
            return buffer.address();
        }

        void release(PerCpuBufferPool pool) {
            pool.release(buffer);
        }
    }

    // include buffers.states
}
