// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.jcstress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import java.util.Arrays;
import java.util.stream.LongStream;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.JJ_Result;
import org.openjdk.jcstress.infra.results.J_Result;
import org.openjdk.jcstress.infra.results.L_Result;
import org.openjdk.jcstress.infra.results.Z_Result;
import org.rseq4j.PerCpuMemory;
import org.rseq4j.RestartableSequences;

/**
 * {@link RestartableSequences}. Two threads meet in one CPU's words where one of them is moved or preempted there;
 * where the operations are atomic instructions on a stripe they meet all the time.
 */
public class RestartableSequencesStress {
    private static final PerCpuMemory MEMORY = Slots.MEMORY;
    private static final RestartableSequences BY_CPU = RestartableSequences.byCpu();
    private static final RestartableSequences BY_ID = RestartableSequences.byConcurrencyId();
    private static final int CAPACITY = 4;

    /**
     * What is left on all stacks of a slot that nobody uses any more. Where stacks are worked on in turns, one whose
     * turn somebody else has for long, for another slot of the stride, is as good as empty.
     */
    private static long[] rest(RestartableSequences sequences, long stack) {
        LongStream.Builder words = LongStream.builder();
        for (int cpu = 0; cpu < MEMORY.strideCount(); cpu++) {
            while (MEMORY.get(cpu, stack) != 0) {
                sequences.drain(MEMORY, cpu, stack, CAPACITY, words);
            }
        }
        return words.build().sorted().toArray();
    }

    /** What is found on all stacks of a slot. */
    private static long[] drain(RestartableSequences sequences, long stack) {
        long[] words = new long[64];
        int[] n = {0};
        for (int cpu = 0; cpu < MEMORY.strideCount(); cpu++) {
            sequences.drain(MEMORY, cpu, stack, CAPACITY, word -> words[n[0]++] = word);
        }
        long[] found = Arrays.copyOf(words, n[0]);
        Arrays.sort(found);
        return found;
    }

    @JCStressTest
    @Outcome(id = "6", expect = ACCEPTABLE, desc = "all three additions, in any order")
    @Outcome(expect = FORBIDDEN, desc = "a sequence committed on a CPU that it was not on: an addition is lost")
    @State
    public static class AddAddAdd {
        private final long slot = Slots.next();

        @Actor
        public void one() {
            BY_CPU.add(MEMORY, slot, 1);
        }

        @Actor
        public void two() {
            BY_CPU.add(MEMORY, slot, 2);
        }

        @Actor
        public void three() {
            BY_CPU.add(MEMORY, slot, 3);
        }

        @Arbiter
        public void after(J_Result r) {
            r.r1 = MEMORY.sum(slot);
        }
    }

    @JCStressTest
    @Outcome(id = "6", expect = ACCEPTABLE, desc = "all three additions, in any order")
    @Outcome(expect = FORBIDDEN, desc = "two threads had one concurrency ID at once: an addition is lost")
    @State
    public static class AddAddAddByConcurrencyId {
        private final long slot = Slots.next();

        @Actor
        public void one() {
            BY_ID.add(MEMORY, slot, 1);
        }

        @Actor
        public void two() {
            BY_ID.add(MEMORY, slot, 2);
        }

        @Actor
        public void three() {
            BY_ID.add(MEMORY, slot, 3);
        }

        @Arbiter
        public void after(J_Result r) {
            r.r1 = MEMORY.sum(slot);
        }
    }

    @JCStressTest
    @Outcome(id = "true", expect = ACCEPTABLE, desc = "as many words are set as stores said so")
    @Outcome(expect = FORBIDDEN, desc = "two stores found the same word 0, or one said that it stored and did not")
    @State
    public static class CompareAndStore {
        private final long slot = Slots.next();
        private int first;
        private int second;

        @Actor
        public void one() {
            first = BY_CPU.compareAndStore(MEMORY, slot, 0, 1) >= 0 ? 1 : 0;
        }

        @Actor
        public void two() {
            second = BY_CPU.compareAndStore(MEMORY, slot, 0, 2) >= 0 ? 2 : 0;
        }

        @Arbiter
        public void after(Z_Result r) {
            r.r1 = first + second == MEMORY.sum(slot);
        }
    }

    @JCStressTest
    @Outcome(id = "6", expect = ACCEPTABLE, desc = "each value is in a word or was handed to the next swap")
    @Outcome(expect = FORBIDDEN, desc = "a swap returned what another had taken, or overwrote what it did not return")
    @State
    public static class Swap {
        private final long slot = Slots.next();
        private long first;
        private long second;
        private long third;

        private long swap(long value) {
            long[] old = {-1};
            BY_CPU.swap(MEMORY, slot, value, old);
            return old[0];
        }

        @Actor
        public void one() {
            first = swap(1);
        }

        @Actor
        public void two() {
            second = swap(2);
        }

        @Actor
        public void three() {
            third = swap(3);
        }

        @Arbiter
        public void after(J_Result r) {
            r.r1 = first + second + third + MEMORY.sum(slot);
        }
    }

