// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import io.micrometer.core.instrument.AbstractMeter;
import io.micrometer.core.instrument.Counter;
import java.util.concurrent.atomic.DoubleAdder;

/** Micrometer's counter on a {@link PerCpuCounter}. */
final class RegisteredCounter extends AbstractMeter implements Counter {
    /** The sum of as many of them as a machine counts in its life is a long. */
    private static final long LARGEST = 1L << 31;

    private final PerCpuCounter whole = new PerCpuCounter();
    /** Its base alone is used, without cells, until threads meet. */
    private final DoubleAdder others = new DoubleAdder();

    RegisteredCounter(Id id) {
        super(id);
    }

    static boolean isWhole(double amount) {
        return amount <= LARGEST && amount == (long) amount;
    }

    @Override
    public void increment(double amount) {
        if (amount > 0) {
            if (isWhole(amount)) {
                whole.add((long) amount);
            } else {
                others.add(amount);
            }
        }
    }

    @Override
    public double count() {
        return whole.sum() + others.sum();
    }
}
