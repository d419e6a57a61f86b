// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.jcstress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import java.nio.ByteBuffer;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;
import org.openjdk.jcstress.infra.results.LL_Result;
import org.openjdk.jcstress.infra.results.L_Result;
import org.openjdk.jcstress.infra.results.Z_Result;
import org.rseq4j.internal.memory.View;
import org.rseq4j.pools.PerCpuBufferPool;

/**
 * {@link PerCpuBufferPool}, by the methods that each version of Java has. Pools take megabytes, so all states of a
 * while share one.
 */
public class PerCpuBufferPoolStress {
    private static PerCpuBufferPool small() {
        return PerCpuBufferPool.builder().bytesPerCpu(4096).maxBytes(1 << 24).build();
    }

    /** A pool, and how many states got it. */
    private static final class Shared {
        private static final int STATES = 4096;

        private static PerCpuBufferPool current = small();
        private static int used;

        /** One that is closed is given to at most as many others. */
        static synchronized PerCpuBufferPool next(int states) {
            if (used++ % states == 0) {
                current = small();
            }
            return current;
        }
    }

    static PerCpuBufferPool shared() {
        return Shared.next(Shared.STATES);
    }

    /** A buffer of 64 bytes, from its acquire to its release. */
    private static final class Held {
        private final ByteBuffer buffer;

        Held(PerCpuBufferPool pool) {
            buffer = pool.acquireByteBuffer(64);
        }

        int get(int at) {
            return buffer.getInt(at);
        }

        void set(int at, int value) {
            buffer.putInt(at, value);
        }

        long address() {
            return View.address(buffer);
        }

        void release(PerCpuBufferPool pool) {
            pool.release(buffer);
        }
    }

    // include buffers.states

    @JCStressTest
    @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "a trim gives no memory back that somebody has")
    @Outcome(expect = FORBIDDEN, desc = "a buffer's memory was given back while it was used")
    @State
    public static class AcquireReleaseTrim extends Pooled {
        @Actor
        public void user(II_Result r) {
            r.r1 = use(1);
        }

        @Actor
        public void trimmer() {
            pool.trim();
        }
    }

    @JCStressTest
    @Outcome(id = {"used, 1",
            "closed, 1"}, expect = ACCEPTABLE, desc = "acquire -> close, or close -> acquire, which throws")
    @Outcome(expect = FORBIDDEN, desc = "a buffer in use became somebody else's when the pool was closed")
    @State
    public static class AcquireClose {
        private final PerCpuBufferPool pool = Shared.next(64);

        @Actor
        public void user(LL_Result r) {
            try {
                ByteBuffer buffer = pool.acquireByteBuffer(64);
                buffer.putInt(0, 7);
                r.r1 = buffer.getInt(0) == 7 ? "used" : "another's";
                pool.release(buffer);
            } catch (IllegalStateException closed) {
                r.r1 = "closed";
            }
        }

        @Actor
        public void closer(LL_Result r) {
            pool.close();
            r.r2 = 1;
        }
    }

    /** A pool whose only span is in use: every buffer comes from outside of it. */
    private static final class Full {
        private static final PerCpuBufferPool POOL = PerCpuBufferPool.builder().maxBytes(1 << 21).build();
        private static final ByteBuffer[] HELD = {POOL.acquireByteBuffer(1 << 20), POOL.acquireByteBuffer(1 << 20)};

        static int use(int owner, int bytes) {
            ByteBuffer buffer = POOL.acquireByteBuffer(bytes);
            buffer.putInt(0, owner);
            buffer.putInt(bytes - 4, owner);
            int seen = buffer.getInt(0) == owner && buffer.getInt(bytes - 4) == owner ? owner : -1;
            POOL.release(buffer);
            return HELD.length == 2 ? seen : 0;
        }
    }

    @JCStressTest
    @Outcome(id = "1, 2", expect = ACCEPTABLE, desc = "each has a buffer of its own as long as it has one")
    @Outcome(expect = FORBIDDEN, desc = "one buffer was handed to two, or given to the system while it was used")
    @State
    public static class AcquireReleaseTwiceBeyondTheBound {
        @Actor
        public void one(II_Result r) {
            r.r1 = Full.use(1, 1024);
        }

        @Actor
        public void two(II_Result r) {
            r.r2 = Full.use(2, 1024);
        }
    }

    @JCStressTest
    @Outcome(id = "1, 2", expect = ACCEPTABLE, desc = "each has a buffer of its own as long as it has one")
    @Outcome(expect = FORBIDDEN, desc = "one buffer was handed to two, or given to the system while it was used")
    @State
    public static class AcquireReleaseTwiceLargerThanASpan {
        @Actor
        public void one(II_Result r) {
            r.r1 = Full.use(1, 3 << 20);
        }

        @Actor
        public void two(II_Result r) {
            r.r2 = Full.use(2, 3 << 20);
        }
    }

    @JCStressTest
    @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "a span outside of the pool stays while a buffer of it is used")
    @Outcome(expect = FORBIDDEN, desc = "a buffer's memory was given back while it was used")
    @State
    public static class AcquireReleaseTrimBeyondTheBound {
        @Actor
        public void user(II_Result r) {
            r.r1 = Full.use(1, 1024);
        }

        @Actor
        public void trimmer() {
            Full.POOL.trim();
        }
    }
}
