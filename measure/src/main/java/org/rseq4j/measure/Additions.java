// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.measure;

import java.util.function.LongSupplier;

/** All threads add to one counter. */
final class Additions implements Workload {
    private final Runnable increment;
    private final LongSupplier sum;
    private final Runnable close;

    Additions(Runnable increment, LongSupplier sum, Runnable close) {
        this.increment = increment;
        this.sum = sum;
        this.close = close;
    }

    @Override
    public long work(int thread, Stop stop) {
        long operations = 0;
        while (!stop.requested()) {
            for (int i = 0; i < BATCH; i++) {
                increment.run();
            }
            operations += BATCH;
        }
        return operations;
    }

    @Override
    public void check(long operations) {
        Workload.equal("the counter's sum", sum.getAsLong(), operations);
        close.run();
    }
}