    @JCStressTest
    @Outcome(id = "[1, 2, 3]", expect = ACCEPTABLE, desc = "all three words are on the stacks or were popped")
    @Outcome(expect = FORBIDDEN, desc = "a word is lost, or is there twice")
    @State
    public static class PushPushPop {
        private final long slot = Slots.next();
        private final long[] popped = {0};

        @Actor
        public void pusher() {
            while (BY_CPU.push(MEMORY, slot, CAPACITY, 1) < 0) {
                Thread.yield(); // as good as full; see rest
            }
            while (BY_CPU.push(MEMORY, slot, CAPACITY, 2) < 0) {
                Thread.yield();
            }
        }

        @Actor
        public void otherPusher() {
            while (BY_CPU.push(MEMORY, slot, CAPACITY, 3) < 0) {
                Thread.yield();
            }
        }

        @Actor
        public void popper() {
            BY_CPU.pop(MEMORY, slot, popped);
        }

        @Arbiter
        public void after(L_Result r) {
            long[] left = rest(BY_CPU, slot);
            long[] all = popped[0] == 0 ? left : Arrays.copyOf(left, left.length + 1);
            if (popped[0] != 0) {
                all[left.length] = popped[0];
            }
            Arrays.sort(all);
            r.r1 = Arrays.toString(all);
        }
    }

    @JCStressTest
    @Outcome(id = {"1, 2", "2, 1"}, expect = ACCEPTABLE, desc = "each popped another word")
    @Outcome(id = {"0, 1", "0, 2", "1, 0", "2, 0",
            "0, 0"}, expect = ACCEPTABLE, desc = "a stack was empty where it popped")
    @Outcome(expect = FORBIDDEN, desc = "one word was popped twice")
    @State
    public static class PopPop {
        private final long slot = Slots.next();
        {
            BY_CPU.pushMany(MEMORY, slot, CAPACITY, new long[]{1, 2}, 2);
        }

        private long pop() {
            long[] word = {0};
            BY_CPU.pop(MEMORY, slot, word);
            return word[0];
        }

        @Actor
        public void one(JJ_Result r) {
            r.r1 = pop();
        }

        @Actor
        public void two(JJ_Result r) {
            r.r2 = pop();
        }
    }

    @JCStressTest
    @Outcome(id = "true", expect = ACCEPTABLE, desc = "what was pushed is on the stacks or was popped")
    @Outcome(expect = FORBIDDEN, desc = "a batch was committed in part, or a word is there twice")
    @State
    public static class PushManyPopMany {
        private final long slot = Slots.next();
        private long pushed;
        private long popped;

        @Actor
        public void one() {
            long moved = BY_ID.pushMany(MEMORY, slot, CAPACITY, new long[]{1, 2, 4}, 3) >>> 32;
            pushed += moved == 0 ? 0 : moved == 1 ? 1 : moved == 2 ? 3 : 7;
        }

        @Actor
        public void two() {
            long[] words = new long[2];
            long moved = BY_ID.popMany(MEMORY, slot, words, 2) >>> 32;
            for (int i = 0; i < moved; i++) {
                popped += words[i];
            }
        }

        @Arbiter
        public void after(Z_Result r) {
            r.r1 = popped + Arrays.stream(rest(BY_ID, slot)).sum() == pushed;
        }
    }

    @JCStressTest
    @Outcome(id = "true", expect = ACCEPTABLE, desc = "each word was drained once, by the drainer or at the end")
    @Outcome(expect = FORBIDDEN, desc = "a sequence committed over the drain: a word is lost, or is there twice")
    @State
    public static class PushPopDrain {
        private final long slot = Slots.next();
        private long pushed;
        private long popped;
        private long drained;

        @Actor
        public void user() {
            pushed += BY_CPU.push(MEMORY, slot, CAPACITY, 1) >= 0 ? 1 : 0;
            pushed += BY_CPU.push(MEMORY, slot, CAPACITY, 2) >= 0 ? 2 : 0;
            long[] word = {0};
            BY_CPU.pop(MEMORY, slot, word);
            popped = word[0];
        }

        @Actor
        public void drainer() {
            for (long word : drain(BY_CPU, slot)) {
                drained += word;
            }
        }

        @Arbiter
        public void after(Z_Result r) {
            r.r1 = popped + drained + Arrays.stream(rest(BY_CPU, slot)).sum() == pushed;
        }
    }

    @JCStressTest
    @Outcome(id = "1", expect = ACCEPTABLE, desc = "the addition was made, once")
    @Outcome(expect = FORBIDDEN, desc = "a sequence that a fence restarted was lost, or committed twice")
    @State
    public static class AddFence {
        private final long slot = Slots.next();

        @Actor
        public void adder() {
            BY_CPU.add(MEMORY, slot, 1);
        }

        @Actor
        public void fencer() {
            RestartableSequences.fence(0);
            RestartableSequences.fenceAll();
        }

        @Arbiter
        public void after(J_Result r) {
            r.r1 = MEMORY.sum(slot);
        }
    }
}
