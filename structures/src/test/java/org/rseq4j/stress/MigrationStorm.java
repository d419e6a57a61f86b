// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.stress;

import java.util.concurrent.ConcurrentLinkedQueue;

/** Pins the threads that joined it to one CPU, then to another, as fast as it can, until it is closed. */
public final class MigrationStorm implements AutoCloseable {
    private final ConcurrentLinkedQueue<Integer> joined = new ConcurrentLinkedQueue<>();
    private final Thread thread = new Thread(this::rage);
    private volatile boolean over;
    private volatile long moves;

    public MigrationStorm() {
        thread.start();
    }

    public static boolean isAvailable() {
        return Storm.isAvailable();
    }

    /**
     * The calling platform thread is moved from now on; it must not end before the storm. Waits for the first move, for
     * which the storm needs a CPU, and on a busy machine that takes longer than some tests.
     */
    public void join() {
        joined.add(Storm.thread());
        while (moves == 0 && thread.isAlive()) {
            Thread.yield();
        }
    }

    public long moves() {
        return moves;
    }

    private void rage() {
        while (!over) {
            for (int id : joined) {
                if (Storm.move(id)) {
                    moves++;
                }
            }
            Thread.yield();
        }
        joined.forEach(Storm::release);
    }

    @Override
    public void close() {
        over = true;
        try {
            thread.join();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
