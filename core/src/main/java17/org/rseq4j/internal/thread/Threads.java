// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.thread;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.rseq4j.internal.linux.Downcall;
import org.rseq4j.internal.linux.Memory;

/**
 * What threads there are before Java 21: no virtual ones. The class of this name for Java 21 says what holds for both.
 */
public final class Threads {
    /**
     * (Thread)boolean; null where there are no virtual threads. A jar that lost its Multi-Release attribute has this
     * class on a newer Java, too, and there a carrier's area must not be taken for the virtual thread's own.
     */
    private static final MethodHandle IS_VIRTUAL = isVirtual();

    private Threads() {
    }

    private static MethodHandle isVirtual() {
        try {
            return MethodHandles.publicLookup().findVirtual(Thread.class, "isVirtual",
                    MethodType.methodType(boolean.class));
        } catch (ReflectiveOperationException e) {
            return null;
        }
    }

    /** The running thread's id, which no other thread ever has. */
    public static long currentId() {
        return id(Thread.currentThread());
    }

    /** A thread's id, which no other thread ever has, whatever its class says. */
    public static long id(Thread thread) {
        return Memory.threadId(thread);
    }

    public static boolean isVirtual(Thread thread) {
        if (IS_VIRTUAL == null) {
            return false;
        }
        try {
            return (boolean) IS_VIRTUAL.invokeExact(thread);
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }

    /**
     * Starts a thread that keeps nothing of the one that starts it, neither its class loader nor its inheritable thread
     * locals, and does not keep the process alive.
     */
    public static void startUnattached(Runnable task) {
        unattachedThread(task).start();
    }

    private static Thread unattachedThread(Runnable task) {
        Thread thread = new Thread(null, task, "rseq4j", 0, false);
        thread.setDaemon(true);
        thread.setContextClassLoader(null);
        return thread;
    }

    /** Runs each task on such a thread, which lives no longer than the task. */
    public static ExecutorService unattached() {
        return new ThreadPoolExecutor(0, Integer.MAX_VALUE, 0, TimeUnit.SECONDS,
                new SynchronousQueue<>(), Threads::unattachedThread);
    }

    /**
     * The JDK's executor with a thread for each task.
     *
     * @throws UnsupportedOperationException always: it came with Java 21
     */
    public static ExecutorService perTask(ThreadFactory factory) {
        throw new UnsupportedOperationException("a thread for each task needs Java 21");
    }

    /**
     * The JDK's executor with a virtual thread for each task.
     *
     * @throws UnsupportedOperationException always: they came with Java 21
     */
    public static ExecutorService virtualPerTask() {
        throw new UnsupportedOperationException("virtual threads need Java 21");
    }
}
