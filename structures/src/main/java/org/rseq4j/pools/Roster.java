// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.rseq4j.pools.PoolMisuse.Kind;

/**
 * What a pool knows of each of its objects, by identity and weakly, where it is asked to validate them, to limit their
 * lifetime or to look for misuse. Costs a map look-up an operation, and a stack walk where misuse is looked for.
 *
 * @param <T> the type of the pooled objects
 */
final class Roster<T> {
    private final ConcurrentHashMap<Object, Entry> known = new ConcurrentHashMap<>();
    private final ReferenceQueue<Object> unreachable = new ReferenceQueue<>();
    private final Predicate<? super T> validation;
    private final long lifetime;
    private final long jitter;
    /** Null where misuse is not looked for. */
    final Consumer<? super PoolMisuse> hook;
    /** Whether an error ended a sweep, which may have lost an entry. */
    private volatile boolean unfinished;

    /** The weak key. */
    private static final class Entry extends WeakReference<Object> {
        private final int hash;
        private final String description;
        private final long expires;
        private boolean used;
        /** The stack of the acquire while it is on loan, and of the last one. */
        private Throwable acquired;
        private Throwable last;

        Entry(Object object, ReferenceQueue<Object> queue, long expires) {
            super(object, queue);
            hash = System.identityHashCode(object);
            description = describe(object);
            this.expires = expires;
        }

        @Override
        public int hashCode() {
            return hash;
        }

        @Override
        public boolean equals(Object other) {
            return this == other || other instanceof Probe probe && refersTo(probe.object);
        }
    }

    /** A key for looking up. */
    private record Probe(Object object) {
        @Override
        public int hashCode() {
            return System.identityHashCode(object);
        }

        @SuppressWarnings("ReferenceEquality") // the same object, not an equal one
        @Override
        public boolean equals(Object other) {
            return other instanceof Entry entry && entry.refersTo(object)
                    || other instanceof Probe probe && probe.object == object;
        }
    }

    /**
     * A roster; null where nothing is asked for.
     *
     * @param validation whether an object may be handed out again, or null
     * @param lifetime how long an object is handed out, in nanoseconds, less a part of the jitter; 0 for ever
     * @param hook what misuse is told to, or null
     */
    Roster(Predicate<? super T> validation, long lifetime, long jitter, Consumer<? super PoolMisuse> hook) {
        this.validation = validation;
        this.lifetime = lifetime;
        this.jitter = jitter;
        this.hook = hook;
    }

    static String describe(Object object) {
        return object.getClass().getName() + "@" + Integer.toHexString(System.identityHashCode(object));
    }

    /** How long one object is handed out: less than the lifetime by a random part of the jitter. */
    static long age(long lifetime, long jitter) {
        return lifetime - (jitter == 0 ? 0 : ThreadLocalRandom.current().nextLong(jitter));
    }

    private Entry entry(Object object) {
        Entry entry = known.get(new Probe(object));
        if (entry == null) {
            entry = new Entry(object, unreachable, System.nanoTime() + age(lifetime, jitter));
            known.put(entry, entry);
        }
        return entry;
    }

    /** A new object goes into the pool: it is asked about before it is handed out, and its age counts from now. */
    void stocked(T object) {
        entry(object).used = true;
    }

    private boolean isExpired(Entry entry) {
        return lifetime > 0 && System.nanoTime() - entry.expires >= 0;
    }

    /** Whether an object may be handed out. A new one always may. */
    boolean isFit(T object) {
        Entry entry = entry(object);
        if (entry.used && (isExpired(entry) || validation != null && !validation.test(object))) {
            return false;
        }
        var here = hook == null ? null : new Throwable("acquired by " + Thread.currentThread());
        synchronized (entry) {
            entry.used = true;
            entry.acquired = here;
            entry.last = here;
        }
        return true;
    }

    /** Whether an object may not be pooled again. */
    boolean isTooOld(Object object) {
        return lifetime != 0 && isExpired(entry(object));
    }

    /**
     * Where misuse is looked for: throws when the object is not on loan. After an error it still is, and counts as
     * leaked when it becomes unreachable.
     */
    void endLoan(Object object) {
        Entry entry = known.get(new Probe(object));
        if (entry == null) {
            report(new PoolMisuse(Kind.FOREIGN, describe(object), null));
            throw new IllegalArgumentException("released an object that this pool did not hand out: "
                    + describe(object));
        }
        synchronized (entry) {
            if (entry.acquired != null) {
                entry.acquired = null;
                return;
            }
        }
        report(new PoolMisuse(Kind.RELEASED_TWICE, entry.description, entry.last));
        throw new IllegalStateException("released twice: " + entry.description, entry.last);
    }

    /** The object leaves the pool for good. */
    void discarded(Object object) {
        known.remove(new Probe(object));
    }

    /**
     * Forgets what became unreachable, and reports what of it was on loan; how many objects that were, where misuse is
     * looked for.
     */
    int sweep() {
        int leaked = 0;
        try {
            if (unfinished) {
                unfinished = false;
                for (Entry entry : known.values()) {
                    leaked += entry.refersTo(null) && wasOnLoan(entry) ? 1 : 0;
                }
            }
            for (Reference<?> gone; (gone = unreachable.poll()) != null;) {
                leaked += wasOnLoan((Entry) gone) ? 1 : 0;
            }
        } catch (Throwable e) {
            unfinished = true;
            if (leaked == 0) {
                throw e;
            }
        }
        return leaked;
    }

    /** Forgets an object that is gone. */
    private boolean wasOnLoan(Entry entry) {
        if (!known.remove(entry, entry) || entry.acquired == null) {
            return false;
        }
        try {
            report(new PoolMisuse(Kind.LEAKED, entry.description, entry.acquired));
        } catch (Throwable e) {
            // No stack, or no memory: nobody is told, but its place is free.
        }
        return true;
    }

    private void report(PoolMisuse misuse) {
        PoolEvents.misuse(misuse);
        try {
            hook.accept(misuse);
        } catch (Throwable e) {
            System.getLogger(PerCpuPool.class.getName()).log(System.Logger.Level.WARNING, "the misuse hook failed", e);
        }
    }
}
