// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import static java.lang.invoke.MethodType.methodType;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandleProxies;
import java.lang.invoke.MethodHandles;
import java.lang.ref.Reference;
import java.lang.ref.WeakReference;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.rseq4j.internal.thread.Threads;

/**
 * Visits one pool again and again, each time on a new virtual thread, so a hook that blocks holds up no other pool. In
 * between there is no thread, and nothing but the pool refers to its trimmer: what the JDK's timer has is an object of
 * the JDK with a weak reference, so neither the pool nor the class loader of this library or of the application is
 * kept.
 */
final class Trimmer implements Runnable {
    /** They keep nothing of who starts them: neither its class loader nor its inheritable thread locals. */
    private static final Executor THREADS = Threads.unattached();
    /** (Reference)void: runs the referent, if it is still there. */
    private static final MethodHandle RUN_REFERENT;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.publicLookup();
            MethodHandle get = lookup.findVirtual(Reference.class, "get", methodType(Object.class))
                    .asType(methodType(Runnable.class, Reference.class));
            MethodHandle run = lookup.findVirtual(Runnable.class, "run", methodType(void.class));
            MethodHandle isNull = lookup.findStatic(Objects.class, "isNull", methodType(boolean.class, Object.class))
                    .asType(methodType(boolean.class, Runnable.class));
            MethodHandle nothing = MethodHandles.empty(methodType(void.class, Runnable.class));
            RUN_REFERENT = MethodHandles.filterReturnValue(get, MethodHandles.guardWithTest(isNull, nothing, run));
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** What is visited. */
    interface Trimmed {
        void trim();
    }

    private final Trimmed pool;
    private final Runnable visit;
    private final Executor later;
    private volatile boolean cancelled;

    private Trimmer(Trimmed pool, long nanos) {
        this.pool = pool;
        visit = MethodHandleProxies.asInterfaceInstance(Runnable.class, RUN_REFERENT.bindTo(new WeakReference<>(this)));
        later = CompletableFuture.delayedExecutor(Math.min(nanos, Long.MAX_VALUE / 2), TimeUnit.NANOSECONDS, THREADS);
    }

    /** Visits a pool that refers to the result as long as it is to be visited. */
    static Trimmer schedule(Trimmed pool, long nanos) {
        var trimmer = new Trimmer(pool, nanos);
        // On such a thread: the first delay starts the JDK's timer thread, which keeps what it inherits for good.
        THREADS.execute(trimmer::again);
        return trimmer;
    }

    void cancel() {
        cancelled = true;
    }

    @Override
    public void run() {
        try {
            if (!cancelled) {
                pool.trim();
            }
        } catch (Throwable e) {
            System.getLogger(PerCpuPool.class.getName()).log(System.Logger.Level.WARNING, "a hook failed", e);
        } finally {
            again();
        }
    }

    private void again() {
        if (!cancelled) {
            later.execute(visit);
        }
    }
}
