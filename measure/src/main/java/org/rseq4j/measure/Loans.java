// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.measure;

import java.util.function.Consumer;
import java.util.function.Supplier;

/** All threads borrow arrays of 8 KiB from one pool, write a byte into them and give them back. */
final class Loans implements Workload {
    static final int SIZE = 8192;

    private final Supplier<byte[]> acquire;
    private final Consumer<byte[]> release;
    private final Runnable close;

    Loans(Supplier<byte[]> acquire, Consumer<byte[]> release, Runnable close) {
        this.acquire = acquire;
        this.release = release;
        this.close = close;
    }

    @Override
    public long work(int thread, Stop stop) {
        long operations = 0;
        while (!stop.requested()) {
            for (int i = 0; i < BATCH; i++) {
                byte[] array = acquire.get();
                if (array[0]++ != 0) {
                    throw new IllegalStateException("an array was lent twice");
                }
                array[0]--;
                release.accept(array);
            }
            operations += BATCH;
        }
        return operations;
    }

    @Override
    public void check(long operations) {
        close.run();
    }
}
