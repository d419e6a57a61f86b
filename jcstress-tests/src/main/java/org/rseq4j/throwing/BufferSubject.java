// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.throwing;

import java.nio.ByteBuffer;
import org.rseq4j.pools.PerCpuBufferPool;

/** A pool of buffers: no memory has two owners, and at most what an operation that threw had is lost. */
class BufferSubject extends Subject {
    static final int SIZE = 4096;
    private static final int BUFFERS = 16;
    private static final int MOST = 1 << 12;

    final PerCpuBufferPool pool = PerCpuBufferPool.builder().maxBytes(1 << 22).build();
    private final Object[] held = new Object[MOST];
    private int n;

    BufferSubject() {
        super("acquire", "release", "acquire", "acquire", "release", "trim", "statistics");
    }

    /** Calls nothing afterwards, which could find no stack and lose the buffer. */
    Object acquire() {
        return pool.acquireByteBuffer(SIZE);
    }

    void release(Object buffer) {
        pool.release((ByteBuffer) buffer);
    }

    ByteBuffer contents(Object buffer) {
        return (ByteBuffer) buffer;
    }

    @Override
    final void run(int operation) {
        switch (operation(operation)) {
            case "acquire" -> {
                if (n < BUFFERS) {
                    Object buffer = acquire();
                    held[n] = buffer;
                    n++;
                }
            }
            case "release" -> {
                if (n > 0) {
                    release(held[--n]);
                }
            }
            case "trim" -> pool.trim();
            default -> pool.statistics();
        }
    }

    @Override
    final void others() {
        for (int i = 0; i < 4; i++) {
            release(acquire());
        }
        pool.trim();
        pool.statistics();
    }

    @Override
    final void waiters() {
        others();
    }

    @Override
    final void recover() {
        while (n > 0) {
            release(held[--n]);
        }
    }

    @Override
    final String check() {
        Object[] all = new Object[BUFFERS];
        for (int i = 0; i < BUFFERS; i++) {
            all[i] = acquire();
            contents(all[i]).putLong(0, i).putLong(SIZE - 8, i);
        }
        for (int i = 0; i < BUFFERS; i++) {
            if (contents(all[i]).getLong(0) != i || contents(all[i]).getLong(SIZE - 8) != i) {
                return "a buffer has two owners";
            }
            release(all[i]);
        }
        pool.trim();
        pool.close();
        return null;
    }
}
