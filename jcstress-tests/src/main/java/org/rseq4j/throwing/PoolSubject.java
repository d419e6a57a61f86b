// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.throwing;

import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.time.Duration;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeoutException;
import org.rseq4j.pools.PerCpuPool;

/** A pool: no object has two owners, and no permit of a bounded one is lost. */
final class PoolSubject extends Subject {
    private static final int BOUND = 8;
    private static final Duration LONG = Duration.ofHours(1);
    private static final Duration NANOSECOND = Duration.ofNanos(1);
    /** For closing: no object is in use then. */
    private static final Duration ENOUGH = Duration.ofSeconds(20);
    private static final int OBJECTS = 1 << 14;

    /** How the pool is built. */
    enum Form {
        PLAIN, BOUNDED,
        /** Each object is looked up. */
        VALIDATED,
        /** Hooks run in a thread of the executor's. */
        MADE_BY_AN_EXECUTOR,
        /** Hooks run in the thread that submits them. */
        MADE_BY_THE_CALLER
    }

    static final class Pooled {
        /** By the victim, then by the one who checks. */
        int owners;
    }

    private final PerCpuPool<Pooled> pool;
    private final Pooled[] held = new Pooled[OBJECTS];
    private int n;
    private int releases;
    private int released;

    private final boolean bounded;
    /** Null where no executor has a thread. */
    private final Hands hands;

    PoolSubject(Form form) {
        super("acquire", "release", "tryAcquire", "release", "timed acquire", "release", "lease", "acquire", "discard",
                "trim",
                "size", "statistics");
        PerCpuPool.Builder<Pooled> builder = PerCpuPool.builder(this::make).reset(this::reset).discard(this::discarded);
        bounded = form != Form.PLAIN;
        if (bounded) {
            builder.maxSize(BOUND);
        } else {
            builder.maxPooled(BOUND);
        }
        if (form == Form.VALIDATED) {
            builder.validate(this::isValid).maxLifetime(LONG, Duration.ZERO);
        }
        hands = form == Form.MADE_BY_AN_EXECUTOR ? new Hands() : null;
        if (form == Form.MADE_BY_AN_EXECUTOR || form == Form.MADE_BY_THE_CALLER) {
            Executor executor = hands == null ? Runnable::run : hands;
            builder.makeOn(executor).discardOn(executor);
        }
        pool = builder.build();
    }

    private boolean isValid(Pooled object) {
        callback();
        return true;
    }

    private Pooled make() {
        callback();
        return new Pooled();
    }

    private void reset(Pooled object) {
        callback();
    }

    private void discarded(Pooled object) {
        callback();
    }

    @Override
    void run(int operation) throws Exception {
        if (n >= OBJECTS - 1) {
            return;
        }
        switch (operation(operation)) {
            // What is got is noted without a call, which could find no stack.
            case "acquire" -> {
                if (!bounded || n + releases - released < BOUND / 2) {
                    Pooled object = pool.acquire();
                    object.owners++;
                    held[n] = object;
                    n++;
                }
            }
            case "tryAcquire" -> {
                Pooled object = pool.tryAcquire();
                if (object != null) {
                    object.owners++;
                    held[n] = object;
                    n++;
                }
            }
            case "timed acquire" -> {
                try {
                    Pooled object = pool.acquire(NANOSECOND);
                    object.owners++;
                    held[n] = object;
                    n++;
                } catch (TimeoutException e) {
                    // as many as there may be are held
                }
            }
            case "lease" -> {
                if (!bounded || n + releases - released < BOUND / 2) {
                    try (var lease = pool.lease()) {
                        releases++;
                        lease.get().owners++;
                        lease.get().owners--;
                        callback();
                    }
                    released++;
                }
            }
            case "release" -> {
                if (n > 0) {
                    Pooled object = held[--n];
                    object.owners--;
                    releases++;
                    pool.release(object);
                    released++;
                }
            }
            case "discard" -> {
                if (n > 0) {
                    Pooled object = held[--n];
                    object.owners--;
                    releases++;
                    pool.discard(object);
                    released++;
                }
            }
            case "trim" -> pool.trim();
            case "size" -> pool.size();
            case "statistics" -> pool.statistics();
            default -> throw new IllegalStateException(operation(operation));
        }
    }

    @Override
    void others() throws Exception {
        for (int i = 0; i < 4; i++) {
            Pooled object = pool.tryAcquire();
            if (object == null) {
                try {
                    object = pool.acquire(Duration.ofMillis(2));
                } catch (TimeoutException e) {
                    continue;
                }
            }
            if (++object.owners != 1) {
                object.owners = 100;
            }
            object.owners--;
            pool.release(object);
        }
        pool.trim();
        pool.statistics();
        pool.size();
    }

    @Override
    void waiters() {
        for (int i = 0; i < 4; i++) {
            Pooled object = pool.acquire();
            if (++object.owners != 1) {
                object.owners = 100;
            }
            object.owners--;
            pool.release(object);
        }
        pool.trim();
    }

    @Override
    void recover() {
        while (n > 0) {
            Pooled object = held[--n];
            if (object.owners != 1) {
                object.owners = 100;
                return;
            }
            object.owners--;
            pool.release(object);
        }
    }

    @Override
    String check() throws Exception {
        // At the end of a stack a release may have thrown before it began. No other operation that threw has a permit.
        int unknown = stackEnds ? releases - released : 0;
        int bound = bounded ? BOUND : 4;
        Pooled[] all = new Pooled[bound];
        for (int round = 0; round < 2; round++) {
            int got = 0;
            for (; got < bound; got++) {
                try {
                    all[got] = bounded && got >= bound - Math.max(unknown, 0)
                            ? pool.acquire(Duration.ofNanos(1))
                            : pool.acquire(Duration.ofSeconds(60));
                } catch (TimeoutException e) {
                    break;
                }
                all[got].owners++;
                if (all[got].owners != 1) {
                    return "an object has " + all[got].owners + " owners";
                }
            }
            if (got < bound - Math.max(unknown, 0)) {
                return "it gives " + got + " objects, not " + bound + "; of " + unknown
                        + " calls the result is not known";
            }
            while (got > 0) {
                all[--got].owners--;
                pool.release(all[got]);
            }
        }
        pool.trim();
        boolean ended = pool.close(unknown == 0 ? ENOUGH : Duration.ZERO);
        if (hands != null) {
            hands.end();
        }
        if (!ended && unknown == 0) {
            return "closing waits for objects that do not exist";
        }
        return isStuck() ? "somebody is still inside of a slab" : null;
    }

    /** A lock that was left behind harms nobody at once: who finds a slab locked goes elsewhere. */
    private boolean isStuck() throws ReflectiveOperationException {
        Field field = PerCpuPool.class.getDeclaredField("tiers");
        field.setAccessible(true);
        Object tiers = field.get(pool);
        Method stuck = tiers.getClass().getDeclaredMethod("isStuck");
        stuck.setAccessible(true);
        return (boolean) stuck.invoke(tiers);
    }
}
