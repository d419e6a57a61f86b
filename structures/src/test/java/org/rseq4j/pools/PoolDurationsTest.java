// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Every method that takes a Duration, with Durations of any length. */
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class PoolDurationsTest {
    private static final List<Duration> OVER = List.of(Duration.ofSeconds(Long.MIN_VALUE),
            Duration.ofSeconds(Long.MIN_VALUE, 999_999_999), ChronoUnit.FOREVER.getDuration().negated(),
            Duration.ofDays(-1_000_000), Duration.ofNanos(Long.MIN_VALUE), Duration.ofNanos(-1), Duration.ZERO);
    private static final List<Duration> LONG = List.of(Duration.ofMinutes(5), Duration.ofNanos(Long.MAX_VALUE),
            Duration.ofNanos(Long.MAX_VALUE).plusNanos(1), Duration.ofDays(1_000_000),
            Duration.ofSeconds(Long.MAX_VALUE), ChronoUnit.FOREVER.getDuration());

    /** Bounded pools of one object. */
    private static List<Supplier<PerCpuPool<Object>>> forms() {
        Supplier<PerCpuPool.Builder<Object>> one = () -> PerCpuPool.builder(Object::new).maxSize(1);
        return List.of(() -> one.get().build(), () -> one.get().validate(object -> true).build(),
                () -> one.get().maxLifetime(ChronoUnit.FOREVER.getDuration(), Duration.ofDays(1_000_000)).build(),
                () -> one.get().detectMisuse(misuse -> {}).build(),
                () -> one.get().makeOn(Runnable::run).build(),
                () -> one.get().makeOn(Runnable::run).validate(object -> true).build());
    }

    @Test
    void anAcquireTakesWhatIsFreeWhateverItsTime() throws Exception {
        for (var form : forms()) {
            try (var pool = form.get()) {
                pool.release(pool.acquire());
                for (Duration time : OVER) {
                    pool.release(pool.acquire(time));
                }
                for (Duration time : LONG) {
                    pool.release(pool.acquire(time));
                }
            }
        }
    }

    @Test
    void anAcquireWhoseTimeIsOverDoesNotWait() {
        for (var form : forms()) {
            try (var pool = form.get()) {
                Object held = pool.acquire();
                for (Duration time : OVER) {
                    assertThrows(TimeoutException.class, () -> pool.acquire(time), time::toString);
                }
                assertThrows(NullPointerException.class, () -> pool.acquire(null));
                pool.release(held);
            }
        }
    }

    /** It would end at once where its end were computed to be in the past. */
    @Test
    void anAcquireWaitsForAnyLength() throws Exception {
        for (var form : forms()) {
            for (Duration time : LONG) {
                var pool = form.get();
                Object held = pool.acquire();
                var acquired = new Object[1];
                var thread = new Thread(() -> {
                    try {
                        acquired[0] = pool.acquire(time);
                    } catch (InterruptedException | TimeoutException e) {
                        throw new AssertionError(time.toString(), e);
                    }
                });
                thread.start();
                while (pool.waiting() == 0) {
                    Thread.yield();
                }
                pool.release(held);
                thread.join();
                assertNotNull(acquired[0], time::toString);
                pool.release(acquired[0]);
                pool.close();
            }
        }
    }

    @Test
    void closingTakesAnyTime() throws Exception {
        for (var form : forms()) {
            for (Duration time : OVER) {
                var pool = form.get();
                Object held = pool.acquire();
                assertFalse(pool.close(time), time::toString);
                pool.release(held);
                assertTrue(pool.close(time), time::toString);
            }
            for (Duration time : LONG) {
                var pool = form.get();
                Object held = pool.acquire();
                var thread = new Thread(() -> {
                    while (!pool.isClosed()) {
                        Thread.yield();
                    }
                    pool.release(held);
                });
                thread.start();
                assertTrue(pool.close(time), time::toString);
                thread.join();
            }
        }
        var pool = PerCpuPool.of(Object::new);
        assertThrows(NullPointerException.class, () -> pool.close(null));
        assertFalse(pool.isClosed());
    }

    @Test
    void agesAreAtLeastAMillisecond() {
        var builder = PerCpuPool.builder(Object::new);
        var buffers = PerCpuBufferPool.builder();
        for (Duration time : OVER) {
            assertThrows(IllegalArgumentException.class, () -> builder.maxIdleAge(time), time::toString);
            assertThrows(IllegalArgumentException.class, () -> builder.maxLifetime(time, Duration.ZERO),
                    time::toString);
            assertThrows(IllegalArgumentException.class, () -> buffers.maxIdleAge(time), time::toString);
            if (time.isNegative()) {
                assertThrows(IllegalArgumentException.class, () -> builder.maxLifetime(Duration.ofDays(1), time),
                        time::toString);
            }
        }
        for (Duration jitter : List.of(Duration.ofDays(1), ChronoUnit.FOREVER.getDuration())) {
            assertThrows(IllegalArgumentException.class, () -> builder.maxLifetime(Duration.ofDays(1), jitter));
        }
    }

    @Test
    void anAgeOfAnyLengthDoesNotComeAtOnce() {
        for (Duration age : LONG) {
            for (Duration jitter : List.of(Duration.ZERO, Duration.ofNanos(1), Duration.ofMinutes(1))) {
                try (var pool = PerCpuPool.builder(Object::new).maxIdleAge(age).maxLifetime(age, jitter).build()) {
                    Object object = pool.acquire();
                    pool.release(object);
                    assertEquals(object, pool.acquire(), () -> age + " less " + jitter);
                }
            }
            try (var pool = PerCpuBufferPool.builder().maxIdleAge(age).build()) {
                pool.release(pool.acquireByteBuffer(100));
                assertTrue(pool.statistics().spanBytes() > 0);
            }
        }
    }

    @Test
    void theJitterShortensEachLifetimeByAnotherPart() {
        for (long jitter : new long[]{1_000_000, Long.MAX_VALUE - 1}) {
            long[] ages = LongStream.generate(() -> Roster.age(Long.MAX_VALUE, jitter)).limit(1000).toArray();
            long middle = Long.MAX_VALUE - jitter / 2;
            assertTrue(LongStream.of(ages).allMatch(age -> age > Long.MAX_VALUE - jitter));
            assertTrue(LongStream.of(ages).anyMatch(age -> age > middle));
            assertTrue(LongStream.of(ages).anyMatch(age -> age < middle));
        }
        assertEquals(7, Roster.age(7, 0));
    }
}
