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
import org.rseq4j.pools.PerCpuBufferPool;

/** {@link PerCpuBufferPool} by memory segments, which came with Java 22; see {@link PerCpuBufferPoolStress}. */
public class PerCpuBufferPoolSegmentsStress {
    static class Segments extends PerCpuBufferPoolStress.Pooled {
        /** Whether nobody else wrote to a buffer while it was owned. */
        final int useSegment(int owner) {
            MemorySegment buffer = pool.acquire(64);
            buffer.set(JAVA_INT, 0, owner);
            buffer.set(JAVA_INT, 60, owner);
            int seen = buffer.get(JAVA_INT, 0) == owner && buffer.get(JAVA_INT, 60) == owner ? owner : -1;
            pool.release(buffer);
            return seen;
        }
    }

    @JCStressTest
    @Outcome(id = "1, 2", expect = ACCEPTABLE, desc = "each has a buffer of its own as long as it has one")
    @Outcome(expect = FORBIDDEN, desc = "one buffer was handed to two")
    @State
    public static class AcquireReleaseTwice extends Segments {
        @Actor
        public void one(II_Result r) {
            r.r1 = useSegment(1);
        }

        @Actor
        public void two(II_Result r) {
            r.r2 = useSegment(2);
        }
    }

    @JCStressTest
    @Outcome(id = "true", expect = ACCEPTABLE, desc = "two buffers at two places")
    @Outcome(expect = FORBIDDEN, desc = "one block was handed out as two")
    @State
    public static class AcquireAcquire extends Segments {
        private MemorySegment segment;
        private ByteBuffer buffer;

        @Actor
        public void one() {
            segment = pool.acquire(64);
        }

        @Actor
        public void two() {
            buffer = pool.acquireByteBuffer(64);
        }

        @Arbiter
        public void after(Z_Result r) {
            r.r1 = segment.address() != MemorySegment.ofBuffer(buffer).address();
            pool.release(segment);
            pool.release(buffer);
        }
    }

    @JCStressTest
    @Outcome(id = {"0",
            "42"}, expect = ACCEPTABLE, desc = "another buffer, or the same one with what its last owner wrote")
    @Outcome(expect = FORBIDDEN, desc = "a buffer was handed out while its last owner still wrote to it")
    @State
    public static class ReleaseAcquire extends Segments {
        private final MemorySegment held = pool.acquire(64);
        private MemorySegment got;

        @Actor
        public void releaser() {
            held.set(JAVA_INT, 0, 1);
            held.set(JAVA_INT, 0, 42);
            pool.release(held);
        }

        @Actor
        public void acquirer(L_Result r) {
            got = pool.acquire(64);
            r.r1 = got.address() == held.address() ? got.get(JAVA_INT, 0) : 0;
        }

        @Arbiter
        public void after() {
            pool.release(got);
        }
    }
}
