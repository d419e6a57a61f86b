// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.jcstress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;
import org.openjdk.jcstress.infra.results.ZZ_Result;
import org.rseq4j.SliceExtension;

/**
 * {@link SliceExtension}: sections are of one thread, so the threads that interfere are the misusers, and the kernel.
 * Where requests have no effect begin gives 0, and every outcome is the one of a right use.
 */
public class SliceExtensionStress {
    /** Whether the running thread can open a section, as it can when no request was left behind on it. */
    private static boolean opens() {
        long section = SliceExtension.begin();
        SliceExtension.end(section);
        return section != 0 || !SliceExtension.isSupported();
    }

    /**
     * Whether what a nested begin returned is right: nothing, as the request stands. A kernel clears the request of a
     * thread that it schedules out, and then the nested section owns one; simulated requests stand until they are
     * ended.
     */
    private static boolean isNested(long section) {
        return section == 0 || !Boolean.getBoolean("rseq4j.benchmark.simulateRequests");
    }

    @JCStressTest
    @Outcome(id = "true, true", expect = ACCEPTABLE, desc = "another thread's end and renew have no effect on either")
    @Outcome(expect = FORBIDDEN, desc = "a stranger ended a section, or a request was left behind")
    @State
    public static class EndOfAnothersSection {
        private volatile long shared;

        @Actor
        public void owner(ZZ_Result r) {
            long section = SliceExtension.begin();
            shared = section;
            long nested = SliceExtension.begin();
            SliceExtension.end(nested);
            SliceExtension.end(section);
            r.r1 = isNested(nested) && opens();
        }

        @Actor
        public void stranger(ZZ_Result r) {
            SliceExtension.renew(shared);
            SliceExtension.end(shared);
            SliceExtension.end(shared);
            r.r2 = opens();
        }
    }

    @JCStressTest
    @Outcome(id = "1, 2", expect = ACCEPTABLE, desc = "both actions ran, once each")
    @Outcome(expect = FORBIDDEN, desc = "an action did not run, ran twice, or left its request behind")
    @State
    public static class RunCall {
        private int ran;
        private int called;

        @Actor
        public void runner(II_Result r) {
            SliceExtension.run(() -> ran++);
            r.r1 = opens() ? ran : -1;
        }

        @Actor
        public void caller(II_Result r) {
            Checked.run(() -> {
                int result = SliceExtension.call(() -> ++called);
                r.r2 = opens() ? result + 1 : -1;
            });
        }
    }

    @JCStressTest
    @Outcome(id = "2, 0", expect = ACCEPTABLE, desc = "a spin lock, with requests around each try and hold, excludes")
    @Outcome(expect = FORBIDDEN, desc = "a section let a second thread in, or its accesses moved out of it")
    @State
    public static class SpinLock {
        private final java.util.concurrent.atomic.AtomicBoolean taken = new java.util.concurrent.atomic.AtomicBoolean();
        private int value;

        private void increment() {
            long section = SliceExtension.begin();
            while (!taken.compareAndSet(false, true)) {
                SliceExtension.end(section);
                Thread.onSpinWait();
                section = SliceExtension.begin();
            }
            value++;
            SliceExtension.renew(section);
            taken.set(false);
            SliceExtension.end(section);
        }

        @Actor
        public void one() {
            increment();
        }

        @Actor
        public void two() {
            increment();
        }

        @Arbiter
        public void after(II_Result r) {
            r.r1 = value;
            r.r2 = taken.get() ? 1 : 0;
        }
    }
}
