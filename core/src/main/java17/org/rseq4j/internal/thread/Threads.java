// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.thread;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadFactory;
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
        Thread thread = new Thread(null, task, "rseq4j", 0, false);
        thread.setDaemon(true);
        thread.setContextClassLoader(null);
        thread.start();
    }

    /**
     * The JDK's executor with a thread for each task.
     *
     * @throws UnsupportedOperationException before Java 21, with which it came
     */
    public static ExecutorService perTask(ThreadFactory factory) {
        return ofTheJdk("newThreadPerTaskExecutor", List.of(ThreadFactory.class), factory);
    }

    /**
     * The JDK's executor with a virtual thread for each task.
     *
     * @throws UnsupportedOperationException before Java 21, with which they came
     */
    public static ExecutorService virtualPerTask() {
        return ofTheJdk("newVirtualThreadPerTaskExecutor", List.of());
    }

    /** By its name, for a newer Java on which this is, see {@link #IS_VIRTUAL}. */
    private static ExecutorService ofTheJdk(String name, List<Class<?>> types, Object... arguments) {
        try {
            return (ExecutorService) MethodHandles.publicLookup()
                    .findStatic(Executors.class, name, MethodType.methodType(ExecutorService.class, types))
                    .invokeWithArguments(arguments);
        } catch (NoSuchMethodException e) {
            throw new UnsupportedOperationException(name + " needs Java 21", e);
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }
}
