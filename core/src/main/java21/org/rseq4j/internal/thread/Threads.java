// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.thread;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadFactory;

/**
 * What threads this version of Java has: the only class that knows of virtual ones. Where there are none, nothing is
 * virtual, and that is a constant.
 */
public final class Threads {
    /** Apart: an id is asked for before anything may be allocated. */
    private static final class Unattached {
        static final ThreadFactory FACTORY = Thread.ofVirtual().inheritInheritableThreadLocals(false).factory();
    }

    private Threads() {
    }

    /** The running thread's id, which no other thread ever has. */
    public static long currentId() {
        return Thread.currentThread().threadId();
    }

    /** A thread's id, which no other thread ever has, whatever its class says. */
    public static long id(Thread thread) {
        return thread.threadId();
    }

    public static boolean isVirtual(Thread thread) {
        return thread.isVirtual();
    }

    /**
     * Starts a thread that keeps nothing of the one that starts it, neither its class loader nor its inheritable thread
     * locals, and does not keep the process alive.
     */
    public static void startUnattached(Runnable task) {
        Unattached.FACTORY.newThread(task).start();
    }

    /**
     * The JDK's executor with a thread for each task.
     *
     * @throws UnsupportedOperationException before Java 21
     */
    public static ExecutorService perTask(ThreadFactory factory) {
        return Executors.newThreadPerTaskExecutor(factory);
    }

    /**
     * The JDK's executor with a virtual thread for each task.
     *
     * @throws UnsupportedOperationException before Java 21
     */
    public static ExecutorService virtualPerTask() {
        return Executors.newVirtualThreadPerTaskExecutor();
    }
}
