// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.stress;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.concurrent.ThreadFactory;

/** Threads for the tests of core and structures, which run on Java 17, too: Thread's builders came with Java 21. */
public final class TestThreads {
    private TestThreads() {
    }

    public static Thread start(Runnable task) {
        var thread = new Thread(task);
        thread.start();
        return thread;
    }

    /** {@return a daemon thread that is not started} */
    public static Thread daemon(Runnable task) {
        var thread = new Thread(task);
        thread.setDaemon(true);
        return thread;
    }

    public static Thread startDaemon(Runnable task) {
        Thread thread = daemon(task);
        thread.start();
        return thread;
    }

    /** {@return what makes virtual threads; before Java 21, which has none, this aborts the test} */
    public static ThreadFactory virtual() {
        if (!hasVirtual()) { // programs that tests start have no JUnit
            assumeTrue(false, "virtual threads need Java 21");
        }
        return Thread.ofVirtual().factory();
    }

    /** {@return what makes virtual threads, or platform threads where there are no others} */
    public static ThreadFactory virtualIfAny() {
        return hasVirtual() ? virtual() : Thread::new;
    }

    /** As {@link #virtual}. */
    public static Thread startVirtual(Runnable task) {
        Thread thread = virtual().newThread(task);
        thread.start();
        return thread;
    }

    /** The i-th of some threads, of which every second one is virtual where there are such threads. */
    public static Thread startEither(int i, Runnable task) {
        return i % 2 == 0 || !hasVirtual() ? start(task) : startVirtual(task);
    }

    private static boolean hasVirtual() {
        return Runtime.version().feature() >= 21;
    }
}
