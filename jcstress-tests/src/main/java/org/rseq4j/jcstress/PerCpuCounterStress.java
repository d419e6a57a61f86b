// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.jcstress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.JJJ_Result;
import org.openjdk.jcstress.infra.results.JJ_Result;
import org.openjdk.jcstress.infra.results.J_Result;
import org.rseq4j.counters.PerCpuCounter;

/** {@link PerCpuCounter}. */
public class PerCpuCounterStress {
    @JCStressTest
    @Outcome(id = "6", expect = ACCEPTABLE, desc = "all three additions, in any order")
    @Outcome(expect = FORBIDDEN, desc = "an addition overwrote another, or was made twice")
    @State
    public static class AddAddAdd {
        private final PerCpuCounter counter = new PerCpuCounter();

        @Actor
        public void one() {
            counter.add(1);
        }

        @Actor
        public void two() {
            counter.add(2);
        }

        @Actor
        public void three() {
            counter.add(3);
        }

        @Arbiter
        public void after(J_Result r) {
            r.r1 = counter.sum();
        }
    }

    @JCStressTest
    @Outcome(id = "0", expect = ACCEPTABLE, desc = "as many up as down, in any order")
    @Outcome(expect = FORBIDDEN, desc = "an increment or a decrement is lost or doubled")
    @State
    public static class IncrementDecrement {
        private final PerCpuCounter counter = new PerCpuCounter();

        @Actor
        public void up() {
            counter.increment();
            counter.increment();
        }

        @Actor
        public void down() {
            counter.decrement();
            counter.decrement();
        }

        @Arbiter
        public void after(J_Result r) {
            r.r1 = counter.sum();
        }
    }

    @JCStressTest
    @Outcome(id = {"0, 2", "1, 2",
            "2, 2"}, expect = ACCEPTABLE, desc = "the sum before, between or after the additions")
    @Outcome(expect = FORBIDDEN, desc = "a sum that never was, or an addition lost to a reader")
    @State
    public static class AddSum {
        private final PerCpuCounter counter = new PerCpuCounter();

        @Actor
        public void adder() {
            counter.add(1);
            counter.add(1);
        }

        @Actor
        public void reader(JJ_Result r) {
            r.r1 = counter.sum();
        }

        @Arbiter
        public void after(JJ_Result r) {
            r.r2 = counter.sum();
        }
    }

    @JCStressTest
    @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "sumThenReset -> add")
    @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "add -> sumThenReset")
    @Outcome(id = "0, 0", expect = FORBIDDEN, desc = "the reset wiped out an addition that no sum had")
    @Outcome(expect = FORBIDDEN, desc = "an addition is in two sums")
    @State
    public static class AddSumThenReset {
        private final PerCpuCounter counter = new PerCpuCounter();

        @Actor
        public void adder() {
            counter.add(1);
        }

        @Actor
        public void collector(JJ_Result r) {
            r.r1 = counter.sumThenReset();
        }

        @Arbiter
        public void after(JJ_Result r) {
            r.r2 = counter.sum();
        }
    }

    @JCStressTest
    @Outcome(id = {"1, 0, 0", "0, 1, 0", "0, 0, 1"}, expect = ACCEPTABLE, desc = "one collector has it, or nobody yet")
    @Outcome(expect = FORBIDDEN, desc = "two collectors have the same addition, or none has it and it is gone")
    @State
    public static class SumThenResetTwice {
        private final PerCpuCounter counter = new PerCpuCounter();

        @Actor
        public void adder() {
            counter.add(1);
        }

        @Actor
        public void first(JJJ_Result r) {
            r.r1 = counter.sumThenReset();
        }

        @Actor
        public void second(JJJ_Result r) {
            r.r2 = counter.sumThenReset();
        }

        @Arbiter
        public void after(JJJ_Result r) {
            r.r3 = counter.sum();
        }
    }

    @JCStressTest
    @Outcome(id = "0", expect = ACCEPTABLE, desc = "add -> reset")
    @Outcome(id = "1", expect = ACCEPTABLE, desc = "reset -> add")
    @Outcome(expect = FORBIDDEN, desc = "an addition is doubled")
    @State
    public static class AddReset {
        private final PerCpuCounter counter = new PerCpuCounter();

        @Actor
        public void adder() {
            counter.add(1);
        }

        @Actor
        public void resetter() {
            counter.reset();
        }

        @Arbiter
        public void after(J_Result r) {
            r.r1 = counter.sum();
        }
    }

    @JCStressTest
    @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "add -> close")
    @Outcome(id = "-1, 0", expect = ACCEPTABLE, desc = "close -> add, which throws")
    @Outcome(expect = FORBIDDEN, desc = "an addition to a closed counter is found in another counter")
    @State
    public static class AddClose {
        private final PerCpuCounter counter = new PerCpuCounter();
        private PerCpuCounter next;

        @Actor
        public void adder(JJ_Result r) {
            try {
                counter.add(1);
            } catch (IllegalStateException closed) {
                r.r1 = -1;
            }
        }

        @Actor
        public void closer() {
            counter.close();
            next = new PerCpuCounter();
        }

        @Arbiter
        public void after(JJ_Result r) {
            r.r2 = next.sum();
            next.close();
        }
    }

    @JCStressTest
    @Outcome(id = {"10", "11", "12"}, expect = ACCEPTABLE, desc = "each addition is replaced, or added to the value")
    @Outcome(expect = FORBIDDEN, desc = "an addition is doubled, or the value is not set")
    @State
    public static class AddSet {
        private final PerCpuCounter counter = new PerCpuCounter();

        @Actor
        public void adder() {
            counter.add(1);
            counter.add(1);
        }

        @Actor
        public void setter() {
            counter.set(10);
        }

        @Arbiter
        public void after(J_Result r) {
            r.r1 = counter.sum();
        }
    }

    @JCStressTest
    @Outcome(id = {"10", "20"}, expect = ACCEPTABLE, desc = "the later one stays")
    @Outcome(expect = FORBIDDEN, desc = "the values are added, or one subtracted twice")
    @State
    public static class SetSet {
        private final PerCpuCounter counter = new PerCpuCounter();

        @Actor
        public void ten() {
            counter.set(10);
        }

        @Actor
        public void twenty() {
            counter.set(20);
        }

        @Arbiter
        public void after(J_Result r) {
            r.r1 = counter.sum();
        }
    }
}
