// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.jcstress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.JJ_Result;
import org.openjdk.jcstress.infra.results.J_Result;
import org.openjdk.jcstress.infra.results.LL_Result;
import org.openjdk.jcstress.infra.results.ZZ_Result;
import org.rseq4j.PerCpuMemory;
import org.rseq4j.Rseq;

/** {@link PerCpuMemory}. */
public class PerCpuMemoryStress {
    @JCStressTest
    @Outcome(id = "6", expect = ACCEPTABLE, desc = "all three additions, in any order")
    @Outcome(expect = FORBIDDEN, desc = "an addition overwrote another, or was made twice")
    @State
    public static class AddAddAdd {
        private final long slot = Slots.next();

        @Actor
        public void one() {
            Slots.MEMORY.add(slot, 1);
        }

        @Actor
        public void two() {
            Slots.MEMORY.add(slot, 2);
        }

        @Actor
        public void three() {
            Slots.MEMORY.add(slot, 3);
        }

        @Arbiter
        public void after(J_Result r) {
            for (int cpu = 0; cpu < Slots.MEMORY.strideCount(); cpu++) {
                r.r1 += Slots.MEMORY.get(cpu, slot);
            }
        }
    }

    @JCStressTest
    @Outcome(id = {"0, 0", "1, 0", "1, 1"}, expect = ACCEPTABLE, desc = "sums of a moment")
    @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "sum -> both additions -> sums")
    @Outcome(expect = FORBIDDEN, desc = "a sum that never was")
    @State
    public static class AddSum {
        private final long slot = Slots.next();

        @Actor
        public void adder() {
            Slots.MEMORY.add(slot, 1);
            Slots.MEMORY.add(slot + Long.BYTES, 1);
        }

        @Actor
        public void reader(JJ_Result r) {
            r.r1 = Slots.MEMORY.sum(slot);
            long[] sums = new long[2];
            Slots.MEMORY.sums(slot, sums);
            r.r2 = sums[1];
        }
    }

    @JCStressTest
    @Outcome(id = "1, 2", expect = ACCEPTABLE, desc = "each has a slot of its own")
    @Outcome(expect = FORBIDDEN, desc = "one slot was given to two")
    @State
    public static class AllocateAllocate {
        private long first;
        private long second;

        @Actor
        public void one() {
            first = Slots.next();
            Slots.MEMORY.add(first, 1);
        }

        @Actor
        public void two() {
            second = Slots.next();
            Slots.MEMORY.add(second, 2);
        }

        @Arbiter
        public void after(JJ_Result r) {
            r.r1 = Slots.MEMORY.sum(first);
            r.r2 = Slots.MEMORY.sum(second);
        }
    }

    /** A memory of its own, small, as slots of the shared one are given to other states. */
    @JCStressTest
    @Outcome(id = "0", expect = ACCEPTABLE, desc = "the slot was given back and is zero for its next owner")
    @Outcome(expect = FORBIDDEN, desc = "the next owner finds what the former one wrote, or the slot is gone")
    @State
    public static class FreeAllocate {
        private final PerCpuMemory memory = PerCpuMemory.allocate(Long.BYTES);
        private final long slot = memory.allocateSlot(1);
        {
            memory.add(slot, 7);
        }
        private long next = -1;

        @Actor
        public void owner() {
            memory.free(slot);
        }

        @Actor
        public void waiter() {
            while (next < 0) {
                try {
                    next = memory.allocateSlot(1);
                } catch (IllegalStateException full) {
                    Thread.onSpinWait();
                }
            }
        }

        @Arbiter
        public void after(J_Result r) {
            r.r1 = memory.sum(next);
            memory.close();
        }
    }

    @JCStressTest
    @Outcome(id = {"true, false",
            "false, true"}, expect = ACCEPTABLE, desc = "one of both gave it back, the other was told")
    @Outcome(expect = FORBIDDEN, desc = "a slot was given back twice, so that two will own it")
    @State
    public static class FreeFree {
        private final PerCpuMemory memory = PerCpuMemory.allocate(Long.BYTES);
        private final long slot = memory.allocateSlot(1);

        private boolean free() {
            try {
                memory.free(slot);
                return true;
            } catch (IllegalArgumentException freed) {
                return false;
            }
        }

        @Actor
        public void one(ZZ_Result r) {
            r.r1 = free();
        }

        @Actor
        public void two(ZZ_Result r) {
            r.r2 = free();
        }

        @Arbiter
        public void after() {
            memory.close();
        }
    }

    @JCStressTest
    @Outcome(id = {"added, 0", "closed, 0"}, expect = ACCEPTABLE, desc = "add -> close, or close -> add, which throws")
    @Outcome(expect = FORBIDDEN, desc = "an addition to closed memory is found in other memory")
    @State
    public static class AddClose {
        private final PerCpuMemory memory = PerCpuMemory.allocate(Long.BYTES);
        private PerCpuMemory next;

        @Actor
        public void adder(LL_Result r) {
            try {
                memory.add(0, 1);
                r.r1 = "added";
            } catch (IllegalStateException closed) {
                r.r1 = "closed";
            }
        }

        @Actor
        public void closer() {
            memory.close();
            next = PerCpuMemory.allocate(Long.BYTES);
        }

        @Arbiter
        public void after(LL_Result r) {
            r.r2 = next.sum(0);
            next.close();
        }
    }

    /** What is not an operation of one memory but of the reading thread: always an index. */
    @JCStressTest
    @Outcome(id = "true, true", expect = ACCEPTABLE, desc = "each id is an index below cpuCount()")
    @Outcome(expect = FORBIDDEN, desc = "an id that is no index")
    @State
    public static class Ids {
        private static boolean areIndices() {
            int cpu = Rseq.cpuId();
            int concurrency = Rseq.concurrencyId();
            return cpu >= 0 && cpu < Rseq.cpuCount() && concurrency >= 0 && concurrency < Rseq.cpuCount();
        }

        @Actor
        public void one(ZZ_Result r) {
            r.r1 = areIndices();
        }

        @Actor
        public void two(ZZ_Result r) {
            r.r2 = areIndices();
        }
    }
}
