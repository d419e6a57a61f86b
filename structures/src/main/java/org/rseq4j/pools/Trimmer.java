package org.rseq4j.pools;

import java.lang.ref.WeakReference;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** The thread that trims pools with a maximum idle age; started by the first of them. It keeps no pool alive. */
final class Trimmer {
    private static final ScheduledThreadPoolExecutor THREAD = new ScheduledThreadPoolExecutor(1,
            task -> Thread.ofPlatform().name("rseq4j-pool-trimmer").daemon().unstarted(task));

    static {
        THREAD.setRemoveOnCancelPolicy(true);
    }

    /** What is trimmed. */
    interface Trimmed {
        void trim();
    }

    private Trimmer() {
    }

    static ScheduledFuture<?> schedule(WeakReference<? extends Trimmed> pool, long nanos) {
        return THREAD.scheduleWithFixedDelay(() -> {
            Trimmed present = pool.get();
            if (present == null) {
                throw new CancellationException("the pool is gone");
            }
            try {
                present.trim();
            } catch (RuntimeException e) {
                System.getLogger(PerCpuPool.class.getName()).log(System.Logger.Level.WARNING, "a hook failed", e);
            }
        }, nanos, nanos, TimeUnit.NANOSECONDS);
    }
}
