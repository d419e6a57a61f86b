// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.throwing;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.locks.LockSupport;

/**
 * An executor with one thread, which goes on whatever a task throws. It has no lock that an error in {@code execute}
 * could leave, as the JDK's have, or that a thread which is stopped there could hold.
 */
final class Hands implements Executor {
    private static final long REST_NANOS = 50_000;

    private final Queue<Runnable> tasks = new ConcurrentLinkedQueue<>();
    private volatile boolean ended;

    Hands() {
        Round.daemon("hands", 0, this::work).start();
    }

    @Override
    public void execute(Runnable task) {
        tasks.offer(task);
    }

    private void work() {
        while (!ended) {
            try {
                Runnable task = tasks.poll();
                if (task == null) {
                    LockSupport.parkNanos(REST_NANOS);
                } else {
                    task.run();
                }
            } catch (Throwable e) {
                // a hook's, or there is no memory at the moment
            }
        }
    }

    /** What was not begun is not run any more. */
    void end() {
        ended = true;
    }
}
