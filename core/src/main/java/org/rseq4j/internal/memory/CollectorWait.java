// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.memory;

import java.lang.ref.WeakReference;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Waits for what is freed when nothing refers to it any more, of which only the garbage collector knows. What follows a
 * collection is done by threads of the JDK's, which need a CPU: so it is looked for again and again, up to eight
 * seconds. A thread that is interrupted waits no shorter, and is interrupted afterwards.
 *
 * <p>
 * Where nothing is collected when this asks for it, as with {@code -XX:+DisableExplicitGC}, it gives up after the third
 * time, in less than a second: a collection that nobody asks for may never come. A reference tells, as the module of
 * the JDK that knows the option is not needed otherwise.
 */
public final class CollectorWait {
    private static final long MAX_NANOS = 8_000_000_000L;
    private static final long MAX_SLEEP_MILLIS = 256;

    private static final int MAX_COLLECTIONS = 3;

    /** To an object that the next collection finds unreachable. */
    private final WeakReference<Object> probe = new WeakReference<>(new Object());
    private long begun;
    private long millis;
    private int collections;

    /**
     * Waits a little, longer each time.
     *
     * @return false when it did not wait, as time is over
     */
    public boolean sleep() {
        if (millis == 0) {
            begun = System.nanoTime();
            millis = 1;
        } else if (System.nanoTime() - begun >= MAX_NANOS || isInVain()) {
            return false;
        }
        collect(System.nanoTime() - begun);
        boolean isInterrupted = Thread.interrupted(); // else nothing would be waited
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(millis));
        if (isInterrupted) {
            Thread.currentThread().interrupt();
        }
        millis = Math.min(2 * millis, MAX_SLEEP_MILLIS);
        return true;
    }

    /** At once, then after 1/16 and 1/2 of a second: what was in use at a collection may be unreachable later. */
    private void collect(long nanos) {
        long due = collections == 0 ? 0 : MAX_NANOS >> 10 - 3 * collections;
        if (collections < MAX_COLLECTIONS && nanos >= due) {
            collections++;
            System.gc();
        }
    }

    private boolean isInVain() {
        return collections == MAX_COLLECTIONS && !probe.refersTo(null);
    }
}
