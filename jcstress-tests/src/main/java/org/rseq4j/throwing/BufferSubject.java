// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.throwing;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.rseq4j.pools.PerCpuBufferPool;

/** A pool of buffers: no memory has two owners, and at most what an operation that threw had is lost. */
final class BufferSubject extends Subject {
    private static final int SIZE = 4096;
    private static final int BUFFERS = 16;
    private static final int MOST = 1 << 12;

    private final PerCpuBufferPool pool = PerCpuBufferPool.builder().maxBytes(1 << 22).build();
    private final MemorySegment[] held = new MemorySegment[MOST];
    private int n;

    BufferSubject() {
        super("acquire", "release", "acquire", "acquire", "release", "trim", "statistics");
    }

    @Override
    void run(int operation) {
        switch (operation(operation)) {
            case "acquire" -> {
                if (n < BUFFERS) {
                    MemorySegment segment = pool.acquire(SIZE);
                    held[n] = segment;
                    n++;
                }
            }
            case "release" -> {
                if (n > 0) {
                    pool.release(held[--n]);
                }
            }
            case "trim" -> pool.trim();
            default -> pool.statistics();
        }
    }

    @Override
    void others() {
        for (int i = 0; i < 4; i++) {
            pool.release(pool.acquire(SIZE));
        }
        pool.trim();
        pool.statistics();
    }

    @Override
    void waiters() {
        others();
    }

    @Override
    void recover() {
        while (n > 0) {
            pool.release(held[--n]);
        }
    }

    @Override
    String check() {
        MemorySegment[] all = new MemorySegment[BUFFERS];
        for (int i = 0; i < BUFFERS; i++) {
            all[i] = pool.acquire(SIZE);
            all[i].set(ValueLayout.JAVA_LONG, 0, i);
            all[i].set(ValueLayout.JAVA_LONG, SIZE - 8, i);
        }
        for (int i = 0; i < BUFFERS; i++) {
            if (all[i].get(ValueLayout.JAVA_LONG, 0) != i || all[i].get(ValueLayout.JAVA_LONG, SIZE - 8) != i) {
                return "a buffer has two owners";
            }
            pool.release(all[i]);
        }
        pool.trim();
        pool.close();
        return null;
    }
}
