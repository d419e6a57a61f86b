// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import static java.lang.invoke.MethodType.methodType;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandleProxies;
import java.lang.invoke.MethodHandles;
import java.lang.ref.Reference;
import java.lang.ref.WeakReference;
import java.util.Objects;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.rseq4j.internal.thread.Threads;

/**
 * Visits one pool again and again, each time on a new thread, a virtual one where there are such, so a hook that blocks
 * holds up no other pool.
 *
 * <p>
 * When to visit it is asked by a daemon thread of this pool's own, which asks, naps, and goes on whatever was thrown:
 * with a full heap a visit may not come about, but a later one does. (The JDK's timers are not like that: the thread
 * that serves all delays ends with the first OutOfMemoryError in what it runs, whoever had it run that.) While this
 * thread naps it runs code of the JDK alone, and nothing but a weak reference leads from it to here, so it keeps
 * neither the pool nor the class loader of this library or of the application. It ends with its nap when the pool is
 * closed or was collected.
 */
final class Trimmer implements BooleanSupplier, Runnable {
    /** How long the thread of a pool that was collected is there at most. */
    private static final long LONGEST_NAP = 1_000_000_000;
    /** When a thread could not be started, it is tried again after so long. */
    private static final long AGAIN_NANOS = 1_000_000_000;
    /** After so long a thread that was started and has not begun is given up. */
    private static final long LOST_NANOS = 10_000_000_000L;

    private static final int IDLE = 0;
    private static final int STARTED = 1;
    private static final int RUNNING = 2;

    /** What is visited. */
    interface Trimmed {
        void trim();
    }

    private final Trimmed pool;
    private final long nanos;
    private final AtomicInteger state = new AtomicInteger(IDLE);
    private volatile boolean scheduled;
    private volatile boolean cancelled;
    /** When the next visit is started. */
    private volatile long due;

    private Trimmer(Trimmed pool, long nanos) {
        this.pool = pool;
        this.nanos = nanos;
        due = System.nanoTime() + nanos;
    }

    /** Visits a pool that refers to the result as long as it is to be visited. */
    static Trimmer schedule(Trimmed pool, long nanos) {
        var trimmer = new Trimmer(pool, nanos);
        new Start(trimmer).perform();
        return trimmer;
    }

    void cancel() {
        cancelled = true;
    }

    /** Starts a visit when it is time for one; whether to ask again. */
    @Override
    public boolean getAsBoolean() {
        Thread.interrupted(); // with which no nap would last
        if (scheduled && !cancelled && state.get() != RUNNING && System.nanoTime() - due >= 0) {
            start();
        }
        return scheduled && !cancelled;
    }

    private void start() {
        boolean started = false;
        due = System.nanoTime() + LOST_NANOS;
        state.set(STARTED);
        try {
            Threads.startUnattached(this);
            started = true;
        } finally {
            if (!started && state.compareAndSet(STARTED, IDLE)) {
                due = System.nanoTime() + AGAIN_NANOS;
            }
        }
    }

    /** A visit, unless it was given up before it began. */
    @Override
    public void run() {
        if (!state.compareAndSet(STARTED, RUNNING)) {
            return;
        }
        try {
            if (!cancelled) {
                pool.trim();
            }
        } catch (Throwable e) {
            System.getLogger(PerCpuPool.class.getName()).log(System.Logger.Level.WARNING, "a hook failed", e);
        } finally {
            due = System.nanoTime() + nanos;
            state.set(IDLE);
        }
    }

    /**
     * The start of the thread that asks. That is to keep nothing of who makes the pool: a thread inherits from the one
     * that makes it, and before Java 22 a proxy is a class of its maker's context class loader. So both are made by a
     * thread that has nothing, with a stack of its own; and it is a ForkJoinPool's, as other threads keep the access
     * control context of who makes them before Java 24.
     */
    private static final class Start implements Runnable {
        private final Trimmer trimmer;
        private Throwable failure = new OutOfMemoryError("no thread for the upkeep of a pool");

        Start(Trimmer trimmer) {
            this.trimmer = trimmer;
        }

        void perform() {
            Thread thread = new Thread(null, this, "rseq4j", 0, false);
            thread.setDaemon(true);
            thread.setContextClassLoader(null);
            thread.start();
            boolean interrupted = false;
            while (thread.isAlive()) {
                try {
                    thread.join();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
            if (failure != null) {
                PerCpuPool.throwAsItIs(failure);
            }
        }

        @Override
        public void run() {
            try {
                long most = trimmer.nanos;
                long nap = most <= LONGEST_NAP ? most : most / (most / LONGEST_NAP + 1) + 1;
                Runnable asking = MethodHandleProxies.asInterfaceInstance(Runnable.class,
                        MethodHandles.insertArguments(Asking.LOOP, 0, nap, new WeakReference<>(trimmer)));
                // Once, so that nothing is initialized or linked when there is no memory for that.
                asking.run();
                Threads.startUnattached(trimmer);
                trimmer.scheduled = true;
                new ForkJoinPool(1, ForkJoinPool.defaultForkJoinWorkerThreadFactory, null, false, 0, 1, 0, null, 1,
                        TimeUnit.SECONDS).execute(asking);
                failure = null;
            } catch (Throwable e) {
                failure = e;
            }
        }
    }

    /** A class of its own, so that it is initialized by a thread that has stack. */
    private static final class Asking {
        /** (long, Reference)void: naps so long as often as the referent is there and says yes, or throws. */
        static final MethodHandle LOOP;

        static {
            try {
                MethodHandles.Lookup lookup = MethodHandles.publicLookup();
                MethodHandle nap = lookup.findStatic(LockSupport.class, "parkNanos",
                        methodType(void.class, long.class));
                MethodHandle get = lookup.findVirtual(Reference.class, "get", methodType(Object.class))
                        .asType(methodType(BooleanSupplier.class, Reference.class));
                MethodHandle ask = lookup.findVirtual(BooleanSupplier.class, "getAsBoolean", methodType(boolean.class));
                MethodHandle isNull = lookup.findStatic(Objects.class, "isNull",
                        methodType(boolean.class, Object.class))
                        .asType(methodType(boolean.class, BooleanSupplier.class));
                MethodHandle no = MethodHandles.empty(methodType(boolean.class, BooleanSupplier.class));
                MethodHandle yes = MethodHandles.dropArguments(MethodHandles.constant(boolean.class, true), 0,
                        Throwable.class);
                MethodHandle asks = MethodHandles.catchException(MethodHandles.filterArguments(
                        MethodHandles.guardWithTest(isNull, no, ask), 0, get), Throwable.class, yes);
                LOOP = MethodHandles.whileLoop(null, MethodHandles.dropArguments(asks, 0, long.class),
                        MethodHandles.dropArguments(nap, 1, Reference.class));
            } catch (ReflectiveOperationException e) {
                throw new ExceptionInInitializerError(e);
            }
        }
    }
}
