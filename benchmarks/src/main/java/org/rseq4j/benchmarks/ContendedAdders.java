// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongBinaryOperator;

/**
 * LongAdders as two threads that met in each of them leave them: with a table of two cells, both there. The JDK's own
 * code makes them, called as after a lost race, since races are a matter of luck; more CPUs than two would make more.
 * Needs {@link #OPENED}.
 */
final class ContendedAdders {
    static final String OPENED = "--add-opens=java.base/java.util.concurrent.atomic=ALL-UNNAMED";
    private static final int CELLS = 2;

    private ContendedAdders() {
    }

    static LongAdder[] make(int count) throws ReflectiveOperationException {
        Class<?> striped = LongAdder.class.getSuperclass();
        Method lostRace = striped.getDeclaredMethod("longAccumulate", long.class, LongBinaryOperator.class,
                boolean.class, int.class);
        Field cells = striped.getDeclaredField("cells");
        lostRace.setAccessible(true);
        cells.setAccessible(true);
        LongAdder[] adders = new LongAdder[count];
        for (int i = 0; i < count; i++) {
            adders[i] = new LongAdder();
            for (int thread = 1; thread <= CELLS; thread++) {
                lostRace.invoke(adders[i], 0L, null, true, thread);
            }
            Object[] table = (Object[]) cells.get(adders[i]);
            if (table == null || table.length != CELLS || table[0] == null || table[1] == null) {
                throw new IllegalStateException("this JDK's LongAdder has no two cells after two lost races");
            }
        }
        return adders;
    }
}
