package org.rseq4j.benchmarks;

import java.lang.reflect.Field;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.LongAdder;

/**
 * LongAdders that threads have met in, so that each has its cells, as those of a busy server. Whether they have is looked up:
 * needs {@link #OPENED}.
 */
final class ContendedAdders {
    static final String OPENED = "--add-opens=java.base/java.util.concurrent.atomic=ALL-UNNAMED";
    private static final long PATIENCE = TimeUnit.SECONDS.toNanos(60);
    /** How long one of two threads waits for the other, which may not have a CPU. */
    private static final int SPINS = 10_000;

    private ContendedAdders() {
    }

    /**
     * {@return so many adders that have cells}
     *
     * @throws IllegalStateException when some got none within a minute
     */
    static LongAdder[] make(int count) throws Exception {
        Field cells = LongAdder.class.getSuperclass().getDeclaredField("cells");
        cells.setAccessible(true);
        LongAdder[] adders = new LongAdder[count];
        for (int i = 0; i < count; i++) {
            adders[i] = new LongAdder();
        }
        long end = System.nanoTime() + PATIENCE;
        int without = count;
        for (int adds = 100; without > 0; adds = Math.min(adds * 2, 10_000)) {
            if (System.nanoTime() - end > 0) {
                throw new IllegalStateException(without + " of " + count + " LongAdders have no cells");
            }
            meet(adders, cells, adds);
            without = 0;
            for (LongAdder adder : adders) {
                without += has(cells, adder) ? 0 : 1;
            }
        }
        return adders;
    }

    /** Two threads add to those that have no cells yet, about in step. */
    private static void meet(LongAdder[] adders, Field cells, int adds) throws InterruptedException {
        var at = new AtomicIntegerArray(2);
        Thread[] threads = new Thread[2];
        for (int i = 0; i < threads.length; i++) {
            int mine = i;
            threads[i] = Thread.ofPlatform().daemon().start(() -> {
                for (int j = 0; j < adders.length; j++) {
                    at.set(mine, j);
                    for (int spins = 0; at.get(1 - mine) < j && spins < SPINS; spins++) {
                        Thread.onSpinWait();
                    }
                    for (int k = 0; k < adds && !has(cells, adders[j]); k += 10) {
                        for (int l = 0; l < 10; l++) {
                            adders[j].increment();
                        }
                    }
                }
                at.set(mine, adders.length);
            });
        }
        for (Thread thread : threads) {
            thread.join();
        }
    }

    private static boolean has(Field cells, LongAdder adder) {
        try {
            return cells.get(adder) != null;
        } catch (IllegalAccessException e) {
            throw new IllegalStateException(e);
        }
    }
}
